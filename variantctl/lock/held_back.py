"""What the machines of a lock cost each other: versions that one of them keeps back for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.lock.agreement import Agreement, Resolved, chosen_version
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.select.compatibility import Interpreter
from variantctl.select.ranking import fits_interpreter
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.indexes.project_files import WheelLink


@dataclass(frozen=True)
class _Machine:
    """A machine with what it takes of the lock, and what it would take alone.

    Attributes:
        resolved: of the lock.
        alone: the plan of a lock for it by itself; the same where nothing is kept back from it.
        suspects: the projects that another machine may keep back.
    """

    resolved: Resolved
    alone: Plan
    suspects: frozenset[NormalizedName]

    @property
    def who(self) -> str:
        return self.resolved.target.who

    @property
    def loses(self) -> bool:
        """Whether it would take anything else alone."""
        return _versions(self.alone) != _versions(self.resolved.plan)


def agreement_notes(
    agreement: Agreement, resolved: Sequence[Resolved], package_finder: PackageFinder
) -> list[str]:
    """A line for each project that a machine keeps back, after what each machine is told of its own plan.

    A machine that keeps a version back is told why as if it were alone: for the resolution together the newer
    version was ruled out before it was looked at.

    Args:
        agreement: what made the machines agree.
        resolved: what they take, in the order of the machines.
        package_finder: where wheels come from.
    """
    if len(resolved) == 1:
        return list(resolved[0].plan.notes)
    machines = [_machine(done, resolved, agreement, package_finder) for done in resolved]
    notes = [
        note
        for machine in machines
        for note in (machine.resolved.plan.notes if machine.loses else machine.alone.notes)
    ]
    return [*notes, *_kept_back(machines, package_finder)]


def _machine(
    done: Resolved, others: Sequence[Resolved], agreement: Agreement, package_finder: PackageFinder
) -> _Machine:
    suspects = frozenset(_suspects(done, others, agreement, package_finder))
    try:
        alone = agreement.alone(done.target) if suspects else done.plan
    except VariantctlError:
        alone = done.plan
    return _Machine(done, alone, suspects)


def _suspects(
    done: Resolved, others: Sequence[Resolved], agreement: Agreement, package_finder: PackageFinder
) -> Iterable[NormalizedName]:
    """The projects of which a machine may have a newer version than it takes, and another may not."""
    mine = _interpreter(done)
    theirs = [_interpreter(other) for other in others if other is not done]
    seen = package_finder.for_machine(done.target.machine.supported, done.target.platform.markers)
    for planned in done.plan.install:
        if planned.direct_url is not None:
            continue
        if planned.name in agreement.limited:
            yield planned.name
            continue
        try:
            files = seen.project(planned.name)
        except VariantctlError:
            continue
        for version, links in files.by_version.items():
            if version <= chosen_version(planned):
                break
            fitting = [link for link in links if fits_interpreter(link, mine)]
            if fitting and not version.is_prerelease and not all(_has(links, each) for each in theirs):
                yield planned.name
                break
            if any(link.wheel.label is not None for link in fitting) and not version.is_prerelease:
                yield planned.name
                break


def _interpreter(done: Resolved) -> Interpreter:
    return Interpreter(done.target.platform.tags, done.target.platform.markers)


def _has(links: Sequence[WheelLink], interpreter: Interpreter) -> bool:
    return any(fits_interpreter(link, interpreter) for link in links)


def _kept_back(machines: Sequence[_Machine], package_finder: PackageFinder) -> Iterable[str]:
    """A line for each project; of packages that come from one source for the first of them alone."""
    names = {name for machine in machines for name in machine.suspects}
    told: set[str] = set()
    for name in sorted(names, key=lambda name: _place(name, package_finder)):
        taken = [(machine, planned) for machine in machines if (planned := _of(machine.resolved.plan, name))]
        if len({chosen_version(planned) for _, planned in taken}) != 1:
            continue  # they take different versions, each its own
        lost = [
            (machine, alone)
            for machine, planned in taken
            if (alone := _of(machine.alone, name)) and chosen_version(alone) > chosen_version(planned)
        ]
        source = next((each.link.backend.source for _, each in taken if each.link.backend is not None), name)
        if lost and source not in told:
            told.add(source)
            yield _sentence(name, taken, lost)


def _sentence(
    name: NormalizedName,
    taken: Sequence[tuple[_Machine, PlannedInstall]],
    lost: Sequence[tuple[_Machine, PlannedInstall]],
) -> str:
    version = chosen_version(taken[0][1])
    losers = {machine.who for machine, _ in lost}
    keepers = _listed([machine.who for machine, _ in taken if machine.who not in losers])
    because = f"because {keepers} can take no newer version" if keepers else "which all machines can take"
    costs = _listed([f"{machine.who} would take {alone.version}" for machine, alone in lost])
    return (
        f"{name} is locked at {version}, {because}; alone, {costs}. A machine that is locked by itself "
        "(-o pylock.NAME.toml) takes its own"
    )


def _place(name: NormalizedName, package_finder: PackageFinder) -> tuple[int, str]:
    """What the others of a source are built for first."""
    source = package_finder.backend_source(name)
    return (source.packages.index(name) if source is not None and name in source.packages else 0), name


def _of(plan: Plan, name: NormalizedName) -> PlannedInstall | None:
    return next((planned for planned in plan.install if planned.name == name), None)


def _versions(plan: Plan) -> Mapping[NormalizedName, Version]:
    return {planned.name: planned.version for planned in plan.install}


def _listed(words: Sequence[str]) -> str:
    unique = list(dict.fromkeys(words))
    return " and ".join(filter(None, [", ".join(unique[:-1]), *unique[-1:]]))
