"""Files of every format that are read here, and what can be done to them."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from tests.machine_code.files import (
    CAPTURED,
    archive,
    bundle,
    compressed_bundle,
    elf_library,
    fatbin,
    gnu_property,
    macho_library,
    pe_library,
    universal,
    zebin,
    zstd_compress,
)
from variantctl.machine_code.library import LibraryCode, read_library

NOTE = ".note.gnu.property"
_IMAGE = zstd_compress(archive(device_64_12_60_7=b"code", generic_ir=b"ir", other=zebin(20, 1, 4)))
_SECTIONS = {
    ".nv_fatbin": fatbin("cubin 75", "ptx 90", padding=24) + fatbin("cubin 90a"),
    ".hip_fatbin": compressed_bundle(bundle("gfx942"), version=3, method="zstd").ljust(4096, b"\0")
    + bundle("gfx1100"),
    "__CLANG_OFFLOAD_BUNDLE__sycl-spir64_gen": _IMAGE,
    ".rodata": b"\0libcuda.so.1\0libnvrtc.so.12\0",
    NOTE: gnu_property(0xC0008002, 0b111),
}

SOUND: tuple[bytes, ...] = (
    elf_library(_SECTIONS, needed=["libcudart.so.12", "libc.so.6"], types={NOTE: 7}),
    elf_library(machine=224, flags=0x4C, abi=(64, 2)),
    zebin(12, 60, 7),
    (CAPTURED / "named.fatbin").read_bytes(),
    (CAPTURED / "sm_75.cubin").read_bytes(),
    compressed_bundle(bundle("gfx942", "gfx90a:xnack+"), version=1, method="zlib"),
    pe_library({".nv_fatb": fatbin("cubin 80"), ".rdata": b"\0nvcuda.dll\0"}, ["cudart64_12.dll"]),
    universal(macho_library(["a.dylib"]), macho_library(["b.dylib"], processor=7)),
    archive(a_o=elf_library({".nv_fatbin": fatbin("cubin 75", "ptx 90")}), b_o=b"?", c_o=zebin(12, 60, 7)),
    b".version 8.7\n.target sm_90a\n.address_size 64\n",
)
_NUMBERS = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1)


def _flip(data: bytearray, choose: random.Random) -> None:
    for _ in range(choose.choice((1, 2, 8, 64))):
        data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)


def _cut(data: bytearray, choose: random.Random) -> None:
    del data[choose.randrange(len(data)) :]


def _number(data: bytearray, choose: random.Random) -> None:
    """An absurd number where one may stand."""
    for _ in range(choose.choice((1, 1, 3))):
        size = choose.choice((2, 4, 8))
        if len(data) > size:
            at = choose.randrange(0, len(data) - size) & ~(size - 1)
            value = choose.choice((*_NUMBERS, choose.randrange(len(data) * 2)))
            data[at : at + size] = struct.pack("<Q", value)[:size]


def _move(data: bytearray, choose: random.Random) -> None:
    """A part of it once more, somewhere else."""
    start = choose.randrange(len(data))
    part = data[start : start + choose.choice((8, 64, 512))]
    at = choose.randrange(len(data))
    data[at : at + choose.choice((0, len(part)))] = part


def _remove(data: bytearray, choose: random.Random) -> None:
    start = choose.randrange(len(data))
    del data[start : start + choose.choice((1, 8, 64))]


_Damage = Callable[[bytearray, random.Random], None]
_DAMAGES: tuple[_Damage, ...] = (_flip, _cut, _number, _number, _move, _remove)


def damaged(choose: random.Random) -> bytes:
    """A sound file, spoilt in one to three ways."""
    data = bytearray(choose.choice(SOUND))
    for _ in range(choose.choice((1, 1, 2, 3))):
        if data:
            choose.choice(_DAMAGES)(data, choose)
    return bytes(data)


class Watched:
    """Bytes in memory that count how many of them were asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.taken = 0
        self.reads = 0

    def read(self, offset: int, size: int) -> bytes:
        """See ``Content``; a read that is not within the file is the reader's mistake, not the file's."""
        from variantctl.machine_code.content import check_range

        check_range(offset, size, self.size)
        self.taken += size
        self.reads += 1
        return self._data[offset : offset + size]


def problem_with(data: bytes) -> str | None:
    """What is wrong with how a file was read: an exception, or work out of proportion."""
    content = Watched(data)
    try:
        found = read_library(content)
    except Exception as error:  # noqa: BLE001 (whatever it is, it must not be)
        return f"{type(error).__name__}: {error}"
    if content.taken > 64 * len(data) + (1 << 20) or content.reads > len(data) + 1000:
        return f"{content.taken:,} bytes in {content.reads:,} reads, of a file of {len(data):,}"
    return None if found is None else _odd(found)


def _odd(found: LibraryCode) -> str | None:
    if len(found.problems) > 20 or any(not text or len(text) > 1000 for text in found.problems):
        return f"problems: {found.problems!r:.500}"
    if len(found.opened) > 200 or len(found.needed) > 10_000:
        return "more names than a library has"
    return None
