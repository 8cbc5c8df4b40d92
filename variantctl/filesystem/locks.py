"""File locks between processes and threads; the system drops those of a process that ends, however it ends.

flock(2) where there is one, byte ranges on Windows. A file system that has no locks (some network mounts) is
used without: two processes may then do the same work twice, and what they write is still put in place whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SHORTEST_WAIT, _LONGEST_WAIT = 0.001, 0.05
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


@contextmanager
def exclusive_lock(
    path: Path, *, keep_waiting: Callable[[], None] = lambda: None, hold_after_waiting: bool = True
) -> Iterator[bool]:
    """Do something that nobody else does at the same time; yields whether somebody else was before us.

    Args:
        path: the lock's file, in a folder that exists; it is there only while somebody holds or waits.
        keep_waiting: called every now and then while somebody else holds it; what it raises goes through.
        hold_after_waiting: whether the lock is held even after a wait. If not, all who waited go on at once:
            for work that the first one has probably done for everybody.

    Raises:
        OSError: the file cannot be made.
    """
    handle, waited = _take_turn(path, keep_waiting)
    try:
        if waited and not hold_after_waiting:
            _give_up(path, handle)
            handle = -1
        yield waited
    finally:
        if handle >= 0:
            _give_up(path, handle)


@contextmanager
def shared_lock(
    path: Path,
    *,
    exclusive: bool,
    keep_waiting: Callable[[], None] = lambda: None,
    wait: bool = True,
) -> Iterator[bool]:
    """Hold a lock whose file stays: any number share it, or one has it alone; yields whether it is held.

    Args:
        path: the lock's file, in a folder that exists.
        exclusive: alone, or with others that share it.
        keep_waiting: as in ``turn``.
        wait: whether to wait for others at all; if not, ``False`` may be yielded.

    Raises:
        OSError: the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        got = try_lock(handle, exclusive)
        if not got and wait:
            _poll(handle, exclusive, keep_waiting)
            got = True
        yield got
    finally:
        release(handle)


def _take_turn(path: Path, keep_waiting: Callable[[], None]) -> tuple[int, bool]:
    waited = False
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not try_lock(handle, True):
                waited = True
                _poll(handle, True, keep_waiting)
            if is_same(handle, path):
                return handle, waited
        except BaseException:
            os.close(handle)
            raise
        # Its last holder removed it: whoever comes now makes a new one.
        os.close(handle)
        waited = True


def _give_up(path: Path, handle: int) -> None:
    # Removed while held, so that nobody removes the lock of the next one. (Windows keeps a file in use.)
    with contextlib.suppress(OSError):
        path.unlink()
    release(handle)


def _poll(handle: int, exclusive: bool, keep_waiting: Callable[[], None]) -> None:
    # Not a blocking call: an interrupt, and a cancelled download, must get through.
    pause = _SHORTEST_WAIT
    while not try_lock(handle, exclusive):
        keep_waiting()
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_WAIT)


def is_same(handle: int, path: Path) -> bool:
    """Whether an open file is still the one that lies at ``path``."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(handle)
    return (here.st_dev, here.st_ino) == (found.st_dev, found.st_ino)


if sys.platform == "win32":
    import msvcrt
    import random

    # Windows has no shared locks in its C library: sharing is one byte of many, exclusive is all of them.
    _SLOTS = 1 << 20

    def try_lock(handle: int, exclusive: bool = True) -> bool:
        """Lock an open file; False where somebody else holds it."""
        os.lseek(handle, 0 if exclusive else random.randrange(_SLOTS), os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, _SLOTS if exclusive else 1)
        except OSError:
            return False
        return True

    def release(handle: int) -> None:
        """Close a locked file, and with it let go of the lock."""
        os.close(handle)

else:
    import fcntl

    def try_lock(handle: int, exclusive: bool = True) -> bool:
        """Lock an open file; False where somebody else holds it."""
        try:
            fcntl.flock(handle, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        return True

    def release(handle: int) -> None:
        """Close a locked file, and let go of the lock."""
        # A forked child may have a copy of the handle: closing ours alone would leave the lock held.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)
