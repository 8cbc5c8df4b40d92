"""Why an installation could not be done. Each of these leaves the environment as it was."""

from __future__ import annotations

import errno
from pathlib import Path

from variantctl.variants.errors import VariantctlError


class InstallError(VariantctlError):
    """An installation or removal that could not be done; the environment is as it was."""

    kind = "install"


class FileConflictError(InstallError):
    """A file of a package would take the place of something that is not that package's own."""

    kind = "file-conflict"


class UnsafePathError(InstallError):
    """A path would lead out of the environment."""

    kind = "unsafe-path"


class StateError(InstallError):
    """What variantctl finds of an earlier change cannot be its own; nothing of it is obeyed."""

    kind = "unsafe-state"

    def __init__(self, problem: str, state: Path, *, hint: str | None = None) -> None:
        super().__init__(
            f"{problem}; nothing was done with it",
            hint=hint
            or f"variantctl did not leave that, or somebody changed it: look into {state}, and delete it.",
        )


class NotWritableError(InstallError):
    """The environment or the cache may not be written to."""

    kind = "not-writable"


class NoSpaceError(InstallError):
    """The disk, or the user's share of it, is full."""

    kind = "no-space"


class ChangedInStoreError(InstallError):
    """A wheel in the store was changed behind our back, and that was noticed late."""


class NotUndoneError(InstallError):
    """A change failed, and undoing it as well: the one error after which an environment is not as it was."""

    kind = "not-undone"

    def __init__(self, title: str, failure: BaseException | None, undoing: Exception) -> None:
        why = f" ({failure})" if failure is not None and str(failure) else ""
        super().__init__(
            f"{title} failed{why} and could not be undone: {undoing}",
            hint="Put that right, then run any variantctl command on this environment: it goes on undoing.",
        )


def from_os_error(error: OSError, folder: Path, doing: str) -> InstallError:
    """The same failure in words: ``doing`` is what was under way, ``folder`` where."""
    where = error.filename2 or error.filename or folder
    reason = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceError(
            f"{doing}: no space left for {where}",
            hint=f"Free some space on the disk of {folder}, then run the same command again.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NotWritableError(
            f"{doing}: {where} may not be written ({reason})",
            hint=f"Make {folder} writable for you, or use another environment (--python).",
        )
    return InstallError(f"{doing}: {where}: {reason}")
