"""Small files of each format, made from named parts."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

CAPTURED = Path(__file__).parents[2] / "fixtures" / "machine_code"
_KINDS = {"ptx": 1, "cubin": 2, "lto": 8}
_SUFFIXES = {"a": 1 << 20, "f": 1 << 21}


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
