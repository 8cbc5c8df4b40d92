"""What the search found: the candidates that are needed, and who needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from packaging.utils import NormalizedName

from variantctl.resolve.candidates import (
    BaseCandidate,
    Candidate,
    ExtraCandidate,
    InstalledCandidate,
    WheelCandidate,
)
from variantctl.resolve.needs import Need
from variantctl.values import dataclass


@dataclass(frozen=True)
class Solution:
    """A set of candidates that satisfies every need, with nothing in it that none has.

    Attributes:
        bases: project -> its candidate, by name.
        extras: project -> the extras of it that are needed, by name.
        requested: the projects that the user asked for.
        parents: project -> the other projects that need it, by name.
    """

    bases: Mapping[NormalizedName, BaseCandidate]
    extras: Mapping[NormalizedName, Sequence[ExtraCandidate]]
    requested: frozenset[NormalizedName]
    parents: Mapping[NormalizedName, Sequence[NormalizedName]]

    def parts(self, name: NormalizedName) -> list[Candidate]:
        """The candidate of a project, and its extras."""
        return [self.bases[name], *self.extras.get(name, ())]


def reached(
    roots: Iterable[Need],
    pins: Mapping[str, Candidate],
    needs_of: Callable[[Candidate], Sequence[Need]],
) -> Solution:
    """What of ``pins`` is reached from the roots.

    The search leaves pins behind that something needed which was then given up; those are not reached.

    Args:
        roots: the user's own needs.
        pins: identifier -> candidate, as the search ended.
        needs_of: the needs of a candidate.
    """
    bases: dict[NormalizedName, BaseCandidate] = {}
    extras: dict[NormalizedName, dict[NormalizedName, ExtraCandidate]] = {}
    requested: set[NormalizedName] = set()
    parents: dict[NormalizedName, set[NormalizedName]] = {}
    pending: list[tuple[Need, Candidate | None]] = [(root, None) for root in roots]
    seen: set[str] = set()
    while pending:
        need, parent = pending.pop()
        if parent is None:
            requested.add(need.name)
        elif parent.name != need.name:
            parents.setdefault(need.name, set()).add(parent.name)
        if need.identifier in seen:
            continue
        seen.add(need.identifier)
        candidate = pins[need.identifier]
        if isinstance(candidate, ExtraCandidate):
            extras.setdefault(candidate.name, {})[candidate.extra] = candidate
        elif isinstance(candidate, (WheelCandidate, InstalledCandidate)):
            bases[candidate.name] = candidate
        pending += [(further, candidate) for further in needs_of(candidate)]
    return Solution(
        dict(sorted(bases.items())),
        {name: [found[extra] for extra in sorted(found)] for name, found in extras.items()},
        frozenset(requested),
        {name: sorted(names) for name, names in parents.items()},
    )
