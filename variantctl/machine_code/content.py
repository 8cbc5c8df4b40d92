"""The bytes that are read here: those of a file, of a part of it, or in memory."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Protocol

from variantctl.machine_code.errors import DamagedCodeError

#: No table of headers or names of a sound library is larger.
MOST_AT_ONCE = 32 << 20
_PIECE, _FIRST_PIECE = 1 << 20, 1 << 12


class Content(Protocol):
    """Bytes that can be read at any place.

    Attributes:
        size: how many there are.
    """

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes:
        """Exactly these bytes.

        Raises:
            DamagedCodeError: they are not all there, or more than a sound library has in one piece.
        """
        ...


def check_range(offset: int, size: int, available: int) -> None:
    """Refuse bytes that are not there.

    Raises:
        DamagedCodeError: they are not, or are more than is read at once.
    """
    if offset < 0 or size < 0 or offset + size > available:
        raise DamagedCodeError(f"it names bytes {offset:,} to {offset + size:,}, and has {available:,}")
    if size > MOST_AT_ONCE:
        raise DamagedCodeError(f"a table of {size:,} bytes is named, which no sound file has")


class Memory:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, size: int) -> bytes:
        """See ``Content``."""
        check_range(offset, size, self.size)
        return self._data[offset : offset + size]


class OpenFile:
    """The bytes of an open file, by its handle."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self.size = os.fstat(handle).st_size

    def read(self, offset: int, size: int) -> bytes:
        """See ``Content``; also raised where the file became shorter."""
        check_range(offset, size, self.size)
        data = self._read(offset, size)
        if len(data) != size:
            raise DamagedCodeError("the file became shorter while it was read")
        return data

    def _read(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._handle, size, offset)
        os.lseek(self._handle, offset, os.SEEK_SET)
        return os.read(self._handle, size)


class Part:
    """Some of the bytes of another content.

    Raises:
        DamagedCodeError: they are not all there.
    """

    def __init__(self, whole: Content, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > whole.size:
            raise DamagedCodeError(
                f"a part from {offset:,} to {offset + size:,} is named, and it has {whole.size:,} bytes"
            )
        self._whole, self._offset, self.size = whole, offset, size

    def read(self, offset: int, size: int) -> bytes:
        """See ``Content``."""
        check_range(offset, size, self.size)
        return self._whole.read(self._offset + offset, size)


def unpack(content: Content, form: struct.Struct, offset: int) -> tuple[int, ...]:
    """The numbers of one header.

    Raises:
        DamagedCodeError: the content ends before it does.
    """
    return form.unpack(content.read(offset, form.size))


def text_at(table: bytes, offset: int, most: int = 4096) -> str:
    """The text that starts in a table of strings and ends with a zero; no more than ``most`` bytes of it."""
    end = table.find(b"\0", offset, offset + most)
    return table[offset : end if end >= 0 else offset + most].decode("utf-8", "replace")


def pieces(content: Content, *, size: int = _PIECE, overlap: int = 0) -> Iterator[bytes]:
    """All of it, piece by piece; each starts with the last ``overlap`` bytes of the one before."""
    for offset in range(0, content.size, size):
        start = max(0, offset - overlap)
        yield content.read(start, min(offset + size, content.size) - start)


def find(content: Content, sought: bytes, start: int = 0) -> int:
    """Where some bytes next occur; -1 where they do not."""
    return find_any(content, (sought,), start)


def find_any(content: Content, sought: tuple[bytes, ...], start: int = 0) -> int:
    """Where one of several texts next occurs; -1 where none does."""
    overlap = max(map(len, sought)) - 1
    # What is sought is near as a rule, and there are thousands of them: little is read at first.
    size = _FIRST_PIECE
    while start < content.size:
        piece = content.read(start, min(size, content.size - start))
        size = min(size * 4, _PIECE)
        found = [at for at in map(piece.find, sought) if at >= 0]
        if found:
            return start + min(found)
        if start + len(piece) >= content.size:
            break
        start += len(piece) - overlap
    return -1
