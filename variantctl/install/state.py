"""The folder of a change's state, in site-packages: it may be there already, and somebody else's doing.

Whoever makes a checkout, an archive, a shared disk or a wheel can put a folder of this name where an
environment is looked for. So it is looked at before anything in it is used.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from variantctl.install.errors import StateError
from variantctl.wheels.names import STATE_FOLDER

LOCK_FILE = "lock"
JOURNAL, HALF, DONE, STAGE, ASIDE = "journal.json", "journal.half", "done.json", "stage", "aside"

#: No link is followed, and nothing is waited for (a pipe); Windows has neither.
SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def check_folder(folder: Path, *, may_try: bool = True) -> None:
    """Refuse a state folder that is not a real folder of this user's own.

    Args:
        folder: the state folder, or a folder in it.
        may_try: make a folder beside it to see what the file system makes of owners, where that is in doubt.

    Raises:
        StateError: it is a link or a file, belongs to somebody else, or everybody may write to it.
        FileNotFoundError: it is not there.
    """
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        kind = "a link" if stat.S_ISLNK(found.st_mode) else "a file"
        raise StateError(f"{folder} is {kind}, where a folder of variantctl's own should be", folder)
    if sys.platform == "win32":
        return
    foreign, open_to_all = found.st_uid != os.geteuid(), bool(found.st_mode & stat.S_IWOTH)
    if not (foreign or open_to_all):
        return
    # Some file systems give every file one owner and one mode: what is made now tells.
    usual = _made_now(folder.parent) if may_try else None
    if foreign and (usual is None or found.st_uid != usual.st_uid):
        raise StateError(
            f"{folder} belongs to {owner_name(found.st_uid)}, not to you",
            folder,
            hint="If that user is installing, wait; else that user can run `variantctl install` again, which "
            f"undoes what was cut short. Delete {folder} if it came from elsewhere.",
        )
    if open_to_all and (usual is None or not usual.st_mode & stat.S_IWOTH):
        raise StateError(f"{folder} may be written by every user of this machine", folder)


def check_file(handle: int, path: Path) -> os.stat_result:
    """Refuse an open file of the state folder that is no ordinary one, or not its owner's.

    Raises:
        StateError: it is.
    """
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise StateError(f"{path} is not an ordinary file", path.parent)
    if sys.platform != "win32" and found.st_uid != path.parent.lstat().st_uid:
        raise StateError(f"{path} belongs to {owner_name(found.st_uid)}, unlike its folder", path.parent)
    return found


def open_file(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open a file of the state folder, and no link to another file.

    Raises:
        StateError: it is a link, no ordinary file, or somebody else's.
        OSError: it cannot be opened.
    """
    if path.is_symlink():
        raise StateError(f"{path} is a link", path.parent)
    handle = os.open(path, flags | SAFELY, mode)
    try:
        check_file(handle, path)
    except BaseException:
        os.close(handle)
        raise
    return handle


def owner_name(uid: int) -> str:
    """A user in words."""
    if sys.platform != "win32":
        import pwd

        with contextlib.suppress(KeyError):
            return f"the user {pwd.getpwuid(uid).pw_name}"
    return f"the user with the number {uid}"


def _made_now(parent: Path) -> os.stat_result | None:
    """What the file system says of a folder that this user has just made; None where none can be made."""
    try:
        folder = tempfile.mkdtemp(prefix=f"{STATE_FOLDER}-probe-", dir=parent)
    except OSError:
        return None
    try:
        return os.lstat(folder)
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
