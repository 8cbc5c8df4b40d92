"""Intel's GPU code: zebin files, SPIR-V, and the images that SYCL programs carry.

Sources: intel-graphics-compiler's "ELF Layout" of zebin (``NT_INTELGT_PRODUCT_CONFIG``), the SPIR-V
specification ("Physical Layout"), compute-runtime's ocloc (archives whose members are named after
devices), and DPC++'s offload wrapper (sections of images; ``.tgtimg`` has their addresses), as they are
in bitsandbytes 0.50.2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from itertools import islice

from variantctl.machine_code.archive import MAGIC as ARCHIVE
from variantctl.machine_code.compression import STORED, ZSTD, ZSTD_MAGIC, Unpacked
from variantctl.machine_code.content import MOST_AT_ONCE, Content, Memory, Part
from variantctl.machine_code.elf import INTELGT, MAGIC, Elf
from variantctl.machine_code.errors import DamagedCodeError
from variantctl.machine_code.sections import Section

SPIRV = b"\x03\x02\x23\x07"
IMAGES, ADDRESSES = "__CLANG_OFFLOAD_BUNDLE__sycl-", ".tgtimg"
#: What stands for code that every device's driver compiles for itself.
ANY_DEVICE = "spirv"
_PRODUCT_CONFIG, _LEAST = 6, 1 << 16
_DEVICE = re.compile(r"(?:64|32)\.(\d{1,3}\.\d{1,3}\.\d{1,3})")
_MOST_IMAGES, _MOST_MEMBERS, _MOST_UNPACKED, _MOST_SECTIONS = 10_000, 1000, 4 << 30, 16


def device_ips(elf: Elf) -> Iterator[str]:
    """The devices of one zebin file: architecture, release and revision of the product that it is for."""
    for name, kind, data in elf.notes():
        if name == "IntelGT" and kind == _PRODUCT_CONFIG and len(data) == 4:
            value = int.from_bytes(data, "little")
            yield f"{value >> 22}.{value >> 14 & 0xFF}.{value & 0x3F}"


def read_images(whole: Content, sections: Sequence[Section]) -> Iterator[str]:
    """The devices of the images of a SYCL library.

    Args:
        whole: the library.
        sections: its sections.

    Raises:
        DamagedCodeError: an image cannot be read; devices before it were given.
    """
    unpacked = 0
    for image in _images(whole, sections):
        stream = Unpacked(image, ZSTD if image.read(0, 4) == ZSTD_MAGIC else STORED)
        yield from _devices(stream)
        # An image that has nothing costs something, too.
        unpacked += stream.total + _LEAST
        if unpacked > _MOST_UNPACKED:
            raise DamagedCodeError(f"its images unpack to more than {_MOST_UNPACKED:,} bytes")


def _images(whole: Content, sections: Sequence[Section]) -> Iterator[Content]:
    named = (section for section in sections if section.name.startswith(IMAGES) and section.size >= 4)
    held = list(islice(named, _MOST_SECTIONS))
    table = next((section for section in sections if section.name == ADDRESSES), None)
    if table is None:
        yield from (Part(whole, section.offset, section.size) for section in held)
        return
    data = Part(whole, table.offset, table.size).read(0, min(table.size, 16 * _MOST_IMAGES))
    for address, _ in struct.iter_unpack("<QQ", data[: len(data) - len(data) % 16]):
        for section in held:
            start = address - section.address
            if 0 <= start <= section.size - 4:
                yield Part(whole, section.offset + start, section.size - start)


def _devices(stream: Unpacked) -> Iterator[str]:
    start = stream.read(8)
    if start.startswith(SPIRV):
        yield ANY_DEVICE
    elif start == ARCHIVE:
        yield from _members(stream)
    elif start.startswith(MAGIC):
        yield from zebin_devices(start + stream.read(MOST_AT_ONCE))


def zebin_devices(data: bytes) -> Iterator[str]:
    """The devices of a zebin file in memory; of other files none."""
    elf = Elf(Memory(data))
    if elf.machine == INTELGT:
        yield from device_ips(elf)


def _members(stream: Unpacked) -> Iterator[str]:
    """Of ocloc's archive: members ``64.12.60.7`` are for a device, ``generic_ir`` is SPIR-V."""
    for _ in range(_MOST_MEMBERS):
        header = stream.read(60)
        if len(header) < 60:
            return
        name, size = header[:16].decode("ascii", "replace").rstrip(" /"), _size(header)
        device = _DEVICE.fullmatch(name)
        if device is not None:
            yield device[1]
        elif name == "generic_ir":
            yield ANY_DEVICE
        elif not name.startswith("pad_") and size <= MOST_AT_ONCE:
            data = stream.read(size)
            if data.startswith(MAGIC):
                yield from zebin_devices(data)
            size -= len(data)
        stream.skip(size + (size & 1))
        if stream.total > _MOST_UNPACKED:
            raise DamagedCodeError(f"an image unpacks to more than {_MOST_UNPACKED:,} bytes")


def _size(header: bytes) -> int:
    text = header[48:58].strip()
    if not text.isdigit():  # of bytes: ASCII alone
        raise DamagedCodeError("an archive of device binaries has a member without a size")
    return int(text)
