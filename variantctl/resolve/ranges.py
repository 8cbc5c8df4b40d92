"""Which of a project's versions a specifier allows, as bits; and how a set of versions is told as ranges.

A project may have thousands of versions, and a search asks for hundreds of specifiers. Order decides for all
versions but those whose release is the specifier's own: only of these is ``packaging`` asked (version
specifiers, PEP 440: pre-releases, post-releases and local versions of the very release have their own rules).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from packaging.specifiers import Specifier, SpecifierSet
from packaging.version import Version

_Key = tuple[int, tuple[int, ...]]
_MOST_RANGES = 3


class VersionRow:
    """The versions of a project, newest first, each at one place or more of a row of bits.

    Args:
        versions: newest first.
        starts: the first place of each version, and the end.
    """

    def __init__(self, versions: Sequence[Version], starts: Sequence[int]) -> None:
        self.versions = versions
        self._starts = starts
        self._oldest_first = versions[::-1]
        self._known: dict[Specifier, int] = {}

    @property
    def all(self) -> int:
        """Every place."""
        return self._between(0, len(self.versions))

    def allowed(self, specifiers: SpecifierSet) -> int:
        """The places of the versions that specifiers allow, pre-releases too."""
        mask = self.all
        for specifier in specifiers:
            mask &= self._of(specifier)
        return mask

    def where(self, test: Callable[[Version], bool]) -> int:
        """The places of the versions of which something is true."""
        mask = 0
        for place, version in enumerate(self.versions):
            if test(version):
                mask |= self._between(place, place + 1)
        return mask

    def _of(self, specifier: Specifier) -> int:
        known = self._known.get(specifier)
        if known is None:
            known = self._known[specifier] = self._read(specifier)
        return known

    def _read(self, specifier: Specifier) -> int:
        operator, text = specifier.operator, specifier.version
        if operator == "===":
            return self.where(lambda version: specifier.contains(version, prereleases=True))
        if text.endswith(".*"):
            inside = self._series(_key(Version(text[:-2])), len(Version(text[:-2]).release))
            return inside if operator == "==" else self.all & ~inside
        bound = Version(text)
        if operator == "~=":
            series = self._series(_key(bound), len(bound.release) - 1)
            return series & self._of(Specifier(f">={text}"))
        low, high = self._same_release(bound)
        mask = self._beside(operator, low, high)
        for place in range(low, high):
            if specifier.contains(self.versions[place], prereleases=True):
                mask |= self._between(place, place + 1)
        return mask

    def _beside(self, operator: str, low: int, high: int) -> int:
        """What order alone decides: the versions newer than a release, or older, or both."""
        newer, older = self._between(0, low), self._between(high, len(self.versions))
        if operator in (">", ">="):
            return newer
        if operator in ("<", "<="):
            return older
        return newer | older if operator == "!=" else 0

    def _same_release(self, bound: Version) -> tuple[int, int]:
        """From where to where the versions of one release are."""
        key, rising, count = _key(bound), self._oldest_first, len(self.versions)
        return count - bisect_right(rising, key, key=_key), count - bisect_left(rising, key, key=_key)

    def _series(self, key: _Key, length: int) -> int:
        """The places of the versions whose release begins with the first numbers of another."""
        epoch, release = key
        first = (*release, *[0] * length)[:length]
        after = (*first[:-1], first[-1] + 1)
        low, high = (
            bisect_left(self._oldest_first, (epoch, _stripped(end)), key=_key) for end in (first, after)
        )
        count = len(self.versions)
        return self._between(count - high, count - low)

    def _between(self, first: int, after: int) -> int:
        return (1 << self._starts[after]) - (1 << self._starts[first])


def told(chosen: Sequence[Version], everything: Sequence[Version]) -> str:
    """Some versions in words: ``2.1``, ``>=1.0,<2.0``, ``<1.5 and 3.0``; ``""`` where they are all there are.

    Args:
        chosen: some of the versions.
        everything: every version there is, newest first.
    """
    wanted = set(chosen)
    if len(wanted) == len(everything):
        return ""
    runs: list[list[int]] = []
    for place, version in enumerate(everything):
        if version in wanted:
            if runs and runs[-1][1] == place - 1:
                runs[-1][1] = place
            else:
                runs.append([place, place])
    words = [_run(first, last, everything) for first, last in reversed(runs)]
    if len(words) > _MOST_RANGES:
        return f"{len(wanted)} of {len(everything)} versions ({min(wanted)} to {max(wanted)})"
    return " and ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)


def _run(first: int, last: int, everything: Sequence[Version]) -> str:
    """Versions that follow each other: from the newest of them to the oldest."""
    if first == last:
        return str(everything[first])
    parts = [f">={everything[last]}"] if last < len(everything) - 1 else []
    parts += [f"<={everything[first]}"] if first else []
    return ",".join(parts)


def _key(version: Version) -> _Key:
    return version.epoch, _stripped(version.release)


def _stripped(release: tuple[int, ...]) -> tuple[int, ...]:
    end = len(release)
    while end > 1 and release[end - 1] == 0:
        end -= 1
    return release[:end]
