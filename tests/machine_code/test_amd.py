"""AMD's code objects: target IDs, and bundles in every form that clang makes."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from tests.machine_code.files import bundle, compressed_bundle, elf_library, pe_library
from variantctl.machine_code.content import Memory
from variantctl.machine_code.library import LibraryCode, read_library

TARGETS = ("gfx90a:sramecc+:xnack-", "gfx1100", "gfx11-generic")
SORTED = tuple(sorted(TARGETS))


def read(data: bytes) -> LibraryCode:
    code = read_library(Memory(data))
    assert code is not None
    return code


@pytest.mark.parametrize(
    ("abi", "flags", "target"),
    [
        (2, 0x4C, "gfx942"),
        (4, 0x0100_0054, "gfx11-generic"),
        (4, 0x0100_055B, "gfx12-5-generic"),
        (2, 0x3F | 0x500, "gfx90a"),
        (2, 0x3F | 0xE00, "gfx90a:sramecc+:xnack-"),
        (2, 0x3F | 0xB00, "gfx90a:sramecc-:xnack+"),
        (1, 0x2F | 0x300, "gfx906:sramecc+:xnack+"),
        (1, 0x2F, "gfx906"),
        (2, 0xEE, "processor 0xee"),
    ],
)
def test_a_code_object_by_itself(abi: int, flags: int, target: str) -> None:
    found = read(elf_library(machine=224, flags=flags, abi=(64, abi)))
    assert (found.format, found.amd, found.machines, found.problems) == ("amd", (target,), (), ())


@pytest.mark.parametrize("prefix", ["hipv4-amdgcn-amd-amdhsa--", "hip-amdgcn-amd-amdhsa-"])
def test_a_plain_bundle(prefix: str) -> None:
    content = bundle(*TARGETS, prefix=prefix)
    assert read(content).amd == SORTED
    assert read(elf_library({".hip_fatbin": content})).amd == SORTED
    assert read(pe_library({".hip_fatbin": content}, ["amdhip64_7.dll"])).amd == SORTED


@pytest.mark.parametrize("method", ["zlib", "zstd"])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_compressed_bundle(version: int, method: str) -> None:
    content = compressed_bundle(bundle(*TARGETS), version=version, method=method)
    assert read(content).amd == SORTED
    other = compressed_bundle(bundle("gfx1201"), version=version, method=method)
    section = content.ljust(4096, b"\0") + other.ljust(4096, b"\0") + bundle("gfx950")
    found = read(elf_library({".hip_fatbin": section}))
    assert (found.amd, found.problems) == (tuple(sorted((*TARGETS, "gfx1201", "gfx950"))), ())


def test_code_that_is_compiled_when_it_is_loaded_is_named() -> None:
    content = bundle("amdgcnspirv", prefix="hip-spirv64-amd-amdhsa--")
    assert read(content).amd == ("amdgcnspirv",)


PLAIN = bundle(*TARGETS)
PACKED = compressed_bundle(PLAIN, version=3, method="zstd")


@pytest.mark.parametrize(
    "content",
    [
        PLAIN[:40],
        PLAIN[:24] + struct.pack("<Q", 1 << 60) + PLAIN[32:],
        PLAIN[:40] + struct.pack("<Q", 1 << 60) + PLAIN[48:],
        PLAIN[:48] + struct.pack("<Q", 1 << 60) + PLAIN[56:],
        PACKED[:40],
        PACKED[:-40],
        PACKED[:40] + bytes(20) + PACKED[60:],
        PACKED[:8] + struct.pack("<Q", 1 << 60) + PACKED[16:],
        compressed_bundle(b"no bundle", version=2, method="zstd"),
        compressed_bundle(PLAIN[:24] + struct.pack("<Q", 1 << 60), version=2, method="zlib"),
        compressed_bundle(PLAIN[:70], version=2, method="zlib"),
    ],
)
def test_a_bundle_that_lies_is_named(content: bytes) -> None:
    (problem,) = read(elf_library({".hip_fatbin": content})).problems
    assert problem.startswith(".hip_fatbin cannot be read: ")


LLC = shutil.which("llc") or shutil.which("llc-14")
OLDER = "gfx700 gfx803 gfx900 gfx906 gfx908 gfx90a gfx90c gfx1010 gfx1013 gfx1030 gfx1034 gfx1035"


@pytest.mark.skipif(LLC is None, reason="there is no llc")
@pytest.mark.parametrize("processor", OLDER.split())
def test_code_that_llvm_makes(tmp_path: Path, processor: str) -> None:
    (tmp_path / "k.ll").write_text("define amdgpu_kernel void @k() { ret void }\n")
    target = ["-mtriple=amdgcn-amd-amdhsa", f"-mcpu={processor}", "-mattr=-xnack"]
    command = [str(LLC), *target, "-filetype=obj", str(tmp_path / "k.ll"), "-o", str(tmp_path / "k.o")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    (found,) = read((tmp_path / "k.o").read_bytes()).amd
    assert found.partition(":")[0] == processor
    assert "xnack+" not in found
