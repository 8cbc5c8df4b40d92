"""What the tags of a wheel say: whether it is asked for, and which markers hold where it runs."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase

from packaging.tags import Tag

from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import WheelFilename

USUAL: Mapping[str, str] = {
    "platform_system": "Linux",
    "sys_platform": "linux",
    "os_name": "posix",
    "platform_machine": "x86_64",
}
"""The markers of the platform whose properties a label without an addition stands for."""

_SYSTEMS = (
    (re.compile(r"(?:many|musl)?linux(?:\d+|_\d+_\d+)?_(?P<machine>\w+)"), ("Linux", "linux", "posix")),
    (re.compile(r"macosx_\d+_\d+_(?P<machine>\w+)"), ("Darwin", "darwin", "posix")),
    (re.compile(r"win_(?P<machine>\w+)|win32"), ("Windows", "win32", "nt")),
)
_MACHINES = {("Windows", "amd64"): "AMD64", ("Windows", "arm64"): "ARM64", ("Darwin", "universal2"): "arm64"}
_SHORT = re.compile(r"(?P<system>linux|macos|windows)-(?P<machine>\w+)")
_PYTHON = re.compile(r"(?:cp)?(?P<major>[0-9])\.?(?P<minor>[0-9]{1,4})(?P<free>t?)")


class SelectionError(VariantctlError):
    """What was asked for is not there, or not written in a way that is understood."""

    kind = "invalid-selection"


def markers_of(wheel: WheelFilename) -> Mapping[str, str]:
    """The markers of the platform that a wheel is for; of one for any platform those of the usual one."""
    for platform in sorted(tag.platform for tag in wheel.tags):
        found = _system_and_machine(platform)
        if found is not None:
            (system, sys_platform, os_name), machine = found
            return {
                "platform_system": system,
                "sys_platform": sys_platform,
                "os_name": os_name,
                "platform_machine": machine,
            }
    return USUAL


class Platforms:
    """The platforms asked for.

    Args:
        wanted: tags (``win_amd64``), patterns of them (``*_aarch64``), or ``linux-x86_64``,
            ``linux-aarch64``, ``macos-arm64``, ``windows-amd64`` for all the tags of one; none: all.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self._short = [match for text in wanted if (match := _SHORT.fullmatch(text)) is not None]
        self._patterns = [text for text in wanted if _SHORT.fullmatch(text) is None]

    def has(self, wheel: WheelFilename) -> bool:
        """Whether a wheel is for one of them."""
        if not self._short and not self._patterns:
            return True
        return any(self._matches(tag.platform) for tag in wheel.tags)

    def _matches(self, platform: str) -> bool:
        if platform == "any" or any(fnmatchcase(platform, pattern) for pattern in self._patterns):
            return True
        found = _system_and_machine(platform)
        if found is None:
            return False
        system = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}[found[0][0]]
        return any(
            system == match["system"] and found[1].lower() == match["machine"].lower()
            for match in self._short
        )


class Pythons:
    """The Pythons asked for.

    Args:
        wanted: ``3.12``, ``cp312``, or ``3.13t`` for the free-threaded build; none: all.

    Raises:
        SelectionError: one is no such thing.
    """

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = []
        for text in wanted:
            match = _PYTHON.fullmatch(text)
            if match is None:
                raise SelectionError(f"{text!r} is not a Python version", hint="Write it as 3.12 or 3.13t.")
            self._wanted.append((int(match["major"]), int(match["minor"]), bool(match["free"])))

    def has(self, wheel: WheelFilename) -> bool:
        """Whether a wheel runs on one of them."""
        return not self._wanted or any(_runs(tag, each) for tag in wheel.tags for each in self._wanted)


def _runs(tag: Tag, python: tuple[int, int, bool]) -> bool:
    major, minor, free = python
    match = re.fullmatch(r"(py|cp)([0-9])([0-9]{0,4})", tag.interpreter)
    if match is None or int(match[2]) != major:
        return False
    of = int(match[3]) if match[3] else None
    if match[1] == "py":
        return of is None or of <= minor
    if tag.abi == "abi3":
        return of is not None and of <= minor and not free
    return of == minor and (tag.abi == "none" or tag.abi.endswith("t") == free)


def _system_and_machine(platform: str) -> tuple[tuple[str, str, str], str] | None:
    for pattern, names in _SYSTEMS:
        match = pattern.fullmatch(platform)
        if match is not None:
            machine = match["machine"] or "x86"
            return names, _MACHINES.get((names[0], machine), machine)
    return None
