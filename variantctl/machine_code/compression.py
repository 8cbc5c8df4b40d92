"""Compressed content, unpacked from its start and no further than it is asked for."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from variantctl.machine_code.content import Content, pieces
from variantctl.machine_code.errors import DamagedCodeError

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
STORED, ZLIB, ZSTD = "stored", "zlib", "zstd"
#: Bytes that are unpacked at most, and read, at once: of many only the start is wanted.
_PIECE, _INPUT = 1 << 20, 1 << 16
#: Frames of AMD's compiler say that all of their content is needed to unpack them; memory is only taken for
#: what is really unpacked.
_WINDOW = 30


class Unpacked:
    """The bytes of one compressed content, forwards only.

    Attributes:
        total: how many bytes were given so far.
    """

    def __init__(self, content: Content, method: str) -> None:
        self._pieces = _METHODS[method](content)
        self._piece = memoryview(b"")
        self.total = 0

    def read(self, size: int) -> bytes:
        """The next bytes; fewer at the end.

        Raises:
            DamagedCodeError: they cannot be unpacked.
        """
        taken = bytearray()
        while len(taken) < size and self._fill():
            part = self._piece[: size - len(taken)]
            taken += part
            self._piece = self._piece[len(part) :]
        self.total += len(taken)
        return bytes(taken)

    def skip(self, size: int) -> None:
        """Leave the next bytes out.

        Raises:
            DamagedCodeError: they cannot be unpacked.
        """
        while size > 0 and (taken := len(self.read(min(size, _PIECE)))):
            size -= taken

    def _fill(self) -> bool:
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return False
            self._piece = memoryview(piece)
        return True


def _stored(content: Content) -> Iterator[bytes]:
    yield from pieces(content, size=_INPUT)


def _zlib(content: Content) -> Iterator[bytes]:
    stream = zlib.decompressobj()
    try:
        for piece in pieces(content, size=_INPUT):
            while piece and not stream.eof:
                yield stream.decompress(piece, _PIECE)
                piece = stream.unconsumed_tail
    except zlib.error as error:
        raise DamagedCodeError(f"its compressed content is damaged ({error})") from error


def _zstd(content: Content) -> Iterator[bytes]:
    module = _zstd_module()
    stream = module.ZstdDecompressor(options={int(module.DecompressionParameter.window_log_max): _WINDOW})
    try:
        for piece in pieces(content, size=_INPUT):
            yield stream.decompress(piece, _PIECE)
            while not stream.eof and not stream.needs_input:
                yield stream.decompress(b"", _PIECE)
            if stream.eof:
                return
    except (module.ZstdError, MemoryError) as error:
        raise DamagedCodeError(f"its compressed content is damaged ({error})") from error


@cache
def _zstd_module() -> Any:
    """Late, as most libraries have nothing of the kind; and once, as some have thousands.

    Raises:
        DamagedCodeError: this Python has none.
    """
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as error:
        raise DamagedCodeError("it is compressed with zstd, which this Python has no module for") from error
    return zstd


_METHODS: dict[str, Callable[[Content], Iterator[bytes]]] = {STORED: _stored, ZLIB: _zlib, ZSTD: _zstd}
