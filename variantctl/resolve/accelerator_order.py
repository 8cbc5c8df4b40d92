"""In which order the builds of a project are tried: those for the machine's accelerator first.

A version is worth nothing to a GPU that it has no build for. So, where the machine has an accelerator, what
goes first is the newest version with a build for it, then the older ones that have one, and only then what
runs on the processor, newest first (design, rule 1). This is the one place that decides it; whatever searches
asks here. What is built for a processor (``x86_64``, ``aarch64``) never holds a version back.

In a source with an index for each accelerator the packages share one: where torchvision lacks torch's, an
older torch goes before the same torch for the processor. A version of an index of variants that has a build
for the accelerator keeps its other variants with it: their needs may be met where the build's cannot.

===========  =========================================================================================
``prefer``   the above; the default
``require``  nothing but builds for an accelerator, of projects that have such builds at all
``any``      newest version first, whatever it is built for
===========  =========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.net.errors import NetworkError
from variantctl.resolve.candidates import WheelCandidate
from variantctl.select.preferences import ANY, REQUIRE
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.resolve.candidate_finder import CandidateFinder

OfVersion = Callable[[Version], Sequence[WheelCandidate]]
"""The candidates of one version, best first."""

_MOST_READ = 32
"""Versions of an index of variants whose metadata is read in search of a build for the accelerator."""


_MOST_OPENED = 8
"""The same where the index has no file of it, so that wheels have to be opened."""


class AcceleratorOrder:
    """The order in which candidates are tried, by the user's accelerator policy.

    Args:
        candidate_finder: what can be had, and what the machine has.
    """

    def __init__(self, candidate_finder: CandidateFinder) -> None:
        self._candidate_finder = candidate_finder
        self._policy = candidate_finder.preferences.accelerator

    def candidates(
        self, name: NormalizedName, versions: Sequence[Version], of_version: OfVersion
    ) -> Iterator[WheelCandidate]:
        """The candidates of some versions, best first.

        Args:
            name: the project.
            versions: newest first, or as they are to be tried.
            of_version: the candidates of one of them.
        """
        if not self.counts_for(name):
            for version in versions:
                yield from of_version(version)
            return
        later: list[WheelCandidate] = []
        rest = iter(versions)
        for read, version in enumerate(rest, start=1):
            try:
                found = of_version(version)
            except VariantctlError:
                if not later:
                    raise
                # It is only looked at for a build that would go before; nothing that matters so far needs it.
                rest = chain([version], rest)
                break
            if any(candidate.accelerators for candidate in found):
                waits = [candidate for candidate in found if self._waits(candidate)]
                yield from (candidate for candidate in found if candidate not in waits)
                later += waits
                continue
            later += found
            if not self._may_come(name, read):
                break
            if read == 1:
                self._candidate_finder.builds.read_ahead(name, versions[1 : self._most_read(name)])
        yield from later
        for version in rest:
            yield from of_version(version)

    def behind(self, name: NormalizedName, versions: Sequence[Version]) -> frozenset[Version]:
        """The releases without a build for the accelerator that go after older releases, which have one.

        Args:
            name: the project.
            versions: newest first.

        For tools that only know newest first: what is behind is to be hidden from them. A version whose
        metadata cannot be read has no build.
        """
        if not self.counts_for(name) or not self._candidate_finder.builds.accelerators:
            return frozenset()
        passed: list[Version] = []
        behind: set[Version] = set()
        for version in versions:
            if version.is_prerelease:
                continue
            if any(candidate.accelerators for candidate in self._readable(name, version)):
                behind.update(passed)
            else:
                passed.append(version)
        return frozenset(behind)

    def counts_for(self, name: NormalizedName) -> bool:
        """Whether the policy changes anything for a project.

        Not where the user says which label to take, or none; nor for what joins an installed package of the
        same source, whose accelerator is settled.
        """
        candidate_finder = self._candidate_finder
        return (
            self._policy != ANY
            and not candidate_finder.preferences.no_variants
            and not candidate_finder.preferences.names_one(name)
            and candidate_finder.has_variants(name)
        )

    def allows(self, candidate: WheelCandidate) -> bool:
        """Whether the policy lets a candidate be taken at all."""
        if self._policy != REQUIRE or candidate.accelerators:
            return True
        return not (
            self.counts_for(candidate.name) and self._candidate_finder.builds.is_built_for(candidate.name)
        )

    def _readable(self, name: NormalizedName, version: Version) -> Sequence[WheelCandidate]:
        try:
            return self._candidate_finder.candidates(name, version)
        except NetworkError:
            raise
        except VariantctlError:
            return ()

    def _waits(self, candidate: WheelCandidate) -> bool:
        """Whether it comes after the builds for the accelerator of older versions, too."""
        return not candidate.accelerators and candidate.wheel.link.backend is not None

    def _may_come(self, name: NormalizedName, read: int) -> bool:
        """Whether an older version may have what the machine can use, and it is worth reading on."""
        if not self._candidate_finder.builds.accelerators:
            return False
        return self._candidate_finder.backends.has_source(name) or read < self._most_read(name)

    def _most_read(self, name: NormalizedName) -> int:
        """How many versions are looked through: few where each of their wheels would have to be opened."""
        is_listed = bool(self._candidate_finder.project(name).variants_json)
        return _MOST_READ if is_listed else _MOST_OPENED
