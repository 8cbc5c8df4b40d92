"""ELF files: their sections, the libraries that the loader brings in, and what their notes say.

Source: the System V ABI ("Object Files", "Program Loading and Dynamic Linking"); for the notes of processors
the x86-64 psABI ("Program Property").
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property, lru_cache

from variantctl.machine_code.content import Content, Part, text_at, unpack
from variantctl.machine_code.errors import DamagedCodeError
from variantctl.machine_code.sections import Section

MAGIC = b"\x7fELF"
MACHINES = {3: "x86", 40: "arm", 62: "x86_64", 183: "aarch64", 21: "ppc64", 22: "s390x", 243: "riscv"}
#: Machines of accelerators (``e_machine``): NVIDIA, AMD, Intel.
CUDA, AMDGPU, INTELGT = 190, 224, 205
X86_64 = 62
_NOBITS, _NOTE = 8, 7
_LOAD, _DYNAMIC = 1, 2
_NEEDED, _STRTAB, _STRSZ = 1, 5, 10
#: More than any sound library has: a file that claims more costs no more than this.
_MOST_SECTIONS, _MOST_SEGMENTS, _MOST_NEEDED, _MOST_DYNAMIC = 100_000, 4096, 4096, 1 << 20
_MOST_NOTES, _MOST_PROPERTIES, _MOST_NAME = 100_000, 1 << 16, 128
_ISA_NEEDED = 0xC0008002


class Elf:
    """One ELF file; its tables are read when they are asked for.

    Attributes:
        machine: ``e_machine``.
        flags: ``e_flags``.
        os_abi, abi_version: ``e_ident``'s.

    Raises:
        DamagedCodeError: its header is not that of an ELF file.
    """

    def __init__(self, content: Content) -> None:
        ident = content.read(0, 16)
        if ident[:4] != MAGIC or ident[4] not in (1, 2) or ident[5] not in (1, 2):
            raise DamagedCodeError("its header is not that of an ELF file")
        self.content = content
        self.is_64 = ident[4] == 2
        self._order = "<" if ident[5] == 1 else ">"
        self.os_abi, self.abi_version = ident[7], ident[8]
        word = "Q" if self.is_64 else "I"
        header = unpack(content, self._form(f"HHI{word}{word}{word}IHHHHHH"), 16)
        self.machine, self.flags = header[1], header[6]
        self._segments_at, self._sections_at = header[4], header[5]
        self._segment_size, self._segment_count = header[8], header[9]
        self._section_size, self._section_count, self._names_index = header[10], header[11], header[12]

    @property
    def has_sections(self) -> bool:
        """Whether there is a table of sections."""
        return bool(self._sections_at)

    def sections(self, starts: tuple[bytes, ...]) -> list[Section]:
        """Its sections whose names start with one of some texts; none where the table of them was taken away.

        A library has thirty sections, of which few are asked for: names are compared where they lie.

        Raises:
            DamagedCodeError: the table is not where it is said to be.
        """
        rows, names = self._table
        return [
            Section(text_at(names, row[0], _MOST_NAME), row[4], 0 if row[1] == _NOBITS else row[5], row[3])
            for row in rows
            if names.startswith(starts, row[0])
        ]

    @cached_property
    def _table(self) -> tuple[list[tuple[int, ...]], bytes]:
        """The headers of its sections (name, type, flags, address, offset, size, ...), and their names."""
        if not self._sections_at:
            return [], b"\0"
        form = self._form("IIQQQQIIQQ" if self.is_64 else "IIIIIIIIII")
        if self._section_size != form.size:
            raise DamagedCodeError(f"its section headers are said to have {self._section_size} bytes each")
        first = unpack(self.content, form, self._sections_at)
        # System V ABI: numbers that do not fit into the header are in the first section's size and link.
        count = self._section_count or first[5]
        names_index = first[6] if self._names_index == 0xFFFF else self._names_index
        if count > _MOST_SECTIONS:
            raise DamagedCodeError(f"it is said to have {count:,} sections")
        rows = list(form.iter_unpack(self.content.read(self._sections_at, count * form.size)))
        if names_index >= len(rows):
            return rows, b"\0"
        # With an end, whatever the file claims.
        return rows, self.content.read(rows[names_index][4], rows[names_index][5]) + b"\0"

    def part(self, section: Section) -> Content:
        """The bytes of a section.

        Raises:
            DamagedCodeError: they are not all there.
        """
        return Part(self.content, section.offset, section.size)

    @property
    def needed(self) -> tuple[str, ...]:
        """The libraries that the loader brings in (``DT_NEEDED``), in its order.

        Raises:
            DamagedCodeError: the table of them cannot be read.
        """
        segments = self._segments()
        dynamic = next((segment for segment in segments if segment[0] == _DYNAMIC), None)
        if dynamic is None:
            return ()
        entries = self._dynamic(dynamic[1], dynamic[3])
        values = dict(entries)
        if _STRTAB not in values or not any(tag == _NEEDED for tag, _ in entries):
            return ()
        at = _offset_of(values[_STRTAB], segments)
        names = Part(self.content, at, values.get(_STRSZ, 0))
        return tuple(self._name(names, value) for tag, value in entries if tag == _NEEDED)[:_MOST_NEEDED]

    def _name(self, names: Content, offset: int) -> str:
        return text_at(names.read(offset, min(4096, max(0, names.size - offset))), 0)

    def _segments(self) -> list[tuple[int, int, int, int]]:
        """Type, offset, address and size in the file of each segment."""
        form = self._form("IIQQQQQQ" if self.is_64 else "IIIIIIII")
        if not self._segments_at or not self._segment_count:
            return []
        if self._segment_size != form.size or self._segment_count > _MOST_SEGMENTS:
            raise DamagedCodeError("its table of segments is not one of an ELF file")
        table = self.content.read(self._segments_at, form.size * self._segment_count)
        if self.is_64:
            return [(row[0], row[2], row[3], row[5]) for row in form.iter_unpack(table)]
        return [(row[0], row[1], row[2], row[4]) for row in form.iter_unpack(table)]

    def _dynamic(self, offset: int, size: int) -> list[tuple[int, int]]:
        form = self._form("QQ" if self.is_64 else "II")
        table = self.content.read(offset, min(size, _MOST_DYNAMIC) // form.size * form.size)
        entries = []
        for tag, value in form.iter_unpack(table):
            if tag == 0:
                break
            entries.append((tag, value))
        return entries

    def notes(self) -> Iterator[tuple[str, int, bytes]]:
        """Name, type and content of each note of the sections of notes.

        Raises:
            DamagedCodeError: one of them is not all there.
        """
        rows, names = self._table
        held = [(name, offset, size) for name, kind, _, _, offset, size, *_ in rows if kind == _NOTE]
        if sum(size for _, _, size in held) > self.content.size:
            raise DamagedCodeError("its sections of notes overlap")
        for name, offset, size in held:
            data = Part(self.content, offset, size).read(0, size)
            yield from self._notes_of(data, 8 if self.is_64 and "property" in text_at(names, name) else 4)

    def _notes_of(self, data: bytes, alignment: int) -> Iterator[tuple[str, int, bytes]]:
        form, at = self._form("III"), 0
        for _ in range(_MOST_NOTES):
            if at + form.size > len(data):
                return
            name_size, size, kind = form.unpack_from(data, at)
            start = at + form.size + -(-name_size // 4) * 4
            if start + size > len(data):
                raise DamagedCodeError("a note is longer than its section")
            name = data[at + form.size : at + form.size + name_size].rstrip(b"\0").decode("ascii", "replace")
            yield name, kind, data[start : start + size]
            at = start + -(-size // alignment) * alignment

    @property
    def level_needed(self) -> str | None:
        """The x86-64 level that its note (``GNU_PROPERTY_X86_ISA_1_NEEDED``) says it needs, if it does."""
        for name, kind, data in self.notes():
            if name == "GNU" and kind == 5:
                needed = self._property(data, _ISA_NEEDED)
                if needed:
                    return f"v{min(needed.bit_length(), 4)}"
        return None

    def _property(self, data: bytes, sought: int) -> int:
        form, at = self._form("II"), 0
        while at + 8 <= min(len(data), _MOST_PROPERTIES):
            kind, size = form.unpack_from(data, at)
            if kind == sought and size == 4 and at + 12 <= len(data):
                return int(self._form("I").unpack_from(data, at + 8)[0])
            at += 8 + -(-size // 8) * 8
        return 0

    def _form(self, fields: str) -> struct.Struct:
        return _compiled(self._order + fields)


@lru_cache(maxsize=64)
def _compiled(layout: str) -> struct.Struct:
    return struct.Struct(layout)


def _offset_of(address: int, segments: list[tuple[int, int, int, int]]) -> int:
    """Where in the file the byte with an address in memory is."""
    for kind, offset, start, size in segments:
        if kind == _LOAD and start <= address < start + size:
            return offset + address - start
    raise DamagedCodeError("its table of names is in no segment")
