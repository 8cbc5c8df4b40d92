"""The search for a set of candidates: conflict-directed backjumping over a resolvelib provider.

resolvelib's own search re-decides a pinned candidate when a later one disagrees with it. It can then lose
what the pinned one needs and return a set that does not satisfy it (with resolvelib 1.2.1: ``b`` needs
``f!=1``, ``f 7`` needs ``b!=8`` and ``d==3``, ``d 3`` needs ``f<3``; it answers ``b 8, f 1``), or fall into
endless recursion over what was left behind. Here a decision stands until it is taken back, together with all
that followed from it. So what is found satisfies every need, and a search that ends without a solution has
tried everything (P. Prosser, "Hybrid algorithms for the constraint satisfaction problem", 1993).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count, islice
from typing import Any

from packaging.utils import NormalizedName
from resolvelib.resolvers.exceptions import ResolutionImpossible, ResolutionTooDeep
from resolvelib.structs import RequirementInformation

from variantctl.resolve.candidates import Candidate
from variantctl.resolve.needs import AbiRequirement, ImpossibleRequirement, Need, ProjectRequirement
from variantctl.resolve.provider import Provider
from variantctl.resolve.trace import Trace
from variantctl.values import dataclass, field
from variantctl.variants.errors import VariantctlError

Information = RequirementInformation[Need, Candidate]


@dataclass
class _Decision:
    """A project that a candidate is being chosen for.

    Attributes:
        identifier: the project, or the extra of one.
        candidates: those not tried yet, best first.
        chosen: the candidate that stands.
        blame: the earlier decisions (by their place) that left fewer candidates, or turned some away.
        causes: the needs that turned candidates away, for the message when none is left.
    """

    identifier: str
    candidates: Iterator[Candidate]
    blame: set[int]
    chosen: Candidate | None = None
    causes: list[Information] = field(default_factory=list)


class Search:
    """One search; ``pins`` holds what stands: identifier -> candidate."""

    def __init__(self, provider: Provider, trace: Trace) -> None:
        self.pins: dict[str, Candidate] = {}
        self._provider = provider
        self._trace = trace
        self._needs: dict[str, list[Information]] = {}
        self._decisions: list[_Decision] = []
        self._place: dict[str, int] = {}
        self._last_causes: list[Information] = []
        self._involved: set[NormalizedName] = set()
        self._conflicts: dict[tuple[NormalizedName, frozenset[int]], list[Need]] = {}

    def run(self, roots: Iterable[Need], max_rounds: int) -> Mapping[str, Candidate]:
        """The candidates that satisfy the roots and each other's needs, each let in by some of these.

        Raises:
            ResolutionImpossible: there are none; the causes are the needs that were in each other's way.
            ResolutionTooDeep: more than ``max_rounds`` candidates were tried.
        """
        roots = list(roots)
        for root in roots:
            if causes := self._add(root, None):
                self._involve(causes)
                raise ResolutionImpossible(causes)
        rounds = count(1)
        while (decision := self._next() or self._without_ground(roots)) is not None:
            self._decisions.append(decision)
            while not self._choose(decision, rounds, max_rounds):
                decision = self._jump_back(decision)
        return self.pins

    def read_on(self, roots: Iterable[Need]) -> None:
        """Once the search has failed: meet needs that it did not come to, where those might let more in.

        That is a guess with a limit: the best candidates of each project, and what those need in turn. What
        is open comes first, then what the search had decided and was not to blame.
        """
        roots = list(roots)
        if not self._may_find_more(roots):
            return
        listed = [information.requirement for needs in self._needs.values() for information in needs]
        wanted = sorted([*roots, *listed], key=lambda need: need.identifier in self.pins)
        seen = {(need.identifier, str(need)): need for need in wanted}
        for need in islice(_growing(seen), _MOST_READ_ON):
            alone = _Needs({need.identifier: [RequirementInformation(need, None)]})
            try:
                for candidate in islice(self._matches(need.identifier, alone), _MOST_OF_EACH):
                    for further in self._provider.get_dependencies(candidate):
                        seen.setdefault((further.identifier, str(further)), further)
            except VariantctlError:
                # Nobody asked for it yet: if it matters, the next search will say so.
                continue

    def _may_find_more(self, roots: Sequence[Need]) -> bool:
        """Whether something held back of a project would have helped, had a need let it in."""
        mine: dict[str, list[Need]] = {}
        for root in roots:
            mine.setdefault(root.name, []).append(root)
        may_grow = self._provider.may_grow
        return any(may_grow(name, needs) for (name, _), needs in self._conflicts.items()) or any(
            may_grow(name, mine.get(name, ())) for name in self._involved
        )

    def _next(self) -> _Decision | None:
        """The next project to decide; ``None`` when nothing is open."""
        open_ones = [name for name, needs in self._needs.items() if needs and name not in self.pins]
        if not open_ones:
            return None
        information = {name: iter(self._needs[name]) for name in open_ones}
        nothing: dict[str, Iterator[Candidate]] = {}
        narrowed = list(
            self._provider.narrow_requirement_selection(
                open_ones, self.pins, nothing, information, self._last_causes
            )
        )

        def preference(name: str) -> Any:
            listed = {name: iter(self._needs[name])}
            return self._provider.get_preference(name, self.pins, nothing, listed, self._last_causes)

        identifier = min(narrowed, key=preference) if len(narrowed) > 1 else narrowed[0]
        return _Decision(identifier, self._matches(identifier), self._blame_of(identifier))

    def _without_ground(self, roots: Iterable[Need]) -> _Decision | None:
        """A decision that nothing is left for, where a candidate was let in by what is gone by now."""
        unfounded = self._provider.unfounded(roots, self.pins)
        if not unfounded:
            return None
        others = self._provider.ancestors(unfounded)
        blame = {place for name, place in self._place.items() if _project(name) in others}
        causes: list[Information] = [
            RequirementInformation(ImpossibleRequirement(candidate.name, _UNFOUNDED), candidate)
            for candidate in unfounded
        ]
        return _Decision("<without ground>", iter(()), blame, causes=causes)

    def _choose(self, decision: _Decision, rounds: Iterator[int], max_rounds: int) -> bool:
        """Let the next candidate stand that contradicts no earlier decision; false where there is none."""
        for candidate in decision.candidates:
            if next(rounds) > max_rounds:
                raise ResolutionTooDeep(max_rounds)
            self._place[decision.identifier] = len(self._decisions) - 1
            self.pins[decision.identifier] = candidate
            decision.chosen = candidate
            causes = self._add_all(self._provider.get_dependencies(candidate), candidate)
            if not causes:
                return True
            self._trace.reject(causes, candidate)
            self._involve(causes)
            decision.causes += causes
            decision.blame |= self._blamed(causes)
            self._take_back(decision)
        return False

    def _jump_back(self, dead: _Decision) -> _Decision:
        """Take back everything after the latest decision that is to blame, and that decision too."""
        place = len(self._decisions) - 1
        causes = dead.causes or list(self._needs[dead.identifier])
        blame = {earlier for earlier in dead.blame if earlier < place}
        if not blame:
            raise ResolutionImpossible(causes)
        self._last_causes = causes
        self._trace.resolving_conflicts(causes)
        target = max(blame)
        while len(self._decisions) > target + 1:
            self._take_back(self._decisions.pop())
        decision = self._decisions[target]
        self._trace.give_up(decision.chosen, causes)
        self._take_back(decision)
        decision.blame |= blame - {target}
        decision.causes = _unique([*decision.causes, *causes])
        return decision

    def _take_back(self, decision: _Decision) -> None:
        """Undo the choice and all that it needs."""
        chosen = decision.chosen
        if chosen is None:
            return
        for need in self._provider.get_dependencies(chosen):
            listed = self._needs.get(need.identifier)
            while listed and listed[-1].parent is chosen:
                listed.pop()
        self.pins.pop(decision.identifier, None)
        self._place.pop(decision.identifier, None)
        decision.chosen = None

    def _add_all(self, needs: Iterable[Need], parent: Candidate) -> list[Information]:
        for need in needs:
            if causes := self._add(need, parent):
                return causes
        return []

    def _add(self, need: Need, parent: Candidate | None) -> list[Information]:
        """Take on a need; where it cannot be had, the needs in each other's way, this one last."""
        self._trace.adding_requirement(need, parent)
        listed = self._needs.setdefault(need.identifier, [])
        listed.append(RequirementInformation(need, parent))
        pin = self.pins.get(need.identifier)
        if pin is not None:
            return [] if self._provider.is_satisfied_by(need, pin) else list(listed)
        return [] if next(self._matches(need.identifier), None) is not None else list(listed)

    def _matches(
        self, identifier: str, needs: Mapping[str, Iterator[Need]] | None = None
    ) -> Iterator[Candidate]:
        """The candidates that satisfy what is needed now, or some other needs."""
        matches = self._provider.find_matches(identifier, needs or _Needs(self._needs), _NOTHING)
        return iter(matches() if callable(matches) else matches)

    def _involve(self, causes: Sequence[Information]) -> None:
        self._involved.update(cause.parent.name for cause in causes if cause.parent is not None)
        for name in {cause.requirement.name for cause in causes}:
            needs = [cause.requirement for cause in causes if cause.requirement.name == name]
            if all(isinstance(need, (ProjectRequirement, AbiRequirement)) for need in needs):
                self._conflicts.setdefault((name, frozenset(map(id, needs))), needs)

    def _blamed(self, causes: Sequence[Information]) -> set[int]:
        """The decisions behind some contradicting needs: who has them, and what they met."""
        blamed: set[int] = set()
        for identifier in {cause.requirement.identifier for cause in causes}:
            blamed |= self._blame_of(identifier)
            if identifier in self._place:
                blamed.add(self._place[identifier])
        return blamed

    def _blame_of(self, identifier: str) -> set[int]:
        """The decisions that narrow the candidates of a project (of an extra: those of its base too)."""
        base = _project(identifier)
        blamed = {self._place[base]} if base != identifier and base in self._place else set()
        for information in (*self._needs.get(identifier, ()), *(self._needs.get(base, ()))):
            parent = information.parent
            if parent is not None and parent.identifier in self._place:
                blamed.add(self._place[parent.identifier])
        return blamed


class _Needs(Mapping[str, Iterator[Need]]):
    """The needs in the form in which a resolvelib provider wants them."""

    def __init__(self, needs: Mapping[str, Sequence[Information]]) -> None:
        self._needs = needs

    def __getitem__(self, identifier: str) -> Iterator[Need]:
        return iter([information.requirement for information in self._needs[identifier]])

    def __iter__(self) -> Iterator[str]:
        return iter(self._needs)

    def __len__(self) -> int:
        return len(self._needs)


class _Nothing(Mapping[str, Iterator[Candidate]]):
    """No candidate is known to be incompatible: what was turned away is not tried again anyway."""

    def __getitem__(self, identifier: str) -> Iterator[Candidate]:
        return iter(())

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


_NOTHING = _Nothing()
_MOST_READ_ON = 40
_MOST_OF_EACH = 4
_UNFOUNDED = "may be taken only where something asks for it, and without it nothing does"


def _growing(needs: Mapping[tuple[str, str], Need]) -> Iterator[Need]:
    """The needs, and those that are added meanwhile."""
    place = 0
    while place < len(needs):
        yield from list(needs.values())[place : (place := len(needs))]


def _project(identifier: str) -> str:
    return identifier.partition("[")[0]


def _unique(causes: Sequence[Information]) -> list[Information]:
    return list({(id(cause.requirement), id(cause.parent)): cause for cause in causes}.values())
