"""ELF files: needed libraries and notes as ``readelf`` says them, and files that lie about themselves."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine_code.files import elf_library, fatbin, gnu_property
from variantctl.machine_code.content import Memory
from variantctl.machine_code.library import LibraryCode, read_library


def read(data: bytes) -> LibraryCode:
    code = read_library(Memory(data))
    assert code is not None
    return code


def installed_libraries() -> list[Path]:
    """Some real libraries of this machine."""
    return sorted(path for path in Path("/usr/lib").glob("*-linux-gnu/lib*.so.*") if path.is_file())[:40]


@pytest.mark.skipif(shutil.which("readelf") is None, reason="there is no readelf")
@pytest.mark.skipif(sys.platform != "linux", reason="there are no ELF libraries")
def test_needed_as_readelf_on_this_machines_libraries() -> None:
    for path in installed_libraries():
        said = subprocess.run(["readelf", "-dW", path], capture_output=True, text=True, check=True).stdout
        expected = tuple(re.findall(r"\(NEEDED\)\s+Shared library: \[(.*)\]", said))
        found = read(path.read_bytes())
        assert (found.needed, found.problems) == (expected, ()), path


@pytest.mark.parametrize(("bits", "level"), [(0b1, "v1"), (0b11, "v2"), (0b111, "v3"), (0b1000, "v4")])
def test_the_level_that_a_note_names(bits: int, level: str) -> None:
    note = gnu_property(0xC0008002, bits)
    found = read(elf_library({".note.gnu.property": note}, types={".note.gnu.property": 7}))
    assert (found.level, found.problems) == (level, ())


def test_no_level_is_guessed() -> None:
    used = gnu_property(0xC0010002, 0b111)
    assert read(elf_library({".note.gnu.property": used}, types={".note.gnu.property": 7})).level is None


def test_both_byte_orders_and_other_processors() -> None:
    found = read(elf_library(needed=["libm.so.6", "libc.so.6"], machine=22, order=">"))
    assert (found.machines, found.needed, found.problems) == (("s390x",), ("libm.so.6", "libc.so.6"), ())
    assert read(elf_library(machine=999)).machines == ("machine 999",)


def with_number(data: bytes, offset: int, form: str, value: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, offset, value)
    return bytes(changed)


SOUND = elf_library({".nv_fatbin": fatbin("cubin 75", "ptx 75")}, needed=["libcudart.so.12"])


@pytest.mark.parametrize(
    ("damaged", "part"),
    [
        (SOUND[:40], "the file"),
        (SOUND[:-10], "the table of sections"),
        (with_number(SOUND, 40, "<Q", 1 << 60), "the table of sections"),
        (with_number(SOUND, 60, "<H", 65_000), "the table of sections"),
        (with_number(SOUND, 58, "<H", 3), "the table of sections"),
        (with_number(SOUND, 56, "<H", 65_000), "the list of needed libraries"),
        (with_number(SOUND, 32, "<Q", 1 << 63), "the list of needed libraries"),
        (with_number(SOUND, 64 + 56 + 32, "<Q", 1 << 40), "the list of needed libraries"),
    ],
)
def test_a_part_that_lies_is_named_and_the_rest_is_read(damaged: bytes, part: str) -> None:
    found = read(damaged)
    assert any(problem.startswith(f"{part} cannot be read: ") for problem in found.problems)
    if part == "the list of needed libraries":
        assert found.cuda.cubin == ("75",)
    if part == "the table of sections":
        assert found.needed == ("libcudart.so.12",)


def test_an_endless_number_of_sections_costs_nothing() -> None:
    # The count is in the first section where the header has 0.
    start = SOUND.index(bytes(64), SOUND.index(b".shstrtab"))
    damaged = with_number(with_number(SOUND, 60, "<H", 0), start + 32, "<Q", 1 << 62)
    assert "sections" in read(damaged).problems[0]
