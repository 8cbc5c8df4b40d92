"""Small files of each format, made from named parts."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression.zstd import compress as _compress
else:
    from backports.zstd import compress as _compress

CAPTURED = Path(__file__).parents[2] / "fixtures" / "machine_code"
_KINDS = {"ptx": 1, "cubin": 2, "lto": 8}
_SUFFIXES = {"a": 1 << 20, "f": 1 << 21}


def zstd_compress(content: bytes) -> bytes:
    """As compilers compress code."""
    return _compress(content)


def elf_library(
    sections: Mapping[str, bytes] | None = None,
    *,
    needed: Sequence[str] = (),
    machine: int = 62,
    flags: int = 0,
    abi: tuple[int, int] = (0, 0),
    types: Mapping[str, int] | None = None,
    order: str = "<",
) -> bytes:
    """A 64-bit ELF file with these sections, and a dynamic segment that needs these libraries."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in needed)
    body, rows, table = bytearray(64 + 2 * 56), [struct.pack(f"{order}IIQQQQIIQQ", *[0] * 10)], b"\0"
    strings_at = len(body)
    body += names.ljust(-(-len(names) // 8) * 8, b"\0")
    entries = [(1, names.index(name.encode() + b"\0")) for name in needed]
    entries += [(5, strings_at), (10, len(names)), (0, 0)]
    dynamic_at = len(body)
    body += b"".join(struct.pack(f"{order}QQ", *entry) for entry in entries)
    for name, content in (sections or {}).items():
        kind = (types or {}).get(name, 1)
        rows.append(
            struct.pack(f"{order}IIQQQQIIQQ", len(table), kind, 2, 0, len(body), len(content), 0, 0, 8, 0)
        )
        table += name.encode() + b"\0"
        body += content.ljust(-(-len(content) // 8) * 8, b"\0")
    rows.append(
        struct.pack(f"{order}IIQQQQIIQQ", len(table), 3, 0, 0, len(body), len(table) + 10, 0, 0, 1, 0)
    )
    table += b".shstrtab\0"
    body += table.ljust(-(-len(table) // 8) * 8, b"\0")
    sections_at = len(body)
    size = len(body)
    segments = [(1, 5, 0, 0, 0, size, size, 4096), (2, 6, dynamic_at, dynamic_at, 0, 16 * len(entries), 0, 8)]
    body[64:176] = b"".join(struct.pack(f"{order}IIQQQQQQ", *segment) for segment in segments)
    ident = b"\x7fELF" + bytes([2, 1 if order == "<" else 2, 1, *abi]).ljust(12, b"\0")
    counts = (64, 56, 2, 64, len(rows), len(rows) - 1)
    body[:64] = ident + struct.pack(
        f"{order}HHIQQQIHHHHHH", 3, machine, 1, 0, 64, sections_at, flags, *counts
    )
    return bytes(body) + b"".join(rows)


def fatbin(*entries: str, isa: tuple[int, int] = (9, 0), padding: int = 0) -> bytes:
    """One container of NVIDIA's: entries as ``cubin 90a``, ``ptx 120``, ``lto 90``."""
    body = b""
    for entry in entries:
        kind, _, architecture = entry.partition(" ")
        number, flags = architecture.rstrip("af"), _SUFFIXES.get(architecture[-1], 0) | 0x8011
        version = isa if kind == "ptx" else (1, 8)
        code = b"\x28\xb5\x2f\xfd".ljust(24, b"c")
        header = struct.pack(
            "<HHIQIIHHIIIQ",
            _KINDS[kind],
            0x101,
            64,
            24,
            20,
            0,
            version[1],
            version[0],
            int(number),
            0,
            0,
            flags,
        )
        body += header.ljust(64, b"\0") + code
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body + bytes(padding)


def gnu_property(kind: int, value: int) -> bytes:
    """A note of ``.note.gnu.property`` with one property."""
    content = struct.pack("<IIII", kind, 4, value, 0)
    return struct.pack("<III4s", 4, len(content), 5, b"GNU\0") + content


def bundle(*targets: str, prefix: str = "hipv4-amdgcn-amd-amdhsa--") -> bytes:
    """A bundle of AMD's, with a small code object for each target, after the empty one for the host."""
    names = ["host-x86_64-unknown-linux-gnu-", *(f"{prefix}{target}" for target in targets)]
    start = 32 + sum(24 + len(name) for name in names)
    table = b"__CLANG_OFFLOAD_BUNDLE__" + struct.pack("<Q", len(names))
    for number, name in enumerate(names):
        size = 16 if number else 0
        table += struct.pack("<QQQ", start + 16 * max(0, number - 1), size, len(name)) + name.encode()
    return table + b"c" * (16 * len(targets))


def compressed_bundle(content: bytes, *, version: int, method: str) -> bytes:
    """A bundle in each of clang's compressed forms."""
    packed = zlib.compress(content) if method == "zlib" else zstd_compress(content)
    number = ("zlib", "zstd").index(method)
    if version == 1:
        head = struct.pack("<4sHHIQ", b"CCOB", 1, number, len(content), 0)
    elif version == 2:
        head = struct.pack("<4sHHIIQ", b"CCOB", 2, number, 24 + len(packed), len(content), 0)
    else:
        head = struct.pack("<4sHHQQQ", b"CCOB", 3, number, 32 + len(packed), len(content), 0)
    return head + packed


def archive(**members: bytes) -> bytes:
    """An archive as ocloc makes them; ``_`` in names stands for ``.``."""
    data = b"!<arch>\n"
    for name, content in members.items():
        named = f"{name.removeprefix('device_').replace('_', '.') if name.startswith('device_') else name}/"
        data += f"{named:<16}{0:<12}{0:<6}{0:<6}{644:<8}{len(content):<10}`\n".encode() + content
        data += b"\n" * (len(content) % 2)
    return data


def zebin(architecture: int, release: int, revision: int) -> bytes:
    """Intel's device binary with the note that names its product."""
    content = struct.pack("<I", architecture << 22 | release << 14 | revision)
    note = struct.pack("<III8s", 8, len(content), 6, b"IntelGT\0") + content
    name = ".note.intelgt.compat"
    return elf_library({name: note}, machine=205, types={name: 7})


def pe_library(sections: Mapping[str, bytes], needed: Sequence[str], machine: int = 0x8664) -> bytes:
    """A 64-bit PE file with these sections, that imports these libraries."""
    names, table, at = b"", b"", 0x1000 + 20 * (len(needed) + 1)
    for name in needed:
        table += struct.pack("<IIIII", 0, 0, 0, at + len(names), 0)
        names += name.encode() + b"\0"
    every = {".idata": table + bytes(20) + names, **sections}
    directories = struct.pack("<IIII", 0, 0, 0x1000, len(table)) + bytes(14 * 8)
    optional = b"\x0b\x02".ljust(112, b"\0") + directories
    head = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", machine, len(every), 0, 0, 0, len(optional), 0x2022) + optional
    body, rows, address = b"", b"", 0x1000
    start = len(head) + 40 * len(every)
    for name, content in every.items():
        row = (name.encode()[:8], len(content), address, len(content), start + len(body))
        rows += struct.pack("<8sIIII", *row).ljust(40, b"\0")
        body += content
        address += -(-len(content) // 4096) * 4096
    return head + rows + body


def macho_library(needed: Sequence[str], constants: bytes = b"", processor: int = 0x0100000C) -> bytes:
    """A 64-bit Mach-O file that needs these libraries."""
    commands = b""
    for name in needed:
        text = name.encode().ljust(-(-(len(name) + 1) // 8) * 8, b"\0")
        commands += struct.pack("<IIIIII", 0xC, 24 + len(text), 24, 0, 0, 0) + text
    offset = 32 + len(commands) + 152
    segment = struct.pack("<II16sQQQQIIII", 0x19, 152, b"__TEXT", 0, 0, 0, 0, 0, 0, 1, 0)
    segment += struct.pack("<16s16sQQI", b"__cstring", b"__TEXT", 0, len(constants), offset).ljust(80, b"\0")
    commands += segment
    head = struct.pack("<4s7I", b"\xcf\xfa\xed\xfe", processor, 0, 6, len(needed) + 1, len(commands), 0, 0)
    return head + commands + constants


def universal(*files: bytes) -> bytes:
    """A Mach-O file with a slice for each."""
    at = 8 + 20 * len(files)
    head = struct.pack(">4sI", b"\xca\xfe\xba\xbe", len(files))
    for content in files:
        head += struct.pack(">5I", 0, 0, at, len(content), 0)
        at += len(content)
    return head + b"".join(files)
