"""Tar archives that may be anybody's: what is unpacked to read them has an end.

A header of a tar archive may be gigabytes long (a pax header, a long name), an archive may have millions of
members, and a few kilobytes of bzip2 are as many gigabytes. ``tarfile`` alone reads all of it.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

_MOST_MEMBERS = 200_000
#: In bytes. ``tarfile`` copies content in pieces of 64 KiB; only headers are read at once.
_MOST_AT_ONCE = 1 << 20
_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}


class _Bounded:
    """The unpacked bytes of an archive, so many and no more.

    Args:
        stream: what unpacks.
        most: bytes.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most = stream, most

    def read(self, size: int = -1) -> bytes:
        if size > _MOST_AT_ONCE:
            raise tarfile.ReadError(f"it has a header of {size} bytes")
        data = self._stream.read(size if size >= 0 else _MOST_AT_ONCE)
        self._check(self._stream.tell())
        return data

    def seek(self, place: int, whence: int = 0) -> int:
        if whence == 0:
            self._check(place)
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def _check(self, place: int) -> None:
        if place > self._most:
            raise tarfile.ReadError(
                f"it unpacks to more than {self._most >> 20} MiB, which is more than what it is for has"
            )


@contextmanager
def open_tar(archive: Path, most: int) -> Iterator[tarfile.TarFile]:
    """An archive, compressed or not, of which no more than *most* bytes are unpacked.

    Raises:
        tarfile.TarError: it is none, or has more, or a header that is too long.
        OSError: it cannot be read, or is damaged.
    """
    with archive.open("rb") as file:
        magic = file.read(2)
    opener = _OPENERS.get(magic, open)
    try:
        with opener(archive, "rb") as stream:
            reader: Any = _Bounded(stream, most)
            with tarfile.open(fileobj=reader, mode="r:") as tar:
                yield tar
    except (lzma.LZMAError, zlib.error) as error:
        raise tarfile.ReadError(str(error)) from error


def members_of(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Each member in its turn; none is kept.

    Raises:
        tarfile.TarError: there are too many.
    """
    number = 0
    kept: Any = tar  # its types do not know ``members``
    while (member := tar.next()) is not None:
        number += 1
        if number > _MOST_MEMBERS:
            raise tarfile.ReadError(f"it has more than {_MOST_MEMBERS} members")
        kept.members = []  # next() keeps all that it gave
        yield member
