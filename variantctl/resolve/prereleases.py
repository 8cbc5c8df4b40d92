"""Which wheels of the indexes some needs let in: releases, and what only certain needs admit.

A pre-release is taken where a specifier names one, or where no release fits every specifier (version
specifiers, "Handling of pre-releases"); a yanked wheel only where ``==`` or ``===`` pins its version (PEP
592). So a further need may let in what the others do not, as long as it allows the version itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.accelerator_order import AcceleratorOrder
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import BaseCandidate, Candidate, WheelCandidate
from variantctl.resolve.needs import ExtraBaseRequirement, Need, ProjectRequirement, is_pin

if TYPE_CHECKING:
    from variantctl.resolve.options import SearchOptions


class CandidateFilter:
    """The candidates of projects, as their needs let them in.

    Args:
        stock: what can be had.
        options: what the user said about the search.
    """

    def __init__(self, candidate_finder: CandidateFinder, options: SearchOptions) -> None:
        self._candidate_finder = candidate_finder
        self._options = options
        self._order = AcceleratorOrder(candidate_finder)
        self._fitting: dict[
            tuple[NormalizedName, frozenset[str], bool], tuple[list[Version], list[Version]]
        ] = {}
        self._held_back: dict[NormalizedName, tuple[Version, ...]] = {}

    def candidates(self, name: NormalizedName, needs: Sequence[Need]) -> Iterator[WheelCandidate]:
        """What the needs of a project let in, best first."""
        releases, others, pinned = self._versions(name, needs)
        found = False
        for versions in (releases, others):
            if not found:
                for candidate in self._in_order(name, versions, needs, pinned):
                    found = True
                    yield candidate

    def admits(self, candidate: WheelCandidate, needs: Sequence[Need]) -> bool:
        """Whether a candidate that satisfies the needs of its project is one of those they let in."""
        if candidate.url is not None:
            return any(isinstance(need, ProjectRequirement) and need.url == candidate.url for need in needs)
        # What an extra was taken of says nothing about what may be taken.
        needs = [need for need in needs if not isinstance(need, ExtraBaseRequirement)]
        version = candidate.wheel.link.wheel.version
        return any(found is candidate for found in self.of_version(candidate.name, version, needs))

    def of_version(
        self, name: NormalizedName, version: Version, needs: Sequence[Need]
    ) -> Iterable[WheelCandidate]:
        """The candidates of one version that the needs let in."""
        releases, others, pinned = self._versions(name, needs)
        if version in others:
            if any(self._of_version(name, release, needs, pinned) for release in releases):
                return ()
        elif version not in releases:
            return ()
        return self._of_version(name, version, needs, pinned)

    def is_held_back(self, candidate: BaseCandidate) -> bool:
        """Whether a candidate may be taken only where some needs admit it."""
        if not isinstance(candidate, WheelCandidate):
            return False
        is_pre = candidate.version.is_prerelease and not self._options.pre
        return candidate.url is not None or is_pre or bool(candidate.wheel.link.file.yanked)

    def held_back(self, name: NormalizedName) -> tuple[Version, ...]:
        """The versions of a project that have wheels which only some needs admit, newest first."""
        known = self._held_back.get(name)
        if known is None:
            versions = self._candidate_finder.versions(name)
            known = self._held_back[name] = tuple(
                version
                for version in versions
                if (version.is_prerelease and not self._options.pre)
                or any(link.file.yanked for link in self._candidate_finder.project(name).wheels_of(version))
            )
        return known

    def _in_order(
        self, name: NormalizedName, versions: Sequence[Version], needs: Sequence[Need], pinned: bool
    ) -> Iterator[WheelCandidate]:
        """The candidates of some versions, in the order that the accelerator policy gives them."""

        def of_version(version: Version) -> Sequence[WheelCandidate]:
            return self._of_version(name, version, needs, pinned)

        if self._joins_installed(name):
            for version in versions:
                yield from of_version(version)
            return
        yield from self._order.candidates(name, versions, of_version)

    def _joins_installed(self, name: NormalizedName) -> bool:
        """Whether packages of the same source are installed and stay: then their accelerator is settled."""
        if self._options.choose_again or self._options.reinstall:
            return False
        return self._candidate_finder.backends.kept_label(name, self._options.upgrade) is not None

    def _of_version(
        self, name: NormalizedName, version: Version, needs: Sequence[Need], pinned: bool
    ) -> Sequence[WheelCandidate]:
        candidates = self._candidate_finder.candidates(name, version)
        if not candidates and pinned:
            candidates = self._candidate_finder.candidates(name, version, allow_yanked=True)
        candidates = tuple(filter(self._order.allows, candidates))
        if not any(candidate.wheel.link.backend for candidate in candidates):
            return candidates
        if not (self._options.choose_again or self._options.reinstall):
            candidates = self._candidate_finder.backends.like_installed(
                name, candidates, self._options.upgrade
            )
        return [
            candidate for candidate in candidates if all(need.is_satisfied_by(candidate) for need in needs)
        ]

    def _versions(
        self, name: NormalizedName, needs: Sequence[Need]
    ) -> tuple[list[Version], list[Version], bool]:
        """Allowed versions, newest first: those to take, those if there are no others; and is one pinned."""
        key = (name, frozenset(str(need) for need in needs), self._options.pre)
        specifier = SpecifierSet()
        for need in needs:
            if isinstance(need, ProjectRequirement):
                specifier &= need.specifier
        pinned = is_pin(specifier)
        known = self._fitting.get(key)
        if known is None:
            allowed = self._candidate_finder.allowed(name, needs)
            if (preferred := self._options.preferred.get(name)) is not None:
                allowed.sort(
                    key=lambda version: preferred not in self._candidate_finder.spellings(name, version)
                )
            if self._options.pre or specifier.prereleases:
                known = allowed, []
            else:
                known = (
                    [version for version in allowed if not version.is_prerelease],
                    [version for version in allowed if version.is_prerelease],
                )
            self._fitting[key] = known
        return (*known, pinned)


class DeferredCandidates:
    """The needs met so far, in whatever part of the search, and what they could let in.

    Args:
        stock: what can be had.
        admission: what needs let in.
        constraints: project -> needs that hold wherever it occurs.
    """

    def __init__(
        self,
        candidate_finder: CandidateFinder,
        admission: CandidateFilter,
        constraints: Mapping[NormalizedName, Sequence[ProjectRequirement]],
    ) -> None:
        self._candidate_finder = candidate_finder
        self._admission = admission
        self._constraints = constraints
        self._specifiers: dict[NormalizedName, dict[str, ProjectRequirement]] = {}
        self._references: dict[NormalizedName, dict[str, None]] = {}
        self._parents: dict[NormalizedName, set[NormalizedName]] = {}
        self._let_in: dict[NormalizedName, tuple[int, list[WheelCandidate]]] = {}
        self._given: dict[NormalizedName, int] = {}

    def meet(self, needs: Iterable[Need], parent: Candidate | None) -> None:
        """Remember some needs, and who has them (``None``: the user)."""
        for need in needs:
            if not isinstance(need, ProjectRequirement):
                continue
            if parent is not None:
                self._parents.setdefault(need.name, set()).add(parent.name)
            if need.url:
                self._references.setdefault(need.name, {})[need.url] = None
            elif need.specifier:
                self._specifiers.setdefault(need.name, {})[str(need.specifier)] = need

    def candidates(self, name: NormalizedName, needs: Sequence[Need]) -> list[WheelCandidate]:
        """The candidates of a project that satisfy some needs, and that those met anywhere could let in."""
        found = self._found(name)
        self._given.setdefault(name, len(found))
        return [candidate for candidate in found if all(need.is_satisfied_by(candidate) for need in needs)]

    def begin(self) -> None:
        """A search begins, with all that was met in earlier ones."""
        self._given.clear()

    def has_grown(self) -> bool:
        """Whether more could be let in of some project by now than when the search asked for it."""
        return any(len(self._found(name)) > given for name, given in self._given.items())

    def may_grow(self, name: NormalizedName, needs: Sequence[Need]) -> bool:
        """Whether a project has candidates that satisfy some needs, and that a need not met might let in."""
        needs = [*needs, *self._constraints.get(name, ())]
        admitted = {candidate.wheel.link.wheel.version for candidate in self._admitted(name)}
        return any(
            version not in admitted and all(need.allows(version) for need in needs)
            for version in self._admission.held_back(name)
        )

    def ancestors(self, names: Iterable[NormalizedName]) -> set[NormalizedName]:
        """The projects that need some others, directly or not, in any version that was met; and those."""
        found: set[NormalizedName] = set()
        pending = list(names)
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                pending += self._parents.get(name, ())
        return found

    def _found(self, name: NormalizedName) -> list[WheelCandidate]:
        direct = [self._candidate_finder.direct(url, name) for url in self._references.get(name, ())]
        return [*direct, *self._admitted(name)]

    def _admitted(self, name: NormalizedName) -> list[WheelCandidate]:
        """What is held back of a project and would be let in by all needs together that allow it."""
        met = self._specifiers.get(name, {})
        known = self._let_in.get(name)
        if known is None or known[0] != len(met):
            limits = self._constraints.get(name, ())
            found: list[WheelCandidate] = []
            for version in self._admission.held_back(name) if met else ():
                spellings = self._candidate_finder.spellings(name, version)
                needs = [need for need in met.values() if any(map(need.allows, spellings))]
                found += self._admission.of_version(name, version, [*limits, *needs])
            known = self._let_in[name] = (len(met), found)
        return known[1]
