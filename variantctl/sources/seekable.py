"""What files that are read from afar have in common: a size, and a position that seeking alone moves."""

from __future__ import annotations

import io


class SeekableReader(io.RawIOBase):
    """A read-only file of a known size. What inherits from it reads at ``position``, and moves it on.

    Attributes:
        size: in bytes.
        position: where the next read begins.
    """

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.size = size
        self.position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.position, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self.position = base + offset
        return self.position
