"""Which candidates some needs let in: releases, and what only certain needs admit.

A pre-release is taken where a specifier names one, or where no release fits every specifier (version
specifiers, "Handling of pre-releases"); a yanked wheel only where ``==`` or ``===`` pins its version (PEP
592); a direct reference only where a need has it (PEP 508). So a further need may let in what the others do
not: whoever finds nothing has to ask again when more needs are met.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

from packaging.utils import NormalizedName

from variantctl.resolve.candidates import BaseCandidate, WheelCandidate
from variantctl.resolve.domain import Domain, places
from variantctl.resolve.needs import Need, ProjectRequirement
from variantctl.resolve.order import Order

if TYPE_CHECKING:
    from variantctl.resolve.options import SearchOptions


class Choice(NamedTuple):
    """What is chosen among the candidates of a project.

    Attributes:
        place: of the candidate; ``None`` where the needs let none in.
        unusable: places of which it was found that no wheel can be taken.
    """

    place: int | None
    unusable: int


class CandidateFilter:
    """The choice among candidates, as their needs let them in.

    Args:
        order: what goes first.
        options: what the user said about the search.
    """

    def __init__(self, order: Order, options: SearchOptions) -> None:
        self._order = order
        self._options = options
        self._met: dict[NormalizedName, dict[str, ProjectRequirement]] = {}
        self._seen: set[Need] = set()
        self._releases: dict[tuple[int, int, bool], bool] = {}

    def choose(self, domain: Domain, left: int, needs: Sequence[Need]) -> Choice:
        """The first of what is left of a project's candidates that all needs of it let in."""
        wanted = [need for need in needs if isinstance(need, ProjectRequirement)]
        kept = self._order.keeps_version(domain)
        if self._options.pre or any(need.specifier.prereleases for need in wanted):
            return self._first(domain, left, wanted, kept)
        pre = domain.prereleases & ~kept
        place, unusable = self._first(domain, left & ~pre, wanted, kept)
        if place is not None or not left & pre or self._has_release(domain, needs, wanted):
            return Choice(place, unusable)
        place, others = self._first(domain, left & pre, wanted, kept)
        return Choice(place, unusable | others)

    def meet(self, need: Need) -> None:
        """Remember a need that occurs anywhere, whether or not it is one of those that hold now."""
        if need in self._seen:
            return
        self._seen.add(need)
        if isinstance(need, ProjectRequirement) and (need.specifier or need.url):
            self._met.setdefault(need.name, {}).setdefault(need.url or str(need.specifier), need)

    def could_be_let_in(self, domain: Domain, among: int, limits: Sequence[Need]) -> int:
        """What of some candidates the needs that were met anywhere would let in, were they to hold."""
        met = list(self._met.get(domain.name, {}).values())
        mask = 0
        for place in places(among):
            allowing = [need for need in met if domain.mask(need) >> place & 1]
            if self.choose(domain, 1 << place, [*allowing, *limits]).place is not None:
                mask |= 1 << place
        return mask

    def _first(self, domain: Domain, among: int, needs: Sequence[ProjectRequirement], kept: int) -> Choice:
        pinned = any(need.pins for need in needs)
        urls = {need.url for need in needs}
        unusable = 0
        for place in self._order.of(domain, among):
            candidate = domain.candidate(place)
            if candidate is None or domain.is_twin(candidate):
                unusable |= 1 << place
            elif _is_let_in(candidate, pinned=pinned, urls=urls) or kept >> place & 1:
                return Choice(place, unusable)
        return Choice(None, unusable)

    def _has_release(
        self, domain: Domain, needs: Sequence[Need], wanted: Sequence[ProjectRequirement]
    ) -> bool:
        """Whether a release fits every need, whatever else is in its way."""
        mask = domain.row.all & ~domain.prereleases
        for need in needs:
            mask &= domain.mask(need)
        pinned = any(need.pins for need in wanted)
        key = (id(domain), mask, pinned)
        if key not in self._releases:
            found = (domain.candidate(place) for place in self._order.of(domain, mask))
            self._releases[key] = any(
                candidate is not None and _is_let_in(candidate, pinned=pinned, urls=()) for candidate in found
            )
        return self._releases[key]


def _is_let_in(candidate: BaseCandidate, *, pinned: bool, urls: Collection[str | None]) -> bool:
    if not isinstance(candidate, WheelCandidate):
        return True
    if candidate.url is not None:
        return candidate.url in urls
    return pinned or not candidate.wheel.link.file.yanked
