"""AMD's code objects: which GPUs they are for, by themselves and in bundles.

Sources: LLVM's "User Guide for AMDGPU Backend" (ELF header, ``e_flags``; target IDs) and "Clang Offload
Bundler" (layout of bundles, plain and compressed).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Iterator

from variantctl.machine_code.compression import ZLIB, ZSTD, Unpacked
from variantctl.machine_code.content import Content, Part, find_any, unpack
from variantctl.machine_code.counter import Counter
from variantctl.machine_code.elf import Elf
from variantctl.machine_code.errors import DamagedCodeError

BUNDLE, COMPRESSED = b"__CLANG_OFFLOAD_BUNDLE__", b"CCOB"
#: ELF's name, and what PE's 8 characters leave of it.
SECTIONS = frozenset({".hip_fatbin", ".hip_fat"})
#: ``EF_AMDGPU_MACH``: the processor.
_PROCESSORS = """
0x20 gfx600 gfx601 gfx700 gfx701 gfx702 gfx703 gfx704
0x28 gfx801 gfx802 gfx803 gfx810 gfx900 gfx902 gfx904 gfx906
0x30 gfx908 gfx909 gfx90c gfx1010 gfx1011 gfx1012 gfx1030 gfx1031
0x38 gfx1032 gfx1033 gfx602 gfx705 gfx805 gfx1035 gfx1034 gfx90a
0x40 gfx940 gfx1100 gfx1013 gfx1150 gfx1103 gfx1036 gfx1101 gfx1102
0x48 gfx1200 gfx1250 gfx1151 gfx941 gfx942
0x4e gfx1201 gfx950 gfx1310
0x51 gfx9-generic gfx10-1-generic gfx10-3-generic gfx11-generic gfx1152
0x58 gfx1153 gfx12-generic gfx1251 gfx12-5-generic gfx1172 gfx1170 gfx1171 gfx9-4-generic
"""
_ENTRY_ID = re.compile(r"(?:host|hip|hipv4|openmp)-(?:amdgcn|spirv64)-amd-amdhsa-+([a-z][\w.:+-]*)")
_MOST_BUNDLES, _MOST_ENTRIES, _MOST_ID = 20_000, 1024, 256
_ANY, _ON = 1, 3
_PAGE = 4096


def _processors() -> dict[int, str]:
    numbers: dict[int, str] = {}
    for first, *names in map(str.split, _PROCESSORS.strip().splitlines()):
        numbers |= {int(first, 16) + place: name for place, name in enumerate(names)}
    return numbers


def target_of(elf: Elf) -> str:
    """The target ID of one code object: ``gfx942``, ``gfx90a:sramecc+:xnack-``.

    A feature is named where the code needs it on or off. Before code object V4 it has one bit.
    """
    number = elf.flags & 0xFF
    processor = _processors().get(number, f"processor {number:#x}")
    if elf.abi_version < 2:
        features = [("sramecc", _ON if elf.flags & 0x200 else 0), ("xnack", _ON if elf.flags & 0x100 else 0)]
    else:
        features = [("sramecc", elf.flags >> 10 & 3), ("xnack", elf.flags >> 8 & 3)]
    return processor + "".join(
        f":{name}{'+' if said == _ON else '-'}" for name, said in features if said > _ANY
    )


def read_bundles(content: Content, counter: Counter) -> Iterator[str]:
    """The targets of every bundle of a section, or of a file that is one.

    Raises:
        DamagedCodeError: a bundle is not what it claims to be; targets before it were given.
    """
    at = count = 0
    while (at := find_any(content, (BUNDLE, COMPRESSED), at)) >= 0:
        count += 1
        if count > _MOST_BUNDLES:
            raise DamagedCodeError(f"it has more than {_MOST_BUNDLES:,} bundles")
        rest = Part(content, at, content.size - at)
        if content.read(at, len(COMPRESSED)) == COMPRESSED:
            size = yield from _counted(_compressed(rest), counter)
        else:
            size = yield from _counted(_plain(rest), counter)
        # The first form does not say how long it is; compilers align bundles to pages.
        at += size or _PAGE - at % _PAGE


def _counted(targets: Generator[str, None, int], counter: Counter) -> Generator[str, None, int]:
    while True:
        counter.count()
        try:
            target = next(targets)
        except StopIteration as end:
            return int(end.value)
        yield target


def _plain(content: Content) -> Generator[str, None, int]:
    """The targets of a bundle; returns how long it is."""
    at, end = len(BUNDLE) + 8, 0
    (count,) = unpack(content, struct.Struct("<Q"), len(BUNDLE))
    for _ in range(_checked(count)):
        offset, size, length = unpack(content, struct.Struct("<QQQ"), at)
        name = content.read(at + 24, min(length, _MOST_ID))
        at += 24 + length
        end = max(end, at, offset + size)
        if offset + size > content.size:
            raise DamagedCodeError("a code object is larger than the bundle's section")
        yield from _target(name, size)
    return max(end, at)


def _compressed(content: Content) -> Generator[str, None, int]:
    """The targets of a compressed bundle; returns how long it is, 0 where it does not say so."""
    _, version, method = unpack(content, struct.Struct("<4sHH"), 0)
    header, length = {1: (20, 0), 2: (24, 4), 3: (32, 8)}.get(version, (0, 0))
    if not header or method not in (0, 1):
        # Four letters may be anything.
        return len(COMPRESSED)
    size = unpack(content, struct.Struct("<Q" if length == 8 else "<I"), 8)[0] if length else content.size
    if size < header or size > content.size:
        raise DamagedCodeError("a compressed bundle is larger than its section")
    stream = Unpacked(Part(content, header, size - header), (ZLIB, ZSTD)[method])
    start = stream.read(len(BUNDLE) + 8)
    if not start.startswith(BUNDLE) or len(start) < len(BUNDLE) + 8:
        raise DamagedCodeError("what is in a compressed bundle is no bundle")
    yield from _entries(stream, int.from_bytes(start[-8:], "little"))
    return size if length else 0


def _entries(stream: Unpacked, count: int) -> Iterator[str]:
    for _ in range(_checked(count)):
        entry = stream.read(24)
        if len(entry) < 24:
            raise DamagedCodeError("a compressed bundle ends within its table")
        _, size, length = struct.unpack("<QQQ", entry)
        if length > _MOST_ID:
            raise DamagedCodeError("a compressed bundle has a name that is too long")
        yield from _target(stream.read(length), size)


def _checked(count: int) -> int:
    if count > _MOST_ENTRIES:
        raise DamagedCodeError(f"a bundle is said to have {count:,} code objects")
    return count


def _target(name: bytes, size: int) -> Iterator[str]:
    found = _ENTRY_ID.fullmatch(name.decode("ascii", "replace"))
    if found is not None and size:
        yield found[1]
