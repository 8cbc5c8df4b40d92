"""Which platforms and Pythons wheels are for, read from their tags: what a page lets one pick."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from packaging.tags import Tag

from variant_index.web.audience import Device, Platform

MUSL = "musl 1.2"

#: Where a wheel is for any platform: those that most people have.
_USUAL = (
    Platform("Linux", "x86_64"),
    Platform("Linux", "aarch64"),
    Platform("Windows", "AMD64"),
    Platform("Darwin", "arm64"),
)
_ORDER = (*_USUAL, Platform("Darwin", "x86_64"), Platform("Windows", "ARM64"), Platform("Windows", "x86"))
_LINUX = re.compile(r"(?:(musl)linux_\d+_\d+|manylinux_\d+_\d+|manylinux(?:1|2010|2014)|linux)_(.+)")
_MACOS = re.compile(r"macosx_\d+_\d+_(.+)")
_WINDOWS = {"win_amd64": "AMD64", "win_arm64": "ARM64", "win32": "x86"}
#: Apple's names for several processors at once (PyPA, "Platform compatibility tags", "macOS").
_FAT = {"universal2": ("arm64", "x86_64"), **dict.fromkeys(("universal", "intel", "fat64"), ("x86_64",))}
_SYSTEMS = {"Darwin": "macOS"}
_PROCESSORS = {
    **dict.fromkeys(("x86_64", "AMD64"), "x86-64"),
    **dict.fromkeys(("aarch64", "ARM64", "arm64"), "Arm"),
    "x86": "32-bit",
}
_CPYTHON = re.compile(r"cp3(\d+)")


def platforms_of(tags: Iterable[Tag]) -> list[Platform]:
    """The platforms that wheels with these tags are for, the usual ones first.

    Of Linux with glibc and of macOS the version is left open. Platforms without a ``platform.machine()`` of
    their own (Android, iOS, Emscripten) are not among them.
    """
    found: dict[Platform, None] = {}
    for name in sorted({tag.platform for tag in tags}):
        found.update(dict.fromkeys(_of_tag(name)))
    order = {platform: place for place, platform in enumerate(_ORDER)}
    return sorted(found, key=lambda item: (order.get(item, len(order)), item.libc, item.system, item.machine))


def _of_tag(platform: str) -> Iterator[Platform]:
    if platform == "any":
        yield from _USUAL
    elif platform in _WINDOWS:
        yield Platform("Windows", _WINDOWS[platform])
    elif match := _LINUX.fullmatch(platform):
        yield Platform("Linux", match[2], MUSL if match[1] else "")
    elif match := _MACOS.fullmatch(platform):
        yield from (Platform("Darwin", machine) for machine in _FAT.get(match[1], (match[1],)))


def title_of(platform: Platform) -> str:
    """``Linux x86-64``, ``macOS Apple silicon``, ``Linux Arm (musl)``."""
    processor = _processor(platform)
    if platform.system == "Darwin":
        processor = {"arm64": "Apple silicon", "x86_64": "Intel"}.get(platform.machine, processor)
    musl = " (musl)" if platform.libc.startswith("musl") else ""
    return f"{_SYSTEMS.get(platform.system, platform.system)} {processor}{musl}"


def pythons_of(tags: Iterable[Tag], usual: Sequence[str]) -> list[str]:
    """The Pythons that wheels with these tags are built for, newest first; *usual*: for wheels for any."""
    found = set(usual)
    for tag in tags:
        if match := _CPYTHON.fullmatch(tag.interpreter):
            free_threaded = tag.abi == f"{tag.interpreter}t"
            found.add(f"3.{match[1]}{'t' if free_threaded else ''}")
    return sorted(found, key=_newest_first)


def _newest_first(python: str) -> tuple[int, bool]:
    return -int(python.removesuffix("t").partition(".")[2]), python.endswith("t")


def suits(device: Device, platform: Platform) -> bool:
    """Whether a machine can run a platform at all: a graphics card fits any system, a processor its own."""
    own = device.platform
    both_apple = (own.system == "Darwin") == (platform.system == "Darwin")
    return both_apple and _processor(own) == _processor(platform)


def as_on(device: Device | None, platform: Platform) -> Platform:
    """A platform with the C library that a device is known to have on it."""
    if device is not None and not platform.libc:
        own = device.platform
        if (own.system, own.machine) == (platform.system, platform.machine):
            return own
    return platform


def _processor(platform: Platform) -> str:
    return _PROCESSORS.get(platform.machine, platform.machine)
