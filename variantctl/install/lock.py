"""One change of an environment at a time: others wait, and a crashed holder blocks nobody."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

#: In site-packages, where whoever installs may write; no import finds a name that begins with a dot.
STATE_FOLDER = ".variantctl"
_POLL_SECONDS = 0.1


@contextlib.contextmanager
def locked(site_packages: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Hold the environment's lock; yields the folder for the change's state, which is removed when empty.

    Args:
        site_packages: purelib of the environment; made if need be, and removed again if it stays empty.
        waiting: called once if somebody else holds the lock.

    Raises:
        OSError: the folder cannot be written.
    """
    made = _make(site_packages)
    state = site_packages / STATE_FOLDER
    try:
        handle = _acquire(state, waiting)
    except BaseException:
        _remove_empty((state, *made))
        raise
    try:
        yield state
    finally:
        # Unlinked while held: whoever waits on this file sees that it is gone, and tries again. Windows cannot.
        if sys.platform == "win32":
            os.close(handle)
        with contextlib.suppress(OSError):
            (state / "lock").unlink()
        _remove_empty((state, *made))
        if sys.platform != "win32":
            os.close(handle)


def _remove_empty(folders: Iterable[Path]) -> None:
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it; the ones that were not there, deepest first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
    return missing


def _acquire(state: Path, waiting: Callable[[], None]) -> int:
    path = state / "lock"
    told = False
    while True:
        try:
            state.mkdir(exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            # The last holder removed the folder between the two calls, perhaps with its parents.
            state.parent.mkdir(parents=True, exist_ok=True)
            continue
        try:
            if _try_lock(handle):
                if _is_same(handle, path):
                    return handle
            else:
                if not told:
                    waiting()
                    told = True
                _wait_for(handle)
                if _is_same(handle, path):
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_same(handle: int, path: Path) -> bool:
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(handle)
    return (held.st_dev, held.st_ino) == (found.st_dev, found.st_ino)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _wait_for(handle: int) -> None:
        while not _try_lock(handle):
            time.sleep(_POLL_SECONDS)

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait_for(handle: int) -> None:
        # Not a blocking flock: an interrupt must get through while somebody else installs.
        while not _try_lock(handle):
            time.sleep(_POLL_SECONDS)
