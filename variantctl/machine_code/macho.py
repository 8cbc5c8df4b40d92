"""Mach-O files (macOS): slices, sections and libraries. Source: Apple's ``mach-o/loader.h`` and ``fat.h``."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from variantctl.machine_code.content import Content, Part, text_at, unpack
from variantctl.machine_code.errors import DamagedCodeError
from variantctl.machine_code.sections import Section

THIN, UNIVERSAL = b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"
MACHINES = {0x01000007: "x86_64", 0x0100000C: "arm64", 7: "x86", 12: "arm"}
_SEGMENT, _LIBRARIES = 0x19, {0xC, 0x80000018, 0x8000001F, 0x80000023, 0x20}
_MOST_SLICES, _MOST_COMMANDS, _MOST_BYTES = 16, 10_000, 4 << 20


def is_universal(start: bytes) -> bool:
    """Whether a file that starts with these bytes has slices. Java's classes start with the same four."""
    return start[:4] == UNIVERSAL and 0 < int.from_bytes(start[4:8], "big") <= _MOST_SLICES


def slices(content: Content) -> Iterator[Content]:
    """The files that a universal one is made of; of another one itself.

    Raises:
        DamagedCodeError: a slice is not where it is said to be.
    """
    if not is_universal(content.read(0, min(8, content.size))):
        yield content
        return
    for number in range(int.from_bytes(content.read(4, 4), "big")):
        _, _, offset, size, _ = unpack(content, struct.Struct(">5I"), 8 + 20 * number)
        yield Part(content, offset, size)


class MachO:
    """One 64-bit Mach-O file.

    Attributes:
        machine: the processor it is for.
        needed: the libraries that the loader brings in.
        sections: its sections.

    Raises:
        DamagedCodeError: its headers are not those of a Mach-O file.
    """

    def __init__(self, content: Content) -> None:
        if content.read(0, 4) != THIN:
            raise DamagedCodeError("its header is not that of a 64-bit Mach-O file")
        self.content = content
        processor, _, _, count, size = unpack(content, struct.Struct("<5I"), 4)
        self.machine = MACHINES.get(processor, f"processor {processor:#x}")
        if count > _MOST_COMMANDS or size > _MOST_BYTES:
            raise DamagedCodeError(f"it is said to have {count:,} load commands")
        commands = list(_commands(content.read(32, size), count))
        self.needed = tuple(_library(data) for kind, data in commands if kind in _LIBRARIES)
        self.sections = tuple(
            section for kind, data in commands if kind == _SEGMENT for section in _sections(data)
        )

    def part(self, section: Section) -> Content:
        """The bytes of a section.

        Raises:
            DamagedCodeError: they are not all there.
        """
        return Part(self.content, section.offset, section.size)


def _commands(data: bytes, count: int) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(count):
        if at + 8 > len(data):
            raise DamagedCodeError("its load commands end too early")
        kind, size = struct.unpack_from("<II", data, at)
        if size < 8 or at + size > len(data):
            raise DamagedCodeError("a load command is longer than all of them")
        yield kind, data[at : at + size]
        at += size


def _library(data: bytes) -> str:
    return text_at(data, struct.unpack_from("<I", data, 8)[0]) if len(data) >= 12 else ""


def _sections(data: bytes) -> Iterator[Section]:
    for at in range(72, len(data) - 79, 80):
        name, _, address, size, offset = struct.unpack_from("<16s16sQQI", data, at)
        yield Section(name.rstrip(b"\0").decode("ascii", "replace"), offset, size, address)
