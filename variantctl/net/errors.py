"""What can go wrong between this machine and the places that have wheels."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class NetworkError(VariantctlError):
    """A server could not be reached, or answered something other than what was asked for.

    Attributes:
        url: what was asked for, without credentials.
        status: the HTTP status, or ``None`` where no answer came.
        transient: whether the same request may well succeed a moment later.
        retry_after: seconds the server asked to wait, or ``None``.
    """

    kind = "network"

    def __init__(
        self,
        message: str,
        *,
        url: str,
        status: int | None = None,
        hint: str | None = None,
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        self.url = url
        self.status = status
        self.transient = transient
        self.retry_after = retry_after
        super().__init__(message, hint=hint)


class AccessDeniedError(NetworkError):
    """An object store answered 403 (AccessDenied): what is asked for is not there, or not for us."""


class OfflineError(NetworkError):
    """``--offline`` was asked for, and the cache does not have what is needed."""

    kind = "offline"


class SourceError(VariantctlError):
    """A page or file was read, and is not what a source of wheels should have there."""

    kind = "source"


class InvalidUrlError(SourceError, ValueError):
    """A text is no URL that can be asked."""


class SizeMismatch(VariantctlError):  # noqa: N818 - beside HashMismatch
    """A file is not as long as was promised, or longer than any file may be."""

    kind = "size-mismatch"


class HashMismatch(VariantctlError):  # noqa: N818  (the name is the interface's)
    """A file's bytes are not those that were promised.

    Attributes:
        filename: the file.
        algorithm: ``sha256``, ...
        expected: the hexadecimal digest that was promised.
        got: the digest of the bytes that came.
    """

    kind = "hash-mismatch"

    def __init__(
        self, filename: str, algorithm: str, *, expected: str, got: str, promised_by: str, read_from: str
    ) -> None:
        self.filename = filename
        self.algorithm = algorithm
        self.expected = expected
        self.got = got
        super().__init__(
            f"{filename}: {promised_by} promises {algorithm} {expected}, "
            f"but the bytes from {read_from} have {algorithm} {got}",
            hint="The file was changed or damaged after its hash was published; do not install it. "
            "If the index was just rebuilt, ask it again with --refresh.",
        )


class SettingsError(VariantctlError):
    """A configuration file or variable says something that cannot be used."""

    kind = "configuration"
