"""What can go wrong when somebody says what a machine supports."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class ProfileError(VariantctlError):
    """A profile file that cannot be understood.

    Attributes:
        source: the file.
        key: the path of the offending key (``nvidia.cuda_driver``), or ``""``.
    """

    kind = "invalid-profile"

    def __init__(self, problem: str, *, source: str, key: str = "", hint: str | None = None) -> None:
        self.source = source
        self.key = key
        super().__init__(": ".join(part for part in (source, key, problem) if part), hint=hint)


class UnknownProfileError(VariantctlError):
    """A profile name that is neither shipped nor a file."""

    kind = "unknown-profile"


class MissingDetectorsError(VariantctlError):
    """The distribution ``variant-providers``, which variantctl depends on, is not installed beside it."""

    kind = "missing-detectors"


class TrustFileError(VariantctlError):
    """The file of trusted providers cannot be read, written or understood."""

    kind = "invalid-trust-file"


class NotTrustedError(VariantctlError):
    """A package is not trusted, or is no longer what was trusted."""

    kind = "untrusted-provider"


class PluginUnavailableError(VariantctlError):
    """A trusted plugin could not be found, fetched or installed."""

    kind = "provider-unavailable"


class ProviderReferenceError(VariantctlError):
    """What should name a plugin, a package or a wheel names none."""

    kind = "invalid-plugin-reference"


class BundleError(VariantctlError):
    """A support bundle that cannot be written or read."""

    kind = "bundle"
