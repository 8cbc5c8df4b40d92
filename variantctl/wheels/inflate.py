"""Inflating (RFC 1951): by ISA-L where it is installed, which takes a third of zlib's time, else by zlib."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable


class Inflater(Protocol):
    """What is used of a zlib decompression object."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes: ...


try:
    from isal import isal_zlib

    _new: Callable[[int], Inflater] = isal_zlib.decompressobj
    crc32: Callable[[bytes, int], int] = isal_zlib.crc32
    # Its stub declares an instance.
    Error: tuple[type[Exception], ...] = (zlib.error, cast(type[Exception], isal_zlib.error))
except ImportError:
    _new, crc32, Error = zlib.decompressobj, zlib.crc32, (zlib.error,)


def inflater() -> Inflater:
    """For one raw DEFLATE stream."""
    return _new(-zlib.MAX_WBITS)
