"""Files of users and of others, read whole into memory: of a size that such files have."""

from __future__ import annotations

import errno
import os
from pathlib import Path

#: In bytes. The largest locks and requirement files known have a few million.
MOST = 64 << 20


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
