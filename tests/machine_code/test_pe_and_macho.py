"""Libraries of Windows and macOS: what they need, the processors they are for, and code for accelerators."""

from __future__ import annotations

import struct
from importlib.resources import files

import pytest

from tests.machine_code.files import fatbin, macho_library, pe_library, universal
from variantctl.machine_code.content import Memory
from variantctl.machine_code.library import LibraryCode, read_library


def read(data: bytes) -> LibraryCode:
    code = read_library(Memory(data))
    assert code is not None
    return code


def test_a_library_of_windows() -> None:
    sections = {
        ".nv_fatbin": fatbin("cubin 90a"),
        "__nv_relfatbin": fatbin("ptx 90"),
        ".rdata": b"\0nvcuda.dll\0other.dll\0",
    }
    found = read(pe_library(sections, ["cudart64_13.dll", "KERNEL32.dll"]))
    assert (found.format, found.machines) == ("pe", ("x86_64",))
    assert found.needed == ("cudart64_13.dll", "KERNEL32.dll")
    assert found.opened == ("nvcuda.dll",)
    assert (found.cuda.cubin, found.cuda.ptx, found.problems) == (("90a",), ("90",), ())


@pytest.mark.parametrize(("launcher", "machine"), [("cli-64.exe", "x86_64"), ("cli-arm64.exe", "aarch64")])
def test_real_programs_of_windows(launcher: str, machine: str) -> None:
    """The launchers that installer brings."""
    name = {"cli-64.exe": "t64.exe", "cli-arm64.exe": "t64-arm.exe"}[launcher]
    data = (files("installer") / "_scripts" / name).read_bytes()
    found = read(data)
    assert (found.machines, found.problems) == ((machine,), ())
    assert "KERNEL32.dll" in found.needed


def test_two_letters_are_no_program() -> None:
    assert read_library(Memory(b"MZ is a text")) is None
    assert read_library(Memory(b"MZ" + bytes(100))) is None


def test_a_library_of_macos() -> None:
    names = ["/usr/lib/libSystem.B.dylib", "@rpath/libomp.dylib"]
    found = read(macho_library(names))
    assert (found.format, found.machines, found.needed) == ("mach-o", ("arm64",), tuple(names))


def test_slices() -> None:
    one = macho_library(["/usr/lib/libSystem.B.dylib"])
    two = macho_library(["/usr/lib/libSystem.B.dylib", "libx.dylib"], processor=0x01000007)
    found = read(universal(one, two))
    assert found.machines == ("arm64", "x86_64")
    assert found.needed == ("/usr/lib/libSystem.B.dylib", "libx.dylib")
    assert found.problems == ()


def test_a_class_of_java_is_no_library() -> None:
    assert read_library(Memory(b"\xca\xfe\xba\xbe\x00\x00\x00\x41" + bytes(40))) is None


PE = pe_library({".text": b"code"}, ["a.dll"])
MACHO = macho_library(["a.dylib"])


@pytest.mark.parametrize(
    "damaged",
    [
        PE[:100],
        PE[:-20],
        PE[:70] + struct.pack("<H", 60_000) + PE[72:],
        PE[:208] + struct.pack("<I", 0x7FFF_0000) + PE[212:],
        MACHO[:40],
        MACHO[:16] + struct.pack("<I", 1 << 30) + MACHO[20:],
        MACHO[:36] + struct.pack("<I", 1 << 30) + MACHO[40:],
        MACHO[:36] + struct.pack("<I", 0) + MACHO[40:],
        universal(MACHO)[:30],
    ],
)
def test_damaged_files_are_said_and_raise_nothing(damaged: bytes) -> None:
    assert read(damaged).problems
