"""From requirements to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName

from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.net.redaction import without_secrets
from variantctl.net.urls import without_fragment
from variantctl.requirements.requirement import UserRequirement
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import Candidate, InstalledCandidate, WheelCandidate
from variantctl.resolve.coherence import Coherence
from variantctl.resolve.coherent_search import MOST_ROUNDS, Found, coherent
from variantctl.resolve.errors import HashesError, TooDeepError
from variantctl.resolve.needs import Need, ProjectRequirement, is_pin, local_versions, needs_of
from variantctl.resolve.options import SearchOptions
from variantctl.resolve.passed_over import refuse_without_accelerator
from variantctl.resolve.plan import (
    GivenUp,
    Kept,
    Plan,
    PlannedInstall,
    PlannedRemoval,
    Solution,
    reached,
)
from variantctl.resolve.plan_fit import with_fits
from variantctl.resolve.provider import NewReferenceError, Provider
from variantctl.resolve.search import NoSolutionError, Progress, Search
from variantctl.resolve.stand_ins import StandIns
from variantctl.resolve.telling import tell
from variantctl.resolve.trace import Trace
from variantctl.resolve.wishes import with_wishes
from variantctl.resolve.withdrawal import installed_withdrawn, withdrawn, withdrawn_notes
from variantctl.select.compatibility import Interpreter
from variantctl.select.ordinary_builds import optional_requirements
from variantctl.select.preferences import REQUIRE, VariantPreferences
from variantctl.select.ranking import RankedWheel
from variantctl.target.installed import InstalledPackage
from variantctl.target.platforms import Platform
from variantctl.values import dataclass, field, replace
from variantctl.variants.markers import VariantRequirement
from variantctl.variants.suggestions import did_you_mean

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.algorithm import Machine


#: One round tries one candidate; PyPI's hardest graphs take a few thousand.
MAX_ROUNDS = 1_000_000
_MOST_CAREFUL = 1_000

_UNTOLD = "its dependencies cannot be satisfied"


@dataclass(frozen=True)
class Request:
    """Everything a user asked for.

    Attributes:
        requirements: in the order in which they were written.
        constraints: hold wherever their project occurs.
        overrides: take the place of every requirement of their project, whoever wrote it.
        preferences: about variants.
        options: about the search; ``resolve`` adds to its ``upgrade`` what the two below ask for.
        upgrade_requested: take the newest versions of what is asked for.
        upgrade_eagerly: where that is so, also of everything that is installed and needed.
        command: the words of the user's command, for the commands that are advised; none: none is.
    """

    requirements: tuple[UserRequirement, ...]
    constraints: tuple[UserRequirement, ...] = ()
    preferences: VariantPreferences = field(default_factory=VariantPreferences)
    options: SearchOptions = field(default_factory=SearchOptions)
    upgrade_requested: bool = False
    upgrade_eagerly: bool = False
    command: tuple[str, ...] = ()
    overrides: tuple[UserRequirement, ...] = ()


@dataclass(frozen=True)
class _Limits:
    max_rounds: int
    progress: Progress | None


def resolve(
    request: Request,
    *,
    package_finder: PackageFinder,
    machine: Machine,
    platform: Platform,
    installed: Mapping[NormalizedName, InstalledPackage] | None = None,
    who: str = "this machine",
    max_rounds: int = MAX_ROUNDS,
    progress: Progress | None = None,
) -> Plan:
    """The plan that satisfies a request.

    Args:
        request: what is asked for.
        package_finder: where wheels come from.
        machine: what variant properties are supported.
        platform: the tags and markers of what is installed into.
        installed: what it has already.
        who: ``this machine`` or the profile, for messages.
        max_rounds: after how many steps the search is given up.
        progress: called now and then with the numbers of packages met and of versions looked at.

    Raises:
        UnsatisfiableError, NoCandidateError, ProjectNotFound: there is no solution, and why.
        TooDeepError: none was found in ``max_rounds`` steps.
        HashesError: a hash is missing or wrong.
        VariantctlError: a source could not be read.
    """
    interpreter = Interpreter(platform.tags, platform.markers)
    roots, skipped = _roots(request, interpreter)
    limits, _ = _applicable(request.constraints, interpreter)
    families = NO_FAMILIES if request.preferences.no_variants else package_finder.families
    request = replace(request, preferences=with_wishes(request.preferences, roots, families))
    options = _search_options(request, roots, installed or (), families)
    constraints: dict[NormalizedName, list[ProjectRequirement]] = {}
    for limit in limits:
        need = ProjectRequirement(families.identity(limit.name), None, limit.requirement, limit.origin)
        constraints.setdefault(need.name, []).append(need)
    written = (*roots, *limits, *request.overrides)
    package_finder.expect_backends(local_versions(limit.requirement.specifier for limit in written))
    candidate_finder = CandidateFinder(
        package_finder,
        machine,
        interpreter,
        preferences=request.preferences,
        hashes=_hashes(written, families),
        installed=installed,
        who=who,
    )
    try:
        needs = [need for root in roots for need in needs_of(root.requirement, root.origin, families)]
        order = {need.identifier: place for place, need in reversed(list(enumerate(needs)))}
        provider = Provider(candidate_finder, constraints, order, options, _by_name(request.overrides))
        provider.meet(needs)
        pins = _searched(needs, provider, candidate_finder, constraints, _Limits(max_rounds, progress))
        trace = Trace(needs, pins, provider.needs_if_known, provider.can_be_had, provider.looked_at)
        solution = reached(needs, pins, provider.get_dependencies)

        def again(coherence: Coherence) -> Found:
            made = provider.with_coherence(coherence)
            made.meet(needs)
            limits = _Limits(MOST_ROUNDS, None)
            found = _searched(needs, made, candidate_finder, constraints, limits)
            return Found(made, found, reached(needs, found, made.get_dependencies))

        found = coherent(Found(provider, pins, solution), again, candidate_finder)
        if found.provider is not provider:
            provider, pins, solution = found.provider, found.pins, found.solution
            trace = Trace(needs, pins, provider.needs_if_known, provider.can_be_had, provider.looked_at)
        plan = _plan(solution, provider, candidate_finder, trace)
        told = tell(
            solution,
            [*needs, *(need for each in constraints.values() for need in each)],
            provider.get_dependencies,
            candidate_finder,
            pre=options.pre,
            command=request.command,
            preferred=options.preferred.keys(),
            rejected=trace.why_rejected,
        )
        plan = with_fits(told.applied_to(plan), machine, who, families)
        notes = [
            *skipped,
            *package_finder.warnings,
            *withdrawn_notes((*plan.install, *plan.keep)),
            *_variant_notes(plan.install),
            *_extra_notes(solution, candidate_finder),
        ]
        notes += [
            *found.notes,
            *told.notes,
            *_label_notes(solution, request.preferences),
            *_reading_notes(solution, provider),
        ]
        return replace(plan, notes=tuple(notes))
    finally:
        candidate_finder.close()


def _search_options(
    request: Request,
    roots: Sequence[UserRequirement],
    installed: Iterable[NormalizedName],
    families: Families,
) -> SearchOptions:
    """The options, with the projects that the user wants upgraded; refuses what has no hash if it must."""
    options = request.options
    if options.require_hashes:
        _demand_pins(roots)
    upgrade = frozenset(map(families.identity, options.upgrade))
    if request.upgrade_requested:
        named = {families.identity(root.name) for root in roots}
        further = map(families.identity, installed) if request.upgrade_eagerly else ()
        upgrade = upgrade.union(named, further)
    preferred = {families.identity(name): version for name, version in options.preferred.items()}
    return replace(options, upgrade=upgrade, preferred=preferred)


def _searched(
    needs: Sequence[Need],
    provider: Provider,
    candidate_finder: CandidateFinder,
    constraints: Mapping[NormalizedName, Sequence[ProjectRequirement]],
    limits: _Limits,
) -> Mapping[str, Candidate]:
    """The candidates found; raises what ``resolve`` does."""
    while True:
        search = Search(provider, limits.progress)
        try:
            return search.run(needs, limits.max_rounds)
        except NewReferenceError:
            continue
        except NoSolutionError as error:
            if search.assumed_too_much():
                continue
            return _made_sure(error, needs, provider, candidate_finder, constraints, limits)


def _made_sure(
    error: NoSolutionError,
    needs: Sequence[Need],
    provider: Provider,
    candidate_finder: CandidateFinder,
    constraints: Mapping[NormalizedName, Sequence[ProjectRequirement]],
    limits: _Limits,
) -> Mapping[str, Candidate]:
    """Where a proof rests on assumptions, what a search without them finds; else the proof is told."""
    from variantctl.resolve.failure import failure
    from variantctl.resolve.proof import Proof

    proof = Proof(error.proof, provider)
    while proof.assumes:
        try:
            careful = Search(provider, limits.progress, carefully=True)
            return careful.run(needs, min(limits.max_rounds, _MOST_CAREFUL))
        except NoSolutionError as sure:
            proof = Proof(sure.proof, provider)
        except TooDeepError:
            break
        except NewReferenceError:
            continue
    if candidate_finder.preferences.accelerator == REQUIRE:
        further = [need for each in constraints.values() for need in each]
        refuse_without_accelerator([need.name for need in needs], [*needs, *further], candidate_finder)
    raise failure(proof, candidate_finder, constraints, needs) from None


def _applicable(
    requirements: Iterable[UserRequirement], interpreter: Interpreter
) -> tuple[list[UserRequirement], list[str]]:
    """Those whose markers hold, and a note for each other."""
    kept, notes = [], []
    for requirement in requirements:
        if requirement.requirement.applies(interpreter.markers):
            kept.append(requirement)
        else:
            notes.append(f"'{requirement}' ({requirement.origin}) is left out: its marker does not hold here")
    return kept, notes


def _roots(request: Request, interpreter: Interpreter) -> tuple[list[UserRequirement], list[str]]:
    """What is asked for, overrides in place of what they are about; and notes of what is left out."""
    replaced = {override.name for override in request.overrides}
    kept, notes = _applicable(
        (each for each in request.requirements if each.name not in replaced), interpreter
    )
    asked = {each.name for each in request.requirements}
    instead, further = _applicable((each for each in request.overrides if each.name in asked), interpreter)
    return [*kept, *instead], [*notes, *further]


def _by_name(overrides: Iterable[UserRequirement]) -> dict[NormalizedName, list[VariantRequirement]]:
    found: dict[NormalizedName, list[VariantRequirement]] = {}
    for override in overrides:
        found.setdefault(override.name, []).append(override.requirement)
    return found


def _demand_pins(roots: Iterable[UserRequirement]) -> None:
    for root in roots:
        if not root.hashes:
            raise HashesError(
                f"--require-hashes: '{root}' ({root.origin}) has no hash",
                hint=f"Write it as '{root.name}==VERSION --hash=sha256:DIGEST' in a requirements file.",
            )
        if not root.requirement.url and not is_pin(root.requirement.specifier):
            raise HashesError(
                f"--require-hashes: '{root}' ({root.origin}) is not pinned to one version",
                hint=f"Write it as '{root.name}==VERSION'.",
            )


def _hashes(
    requirements: Iterable[UserRequirement], families: Families = NO_FAMILIES
) -> dict[NormalizedName, dict[str, frozenset[str]]]:
    """What every place that lists hashes of a project allows: of each algorithm the common digests.

    Of a family the files of each distribution that is named are allowed.
    """
    by_name: dict[NormalizedName, dict[str, frozenset[str]]] = {}
    for requirement in requirements:
        if not requirement.hashes:
            continue
        known = by_name.setdefault(requirement.name, dict(requirement.hashes))
        for algorithm, digests in requirement.hashes.items():
            known[algorithm] = known.get(algorithm, digests) & digests
    allowed: dict[NormalizedName, dict[str, frozenset[str]]] = {}
    for name, known in by_name.items():
        joined = allowed.setdefault(families.identity(name), {})
        for algorithm, digests in known.items():
            joined[algorithm] = joined.get(algorithm, frozenset()) | digests
    return allowed


def _plan(solution: Solution, provider: Provider, candidate_finder: CandidateFinder, trace: Trace) -> Plan:
    install: list[PlannedInstall] = []
    remove: list[PlannedRemoval] = []
    keep: list[Kept] = []
    stand_ins = StandIns(solution, provider.dependencies, candidate_finder)
    for name, base in stand_ins.bases.items():
        if isinstance(base, InstalledCandidate):
            keep.append(_kept(base.package, name in solution.requested, candidate_finder))
            continue
        remove += map(PlannedRemoval, candidate_finder.replaced(name))
        planned = _planned(base, solution, provider, candidate_finder)
        planned = replace(planned, stands_in_for=stand_ins.names(name))
        advice = () if base.url else candidate_finder.others.advice(name, base.version)
        install.append(replace(planned, given_up=_given_up(base, trace, candidate_finder), advice=advice))
    return Plan(tuple(install), tuple(remove), tuple(keep))


def _kept(package: InstalledPackage, requested: bool, candidate_finder: CandidateFinder) -> Kept:
    if package.source is not None:
        return Kept(package, requested)
    label = candidate_finder.backends.label_of(package)
    said = installed_withdrawn(package.name, package.version, label, candidate_finder)
    return Kept(package, requested, said)


def _planned(
    base: WheelCandidate, solution: Solution, provider: Provider, candidate_finder: CandidateFinder
) -> PlannedInstall:
    link = base.wheel.link
    requested = base.name in solution.requested
    requires = [
        str(item.requirement)
        for part in solution.parts(base.name)
        for item in provider.dependencies.applicable(part)
    ]
    hashes = dict(link.file.hashes)
    direct_url: dict[str, Any] | None = None
    if (origin := candidate_finder.source_origin(base)) is not None:
        direct_url = dict(origin)
    elif base.url:
        direct_url = {
            "url": without_secrets(without_fragment(base.url)[0]),
            "archive_info": {"hashes": hashes} if hashes else {},
        }
    return PlannedInstall(
        name=base.name,
        version=base.version,
        label=base.wheel.label,
        filename=link.wheel.filename,
        url=link.file.url,
        hashes=hashes,
        requires=tuple(dict.fromkeys(requires)),
        because=because(base.wheel, requested, _parents(base.name, solution), base.name),
        link=link,
        requested=requested,
        direct_url=direct_url,
        needed_by=tuple(solution.parents.get(base.name, ())),
        properties=base.wheel.properties,
        accelerators=base.accelerators,
        optional_requires=optional_requirements(candidate_finder.metadata(base).requires_dist),
        withdrawn=withdrawn(link, None if base.url else candidate_finder.project(base.name)),
    )


def _parents(name: NormalizedName, solution: Solution) -> list[str]:
    """Who needs a project, each by the name of what is installed of it."""
    found = []
    for parent in solution.parents.get(name, ()):
        base = solution.bases[parent]
        found.append(base.distribution if isinstance(base, WheelCandidate) else base.package.name)
    return sorted(found)


def because(wheel: RankedWheel, requested: bool, parents: Sequence[str], name: str = "") -> str:
    """One line: who needs a wheel, and what made its variant the best; of a family which member it is."""
    who = "requested" if requested else f"needed by {', '.join(parents)}"
    label = wheel.label
    backend = wheel.link.backend
    if backend is not None and backend.member:
        taken = wheel.link.own_name.name if backend.extra is None else f"{name}[{backend.extra}]"
        who = f"{who} as {name}" if taken != name and name else who
    if label is None:
        return who
    if not wheel.best:
        return f"{who}; {label}" if wheel.properties else f"{who}; {label}: no variant with properties fits"
    properties: list[str] = []
    previous = ""
    for item in wheel.best:
        text = f"{item.feature} :: {item.value}"
        properties.append(text if item.namespace == previous else f"{item.namespace} :: {text}")
        previous = item.namespace
    return f"{who}; {label}: {', '.join(properties)}"


def _given_up(
    candidate: WheelCandidate, trace: Trace, candidate_finder: CandidateFinder
) -> tuple[GivenUp, ...]:
    """The variants of the same version that come before the one that is taken."""
    if not candidate.better:
        return ()
    others: dict[str | None, WheelCandidate] = {}
    for other in candidate_finder.candidates(candidate.name, candidate.version):
        others.setdefault(other.wheel.label, other)
    told = {
        better: trace.why_rejected(others[better]) if better in others else None
        for better in candidate.better
    }
    # A backend goes with the rest of its source: that another was not tried needs no word.
    quiet = candidate.wheel.link.backend is not None
    return tuple(GivenUp(better, why or _UNTOLD) for better, why in told.items() if why or not quiet)


def _variant_notes(plan: Iterable[PlannedInstall]) -> list[str]:
    """A note for each variant that was given up for another of the same version."""
    return [
        f"{planned.name} {planned.version}: "
        + (f"its variant {planned.label}" if planned.label else "its non-variant wheel")
        + f" is taken in place of {given_up.label}: {given_up.why}"
        for planned in plan
        for given_up in planned.given_up
    ]


def _label_notes(solution: Solution, preferences: VariantPreferences) -> list[str]:
    """A note for each ``--variant`` that is about something else than what is needed."""
    return [
        f"--variant {name}={label} changes nothing: {name} is not needed"
        for name, label in preferences.labels.items()
        if name not in solution.bases and name not in preferences.of_project
    ]


def _reading_notes(solution: Solution, provider: Provider) -> list[str]:
    """A note for each package whose requirements are corrected, and for each passed over as unreadable."""
    notes = []
    for base in solution.bases.values():
        if isinstance(base, WheelCandidate) and (told := provider.dependencies.corrections(base)):
            more = {1: "", 2: " (another one is corrected, too)"}.get(
                len(told), f" ({len(told) - 1} others are corrected, too)"
            )
            notes.append(f"{base.name} {base.version} {told[0]}{more}")
        unread = provider.dependencies.unread.get(base.name, {})
        if newer := sorted((version for version in unread if version > base.version), reverse=True):
            others = f" (and so are {', '.join(map(str, newer[1:]))})" if newer[1:] else ""
            notes.append(f"{base.name} {newer[0]} is passed over: it {unread[newer[0]]}{others}")
    return notes


def _extra_notes(solution: Solution, candidate_finder: CandidateFinder) -> list[str]:
    """Extras that a package does not have: pip and uv install it without them, too."""
    notes = []
    for candidate in (candidate for extras in solution.extras.values() for candidate in extras):
        base = candidate.base
        known: tuple[NormalizedName, ...] | None
        if isinstance(base, WheelCandidate):
            known = candidate_finder.metadata(base).provides_extra
        else:
            known = base.package.extras()
        if known is not None and candidate.extra not in known:
            if devices := candidate_finder.builds.devices_of(candidate.name, candidate.extra):
                notes.append(
                    f"{candidate.name} {candidate.version} has no files for {', '.join(devices)} (no extra "
                    f"'{candidate.extra}'): what needs them may not run on this GPU"
                )
                continue
            near = did_you_mean(candidate.extra, known)
            said = f"{candidate.name} {candidate.version} has no extra '{candidate.extra}'"
            notes.append(f"{said}: {near}" if near is not None else said)
    return notes
