"""Writing a zip file whose bytes depend on nothing but what is put in.

``zipfile`` can only write a member by compressing it; a repacked wheel keeps the compressed bytes it
has. Formats are those of PKWARE's APPNOTE 6.3: local header 4.3.7, directory 4.3.12, zip64 4.5.3.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

from variantctl.values import dataclass

if TYPE_CHECKING:
    from zipfile import ZipInfo

EPOCH = (1980, 1, 1, 0, 0, 0)
REGULAR = 0o100000
_STORED, _DEFLATED = 0, 8
_UTF8 = 0x800
_UNIX = 3
_LIMIT32, _LIMIT16 = 0xFFFFFFFF, 0xFFFF


@dataclass(frozen=True, slots=True)
class _Entry:
    name: bytes
    flags: int
    method: int
    time: int
    date: int
    crc: int
    compressed: int
    size: int
    system: int
    attributes: int
    offset: int

    def packed(self, *, central: bool) -> bytes:
        sizes = [self.size, self.compressed]
        big = any(size >= _LIMIT32 for size in sizes)
        wide = sizes if big else []
        offset = self.offset
        if central and offset >= _LIMIT32:
            wide, offset = [*wide, offset], _LIMIT32
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        needed = 45 if wide else 20
        compressed, size = (_LIMIT32, _LIMIT32) if big else (self.compressed, self.size)
        common = (needed, self.flags, self.method, self.time, self.date, self.crc, compressed, size)
        lengths = (len(self.name), len(extra))
        if not central:
            return struct.pack("<4s5H3I2H", b"PK\x03\x04", *common, *lengths) + self.name + extra
        made_by = self.system << 8 | needed
        header = struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", made_by, *common, *lengths, 0, 0, 0, self.attributes, offset
        )
        return header + self.name + extra


class ZipWriter:
    """Writes members one after the other into a file that only has to be writable.

    Nothing of the machine or the moment goes in: members written here are dated 1980-01-01.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._offset = 0
        self._entries: list[_Entry] = []

    def add(self, name: str, data: bytes, *, mode: int = 0o644, compress: bool = False) -> None:
        """Write a file; uncompressed unless asked for, as zlib's output differs between its builds."""
        payload = data
        if compress:
            deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
            payload = deflater.compress(data) + deflater.flush()
        method = _DEFLATED if compress else _STORED
        attributes = (REGULAR | mode) << 16
        origin = (_UNIX, attributes)
        self._write(name, EPOCH, method, zlib.crc32(data), (len(payload), len(data)), origin, [payload])

    def copy(self, info: ZipInfo, compressed: Iterable[bytes], *, name: str | None = None) -> None:
        """Write a member of another archive again; its time, mode and compressed bytes stay what they are.

        It may get another ``name``.

        Extra fields and data descriptors are left behind: sizes are known here, and wheels need neither.
        """
        self._write(
            name or info.filename,
            info.date_time,
            info.compress_type,
            info.CRC,
            (info.compress_size, info.file_size),
            (info.create_system, info.external_attr),
            compressed,
        )

    def close(self) -> None:
        """Write the central directory; the file itself stays open."""
        start = self._offset
        for entry in self._entries:
            self._put(entry.packed(central=True))
        size, count = self._offset - start, len(self._entries)
        if count >= _LIMIT16 or size >= _LIMIT32 or start >= _LIMIT32:
            end = self._offset
            self._put(struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start))
            self._put(struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1))
        count, size, start = min(count, _LIMIT16), min(size, _LIMIT32), min(start, _LIMIT32)
        self._put(struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, size, start, 0))

    def _write(
        self,
        name: str,
        when: tuple[int, int, int, int, int, int],
        method: int,
        crc: int,
        sizes: tuple[int, int],
        origin: tuple[int, int],
        payload: Iterable[bytes],
    ) -> None:
        year, month, day, hour, minute, second = when
        date, time = (year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | second // 2
        flags = 0 if name.isascii() else _UTF8
        entry = _Entry(name.encode(), flags, method, time, date, crc, *sizes, *origin, self._offset)
        self._entries.append(entry)
        self._put(entry.packed(central=False))
        for piece in payload:
            self._put(piece)

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._offset += len(data)
