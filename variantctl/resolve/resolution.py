"""From requirements to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag

from packaging.utils import NormalizedName
from resolvelib import Resolver
from resolvelib.resolvers.exceptions import ResolutionImpossible, ResolutionTooDeep

from variantctl.resolve.candidates import (
    BaseCandidate,
    Candidate,
    ExtraCandidate,
    InstalledCandidate,
    WheelCandidate,
)
from variantctl.resolve.choice import RankedWheel
from variantctl.resolve.errors import HashesError, TooDeepError
from variantctl.resolve.failure import failure
from variantctl.resolve.interpreter import Interpreter
from variantctl.resolve.needs import ProjectNeed, is_pin, needs_of
from variantctl.resolve.plan import Kept, Plan, PlannedInstall, PlannedRemoval
from variantctl.resolve.preferences import VariantPreferences
from variantctl.resolve.provider import Provider, SearchOptions
from variantctl.resolve.requirements import UserRequirement
from variantctl.resolve.stock import Stock
from variantctl.resolve.trace import Trace
from variantctl.target.installed import InstalledPackage
from variantctl.target.platforms import Platform
from variantctl.variants.labels import NULL_LABEL

if TYPE_CHECKING:
    from resolvelib.resolvers.abstract import Result

    from variantctl.providers.algorithm import Machine
    from variantctl.resolve.needs import Need
    from variantctl.sources.catalog import Catalog

    Found = Result[Need, Candidate, str]

#: One round tries one candidate; PyPI's hardest graphs take a few thousand.
MAX_ROUNDS = 100_000


@dataclass(frozen=True)
class Request:
    """Everything a user asked for.

    Attributes:
        requirements: in the order in which they were written.
        constraints: hold wherever their project occurs.
        preferences: about variants.
        options: about the search; ``upgrade`` is filled in by ``resolve`` where ``upgrade_requested``.
        upgrade_requested: take the newest versions of what is asked for.
    """

    requirements: tuple[UserRequirement, ...]
    constraints: tuple[UserRequirement, ...] = ()
    preferences: VariantPreferences = field(default_factory=VariantPreferences)
    options: SearchOptions = field(default_factory=SearchOptions)
    upgrade_requested: bool = False


def resolve(
    request: Request,
    *,
    catalog: Catalog,
    machine: Machine,
    platform: Platform,
    installed: Mapping[NormalizedName, InstalledPackage] | None = None,
    who: str = "this machine",
    max_rounds: int = MAX_ROUNDS,
) -> Plan:
    """The plan that satisfies a request.

    Args:
        request: what is asked for.
        catalog: where wheels come from.
        machine: what variant properties are supported.
        platform: the tags and markers of what is installed into.
        installed: what it has already.
        who: ``this machine`` or the profile, for messages.
        max_rounds: after how many steps the search is given up.

    Raises:
        UnsatisfiableError, NoCandidateError, ProjectNotFound: there is no solution, and why.
        TooDeepError: none was found in ``max_rounds`` steps.
        HashesError: a hash is missing or wrong.
        VariantctlError: a source could not be read.
    """
    interpreter = Interpreter(platform.tags, platform.markers)
    roots, skipped = _applicable(request.requirements, interpreter)
    limits, _ = _applicable(request.constraints, interpreter)
    options = request.options
    if request.upgrade_requested:
        options = replace(options, upgrade=frozenset(root.name for root in roots))
    if options.require_hashes:
        _demand_pins(roots)
    constraints: dict[NormalizedName, list[ProjectNeed]] = {}
    for limit in limits:
        constraints.setdefault(limit.name, []).append(
            ProjectNeed(limit.name, None, limit.requirement, limit.origin)
        )
    stock = Stock(
        catalog,
        machine,
        interpreter,
        preferences=request.preferences,
        hashes=_hashes([*roots, *limits]),
        installed=installed,
        who=who,
    )
    try:
        needs = [need for root in roots for need in needs_of(root.requirement, root.origin)]
        order = {need.identifier: place for place, need in reversed(list(enumerate(needs)))}
        provider = Provider(stock, constraints, order, options)
        provider.expect(needs)
        trace = Trace()
        try:
            found = Resolver(provider, trace).resolve(needs, max_rounds=max_rounds)
        except ResolutionImpossible as error:
            raise failure(list(error.causes), trace, stock, constraints) from None
        except ResolutionTooDeep:
            raise TooDeepError(
                f"no solution was found in {max_rounds:,} steps, and the search was given up",
                hint="Narrow the search: pin some versions, for instance in a constraints file (-c).",
            ) from None
        notes = [*skipped, *_variant_notes(found, trace, stock), *_extra_notes(found, stock)]
        return _plan(found, provider, stock, notes)
    finally:
        stock.close()


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


def _hashes(requirements: Iterable[UserRequirement]) -> dict[NormalizedName, dict[str, frozenset[str]]]:
    """What every place that lists hashes of a project allows: of each algorithm the common digests."""
    allowed: dict[NormalizedName, dict[str, frozenset[str]]] = {}
    for requirement in requirements:
        if not requirement.hashes:
            continue
        known = allowed.setdefault(requirement.name, dict(requirement.hashes))
        for algorithm, digests in requirement.hashes.items():
            known[algorithm] = known.get(algorithm, digests) & digests
    return allowed


def _plan(found: Found, provider: Provider, stock: Stock, notes: list[str]) -> Plan:
    install: list[PlannedInstall] = []
    remove: list[PlannedRemoval] = []
    keep: list[Kept] = []
    bases: dict[NormalizedName, BaseCandidate] = {
        candidate.name: candidate
        for candidate in found.mapping.values()
        if not isinstance(candidate, ExtraCandidate)
    }
    for name, base in sorted(bases.items()):
        requested, parents = _asked_by(name, found)
        if isinstance(base, InstalledCandidate):
            keep.append(Kept(base.package, requested))
            continue
        replaced = stock.replaced(name)
        if replaced is not None:
            remove.append(PlannedRemoval(replaced))
        install.append(_planned(base, found, provider, requested, parents))
    return Plan(tuple(install), tuple(remove), tuple(keep), tuple(notes))


def _planned(
    base: WheelCandidate, found: Found, provider: Provider, requested: bool, parents: list[str]
) -> PlannedInstall:
    link = base.wheel.link
    extras = [
        candidate
        for candidate in found.mapping.values()
        if isinstance(candidate, ExtraCandidate) and candidate.base is base
    ]
    candidates: list[Candidate] = [base, *sorted(extras, key=lambda candidate: candidate.extra)]
    requires = [str(item.requirement) for candidate in candidates for item in provider.applicable(candidate)]
    hashes = dict(link.file.hashes)
    direct_url: dict[str, Any] | None = None
    if base.url:
        direct_url = {"url": urldefrag(base.url).url, "archive_info": {"hashes": hashes} if hashes else {}}
    return PlannedInstall(
        name=base.name,
        version=base.version,
        label=base.wheel.label,
        filename=link.wheel.filename,
        url=link.file.url,
        hashes=hashes,
        requires=tuple(dict.fromkeys(requires)),
        because=because(base.wheel, requested, parents),
        link=link,
        requested=requested,
        direct_url=direct_url,
    )


def _asked_by(name: NormalizedName, found: Found) -> tuple[bool, list[str]]:
    """Whether the user asked for a project or an extra of it, and the other projects that need it."""
    requested = False
    parents: set[str] = set()
    kept = {id(candidate) for candidate in found.mapping.values()}
    for criterion in found.criteria.values():
        for information in criterion.information:
            if information.requirement.name != name:
                continue
            if information.parent is None:
                requested = True
            elif information.parent.name != name and id(information.parent) in kept:
                parents.add(information.parent.name)
    return requested, sorted(parents)


def because(wheel: RankedWheel, requested: bool, parents: Sequence[str]) -> str:
    """One line: who needs a wheel, and what made its variant the best."""
    who = "requested" if requested else f"needed by {', '.join(parents)}"
    label = wheel.label
    if label is None:
        return who
    if not wheel.best:
        return (
            f"{who}; {label}: no variant with properties fits" if label == NULL_LABEL else f"{who}; {label}"
        )
    properties: list[str] = []
    previous = ""
    for item in wheel.best:
        text = f"{item.feature} :: {item.value}"
        properties.append(text if item.namespace == previous else f"{item.namespace} :: {text}")
        previous = item.namespace
    return f"{who}; {label}: {', '.join(properties)}"


def _variant_notes(found: Found, trace: Trace, stock: Stock) -> list[str]:
    """A note for each variant that was given up for another of the same version."""
    notes = []
    for candidate in found.mapping.values():
        if not isinstance(candidate, WheelCandidate):
            continue
        for better in candidate.better:
            given_up = next(
                (
                    other
                    for other in stock.candidates(candidate.name, candidate.version)
                    if other.wheel.label == better
                ),
                None,
            )
            why = trace.why_rejected(given_up) if given_up else None
            chosen = (
                f"its variant {candidate.wheel.label}" if candidate.wheel.label else "its non-variant wheel"
            )
            notes.append(
                f"{candidate.name} {candidate.version}: {chosen} is taken in place of {better}"
                + (f": {why}" if why else ", whose dependencies cannot be satisfied")
            )
    return notes


def _extra_notes(found: Found, stock: Stock) -> list[str]:
    return [
        f"{candidate.name} {candidate.version} has no extra '{candidate.extra}'"
        for candidate in found.mapping.values()
        if isinstance(candidate, ExtraCandidate)
        and isinstance(candidate.base, WheelCandidate)
        and candidate.extra not in stock.metadata(candidate.base).provides_extra
    ]
