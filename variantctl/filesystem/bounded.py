"""Files of users and of others: of a size that such files have, and none that never ends."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

#: In bytes. The largest locks and requirement files known have a few million.
MOST = 64 << 20


def ordinary(path: Path) -> os.stat_result:
    """What the system says of a file that somebody else named, before it is opened.

    A pipe would be waited for, and a device such as ``/dev/zero`` has no end.

    Raises:
        OSError: it is not there, or no ordinary file.
    """
    try:
        found = path.stat()
    except ValueError:
        raise OSError(errno.EINVAL, "no file has a NUL in its name", os.fspath(path)) from None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not an ordinary file", os.fspath(path))
    return found


def read_bounded(path: Path, most: int = MOST) -> bytes:
    """The content of a file; a device without an end is not read to it.

    Raises:
        OSError: it cannot be read, or has more than ``most`` bytes (``EFBIG``).
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most >> 20} MiB", os.fspath(path))
    return data
