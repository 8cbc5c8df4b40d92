"""No file makes the reader fail, or costs much: random damage, and files that are made for it."""

from __future__ import annotations

import random
import struct
import time

import pytest

from tests.machine_code.damage import SOUND, Watched, damaged, problem_with
from tests.machine_code.files import bundle, compressed_bundle, elf_library, fatbin, zstd_compress
from variantctl.machine_code.library import read_library


@pytest.mark.parametrize("number", range(len(SOUND)))
def test_the_sound_files_are_read(number: int) -> None:
    found = read_library(Watched(SOUND[number]))
    assert found is not None and not found.problems
    assert problem_with(SOUND[number]) is None


@pytest.mark.parametrize("seed", range(8))
def test_random_damage(seed: int) -> None:
    choose = random.Random(seed)
    for number in range(150):
        data = damaged(choose)
        problem = problem_with(data)
        assert problem is None, (seed, number, problem, data[:64])


def test_every_length_of_a_file_that_is_cut_short() -> None:
    for data in SOUND:
        for length in range(0, len(data), max(1, len(data) // 200)):
            assert problem_with(data[:length]) is None


def overlapping(name: str, content: bytes, times: int) -> bytes:
    """A library in which many sections are the same bytes."""
    data = bytearray(elf_library({name: content, **{f"{name[:1]}{n}": b"" for n in range(times)}}))
    (table,) = struct.unpack_from("<Q", data, 40)
    row = bytes(data[table + 64 : table + 128])
    for number in range(times):
        data[table + 128 + 64 * number : table + 192 + 64 * number] = row
    return bytes(data)


LARGE = fatbin(*["cubin 75"] * 40_000)
HOSTILE = {
    "a section of magic numbers": elf_library({".nv_fatbin": b"\x50\xed\x55\xba" * 600_000}),
    "empty containers": elf_library({".nv_fatbin": fatbin() * 150_000}),
    "sections that overlap": overlapping(".nv_fatbin", LARGE, 5000),
    "notes that overlap": overlapping(".note.x", bytes(1 << 20), 5000),
    "constants for a greedy pattern": elf_library({".rodata": b"libcudnn" * 400_000}),
    "a million names": elf_library({".rodata": b"".join(b"\0libcudnn%d.so\0" % n for n in range(200_000))}),
    "bundles of nothing": elf_library({".hip_fatbin": bundle() * 60_000}),
    "compressed bundles of many names": elf_library(
        {".hip_fatbin": compressed_bundle(bundle(*["gfx942"] * 1000), version=3, method="zstd") * 2000}
    ),
    "an image that is a bomb": elf_library(
        {"__CLANG_OFFLOAD_BUNDLE__sycl-spir64_gen": zstd_compress(b"!<arch>\n" + bytes(200 << 20))}
    ),
    "an archive of nothing": elf_library(
        {
            "__CLANG_OFFLOAD_BUNDLE__sycl-x": zstd_compress(
                b"!<arch>\n" + (b"pad_0/" + b" " * 42 + b"0" + b" " * 11) * 900_000
            )
        }
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_files_that_are_made_for_it_cost_little(name: str) -> None:
    started = time.process_time()
    found = read_library(Watched(HOSTILE[name]))
    assert found is not None
    assert time.process_time() - started < 5
