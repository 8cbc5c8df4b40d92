"""PE files (Windows): their sections and the libraries they import. Source: Microsoft's "PE Format"."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from variantctl.machine_code.content import Content, Part, text_at, unpack
from variantctl.machine_code.errors import DamagedCodeError
from variantctl.machine_code.sections import Section

MAGIC, _SIGNATURE = b"MZ", b"PE\0\0"
MACHINES = {0x14C: "x86", 0x8664: "x86_64", 0xAA64: "aarch64", 0xA641: "aarch64"}
_IMPORT, _DELAYED = 1, 13
_MOST_SECTIONS, _MOST_LIBRARIES = 96, 4096


def is_pe(content: Content) -> bool:
    """Whether a file that starts with ``MAGIC`` is a PE file: texts may start with these letters, too."""
    if content.size < 64:
        return False
    (start,) = unpack(content, struct.Struct("<I"), 60)
    return start + 4 <= content.size and content.read(start, 4) == _SIGNATURE


class Pe:
    """One PE file.

    Attributes:
        machine: the processor it is for.
        sections: its sections.

    Raises:
        DamagedCodeError: its headers are not those of a PE file.
    """

    def __init__(self, content: Content) -> None:
        self.content = content
        (start,) = unpack(content, struct.Struct("<I"), 60)
        if content.read(start, 4) != _SIGNATURE:
            raise DamagedCodeError("its header is not that of a PE file")
        machine, count, _, _, _, size, _ = unpack(content, struct.Struct("<HHIIIHH"), start + 4)
        self.machine = MACHINES.get(machine, f"machine {machine:#x}")
        optional = content.read(start + 24, size)
        self._directories = _directories(optional)
        if count > _MOST_SECTIONS:
            raise DamagedCodeError(f"it is said to have {count:,} sections")
        table = content.read(start + 24 + size, 40 * count)
        self.sections = tuple(_section(table[at : at + 40]) for at in range(0, len(table), 40))

    @property
    def needed(self) -> tuple[str, ...]:
        """The libraries that the loader brings in, then those that are brought in when they are first used.

        Raises:
            DamagedCodeError: the tables of them cannot be read.
        """
        return (*self._names(_IMPORT, 20, 12), *self._names(_DELAYED, 32, 4))

    def part(self, section: Section) -> Content:
        """The bytes of a section.

        Raises:
            DamagedCodeError: they are not all there.
        """
        return Part(self.content, section.offset, section.size)

    def _names(self, directory: int, size: int, at: int) -> Iterator[str]:
        address = self._directories[directory] if directory < len(self._directories) else 0
        for number in range(_MOST_LIBRARIES if address else 0):
            entry = self._read(address + number * size, size)
            (name,) = struct.unpack_from("<I", entry, at)
            if not name:
                return
            yield self._text(name)

    def _section_of(self, address: int) -> Section:
        for section in self.sections:
            if section.address <= address < section.address + section.size:
                return section
        raise DamagedCodeError("a table of its imports is in no section")

    def _read(self, address: int, size: int) -> bytes:
        section = self._section_of(address)
        return self.part(section).read(address - section.address, size)

    def _text(self, address: int) -> str:
        section = self._section_of(address)
        start = address - section.address
        return text_at(self.part(section).read(start, min(256, section.size - start)), 0)


def _directories(optional: bytes) -> list[int]:
    """The addresses of the data directories."""
    if len(optional) < 2:
        return []
    # PE32+ has larger fields before them than PE32.
    start = 112 if optional[:2] == b"\x0b\x02" else 96
    count = min(16, max(0, (len(optional) - start) // 8))
    return [struct.unpack_from("<I", optional, start + 8 * number)[0] for number in range(count)]


def _section(row: bytes) -> Section:
    name, _, address, size, offset = struct.unpack_from("<8sIIII", row)
    return Section(name.rstrip(b"\0").decode("ascii", "replace"), offset, size, address)
