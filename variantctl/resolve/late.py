"""Candidates that a need lets in which is met only after their project was decided.

Any need takes candidates away, and some add others (see :mod:`.admission`): a specifier that names a
pre-release, or shuts out the last release; a pin of a yanked wheel; a direct reference (PEP 508). What any
need that was met would let in comes after all other candidates, and whoever takes it has to see to it that
something still lets it in at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import NormalizedName

from variantctl.resolve.admission import Admission
from variantctl.resolve.candidates import Candidate, WheelCandidate
from variantctl.resolve.needs import Need, ProjectNeed
from variantctl.resolve.stock import Stock


class Late:
    """The needs met so far, in whatever part of the search, and what they could let in.

    Args:
        stock: what can be had.
        admission: what needs let in.
        constraints: project -> needs that hold wherever it occurs.
    """

    def __init__(
        self, stock: Stock, admission: Admission, constraints: Mapping[NormalizedName, Sequence[ProjectNeed]]
    ) -> None:
        self._stock = stock
        self._admission = admission
        self._constraints = constraints
        self._specifiers: dict[NormalizedName, dict[str, ProjectNeed]] = {}
        self._references: dict[NormalizedName, dict[str, None]] = {}
        self._parents: dict[NormalizedName, set[NormalizedName]] = {}
        self._let_in: dict[NormalizedName, tuple[int, list[WheelCandidate]]] = {}
        self._given: dict[NormalizedName, int] = {}

    def meet(self, needs: Iterable[Need], parent: Candidate | None) -> None:
        """Remember some needs, and who has them (``None``: the user)."""
        for need in needs:
            if not isinstance(need, ProjectNeed):
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
        direct = [self._stock.direct(url, name) for url in self._references.get(name, ())]
        return [*direct, *self._admitted(name)]

    def _admitted(self, name: NormalizedName) -> list[WheelCandidate]:
        """What is held back of a project and would be let in by all needs together that allow it."""
        met = self._specifiers.get(name, {})
        known = self._let_in.get(name)
        if known is None or known[0] != len(met):
            limits = self._constraints.get(name, ())
            found: list[WheelCandidate] = []
            for version in self._admission.held_back(name) if met else ():
                spellings = self._stock.spellings(name, version)
                needs = [need for need in met.values() if any(map(need.allows, spellings))]
                found += self._admission.of_version(name, version, [*limits, *needs])
            known = self._let_in[name] = (len(met), found)
        return known[1]
