"""Is there room on the disk? Asked ahead, so that a disk is not filled to the brim first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.filesystem.errors import NoSpaceError

if TYPE_CHECKING:
    pass


def check_room(folder: Path, size: int, files: int, doing: str) -> None:
    """Refuse to begin what cannot end well. Others may take the room meanwhile: then it fails later.

    Args:
        folder: where it is written.
        size: in bytes, whole blocks included.
        files: how many.
        doing: what is under way, for the message.

    Raises:
        NoSpaceError: the file system has less room than that, for this user.
    """
    if not hasattr(os, "statvfs"):
        import shutil

        free, names = shutil.disk_usage(folder).free, None
    else:
        found = os.statvfs(folder)
        free = found.f_bavail * found.f_frsize
        # A file system without a fixed number of them says 0 (btrfs).
        names = found.f_favail if found.f_files else None
    if size > free:
        raise NoSpaceError(
            f"{doing} needs {size:,} bytes in {folder}, where {free:,} are free",
            hint="Free some space on that disk, then run the same command again.",
        )
    if names is not None and files > names:
        raise NoSpaceError(
            f"{doing} needs {files:,} files in {folder}, whose file system has room for {names:,} more",
            hint="Delete files there that are not needed, then run the same command again.",
        )


def blocks(size: int) -> int:
    """The bytes that a file of ``size`` bytes takes."""
    return -(-size // _BLOCK) * _BLOCK


#: Each file takes whole blocks.
_BLOCK = 4096
