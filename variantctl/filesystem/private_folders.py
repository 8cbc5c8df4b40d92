"""Folders for this user alone: caches hold pages and wheels of private indexes, and code that is run.

Missing parents are made for this user alone too, as the XDG Base Directory Specification has it.
"""

from __future__ import annotations

import os
import stat
import sys

PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


def make_private(path: str | os.PathLike[str]) -> None:
    """Make a folder, and its parents, where they are missing; those that are there stay as they are.

    Raises:
        OSError: it cannot be made, or something else is there.
    """
    try:
        os.mkdir(path, PRIVATE_FOLDER)  # pathlib is an import more where notes are written
    except FileNotFoundError:
        parent = os.path.dirname(os.path.abspath(path))
        if parent == os.path.abspath(path):
            raise
        make_private(parent)
        make_private(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise


def distrust(path: str | os.PathLike[str]) -> str | None:
    """Why others may change what is in a folder; ``None`` where they may not, or it is not there.

    On Windows, where access is no matter of bits, always ``None``.
    """
    if sys.platform == "win32":
        return None
    try:
        found = os.stat(path)
    except OSError:
        return None
    if found.st_uid != os.geteuid():
        return f"it belongs to another user (uid {found.st_uid})"
    if found.st_mode & stat.S_IWOTH:
        return "every user may write to it"
    return None
