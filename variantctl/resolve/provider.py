"""What the search asks: what could satisfy a need, what comes first, and what that needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from packaging.utils import NormalizedName

from variantctl.resolve.backend_domain import BackendDomain
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import (
    BaseCandidate,
    Candidate,
    ExtraCandidate,
    InstalledCandidate,
    WheelCandidate,
)
from variantctl.resolve.coherence import Coherence
from variantctl.resolve.dependencies import Dependencies
from variantctl.resolve.domain import Domain
from variantctl.resolve.errors import HashesError
from variantctl.resolve.needs import BackendRequirement, Need, ProjectRequirement
from variantctl.resolve.options import SearchOptions
from variantctl.resolve.order import Order
from variantctl.resolve.prereleases import CandidateFilter, Choice
from variantctl.variants.markers import VariantRequirement

#: After how many tried versions of a project METADATA of more is asked for ahead: as uv does it.
_AHEAD_AFTER = (5, 10, 20)
_AHEAD_EVERY = 20
_MOST_AHEAD = 50


class NewReferenceError(Exception):
    """A direct reference to a project was met whose candidates were known without it: begin anew."""


class Provider:
    """Versions newest first, and within a version its compatible variants, best first.

    Args:
        candidate_finder: what can be had.
        constraints: project -> needs that hold wherever the project occurs.
        order: identifier -> its place on the command line.
        options: what the user said about the search.
        overrides: project -> what takes the place of every requirement of it.
        coherence: the only toolkit that is let in; ``None``: any.

    Attributes:
        dependencies: what candidates need.
    """

    def __init__(
        self,
        candidate_finder: CandidateFinder,
        constraints: Mapping[NormalizedName, Sequence[ProjectRequirement]],
        order: Mapping[str, int],
        options: SearchOptions,
        overrides: Mapping[NormalizedName, Sequence[VariantRequirement]] | None = None,
        coherence: Coherence | None = None,
    ) -> None:
        self.dependencies = Dependencies(
            candidate_finder,
            no_deps=options.no_deps,
            every_device=options.every_device,
            overrides=overrides,
            named=lambda name: name in self._only_references,
        )
        self._places = order
        self._overrides = overrides
        self._order = Order(candidate_finder, options, order)
        self._filter = CandidateFilter(self._order, options)
        self._coherence = coherence
        self._candidate_finder = candidate_finder
        self._constraints = constraints
        self._options = options
        self._known_needs: dict[int, tuple[Candidate, list[Need]]] = {}
        self._extras: dict[tuple[int, NormalizedName], ExtraCandidate] = {}
        self._domains: dict[NormalizedName, Domain] = {}
        self._backends: dict[str, BackendDomain] = {}
        self._references: dict[NormalizedName, dict[str, None]] = {}
        self._only_references: set[NormalizedName] = set()
        self._tried: Counter[NormalizedName] = Counter()

    def with_coherence(self, coherence: Coherence) -> Provider:
        """The same for a search with one toolkit alone; it has met nothing yet."""
        return Provider(
            self._candidate_finder,
            self._constraints,
            self._places,
            self._options,
            self._overrides,
            coherence,
        )

    def meet(self, roots: Iterable[Need]) -> None:
        """The user's own needs, before the search begins."""
        roots = list(roots)
        limits = [limit for listed in self._constraints.values() for limit in listed]
        for need in (*roots, *limits):
            self._filter.meet(need)
            if isinstance(need, ProjectRequirement) and need.url:
                self._references.setdefault(need.name, {})[need.url] = None
                self._only_references.add(need.name)
        self.expect(roots)

    def limits(self, name: NormalizedName) -> Sequence[ProjectRequirement]:
        """The needs that hold wherever a project occurs."""
        return self._constraints.get(name, ())

    def is_known(self, name: NormalizedName) -> bool:
        """Whether a project was asked for already."""
        return name in self._domains

    def domain(self, name: NormalizedName) -> Domain:
        """The candidates of a project.

        Raises:
            HashesError: every project must have hashes, and this has none.
        """
        known = self._domains.get(name)
        if known is None:
            only_urls = name in self._only_references
            if not only_urls:
                self._demand_hashes(name)
            known = self._domains[name] = Domain(
                name,
                self._candidate_finder,
                urls=tuple(self._references.get(name, ())),
                only_urls=only_urls,
                installed=None if self._options.reinstall else self._candidate_finder.installed(name),
                allows=self._allows,
                like_installed=not (self._options.choose_again or self._options.reinstall),
                leaving=self._options.upgrade,
            )
        return known

    def _allows(self, candidate: WheelCandidate) -> bool:
        coherent = self._coherence is None or self._coherence.allows(candidate)
        return coherent and self._order.allows(candidate)

    def backend_domain(self, identifier: str) -> BackendDomain:
        """The backends of a source."""
        return self._backends.setdefault(identifier, BackendDomain(identifier))

    def choose(self, domain: Domain, left: int, needs: Sequence[Need]) -> Choice:
        """The candidate of a project that comes first of what is left and let in by all its needs."""
        return self._filter.choose(domain, left, needs)

    def could_be_let_in(self, name: NormalizedName, among: int) -> int:
        """What of some candidates of a project the needs that were met anywhere would let in."""
        return self._filter.could_be_let_in(self.domain(name), among, self.limits(name))

    def get_dependencies(self, candidate: Candidate) -> list[Need]:
        """What the candidate's chosen wheel needs on this machine.

        Raises:
            NewReferenceError: one of them is a direct reference that changes what can be had.
        """
        known = self._known_needs.get(id(candidate))
        if known is None:
            unfit = self._coherence.against(candidate) if self._coherence is not None else None
            needs: list[Need] = [unfit] if unfit is not None else list(self.dependencies.needs_of(candidate))
            # The candidate is kept with its needs: its id must not be used again.
            known = self._known_needs[id(candidate)] = (candidate, needs)
            self._meet(needs)
            self.expect(needs)
        return known[1]

    def backend_of(self, candidate: Candidate) -> BackendRequirement | None:
        """The backend that a wheel needs, which is known without its METADATA."""
        if isinstance(candidate, WheelCandidate) and candidate.wheel.link.backend:
            return self._candidate_finder.backends.need_of(candidate)
        return None

    def foresee(self, domain: Domain, left: int, needs: Sequence[Need]) -> None:
        """METADATA of what will most likely be tried of a project is asked for, while others are decided."""
        if self._candidate_finder.has_variants(domain.name):
            return  # which variant is best may have to be looked up
        place = self.choose(domain, left, [*needs, *self.limits(domain.name)]).place
        candidate = domain.candidate(place) if place is not None else None
        if isinstance(candidate, WheelCandidate) and id(candidate) not in self._known_needs:
            self._candidate_finder.expect_metadata([candidate])

    def needs_if_known(self, candidate: Candidate) -> list[Need] | None:
        """What a candidate needs; ``None`` where the search did not come to it."""
        known = self._known_needs.get(id(candidate))
        return known[1] if known is not None else None

    def can_be_had(self, need: Need) -> bool:
        """Whether a project has a candidate that satisfies a need, whatever else is needed."""
        if isinstance(need, BackendRequirement):
            return True
        return any(self._candidates_for(need))

    def looked_at(self, need: Need) -> Iterator[BaseCandidate]:
        """The candidates that satisfy a need of a project, and whose own needs are known."""
        if isinstance(need, ProjectRequirement):
            found = self._candidates_for(need)
            yield from (candidate for candidate in found if id(candidate) in self._known_needs)

    def _candidates_for(self, need: Need) -> Iterator[BaseCandidate]:
        domain = self.domain(need.name)
        mask = domain.mask(need)
        for limit in self.limits(need.name):
            mask &= domain.mask(limit)
        candidates = (domain.candidate(place) for place in self._order.of(domain, mask))
        return (candidate for candidate in candidates if candidate is not None)

    def tried(self, domain: Domain, left: int) -> None:
        """A candidate is tried: once many are, METADATA of those that are left is asked for together."""
        self._tried[domain.name] += 1
        count = self._tried[domain.name]
        if count in _AHEAD_AFTER or (count > _AHEAD_AFTER[-1] and not count % _AHEAD_EVERY):
            following = islice(self._order.of(domain, left), min(count, _MOST_AHEAD))
            candidates = [domain.candidate(place) for place in following]
            self._candidate_finder.expect_metadata(
                candidate
                for candidate in candidates
                if isinstance(candidate, WheelCandidate) and not candidate.wheel.link.backend
            )

    def family_of(self, name: NormalizedName) -> tuple[str, int]:
        """The source of backends that has a project, and its place there; of others itself."""
        return self._candidate_finder.backends.family_of(name)

    def extra_of(self, base: BaseCandidate, extra: NormalizedName) -> ExtraCandidate:
        """An extra of a candidate."""
        return self._extras.setdefault((id(base), extra), ExtraCandidate(base, extra))

    def expect(self, needs: Iterable[Need]) -> None:
        """Have pages asked for ahead, unless what is installed will do."""
        self._candidate_finder.expect_projects(
            need.name
            for need in needs
            if isinstance(need, ProjectRequirement)
            and not need.url
            and not need.extra
            and (need.name in self._options.upgrade or not self._is_installed(need))
        )

    def _meet(self, needs: Iterable[Need]) -> None:
        for need in needs:
            self._filter.meet(need)
            if isinstance(need, ProjectRequirement) and need.url:
                listed = self._references.setdefault(need.name, {})
                if need.url not in listed:
                    listed[need.url] = None
                    if self._domains.pop(need.name, None) is not None:
                        raise NewReferenceError

    def _is_installed(self, need: ProjectRequirement) -> bool:
        if self._options.reinstall:
            return False
        candidate: InstalledCandidate | None = self._candidate_finder.installed(need.name)
        return candidate is not None and need.is_satisfied_by(candidate)

    def _demand_hashes(self, name: NormalizedName) -> None:
        if self._options.require_hashes and not self._candidate_finder.hashes(name):
            raise HashesError(
                f"--require-hashes: there is no hash for {name}",
                hint=f"List it in a requirements file as '{name}==VERSION --hash=sha256:DIGEST'.",
            )
