"""The candidates of one project, as places in a row of bits: sets of candidates are integers.

Place 0 stands for the project not being there at all. The wheels of an index follow, newest version first and
within a version the best variant first; then what needs no index: what is installed, and direct references.
What a version has is looked at only when a candidate is asked for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import BaseCandidate, InstalledCandidate, WheelCandidate, is_same
from variantctl.resolve.needs import Need, ProjectRequirement
from variantctl.resolve.ranges import VersionRow

ABSENT = 1


class Domain:
    """What can be chosen for a project.

    Args:
        name: the project.
        candidate_finder: what can be had.
        urls: the direct references to it that are known.
        only_urls: whether nothing but those may be taken, so that no index needs to be asked.
        installed: what the environment has of it, where that counts.
        allows: which wheels the user's policy lets in.
        like_installed: whether, of a source of backends, the backend of what is installed goes first.
        leaving: packages that are upgraded, whose backend says nothing.

    Attributes:
        name: the project.
        row: the versions of the indexes, and their places.
        urls: the direct references to it that are known.
        installed_place: where what is installed is; ``None`` where nothing is that counts.
    """

    def __init__(
        self,
        name: NormalizedName,
        candidate_finder: CandidateFinder,
        *,
        urls: Sequence[str] = (),
        only_urls: bool = False,
        installed: InstalledCandidate | None = None,
        allows: Callable[[WheelCandidate], bool] = lambda candidate: True,
        like_installed: bool = False,
        leaving: frozenset[NormalizedName] = frozenset(),
    ) -> None:
        self.name = name
        self.urls = tuple(urls)
        self._candidate_finder = candidate_finder
        self._installed = installed
        self._allows = allows
        self._like_installed = like_installed
        self._leaving = leaving
        versions = () if only_urls else candidate_finder.versions(name)
        self.row = VersionRow(versions, self._starts(versions))
        self._first_extra = self._ends[-1]
        self.installed_place = self._first_extra if installed is not None else None
        self._by_version: dict[int, Sequence[WheelCandidate]] = {}
        self._masks: dict[object, int] = {}
        self._of_needs: dict[Need, int] = {}
        self._urls: dict[str, int] = {
            url: self._first_extra + (installed is not None) + place for place, url in enumerate(self.urls)
        }

    def _starts(self, versions: Sequence[Version]) -> list[int]:
        builds = self._candidate_finder.project(self.name).builds if versions else {}
        if not builds:
            self._ends = list(range(1, len(versions) + 2))
            return self._ends
        self._ends = [1]
        for version in versions:
            self._ends.append(self._ends[-1] + builds.get(version, 1))
        return self._ends

    @property
    def all(self) -> int:
        """Every candidate."""
        return (1 << (self._first_extra + (self._installed is not None) + len(self._urls))) - 1 & ~ABSENT

    @property
    def prereleases(self) -> int:
        """The places of pre-releases of the indexes."""
        return self._remembered("pre", lambda: self.row.where(lambda version: version.is_prerelease))

    @property
    def installed(self) -> InstalledCandidate | None:
        """What the environment has of it, where that counts."""
        return self._installed

    @property
    def installed_mask(self) -> int:
        """The place of what is installed, if anything is that counts."""
        return 0 if self.installed_place is None else 1 << self.installed_place

    @property
    def twin_mask(self) -> int:
        """The place of the wheel of an index that is the same as what is installed, if there is one."""
        if self._installed is None:
            return 0
        found = places(self.of_version(self.listed_as(self._installed.version)))
        return sum(1 << place for place in found if (one := self.candidate(place)) and self.is_twin(one))

    def is_older(self, place: int) -> bool:
        """Whether a place is older than what is installed, by version alone."""
        there = self._installed
        return there is not None and self.version_at(place) < self.listed_as(there.version)

    def listed(self, version: Version) -> Sequence[WheelCandidate]:
        """The wheels of a listed version that can be taken, the best of each label, best first."""
        return self._of_version(self.row.versions.index(version))

    def place_of(self, candidate: WheelCandidate) -> int:
        """The place of a wheel that ``listed`` gave."""
        at = self.row.versions.index(candidate.wheel.link.wheel.version)
        return self._ends[at] + [id(one) for one in self._of_version(at)].index(id(candidate))

    def listed_as(self, version: Version) -> Version:
        """The version of the index that a wheel's own version is listed as."""
        if version.local is None or version in self.row.versions:
            return version
        return Version(version.public)

    def version_at(self, place: int) -> Version:
        """The version at a place, as it is listed."""
        if place < self._first_extra:
            return self.row.versions[bisect_right(self._ends, place) - 1]
        candidate = self.candidate(place)
        assert candidate is not None
        return candidate.version

    def candidate(self, place: int) -> BaseCandidate | None:
        """The candidate at a place; ``None`` where no wheel there can be taken.

        Raises:
            NoCandidateError, UnsupportedVariantError: what was asked for by name does not fit the machine.
        """
        if place >= self._first_extra:
            if place == self.installed_place:
                return self._installed
            return self._candidate_finder.direct(self.urls[place - min(self._urls.values())], self.name)
        at = bisect_right(self._ends, place) - 1
        found = self._of_version(at)
        slot = place - self._ends[at]
        return found[slot] if slot < len(found) else None

    def other_python(self, place: int) -> str | None:
        """The Python that a version asks for, where nothing else keeps its wheels from being taken."""
        if place >= self._first_extra or self.candidate(place) is not None:
            return None
        interpreter = self._candidate_finder.interpreter
        links = self._candidate_finder.project(self.name).wheels_of(self.version_at(place))
        asked = (link.file.requires_python for link in links if interpreter.rank(link.wheel) is not None)
        return next((text for text in asked if not interpreter.accepts_python(text)), None)

    def is_twin(self, candidate: BaseCandidate) -> bool:
        """Whether a wheel is what is installed, which has a place of its own."""
        return (
            self._installed is not None
            and isinstance(candidate, WheelCandidate)
            and candidate.url is None
            and is_same(candidate, self._installed)
        )

    def mask(self, need: Need) -> int:
        """The places of the candidates that satisfy a need."""
        known = self._of_needs.get(need)
        if known is None:
            known = self._of_needs[need] = self._of_kind(need)
        return known

    def _of_kind(self, need: Need) -> int:
        """The same; needs that say the same share the answer."""
        if isinstance(need, ProjectRequirement):
            key: object = need.url or need.specifier
        else:
            key = str(need)
        return self._remembered(key, lambda: self._satisfying(need))

    def versions_in(self, mask: int) -> list[Version]:
        """The versions of which a set has a candidate, newest first."""
        return list(dict.fromkeys(self.version_at(place) for place in places(mask & self.all)))

    def of_version(self, version: Version) -> int:
        """The places of one listed version."""
        return self.row.where(lambda other: other == version)

    def _satisfying(self, need: Need) -> int:
        url = need.url if isinstance(need, ProjectRequirement) else None
        mask = 0
        if self._is_kept_by(need, url):
            mask |= 1 << (self.installed_place or 0)
        if url is not None:
            return mask if mask else 1 << self._urls[url]
        for place in self._urls.values():
            candidate = self.candidate(place)
            if candidate is not None and need.is_satisfied_by(candidate):
                mask |= 1 << place
        return mask | self._of_index(need)

    def _is_kept_by(self, need: Need, url: str | None) -> bool:
        """Whether what is installed satisfies a need; a reference only as long as its file is the same."""
        there = self._installed
        if there is None or not need.is_satisfied_by(there):
            return False
        return url is None or self._candidate_finder.is_unchanged(there, url)

    def _of_index(self, need: Need) -> int:
        if self._has_backends:
            return self._of_backends(need)
        if isinstance(need, ProjectRequirement):
            return self.row.allowed(need.specifier)
        return self.row.where(need.allows)

    @property
    def _has_backends(self) -> bool:
        return bool(self.row.versions) and self._candidate_finder.project(self.name).has_backends

    def _of_backends(self, need: Need) -> int:
        """Where wheels of several versions are listed as one (``2.10.0+cu128``), each is asked by itself."""
        mask = 0
        for at, version in enumerate(self.row.versions):
            fitting = {need.allows(real) for real in self._candidate_finder.spellings(self.name, version)}
            for place in range(self._ends[at], self._ends[at + 1]):
                candidate = self.candidate(place) if len(fitting) > 1 else None
                if fitting == {True} or (candidate is not None and need.allows(candidate.version)):
                    mask |= 1 << place
        return mask

    def _of_version(self, at: int) -> Sequence[WheelCandidate]:
        known = self._by_version.get(at)
        if known is None:
            known = self._by_version[at] = self._read(self.row.versions[at])
        return known

    def _read(self, version: Version) -> Sequence[WheelCandidate]:
        candidates = self._candidate_finder.candidates(self.name, version)
        wheels = self._candidate_finder.project(self.name).by_version[version]
        if not candidates and any(link.file.yanked for link in wheels):
            candidates = self._candidate_finder.candidates(self.name, version, allow_yanked=True)
        candidates = tuple(filter(self._allows, candidates))
        if self._like_installed and any(candidate.wheel.link.backend for candidate in candidates):
            return self._candidate_finder.backends.like_installed(self.name, candidates, self._leaving)
        return candidates

    def _remembered(self, key: object, work: Callable[[], int]) -> int:
        known = self._masks.get(key)
        if known is None:
            known = self._masks[key] = work()
        return known


def places(mask: int) -> Iterator[int]:
    """The places of a set, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
