"""One change of an environment at a time: others wait, and a crashed holder blocks nobody."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from variantctl.filesystem.locks import is_same, release, try_lock
from variantctl.install.state import LOCK_FILE, check_folder, open_file
from variantctl.wheels.names import STATE_FOLDER

_POLL_SECONDS = 0.1
_ATTEMPTS = 100


class LockHeldError(Exception):
    """Somebody else holds the lock, and the caller did not want to wait."""


@contextlib.contextmanager
def locked(
    site_packages: Path, *, waiting: Callable[[], None] = lambda: None, wait: bool = True
) -> Iterator[Path]:
    """Hold the environment's lock; yields the folder for the change's state, which is removed when empty.

    Args:
        site_packages: purelib of the environment; made if need be, and removed again if it stays empty.
        waiting: called once if somebody else holds the lock.
        wait: until they let go of it.

    Raises:
        OSError: the folder cannot be written.
        StateError: the folder that is there is not this user's, or not real.
        LockHeldError: somebody else holds it, and ``wait`` is false.
    """
    state = site_packages / STATE_FOLDER
    made: list[Path] = []
    try:
        handle = _acquire(state, made, waiting, wait)
    except BaseException:
        _remove_empty((state, *made))
        raise
    try:
        yield state
    finally:
        # Unlinked while held (Windows cannot): whoever waits for it sees that it is gone, and tries again.
        if sys.platform == "win32":
            release(handle)
        with contextlib.suppress(OSError):
            (state / LOCK_FILE).unlink()
        _remove_empty((state, *made))
        if sys.platform != "win32":
            release(handle)


def is_held(state: Path) -> bool:
    """Whether somebody is changing the environment now; nothing is written to find out."""
    try:
        handle = open_file(state / LOCK_FILE, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(handle, exclusive=False)
    finally:
        release(handle)


def _remove_empty(folders: Iterable[Path]) -> None:
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _acquire(state: Path, made: list[Path], waiting: Callable[[], None], wait: bool) -> int:
    """A locked handle of the file that is there; ``made`` gets the folders made for it, deepest first."""
    told = False
    while True:
        handle = _open(state, made)
        try:
            if not try_lock(handle):
                if not wait:
                    raise LockHeldError
                if not told:
                    waiting()
                    told = True
                # Not a blocking call: an interrupt must get through while somebody else installs.
                while not try_lock(handle):
                    time.sleep(_POLL_SECONDS)
            if is_same(handle, state / LOCK_FILE):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _open(state: Path, made: list[Path]) -> int:
    for attempt in range(_ATTEMPTS):
        try:
            _make(state.parent, made)
            # Whatever the umask says, not for everybody: who may write here may undo changes.
            with contextlib.suppress(FileExistsError):
                state.mkdir(mode=0o775)
            check_folder(state)
            return open_file(state / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o664)
        except FileNotFoundError:
            # The last holder removed the folder between two of these calls.
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _make(folder: Path, made: list[Path]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        made.insert(0, path)
