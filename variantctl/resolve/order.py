"""What is tried first of a project's candidates, where its needs leave a choice: a preference, never a need.

What is installed or locked stays where it may. The rest is for the accelerator policy to order
(:mod:`.accelerator_order`): the newest version first and within a version the best variant, where nothing of
the machine speaks for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.accelerator_order import AcceleratorOrder
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import WheelCandidate
from variantctl.resolve.domain import Domain, places

if TYPE_CHECKING:
    from variantctl.resolve.options import SearchOptions


class Order:
    """The order of candidates.

    Args:
        candidate_finder: what can be had, and what is installed.
        options: what the user said about the search.
        asked: identifier -> its place on the command line.
    """

    def __init__(
        self, candidate_finder: CandidateFinder, options: SearchOptions, asked: Mapping[str, int]
    ) -> None:
        self._candidate_finder = candidate_finder
        self._options = options
        self._asked = asked
        self._accelerators = AcceleratorOrder(candidate_finder)
        self._chosen_again: dict[int, tuple[Domain, int]] = {}

    def allows(self, candidate: WheelCandidate) -> bool:
        """Whether the user's policy lets a candidate be taken at all."""
        return self._accelerators.allows(candidate)

    def of(self, domain: Domain, among: int) -> Iterator[int]:
        """The places of some candidates of a project, those that are preferred first."""
        installed = domain.installed_mask
        again = self.keeps_version(domain)
        if again:
            yield from self._again(domain, among, again)
            yield from self._from_index(domain, among & ~again & ~installed)
        elif not installed:
            yield from self._from_index(domain, among)
        elif domain.name in self._options.upgrade:
            yield from self._upgrading(domain, among)
        else:
            yield from places(among & installed)
            yield from self._from_index(domain, among & ~installed)

    def keeps_version(self, domain: Domain) -> int:
        """What may be taken whatever admits it: the installed version, where its variant is chosen again."""
        known = self._chosen_again.get(id(domain))
        if known is None:
            # The domain is kept with it: its id must not be used again.
            known = self._chosen_again[id(domain)] = (domain, self._kept_version(domain))
        return known[1]

    def _kept_version(self, domain: Domain) -> int:
        installed = domain.installed
        if installed is None or not self._options.choose_again or domain.name in self._options.upgrade:
            return 0
        backends = self._candidate_finder.backends
        asked = domain.name in self._asked or backends.label_of(installed.package) is not None
        listed = domain.listed_as(installed.version)
        if not asked or not self._candidate_finder.candidates_if_any(domain.name, listed):
            return 0
        return domain.of_version(listed)

    def _again(self, domain: Domain, among: int, version: int) -> Iterator[int]:
        """The variants of the installed version, what is installed in the place of the same wheel."""
        for place in places(version):
            candidate = domain.candidate(place)
            if candidate is not None and domain.is_twin(candidate):
                yield from places(among & domain.installed_mask)
            elif among >> place & 1:
                yield place

    def _upgrading(self, domain: Domain, among: int) -> Iterator[int]:
        """What is installed in the place of the same wheel, or before all that is older.

        What is built for an accelerator may go before a newer version that is not, and so before this one.
        """
        installed = list(places(among & domain.installed_mask))
        twin = domain.twin_mask
        for place in self._from_index(domain, among & ~domain.installed_mask | twin):
            candidate = domain.candidate(place)
            is_older = domain.is_older(place) and not getattr(candidate, "accelerators", ())
            if installed and (twin >> place & 1 or is_older):
                yield installed.pop()
            if among >> place & 1:
                yield place
        yield from installed

    def _from_index(self, domain: Domain, among: int) -> Iterator[int]:
        """What indexes have and direct references; with ``prefer_binary`` what is to be built comes last."""
        if not self._options.prefer_binary:
            yield from self._newest_first(domain, among)
            return
        builds: list[int] = []
        for place in self._newest_first(domain, among):
            candidate = domain.candidate(place)
            if isinstance(candidate, WheelCandidate) and candidate.is_to_be_built:
                builds.append(place)
            else:
                yield place
        yield from builds

    def _newest_first(self, domain: Domain, among: int) -> Iterator[int]:
        """What indexes have, the version of a lock first, and direct references."""
        first = among & self._preferred(domain)
        if self._accelerators.counts_for(domain.name) and not self._joins_installed(domain.name):
            yield from self._for_accelerators(domain, among, first)
            return
        for version in domain.versions_in(first & domain.row.all):
            for candidate in self._listed(domain, version):
                yield from places(first & 1 << domain.place_of(candidate))
        yield from places(first & ~domain.row.all)
        yield from places(among & ~first)

    def _preferred(self, domain: Domain) -> int:
        preferred = self._options.preferred.get(domain.name)
        if preferred is None:
            return 0
        spellings = self._candidate_finder.spellings
        return domain.row.where(lambda version: preferred in spellings(domain.name, version))

    def _listed(self, domain: Domain, version: Version) -> list[WheelCandidate]:
        """The wheels of a listed version; of those of one label the build that a lock has first."""
        found = domain.listed(version)
        labels = [candidate.wheel.label for candidate in found]
        preferred = self._options.preferred.get(domain.name)
        return sorted(found, key=lambda one: (labels.index(one.wheel.label), one.version != preferred))

    def _for_accelerators(self, domain: Domain, among: int, first: int) -> Iterator[int]:
        listed = among & domain.row.all
        versions = [*domain.versions_in(first), *domain.versions_in(listed & ~first)]
        for candidate in self._accelerators.candidates(domain.name, versions, partial(self._listed, domain)):
            place = 1 << domain.place_of(candidate)
            if among & place:
                yield from places(place)
                among &= ~place
        yield from places(among)

    def _joins_installed(self, name: NormalizedName) -> bool:
        """Whether packages of the same source are installed and stay: then their accelerator is settled."""
        if self._options.choose_again or self._options.reinstall:
            return False
        return self._candidate_finder.backends.kept_label(name, self._options.upgrade) is not None
