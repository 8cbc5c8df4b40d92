"""Is there room for it? Asked ahead, so that a disk is not filled to the brim first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.install.errors import NoSpaceError
from variantctl.install.links import LinkMode

if TYPE_CHECKING:
    from variantctl.install.conflicts import Change

#: Each file takes whole blocks.
_BLOCK = 4096


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


def room_of(change: Change, mode: LinkMode, state: Path) -> tuple[int, int]:
    """How many bytes and new files a change needs: where links to the store are possible, hardly any."""
    files = [file for unit in change.units for file in unit.files]
    folders = [folder for unit in change.units for folder in unit.folders]
    stored = [file for file in files if file.source is not None and file.linkable]
    source = next((folder.source for folder in folders), next((file.source for file in stored), None))
    count = len(files) + sum(len(folder.stored.names) for folder in folders)
    if mode is LinkMode.SYMLINK or (mode is not LinkMode.COPY and source and _is_one_disk(source, state)):
        size = sum(blocks(file.size) for file in files if file.source is None or not file.linkable)
        # A name for a file that is there already takes no new file; a clone or symbolic link does.
        return size, count if mode is not LinkMode.HARDLINK else len(files) - len(stored)
    size = sum(blocks(file.size) for file in files)
    return size + sum(sum(map(blocks, folder.stored.sizes())) for folder in folders), count


def _is_one_disk(stored: str, state: Path) -> bool:
    try:
        return os.stat(stored).st_dev == os.stat(state).st_dev  # noqa: PTH116
    except OSError:
        return False
