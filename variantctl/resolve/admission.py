"""Which wheels of the indexes some needs let in: releases, and what only certain needs admit.

A pre-release is taken where a specifier names one, or where no release fits every specifier (version
specifiers, "Handling of pre-releases"); a yanked wheel only where ``==`` or ``===`` pins its version (PEP
592). So a further need may let in what the others do not, as long as it allows the version itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.accelerator_order import AcceleratorOrder
from variantctl.resolve.candidates import BaseCandidate, WheelCandidate
from variantctl.resolve.needs import Need, ProjectNeed, SameNeed, is_pin
from variantctl.resolve.stock import Stock

if TYPE_CHECKING:
    from variantctl.resolve.provider import SearchOptions


class Admission:
    """The candidates of projects, as their needs let them in.

    Args:
        stock: what can be had.
        options: what the user said about the search.
    """

    def __init__(self, stock: Stock, options: SearchOptions) -> None:
        self._stock = stock
        self._options = options
        self._order = AcceleratorOrder(stock)
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
            return any(isinstance(need, ProjectNeed) and need.url == candidate.url for need in needs)
        # What an extra was taken of says nothing about what may be taken.
        needs = [need for need in needs if not isinstance(need, SameNeed)]
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
            versions = self._stock.versions(name)
            known = self._held_back[name] = tuple(
                version
                for version in versions
                if (version.is_prerelease and not self._options.pre)
                or any(link.file.yanked for link in self._stock.project(name).wheels_of(version))
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
        preferred = self._options.preferred.get(name)
        if preferred is not None and versions and preferred in self._stock.spellings(name, versions[0]):
            yield from of_version(versions[0])
            versions = versions[1:]
        yield from self._order.candidates(name, versions, of_version)

    def _joins_installed(self, name: NormalizedName) -> bool:
        """Whether packages of the same source are installed and stay: then their accelerator is settled."""
        if self._options.choose_again or self._options.reinstall:
            return False
        return self._stock.backends.kept_label(name, self._options.upgrade) is not None

    def _of_version(
        self, name: NormalizedName, version: Version, needs: Sequence[Need], pinned: bool
    ) -> Sequence[WheelCandidate]:
        candidates = self._stock.candidates(name, version)
        if not candidates and pinned:
            candidates = self._stock.candidates(name, version, allow_yanked=True)
        candidates = tuple(filter(self._order.allows, candidates))
        if not any(candidate.wheel.link.backend for candidate in candidates):
            return candidates
        if not (self._options.choose_again or self._options.reinstall):
            candidates = self._stock.backends.like_installed(name, candidates, self._options.upgrade)
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
            if isinstance(need, ProjectNeed):
                specifier &= need.specifier
        pinned = is_pin(specifier)
        known = self._fitting.get(key)
        if known is None:
            allowed = self._stock.allowed(name, needs)
            if (preferred := self._options.preferred.get(name)) is not None:
                allowed.sort(key=lambda version: preferred not in self._stock.spellings(name, version))
            if self._options.pre or specifier.prereleases:
                known = allowed, []
            else:
                known = (
                    [version for version in allowed if not version.is_prerelease],
                    [version for version in allowed if version.is_prerelease],
                )
            self._fitting[key] = known
        return (*known, pinned)
