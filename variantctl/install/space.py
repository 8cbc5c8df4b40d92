"""Is there room for it? Asked ahead, so that a disk is not filled to the brim first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.filesystem.links import LinkMode
from variantctl.filesystem.space import blocks

if TYPE_CHECKING:
    from variantctl.install.file_changes import FileChanges


def room_of(change: FileChanges, mode: LinkMode, state: Path) -> tuple[int, int]:
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
        return os.stat(stored).st_dev == os.stat(state).st_dev
    except OSError:
        return False
