"""From what was asked for to the entries of a lock that are needed: one answer, found without a search.

The versions are chosen already. What is left is to follow, from each entry's selected wheel, the requirements
whose markers hold (PEP 825, "Integration with pylock.toml").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from packaging.utils import NormalizedName

from variantctl.lock.contents import LockedPackage
from variantctl.lock.errors import LockMismatchError
from variantctl.lock.members import MemberNames
from variantctl.values import dataclass, field
from variantctl.variants.lenient import read_requirement
from variantctl.variants.markers import MarkerVariant, VariantRequirement


@dataclass(frozen=True)
class Picked:
    """An entry with what its selected wheel says.

    Attributes:
        package: the entry.
        variant: what the variant markers of its requirements see.
        requires: Requires-Dist of the selected wheel.
    """

    package: LockedPackage
    variant: MarkerVariant
    requires: Sequence[str]


@dataclass
class Visit:
    """An entry that is needed.

    Attributes:
        picked: the entry and its wheel.
        requested: whether the user asked for it.
        parents: the projects that need it.
        extras: of it, that are needed.
        applying: the requirements of it that hold, in order.
    """

    picked: Picked
    requested: bool = False
    parents: set[NormalizedName] = field(default_factory=set)
    extras: set[NormalizedName] = field(default_factory=set)
    applying: list[VariantRequirement] = field(default_factory=list)


Pick = Callable[[LockedPackage], "Picked | None"]
"""The selected wheel of an entry; ``None`` where another entry of the project must do."""

Entries = Callable[[NormalizedName], Iterable[LockedPackage]]
"""The entries of a project, the preferred one first."""


class _ContradictionError(Exception):
    """A later requirement does not allow the entry that an earlier one picked."""


class Walk:
    """One walk through a lock.

    Args:
        entries: the entries of a project.
        pick: selects an entry's wheel.
        markers: the standard markers' values.
        strict: raise where something needed is not there; else pass over it.
        names: what names count for: members of a family for one project.
    """

    def __init__(
        self,
        entries: Entries,
        pick: Pick,
        markers: Mapping[str, str],
        *,
        names: MemberNames,
        strict: bool = True,
    ) -> None:
        self._names = names
        self._entries = entries
        self._pick = pick
        self._markers = markers
        self._strict = strict
        self._asked: dict[NormalizedName, dict[str, tuple[VariantRequirement, str]]] = {}

    def run(self, roots: Iterable[VariantRequirement]) -> dict[NormalizedName, Visit]:
        """What is needed, by name.

        Raises:
            LockMismatchError: something needed is not in the lock, or not in a version that is needed.
        """
        roots = [self._names.counted(root) for root in roots if root.applies(self._markers)]
        while True:
            try:
                return dict(sorted(self._follow(roots).items()))
            except _ContradictionError:
                # What was asked is remembered: each further round knows more, and there is a last one.
                continue

    def _follow(self, roots: Sequence[VariantRequirement]) -> dict[NormalizedName, Visit]:
        visits: dict[NormalizedName, Visit] = {}
        queue: list[tuple[VariantRequirement, NormalizedName | None]] = [(root, None) for root in roots]
        for requirement, parent in queue:  # grows while it is read
            visit = self._visit(requirement, parent, visits)
            if visit is None:
                continue
            if parent is None:
                visit.requested = True
            elif parent != requirement.name:
                visit.parents.add(parent)
            for needed in self._newly_applying(visit, requirement.extras):
                queue.append((self._names.counted(needed), requirement.name))
        return visits

    def _visit(
        self,
        requirement: VariantRequirement,
        parent: NormalizedName | None,
        visits: dict[NormalizedName, Visit],
    ) -> Visit | None:
        name = requirement.name
        asked = self._asked.setdefault(name, {})
        known = str(requirement) in asked
        asked[str(requirement)] = (requirement, f"{visits[parent].picked.package}" if parent else "you")
        visit = visits.get(name)
        if visit is not None:
            if allows(requirement, visit.picked.package):
                return visit
            if not known:
                raise _ContradictionError
        else:
            for package in self._entries(name):
                if all(allows(other, package) for other, _ in asked.values()):
                    picked = self._pick(package)
                    if picked is not None:
                        visit = visits[name] = Visit(picked)
                        return visit
        if self._strict:
            raise self._missing(name)
        return None

    def _newly_applying(self, visit: Visit, extras: frozenset[NormalizedName]) -> list[VariantRequirement]:
        """What an entry needs, the first time; later only what further extras of it bring."""
        member = visit.picked.package.member
        if member is not None and member.extra is not None:
            extras = extras | {member.extra}
        first = not visit.applying and not visit.extras
        new = extras - visit.extras
        if not first and not new:
            return []
        visit.extras |= new
        held = [str(requirement) for requirement in visit.applying]
        found = [
            requirement
            for requirement in (read_requirement(text).requirement for text in visit.picked.requires)
            if str(requirement) not in held
            and requirement.applies(self._markers, visit.picked.variant, sorted(visit.extras))
        ]
        visit.applying += found
        return found

    def _missing(self, name: NormalizedName) -> LockMismatchError:
        asked = self._asked[name].values()
        who = "; ".join(sorted({f"{whose} needs '{requirement}'" for requirement, whose in asked}))
        who = who.replace("you needs", "you asked for")
        there = ", ".join(str(package.version) for package in self._entries(name))
        has = f"it has {name} {there}" if there else f"it has no {name}"
        return LockMismatchError(
            f"the lock does not cover this machine: {who}, and {has}",
            hint="Lock again with a profile of this machine: 'variantctl lock ... --profile FILE-or-NAME'.",
        )


def allows(requirement: VariantRequirement, package: LockedPackage) -> bool:
    """Whether an entry is of a version that a requirement allows."""
    if requirement.url is not None and (package.archive is not None or package.source is not None):
        return True
    return package.version is None or requirement.specifier.contains(package.version, prereleases=True)
