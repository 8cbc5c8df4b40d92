"""Intel's GPU code: zebin, SPIR-V, ocloc's archives, and the images of SYCL libraries."""

from __future__ import annotations

import struct

import pytest

from tests.machine_code.files import archive, elf_library, zebin, zstd_compress
from variantctl.machine_code.content import Memory
from variantctl.machine_code.library import LibraryCode, read_library

SPIRV = b"\x03\x02\x23\x07" + bytes(40)
DEVICES = archive(pad_0=b"x" * 8, device_64_12_60_7=b"code", device_64_20_1_4=b"codes", generic_ir=b"ir")
BUNDLE = "__CLANG_OFFLOAD_BUNDLE__sycl-spir64_gen"


def read(data: bytes) -> LibraryCode:
    code = read_library(Memory(data))
    assert code is not None
    return code


def test_files_by_themselves() -> None:
    assert read(zebin(12, 60, 7)).intel == ("12.60.7",)
    assert read(zebin(30, 1, 0)).format == "zebin"
    assert read(SPIRV).intel == ("spirv",)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("image", "devices"),
    [
        (SPIRV, ("spirv",)),
        (zebin(20, 1, 4), ("20.1.4",)),
        (DEVICES, ("12.60.7", "20.1.4", "spirv")),
        (archive(bmg=zebin(20, 2, 0), other=b"no code"), ("20.2.0",)),
    ],
)
def test_images_of_sycl(image: bytes, devices: tuple[str, ...], compressed: bool) -> None:
    content = zstd_compress(image) if compressed else image
    found = read(elf_library({BUNDLE: content}, needed=["libsycl.so.8"]))
    assert (found.intel, found.problems) == (devices, ())


def test_images_are_found_by_their_addresses() -> None:
    first, second = zstd_compress(DEVICES).ljust(512, b"\0"), zstd_compress(zebin(20, 2, 0))
    # The builder leaves every address zero.
    table = struct.pack("<QQQQ", 0, len(DEVICES), 512, 100)
    found = read(elf_library({BUNDLE: first + second, ".tgtimg": table}))
    assert (found.intel, found.problems) == (("12.60.7", "20.1.4", "20.2.0", "spirv"), ())


@pytest.mark.parametrize(
    "image",
    [
        zstd_compress(DEVICES)[:-10],
        DEVICES.replace(b"4         `", b"many      `"),
        zebin(20, 1, 4)[:70],
        b"\x28\xb5\x2f\xfd" + b"\xff" * 60,
    ],
)
def test_an_image_that_lies_does_no_harm(image: bytes) -> None:
    found = read(elf_library({BUNDLE: image, ".text": b"code"}, needed=["libsycl.so.8"]))
    assert found.needed == ("libsycl.so.8",)
    assert not found.problems or found.problems[0].startswith("an image of SYCL cannot be read: ")
