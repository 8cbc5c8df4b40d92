"""What is said about the accelerators of a plan: each trade, with a command that would change it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from packaging.utils import NormalizedName

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import Candidate, InstalledCandidate, WheelCandidate
from variantctl.resolve.needs import Need
from variantctl.resolve.other_commands import under, unpinned
from variantctl.resolve.passed_over import (
    Without,
    accelerator_build,
    names_build,
    newest_with,
    passed_over,
    without_accelerator,
)
from variantctl.resolve.plan import PassedOver, Plan, Solution
from variantctl.select.preferences import ANY
from variantctl.values import dataclass, field, replace
from variantctl.variants.accelerators import idle_beside


@dataclass(frozen=True)
class Told:
    """What is said about the accelerators of a plan.

    Attributes:
        passed_over: of every project, by name, newest version first.
        without: the builds for the processor, by name.
        notes: a line each, with a command that would change it where the user's own command is known.
    """

    passed_over: tuple[PassedOver, ...] = ()
    without: Mapping[NormalizedName, Without] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def applied_to(self, plan: Plan) -> Plan:
        """The plan with what was passed over, and with the fit of builds for the processor."""
        install = tuple(
            replace(planned, fit=self.without[planned.name].fit) if planned.name in self.without else planned
            for planned in plan.install
        )
        return replace(plan, install=install, passed_over=self.passed_over)


def tell(
    solution: Solution,
    roots: Sequence[Need],
    needs_of: Callable[[Candidate], Sequence[Need]],
    candidate_finder: CandidateFinder,
    *,
    pre: bool = False,
    command: Sequence[str] = (),
    preferred: Collection[NormalizedName] = (),
    rejected: Callable[[WheelCandidate], str | None] = lambda _candidate: None,
) -> Told:
    """Look at every wheel of a plan.

    Args:
        solution: the wheels, and what is needed with them.
        roots: the user's own needs, and constraints.
        needs_of: the needs of a candidate.
        candidate_finder: what can be had.
        pre: whether pre-releases count as releases.
        command: the words of the user's command, without the program.
        preferred: the projects of which a lock file named a version.
        rejected: why the search could not take a build: a clause whose subject it is.

    Of packages that come from one source together, the one that the others are built for is told about.
    """
    needs = _needs(solution, roots, needs_of, candidate_finder)
    chosen = [
        base for base in solution.bases.values() if isinstance(base, WheelCandidate) and base.url is None
    ]
    told = _told(
        chosen,
        needs,
        candidate_finder,
        pre=pre,
        command=command,
        preferred=preferred,
        rejected=rejected,
    )
    kept = (
        _kept(base, needs.get(name, ()), candidate_finder, command)
        for name, base in solution.bases.items()
        if isinstance(base, InstalledCandidate) and name in solution.requested
    )
    return replace(told, notes=(*told.notes, *(note for note in kept if note is not None)))


def _kept(
    base: InstalledCandidate, needs: Sequence[Need], candidate_finder: CandidateFinder, command: Sequence[str]
) -> str | None:
    """What to say of a build for the processor that is installed, and stays although there is another one."""
    name = base.name
    if candidate_finder.preferences.accelerator == ANY or not candidate_finder.builds.is_cpu_build(
        base.package
    ):
        return None
    if any(names_build(need, base) for need in needs):
        return None
    if not idle_beside(candidate_finder.builds.machine_supports):
        return None
    found = newest_with(name, candidate_finder.allowed(name, needs), candidate_finder)
    if found is None:
        return None
    said = f"{name} {base.version} is installed and stays: it is a CPU build, and {found.version} is a"
    said = f"{said} {accelerator_build(candidate_finder)}"
    if not command:
        return f"{said} (--upgrade takes it)"
    return f"{said}. `{shlex.join(['variantctl', *command, '--upgrade'])}` takes it."


def tell_of(
    chosen: WheelCandidate,
    needs: Sequence[Need],
    candidate_finder: CandidateFinder,
    *,
    pre: bool = False,
    command: Sequence[str] = (),
) -> Told:
    """The same about one wheel, and what is needed of its project."""
    return _told([chosen], {chosen.name: needs}, candidate_finder, pre=pre, command=command)


def _told(
    chosen: Iterable[WheelCandidate],
    needs: Mapping[str, Sequence[Need]],
    candidate_finder: CandidateFinder,
    *,
    pre: bool,
    command: Sequence[str],
    preferred: Collection[NormalizedName] = (),
    rejected: Callable[[WheelCandidate], str | None] = lambda _candidate: None,
) -> Told:
    over: list[PassedOver] = []
    without: dict[NormalizedName, Without] = {}
    notes: list[str] = []
    spoken: dict[str, bool] = {}
    chosen = list(chosen)
    sources = [each.wheel.link.backend.source for each in chosen if each.wheel.link.backend is not None]
    for candidate in sorted(chosen, key=lambda each: candidate_finder.backends.rank(each.name)):
        backend = candidate.wheel.link.backend
        source = backend.source if backend is not None else f"project {candidate.name}"
        if spoken.get(source) is False:
            continue
        mine = needs.get(candidate.name, ())
        # What a lock prefers was taken for its own sake.
        together = sources.count(source) > 1 and candidate.name not in preferred
        items = passed_over(candidate, mine, candidate_finder, pre=pre, together=together, rejected=rejected)
        lacking = without_accelerator(candidate, mine, candidate_finder)
        if source not in spoken:
            if rule := candidate_finder.builds.rule_of(candidate):
                label = candidate.wheel.label
                notes.append(f"{candidate.name} {candidate.version}: no table lists {label}, and so {rule}")
            if items:
                wished = candidate.name in candidate_finder.preferences.wished
                of_policy = items[0].why.startswith("has ") and not wished
                said = sentence(items)
                notes.append(_with_command(said, items, command) if of_policy else said)
            if lacking is not None:
                notes.append(_elsewhere(lacking, command))
            spoken[source] = bool(items or lacking)
        over += items
        if lacking is not None:
            without[candidate.name] = lacking
    return Told(tuple(sorted(over, key=lambda item: item.name)), without, tuple(notes))


def _needs(
    solution: Solution,
    roots: Sequence[Need],
    needs_of: Callable[[Candidate], Sequence[Need]],
    candidate_finder: CandidateFinder,
) -> dict[str, list[Need]]:
    """What is needed of each project, but by packages of the same source, which follow its choice."""
    found: dict[str, list[Need]] = {}
    for need in roots:
        found.setdefault(need.identifier, []).append(need)
    for name in solution.bases:
        for part in solution.parts(name):
            for need in needs_of(part):
                if not (
                    candidate_finder.backends.has_source(name)
                    and candidate_finder.backends.has_source(need.name)
                ):
                    found.setdefault(need.identifier, []).append(need)
    return found


def _with_command(said: str, items: Sequence[PassedOver], command: Sequence[str]) -> str:
    """The sentence, with what takes the newest version that has a build which the machine can take at all."""
    version = next((item.version for item in items if "" in item.labels.values()), None)
    if version is None:
        return said
    if not command:
        return f"{said} (--accelerator any takes {version})"
    takes = "takes {version} all the same" if version == items[0].version else "takes {version}"
    return f"{said}. `{under(command, 'any')}` {takes.format(version=version)}."


def _elsewhere(lacking: Without, command: Sequence[str]) -> str:
    """The sentence, with the user's command for the version that has a build where it named another one."""
    found = lacking.elsewhere
    if found is None or not command:
        return lacking.sentence
    if lacking.policy:
        return f"{lacking.sentence}. `{under(command, 'prefer')}` takes it."
    words = [unpinned(word, lacking.name, found.wheel.link.wheel.version) for word in command]
    if words == list(command):
        return lacking.sentence
    return f"{lacking.sentence}. `{shlex.join(['variantctl', *words])}` takes it."


def sentence(items: Sequence[PassedOver]) -> str:
    """What was passed over of one project, newest first, in a sentence without a full stop.

    Of several reasons each is told; one that a search found out stands alone.
    """
    newest = items[0]
    reasons = list(dict.fromkeys(item.why for item in items))
    if not newest.why.startswith("has "):
        alike = [item for item in items if item.why == newest.why]
        which = "they are" if len(alike) > 1 else "it is"
        return f"{newest.name} {_versions(alike)}: {which} not taken, {newest.taken} is: {newest.why}"
    told = []
    for why in (reason for reason in reasons if reason.startswith("has ")):
        alike = [item for item in items if item.why == why]
        told.append(f"{_versions(alike)} {'have' if len(alike) > 1 else 'has'}{why.removeprefix('has')}")
    said = f"{newest.name} {', and '.join(told)}, so {newest.taken} is taken"
    opened = next((item for item in items if item.would_need is not None), None)
    if opened is None or opened.would_need is None:
        return said
    advice = opened.would_need
    return f"{said}; with {advice.driver} you would get {opened.version}+{advice.label}"


def _versions(items: Sequence[PassedOver]) -> str:
    return _listed([str(item.version) for item in items])


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
