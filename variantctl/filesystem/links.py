"""One more name for a stored file, by the cheapest way that works between the two places."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Collection, Sequence
from enum import Enum
from typing import BinaryIO


class LinkMode(str, Enum):
    """How files come from the store into the environment (the choices of ``--link-mode``, as uv has them)."""

    HARDLINK = "hardlink"
    CLONE = "clone"
    COPY = "copy"
    SYMLINK = "symlink"


#: Another file system; not allowed for this owner; too many links; not supported here.
_CANNOT_LINK = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)
_CANNOT_CLONE = (*_CANNOT_LINK, errno.EINVAL, errno.ENOTTY, errno.EBADF)
#: linux/fs.h: _IOW(0x94, 9, int).
_FICLONE = 0x40049409


class Linker:
    """Places files by one mode, and by copying where that is not possible.

    Attributes:
        mode: the mode in use; ``copy`` once another one was found not to work between these places.
    """

    def __init__(self, mode: LinkMode) -> None:
        self.mode = mode

    def place(self, source: str, destination: str, *, executable: bool) -> None:
        """Make ``destination`` (which is not there) the same as ``source``; a copy gets the umask's mode."""
        if self.mode is LinkMode.HARDLINK:
            try:
                os.link(source, destination)
                return
            except OSError as error:
                if error.errno not in _CANNOT_LINK or os.path.lexists(destination):
                    raise
                if error.errno != errno.EMLINK:
                    self.mode = LinkMode.COPY
        elif self.mode is LinkMode.SYMLINK:
            os.symlink(source, destination)  # strings all the way, for speed
            return
        elif self.mode is LinkMode.CLONE:
            try:
                self._clone(source, destination)
                return
            except OSError as error:
                if error.errno not in _CANNOT_CLONE:
                    raise
                self.mode = LinkMode.COPY
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(destination)
        copy(source, destination, executable=executable)

    def place_all(
        self, source: str, destination: str, names: Sequence[str], executables: Collection[str]
    ) -> None:
        """``place`` files of the folder ``source`` in the folder ``destination``, under the same names."""
        if self.mode is LinkMode.HARDLINK:
            try:
                _link_all(source, destination, names)
                return
            except OSError as error:
                if error.errno not in _CANNOT_LINK:
                    raise
        for name in names:
            place = f"{destination}{os.sep}{name}"
            # Some may have been linked before one could not be.
            if not os.path.lexists(place):
                self.place(f"{source}{os.sep}{name}", place, executable=name in executables)

    def _clone(self, source: str, destination: str) -> None:
        if sys.platform != "linux":
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), destination)
        import fcntl

        with open(source, "rb") as old, open(destination, "xb") as new:
            fcntl.ioctl(new.fileno(), _FICLONE, old.fileno())
            os.fchmod(new.fileno(), os.fstat(old.fileno()).st_mode | 0o200)


def _link_all(source: str, destination: str, names: Sequence[str]) -> None:
    if os.link not in os.supports_dir_fd:
        for name in names:
            os.link(f"{source}{os.sep}{name}", f"{destination}{os.sep}{name}")
        return
    # From the folders themselves: to find the way to them again takes half as long as the link.
    old = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
    try:
        new = os.open(destination, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in names:
                os.link(name, name, src_dir_fd=old, dst_dir_fd=new)
        finally:
            os.close(new)
    finally:
        os.close(old)


def copy(source: str, destination: str, *, executable: bool) -> None:
    """A file of its own, with the mode that a newly written one has."""
    import shutil

    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(destination, flags, 0o777 if executable else 0o666)
    with open(source, "rb") as old, open(handle, "wb") as new:
        _copy_in_the_kernel(old, new)
        # What is left: all of it where the system has no such call, nothing where it has.
        shutil.copyfileobj(old, new, 1 << 20)


def _copy_in_the_kernel(old: BinaryIO, new: BinaryIO) -> None:
    """As much as ``copy_file_range(2)`` does: on Btrfs and XFS that shares the blocks."""
    if sys.platform != "linux":
        return
    try:
        while os.copy_file_range(old.fileno(), new.fileno(), 1 << 30):
            pass
    except OSError as error:
        if error.errno not in _CANNOT_CLONE:
            raise


def write(content: bytes, destination: str, *, executable: bool) -> None:
    """A generated file."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(destination, flags, 0o777 if executable else 0o666)
    with open(handle, "wb") as file:
        file.write(content)
