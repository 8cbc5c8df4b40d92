"""The interpreter that wheels must fit: its tags, its version, and its markers' values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from packaging.tags import Tag
from packaging.version import Version

from variantctl.values import dataclass, field
from variantctl.variants.digits import whole_number
from variantctl.variants.filenames import WheelFilename
from variantctl.variants.lenient import read_specifiers

_GLIBC = re.compile(r"manylinux_([0-9]{1,9})_([0-9]{1,9})_(.+)")
_PYTHON = re.compile(r"[a-z]+([0-9])([0-9]*)")
_LEGACY_GLIBC = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}


@dataclass(frozen=True)
class Interpreter:
    """What a wheel is installed for: one Python on one platform, here or described by a profile.

    Attributes:
        tags: every platform compatibility tag it accepts, best first.
        markers: the values of PEP 508's environment markers.
    """

    tags: Sequence[Tag]
    markers: Mapping[str, str]
    _requires_python: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)
    _ranks: dict[frozenset[Tag], int | None] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def python(self) -> Version:
        """The full version, as Requires-Python is compared with it."""
        # A pre-release ("3.14.0rc1") counts as its release, as in pip.
        return Version(Version(self.markers["python_full_version"].rstrip("+")).base_version)

    @cached_property
    def ranks(self) -> Mapping[Tag, int]:
        """Each tag's place, 0 for the best."""
        return {tag: place for place, tag in reversed(list(enumerate(self.tags)))}

    @cached_property
    def _platforms(self) -> frozenset[str]:
        return frozenset(tag.platform for tag in self.tags)

    def rank(self, wheel: WheelFilename) -> int | None:
        """The place of the wheel's best tag, 0 for the best; ``None`` if none fits."""
        # Wheels by the thousand have the same tags.
        if wheel.tags not in self._ranks:
            ranks = self.ranks
            self._ranks[wheel.tags] = min((ranks[tag] for tag in wheel.tags if tag in ranks), default=None)
        return self._ranks[wheel.tags]

    def accepts_python(self, requires_python: str | None) -> bool:
        """Whether Requires-Python lets this version in; a value that does not parse does (as in pip)."""
        if not requires_python:
            return True
        known = self._requires_python.get(requires_python)
        if known is None:
            specifiers = read_specifiers(requires_python)
            known = specifiers is None or specifiers.contains(self.python, prereleases=True)
            self._requires_python[requires_python] = known
        return known

    def is_of_platform(self, wheel: WheelFilename) -> bool:
        """Whether the platform of a wheel is ours, be its Python ours or not."""
        return any(tag.platform in self._platforms for tag in wheel.tags)

    def likeness(self, wheel: WheelFilename) -> tuple[bool, int] | None:
        """How much a wheel is like one for us: of our platform, and for a Python as new as ours or the newest
        before it; ``None``: it is for another major version, whose wheels needed other things."""
        minors = [minor for tag in wheel.tags if (minor := self._minor(tag)) is not None]
        return (self.is_of_platform(wheel), max(minors)) if minors else None

    def _minor(self, tag: Tag) -> int | None:
        """The minor version of the Python that a tag is for; one newer than ours counts as less than any."""
        found = _PYTHON.fullmatch(tag.interpreter)
        if found is None or whole_number(found[1]) != self.python.major:
            return None
        minor = whole_number(found[2]) or 0
        return minor if minor <= self.python.minor else -minor

    def why_not(self, wheel: WheelFilename) -> str:
        """One line: which part of the tags of a wheel that does not fit is to blame."""
        if not self.is_of_platform(wheel):
            return self._platform_mismatch(wheel.tags)
        offered = _summary(sorted({_python_part(tag) for tag in wheel.tags}))
        implementation = self.markers.get("platform_python_implementation", "CPython")
        name = "Python" if implementation == "CPython" else implementation
        return (
            f"is for {offered}, but this is {name} {self.python.major}.{self.python.minor}{self._abi_note()}"
        )

    def _abi_note(self) -> str:
        return " (free-threaded)" if self.tags and self.tags[0].abi.endswith("t") else ""

    def _platform_mismatch(self, tags: Iterable[Tag]) -> str:
        platforms = sorted({tag.platform for tag in tags})
        mine = next((tag.platform for tag in self.tags if tag.platform != "any"), "any")
        here = max((need for platform in self._platforms if (need := _glibc(platform))), default=None)
        needs = [need for platform in platforms if (need := _glibc(platform))]
        if here and needs:
            fitting = [need for need in needs if need[1] == here[1]]
            if fitting:
                major, minor = min(fitting)[0]
                return f"needs glibc {major}.{minor}, but this machine has glibc {here[0][0]}.{here[0][1]}"
        return f"is for {_summary(platforms)}, but this is {mine}"


def _glibc(platform: str) -> tuple[tuple[int, int], str] | None:
    """The glibc version and machine that a manylinux platform tag asks for."""
    if match := _GLIBC.fullmatch(platform):
        return (int(match[1]), int(match[2])), match[3]
    head, _, machine = platform.partition("_")
    return (_LEGACY_GLIBC[head], machine) if head in _LEGACY_GLIBC else None


def _python_part(tag: Tag) -> str:
    return tag.interpreter if tag.abi in ("none", tag.interpreter) else f"{tag.interpreter}-{tag.abi}"


def _summary(words: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else f"{shown} and {len(words) - most} more"
