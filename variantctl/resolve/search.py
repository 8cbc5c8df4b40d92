"""The search for a set of candidates: PubGrub, which learns from conflicts what must never be tried again.

Looked at first: resolvelib (the search of pip, which backtracks without memory), pubgrub-py (a binding to a
Rust library that wants every version known in advance), and SAT solvers (python-sat, which know no "newest
first" and give no reason in words). PubGrub is what uv, Dart and Poetry use, and its rules are short: see
:mod:`.incompatibility` for the words, :mod:`.partial_solution` for what follows from a decision and what a
conflict teaches, :mod:`.priorities` for what is decided next.

It is sound and complete: what is found satisfies every need, and where it ends without a solution the last
incompatibility is a proof. Candidates that only some needs let in (pre-releases, yanked wheels, direct
references: :mod:`.prereleases`) wait until a decided candidate asks for them. Where nothing is left but such,
that follows from the decisions on all projects that might have asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from packaging.utils import NormalizedName

from variantctl.resolve.candidates import Candidate
from variantctl.resolve.domain import ABSENT, Domain, places
from variantctl.resolve.errors import TooDeepError
from variantctl.resolve.incompatibility import (
    HeldBack,
    Incompatibility,
    Limited,
    Package,
    Required,
    Same,
    Unusable,
)
from variantctl.resolve.needs import BackendRequirement, ExtraBaseRequirement, ImpossibleRequirement, Need
from variantctl.resolve.partial_solution import PartialSolution
from variantctl.resolve.priorities import Priorities
from variantctl.resolve.provider import Provider

Progress = Callable[[int, int], None]

_TOLD_EVERY = 20


class NoSolutionError(Exception):
    """There is none.

    Attributes:
        proof: an incompatibility without terms, and what it follows from.
    """

    def __init__(self, proof: Incompatibility) -> None:
        super().__init__()
        self.proof = proof


class _Places(dict[Package, tuple[int, int, int, int]]):
    """Where packages are in the order of decisions: as it was when something of each changed last.

    That a package is in conflicts often moves it when it is looked at again, as in uv: what conflicts
    with all versions of a project is not decided before it.
    """

    def __init__(self, priorities: Priorities) -> None:
        super().__init__()
        self._priorities = priorities

    def __missing__(self, package: Package) -> tuple[int, int, int, int]:
        place = self[package] = self._priorities.of(package)
        return place


class Search:
    """One search.

    Args:
        provider: what can be had.
        progress: called now and then with the number of packages met and of candidates looked at.
        carefully: do not assume that what was not met yet asks for nothing that is held back. That is slow
            where many projects might.
    """

    def __init__(
        self, provider: Provider, progress: Progress | None = None, *, carefully: bool = False
    ) -> None:
        self._provider = provider
        self._progress = progress
        self._solution = PartialSolution()
        self._priorities = Priorities(provider.family_of)
        self._packages: dict[str, Package] = {}
        self._needs: dict[NormalizedName, list[Need]] = {}
        self._needing: dict[NormalizedName, set[NormalizedName]] = {}
        self._shared: dict[tuple[Package, Package, int], Incompatibility] = {}
        self._known: set[tuple[Package, int]] = set()
        self._left_out: dict[tuple[Package, int], Sequence[Need]] = {}
        self._extras: dict[NormalizedName, list[Package]] = {}
        self._waiting: set[Package] = set()
        self._foreseen: set[Package] = set()
        self._assumed: dict[NormalizedName, int] = {}
        self._carefully = carefully
        self._unusable: dict[Package, Incompatibility] = {}
        self._places = _Places(self._priorities)
        self._deciding: Package | None = None

    def run(self, roots: Iterable[Need], max_rounds: int) -> Mapping[str, Candidate]:
        """The candidates that satisfy the roots and each other's needs, each let in by some of these.

        Raises:
            NoSolutionError: there are none.
            NewReferenceError: begin anew.
            TooDeepError: more than ``max_rounds`` candidates were tried.
        """
        for root in roots:
            self._needs.setdefault(root.name, []).append(root)
            if (required := self._require(root)) is not None:
                self._note(self._solution.check(required))
        for number in range(max_rounds):
            self._propagate()
            self._take_back()
            for package in self._solution.changed & self._solution.open.keys():
                self._places[package] = self._priorities.of(package)
            self._solution.changed.clear()
            self._foresee()
            if not self._solution.open:
                return self._pins()
            if self._progress is not None and not number % _TOLD_EVERY:
                self._progress(len(self._packages), len(self._known))
            self._go_on()
        raise TooDeepError(
            f"no solution was found in {max_rounds:,} steps, and the search was given up",
            hint="Narrow the search: pin some versions, for instance in a constraints file (-c).",
        )

    def assumed_too_much(self) -> bool:
        """Whether needs were met meanwhile that might let in what was taken for hopeless."""
        return any(self._provider.could_be_let_in(name, hopeless) for name, hopeless in self._assumed.items())

    def _foresee(self) -> None:
        """Have METADATA asked for of what was not needed before: many at once, each once."""
        for package in self._solution.open:
            if package not in self._foreseen:
                self._foreseen.add(package)
                if package.base is None and package.identifier[0] != "<":
                    domain = self._provider.domain(package.name)
                    self._provider.foresee(domain, package.left, self._needs.get(package.name, ()))

    def _pins(self) -> Mapping[str, Candidate]:
        return {
            identifier: self._candidate(package, package.place)
            for identifier, package in self._packages.items()
            if package.place is not None
        }

    def _go_on(self) -> None:
        """Decide about the next package; if all that is open waits, say why nothing asks for it."""
        waiting = self._waiting
        ready = [
            package
            for package in self._solution.open
            if package not in waiting and (package.base is None or package.base.place is not None)
        ]
        if ready:
            self._deciding = package = min(ready, key=self._places.__getitem__)
            self._places.pop(package, None)
            self._decide(package)
        else:
            stuck = [package for package in self._solution.open if package in waiting]
            self._add(self._nothing_asks_for(min(stuck, key=self._priorities.of)))

    # --- conflicts ---

    def _propagate(self) -> None:
        while (conflict := self._solution.propagate()) is not None:
            self._learn(conflict)

    def _add(self, incompatibility: Incompatibility) -> bool:
        """Take on an incompatibility; whether it contradicted what stood, which is taken back then."""
        return self._note(self._solution.add(incompatibility))

    def _note(self, conflict: Incompatibility | None) -> bool:
        if conflict is not None:
            self._learn(conflict)
        return conflict is not None

    def _learn(self, conflict: Incompatibility) -> None:
        """Go back to where what a conflict teaches decides something, and take that on."""
        steps, level = self._solution.learn(conflict)
        learned, package = steps[-1]
        if not learned.terms:
            raise NoSolutionError(learned)
        self._back_to(level)
        for step in steps:
            self._count(step.package, step.incompatibility)
        if learned is conflict:
            self._solution.derive(package, learned)
        else:
            self._solution.add(learned)

    def _count(self, package: Package, cause: Incompatibility) -> None:
        self._priorities.conflict(self._deciding or package, package.name, cause)

    def _take_back(self) -> None:
        """Decide anew about what rejects others often."""
        for package in self._priorities.reorder():
            if package.place is not None:
                self._back_to(self._solution.level_of(package) - 1)

    def _back_to(self, level: int) -> None:
        self._waiting.clear()
        for package, place in self._solution.back_to(level):
            for need in self._provider.get_dependencies(self._candidate(package, place)):
                self._needs[need.name].pop()

    def _nothing_asks_for(self, package: Package) -> Incompatibility:
        """That what is left of a project is held back, with the decisions of all that might ask for it.

        Those are all decisions: any project may have a version that does. To be quick, only projects are
        taken for such of which that is known.
        """
        names, pending = {package.name}, [package.name]
        while pending:
            new = self._needing.get(pending.pop(), set()) - names
            names |= new
            pending += new
        terms = {
            other: 1 << other.place
            for other in self._packages.values()
            if other.place is not None and (self._carefully or other.name in names)
        }
        return Incompatibility({**terms, package: package.left}, HeldBack(package, not self._carefully))

    # --- decisions ---

    def _decide(self, package: Package) -> None:
        name, extra = _parts(package.identifier)
        if package.identifier[0] == "<":
            place = self._provider.backend_domain(package.identifier).choose(package.left)
            self._let_stand(package, place, [])
        elif extra is not None:
            self._decide_extra(package, self._packages[name])
        elif not self._ties_extras(package):
            self._decide_project(package, self._provider.domain(name))

    def _decide_extra(self, package: Package, base: Package) -> None:
        if base.place is not None and package.left >> base.place & 1:
            self._try(package, base.place)
        else:
            self._add(Incompatibility({package: package.left, base: ~package.left}, Same()))

    def _ties_extras(self, package: Package) -> bool:
        """Let a project be only what its extras can be; whether that changed anything."""
        for other in self._extras.get(package.name, ()):
            if not other.left & ABSENT and package.left & ~other.left:
                self._add(Incompatibility({other: other.left, package: ~other.left}, Same()))
                return True
        return False

    def _decide_project(self, package: Package, domain: Domain) -> None:
        limits = self._provider.limits(package.name)
        choice = self._provider.choose(domain, package.left, [*self._needs.get(package.name, ()), *limits])
        if choice.unusable and self._rule_out(package, domain, choice.unusable):
            return
        if choice.place is None:
            self._wait(package)
        else:
            self._provider.tried(domain, package.left)
            self._try(package, choice.place)

    def _rule_out(self, package: Package, domain: Domain, unusable: int) -> bool:
        """Take on that candidates cannot be taken; whether anything else was decided meanwhile.

        What asks for another Python is a conflict, one version at a time, as it is to uv: packages whose
        newest versions do are decided early, for what they can be is less than it seems.
        """
        asked = {place: text for place in places(unusable) if (text := domain.other_python(place))}
        for place in asked:
            unusable &= ~(1 << place)
        if asked:
            place = min(asked)
            unusable |= 1 << place
            self._back_to(self._solution.met_at(package))
            self._priorities.other_python(package, asked[place])
        known = self._unusable.get(package)
        if known is None:
            known = self._unusable[package] = Incompatibility({package: 0}, Unusable(package))
            self._solution.put(known)
        known.terms[package] |= unusable
        return self._note(self._solution.check(known)) or bool(asked)

    def _wait(self, package: Package) -> None:
        """Let a project wait for what might ask for one of its candidates, where anything might."""
        hopeful = -1 if self._carefully else self._provider.could_be_let_in(package.name, package.left)
        if hopeless := package.left & ~hopeful:
            self._assumed[package.name] = self._assumed.get(package.name, 0) | hopeless
            self._add(Incompatibility({package: hopeless}, HeldBack(package, assumed=True)))
        else:
            self._waiting.add(package)

    def _try(self, package: Package, place: int) -> None:
        """Let a candidate stand, unless one of its needs speaks against it at once."""
        candidate = self._candidate(package, place)
        backend = self._provider.backend_of(candidate)
        if backend is not None and self._speaks_against([backend], package, place, candidate):
            return  # what else it needs is not worth asking for
        needs = self._provider.get_dependencies(candidate)
        if (package, place) not in self._known:
            self._known.add((package, place))
            if self._speaks_against(needs, package, place, candidate):
                return
        for need in self._left_out.pop((package, place), ()):
            self._require(need, package, place, candidate)
        self._let_stand(package, place, needs)

    def _speaks_against(
        self, needs: Sequence[Need], package: Package, place: int, candidate: Candidate
    ) -> bool:
        """Take on the needs of a candidate; whether one of them rules it out at once.

        Until a decision was taken back for the first time nothing is looked at: what is wrong then shows when
        it is propagated, and teaches more. (That is uv's rule, so that both go the same way.)
        """
        for need in needs:
            if not isinstance(need, (ImpossibleRequirement, ExtraBaseRequirement)):
                self._priorities.meet(need)
        # What is known of already may show that the rest need not be asked for.
        known = [need for need in needs if need.identifier in self._packages]
        new = [need for need in needs if need.identifier not in self._packages]
        for some, rest in ((known, new), (new, [])):
            found = [self._require(need, package, place, candidate) for need in some]
            if not self._solution.has_gone_back:
                continue
            for incompatibility in found:
                if incompatibility is not None and self._solution.speaks_against(
                    incompatibility, package, place
                ):
                    self._count(package, incompatibility)
                    self._solution.touch(package)
                    self._left_out[package, place] = rest
                    return True
        return False

    def _let_stand(self, package: Package, place: int, needs: Sequence[Need]) -> None:
        self._waiting.clear()
        for need in needs:
            self._needs.setdefault(need.name, []).append(need)
        self._solution.decide(package, place)
        self._priorities.decided(package.name)
        # The first extra goes with its project; the others have the place that they had before.
        self._solution.changed.update(self._extras.get(package.name, ())[:1] if package.base is None else ())

    def _require(
        self, need: Need, package: Package | None = None, place: int = 0, parent: Candidate | None = None
    ) -> Incompatibility | None:
        """Take on a need of the user or of a candidate: the incompatibility, to be propagated."""
        own = {package: 1 << place} if package is not None else {}
        if isinstance(need, ExtraBaseRequirement):
            return None
        if isinstance(need, ImpossibleRequirement):
            return self._put(Incompatibility(own, Required(need, parent)))
        self._priorities.meet(need)
        target = self._package(need)
        mask = self._mask(need)
        if target is package:
            own = {} if mask >> place & 1 else own
            return self._put(Incompatibility(own, Required(need, parent))) if own else None
        if package is not None:
            self._needing.setdefault(need.name, set()).add(package.name)
        return self._unless(target, mask, own, Required(need, parent))

    def _put(self, incompatibility: Incompatibility) -> Incompatibility:
        self._solution.put(incompatibility)
        return incompatibility

    def _unless(
        self, target: Package, mask: int, own: dict[Package, int], cause: Required
    ) -> Incompatibility:
        """That some candidates need others; candidates that need the same share an incompatibility."""
        for package, place in own.items():
            known = self._shared.get((package, target, mask))
            if known is not None:
                known.terms[package] |= place
                self._solution.renew(known)
                return known
        made = Incompatibility({**own, target: ~mask} if mask else own, cause)
        for package in own:
            self._shared[package, target, mask] = made
        return self._put(made)

    # --- packages ---

    def _package(self, need: Need) -> Package:
        known = self._packages.get(need.identifier)
        if known is None:
            # A need of an extra comes after one of its project.
            base = self._packages[need.name] if need.identifier != need.name else None
            known = self._packages[need.identifier] = Package(need.identifier, need.name, base)
            if base is not None:
                self._extras.setdefault(need.name, []).append(known)
            for limit in self._provider.limits(need.name) if base is None else ():
                outside = ~(self._mask(limit) | ABSENT)
                self._solution.add(Incompatibility({known: outside}, Limited(limit)))
        return known

    def _mask(self, need: Need) -> int:
        if isinstance(need, BackendRequirement):
            return self._provider.backend_domain(need.identifier).mask(need)
        return self._provider.domain(need.name).mask(need)

    def _candidate(self, package: Package, place: int) -> Candidate:
        if package.identifier[0] == "<":
            return self._provider.backend_domain(package.identifier).candidate(place)
        name, extra = _parts(package.identifier)
        base = self._provider.domain(name).candidate(place)
        assert base is not None
        return base if extra is None else self._provider.extra_of(base, extra)


def _parts(identifier: str) -> tuple[NormalizedName, NormalizedName | None]:
    name, bracket, rest = identifier.partition("[")
    return NormalizedName(name), NormalizedName(rest.removesuffix("]")) if bracket else None
