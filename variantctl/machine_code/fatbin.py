"""NVIDIA's fat binaries: which GPUs the machine code (cubin) and the PTX in them are for.

A section has containers, one after the other, with padding between them. A container has a header and
entries; an entry has a header, which is never compressed, and the code, which may be. NVIDIA publishes
the names of the sections (``fatbinary_section.h`` of the CUDA toolkit) and not the headers: their fields
were found by compiling for named architectures with nvcc 13.0 and comparing with ``cuobjdump``
(tests/machine_code/test_nvidia.py).

Headers, little-endian. Container: magic, version (u16), header size (u16), size of what follows (u64).
Entry: kind (u16), version (u16), header size (u32), size of the code (u64), compressed size (u32),
options (u32), minor and major version of the code (u16 each; for PTX that of its ISA), architecture
(u32), name (2 x u32), flags (u64).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from variantctl.machine_code.content import Content, Part, find, unpack
from variantctl.machine_code.counter import Counter
from variantctl.machine_code.elf import Elf
from variantctl.machine_code.errors import DamagedCodeError
from variantctl.values import dataclass

MAGIC = b"\x50\xed\x55\xba"
#: ELF's names, what PE's 8 characters leave of them, and Mach-O's.
SECTIONS = frozenset({".nv_fatbin", "__nv_relfatbin", ".nv_fatb", "__nv_rel", "__nv_fatbin"})
_CONTAINER, _ENTRY = struct.Struct("<4sHHQ"), struct.Struct("<HHIQIIHHIIIQ")
_KINDS = {1: "ptx", 2: "cubin", 8: "lto"}
#: Of an entry: code for just this architecture (``sm_90a``), and for its family (``sm_100f``).
_SPECIFIC, _FAMILY = 1 << 20, 1 << 21


@dataclass(frozen=True, slots=True)
class CudaEntry:
    """One piece of code.

    Attributes:
        kind: ``cubin`` (machine code), ``ptx`` (compiled by the driver), ``lto`` (linked when it is loaded).
        architecture: what ``cuobjdump`` writes after ``sm_``: ``75``, ``90a``, ``100f``.
        version: for PTX that of its instruction set, as (9, 0); for other kinds that of the format.
    """

    kind: str
    architecture: str
    version: tuple[int, int]


def read_fatbins(content: Content, counter: Counter) -> Iterator[CudaEntry]:
    """The entries of every container of a section, or of a file that is one.

    Raises:
        DamagedCodeError: a header does not go with what is there; entries before it were given.
    """
    at = 0
    while (at := find(content, MAGIC, at)) >= 0:
        counter.count()
        _, version, header, size = unpack(content, _CONTAINER, at)
        if version != 1 or header < _CONTAINER.size:
            at += len(MAGIC)  # These bytes may occur in code.
            continue
        for entry in _entries(Part(content, at + header, size)):
            counter.count()
            yield entry
        at += header + size


def _entries(container: Content) -> Iterator[CudaEntry]:
    at = 0
    while at + _ENTRY.size <= container.size:
        kind, _, header, size, _, _, minor, major, architecture, _, _, flags = unpack(container, _ENTRY, at)
        if header < _ENTRY.size or at + header + size > container.size:
            raise DamagedCodeError("a piece of code is larger than the container that it is in")
        if kind not in _KINDS:
            raise DamagedCodeError(f"it has code of kind {kind}, which is not known")
        yield CudaEntry(_KINDS[kind], f"{architecture}{_suffix(flags)}", (major, minor))
        at += header + size


def _suffix(flags: int) -> str:
    return "a" if flags & _SPECIFIC else "f" if flags & _FAMILY else ""


def cubin_architecture(elf: Elf) -> str:
    """The architecture of a cubin that is a file of its own, from ``e_flags``.

    Source: LLVM's ``llvm/BinaryFormat/ELF.h``, ``EF_CUDA_*``: since ABI version 8 in the second byte.
    """
    if elf.abi_version >= 8:
        return f"{elf.flags >> 8 & 0xFF}{'a' if elf.flags & 0x8 else ''}"
    return f"{elf.flags & 0xFF}{'a' if elf.flags & 0x800 else ''}"
