"""What can go wrong when files are written, in words."""

from __future__ import annotations

import errno
from pathlib import Path

from variantctl.variants.errors import VariantctlError


class InstallError(VariantctlError):
    """An installation or removal that could not be done; the environment is as it was."""

    kind = "install"


class NotWritableError(InstallError):
    """The environment or the cache may not be written to."""

    kind = "not-writable"


class NoSpaceError(InstallError):
    """The disk, or the user's share of it, is full."""

    kind = "no-space"


def unread(path: Path | str, error: OSError) -> str:
    """Why a file could not be read, as the beginning of a message: ``there is no file a.txt``."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return f"there is no file {path}"
    if isinstance(error, IsADirectoryError):
        return f"{path} is a folder, not a file"
    if isinstance(error, PermissionError):
        return f"{path} may not be read ({error.strerror})"
    return f"{path} cannot be read: {error.strerror or error}"


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
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        reason = "the folder that it belongs into is not there, and cannot be made"
    said = f"{where}: {reason}"
    return InstallError(said if str(where) in doing else f"{doing}: {said}")
