"""Whether the parts of a zip file tell one story: local headers, data descriptors, the end of the directory.

A zip file says most things twice. Readers differ in what they believe, so that an archive which contradicts
itself is one wheel to a scanner and another to an installer. PKWARE's APPNOTE numbers the fields.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zipfile import ZipInfo

#: APPNOTE 4.3.7: signature, version, flags, method, time, date, CRC, sizes (compressed, not), lengths.
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
#: APPNOTE 4.3.16: signature, four counts, the directory's size and place, the comment's length.
_END = struct.Struct("<4s4H2IH")
#: APPNOTE 4.3.15 and 4.3.14, without the extensible part.
_END64_LOCATOR, _END64 = struct.Struct("<4sIQI"), struct.Struct("<4sQ2H2I4Q")
_LONGEST_COMMENT = 0xFFFF
_IS_ZIP64 = 0xFFFFFFFF
_ZIP64_EXTRA = 0x0001
_DESCRIBED, _UTF8 = 0x8, 0x800
#: Flags that change how bytes are read: encryption, descriptor, patches, strong encryption, names, masking.
_MEANING = 0x1 | _DESCRIBED | 0x20 | 0x40 | _UTF8 | 0x2000

Read = Callable[[int, int], bytes]
"""Bytes of the archive: offset and size; fewer at its end."""


def local_header_size(fixed: bytes | memoryview) -> int:
    """How long a local header is with its name and extra field, from its first 30 bytes."""
    fields = LOCAL_HEADER.unpack(fixed)
    return LOCAL_HEADER.size + int(fields[9]) + int(fields[10])


def local_header_problem(info: ZipInfo, header: bytes | memoryview) -> str | None:
    """What a member's whole local header says otherwise than the directory, or None."""
    signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = LOCAL_HEADER.unpack(
        header[: LOCAL_HEADER.size]
    )
    at = LOCAL_HEADER.size + name_length
    if signature != b"PK\x03\x04" or len(header) < at + extra_length:
        return "it has no local header"
    raw = bytes(header[LOCAL_HEADER.size : at])
    # Most are ASCII, which is the same in both; cp437 is decoded letter by letter.
    name = raw.decode("utf-8" if flags & _UTF8 or raw.isascii() else "cp437", "replace")
    if name != info.orig_filename:
        return f"its local header disagrees with the archive's directory: the name is {name!r}"
    if method != info.compress_type:
        return f"its local header disagrees with the archive's directory: the compression method is {method}"
    if (flags ^ info.flag_bits) & _MEANING:
        return f"its local header disagrees with the archive's directory: the flags are {flags:#x}"
    if _IS_ZIP64 in (packed, size):
        long = _zip64_sizes(bytes(header[at : at + extra_length]))
        if long is None:
            return "its local header lacks the sizes of a large file (zip64)"
        # APPNOTE 4.5.3: both are there, whichever of the two is too large for its own field.
        size, packed = long
    if (crc, packed, size) == (info.CRC, info.compress_size, info.file_size):
        return None
    # APPNOTE 4.4.4: where a descriptor follows the data, they may be zero here.
    if flags & _DESCRIBED and (crc, packed, size) == (0, 0, 0):
        return None
    return "its local header disagrees with the archive's directory about the size or the CRC"


def gap_problem(info: ZipInfo, gap: bytes | memoryview) -> str | None:
    """What is wrong with the bytes between a member's data and the next member: its data descriptor."""
    if not gap:
        return None
    if not info.flag_bits & _DESCRIBED:
        return f"{len(gap)} bytes after it belong to no member"
    rest = gap[4:] if bytes(gap[:4]) == b"PK\x07\x08" and len(gap) in (16, 24) else gap
    layout = {12: "<3I", 20: "<I2Q"}.get(len(rest))
    if layout is None:
        return f"{len(gap)} bytes after it are not its data descriptor"
    if struct.unpack(layout, rest) != (info.CRC, info.compress_size, info.file_size):
        return "its data descriptor disagrees with the archive's directory"
    return None


def end_problem(read: Read, size: int, start: int, count: int, first: int) -> str | None:
    """What is wrong with the end of an archive of ``size`` bytes.

    Args:
        read: reads the archive.
        size: of the whole file.
        start: where the directory that was read starts.
        count: how many entries it had.
        first: where the first member starts.
    """
    # Nearly always there is no comment: then these few bytes hold everything, also of a remote file.
    short = min(size, _END.size + _END64_LOCATOR.size + _END64.size)
    for length in (short, min(size, short + _LONGEST_COMMENT)):
        tail = read(size - length, length)
        at = tail.rfind(b"PK\x05\x06")
        if at >= 0 and at + _END.size <= len(tail):
            break
    else:
        return "it has no end record"
    _, disk, first_disk, here, total, packed, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        return "there are bytes after its end"
    where = size - length + at
    locator = tail[max(0, at - _END64_LOCATOR.size) : at]
    if locator[:4] == b"PK\x06\x07":
        record = tail[max(0, at - _END64_LOCATOR.size - _END64.size) : at - _END64_LOCATOR.size]
        if len(record) < _END64.size or record[:4] != b"PK\x06\x06":
            return "its end record for large files (zip64) is not where it should be"
        long = _END64.unpack(record)
        if any(
            short not in (most, full)
            for short, most, full in (
                (here, 0xFFFF, long[6]),
                (total, 0xFFFF, long[7]),
                (packed, _IS_ZIP64, long[8]),
                (offset, _IS_ZIP64, long[9]),
            )
        ):
            return "its two end records (zip and zip64) disagree"
        disk, first_disk, here, total, packed, offset = long[4:]
        where -= _END64_LOCATOR.size + _END64.size
        if _END64_LOCATOR.unpack(locator)[2] != where:
            return "its end record for large files (zip64) is not where it should be"
    if disk or first_disk or here != total:
        return "it is one of several parts of an archive"
    if total != count:
        return f"its end record counts {total} members, its directory has {count}"
    if start + packed != where:
        return "its directory is not as long as its end record says"
    if offset != start or first:
        return "there are bytes before its first member"
    return None


def _zip64_sizes(extra: bytes) -> tuple[int, int] | None:
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _ZIP64_EXTRA and length >= 16 and len(extra) >= 20:
            uncompressed, compressed = struct.unpack_from("<QQ", extra, 4)
            return int(uncompressed), int(compressed)
        extra = extra[4 + length :]
    return None
