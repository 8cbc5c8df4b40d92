"""Why this wheel: every wheel of the chosen version of one requirement, with its verdict and the reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.backends.source import PRIORITY
from variantctl.families.registry import NO_FAMILIES
from variantctl.requirements.requirement import UserRequirement
from variantctl.resolve.accelerator_order import AcceleratorOrder
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import WheelCandidate
from variantctl.resolve.errors import NoCandidateError, UnsupportedVariantError
from variantctl.resolve.failure import nothing_fits
from variantctl.resolve.needs import ProjectRequirement, is_pin, local_versions
from variantctl.resolve.passed_over import refuse_without_accelerator
from variantctl.resolve.plan import PassedOver
from variantctl.resolve.plan_fit import unanswered_by
from variantctl.resolve.telling import Told, tell_of
from variantctl.resolve.wishes import with_wishes
from variantctl.select.compatibility import Interpreter
from variantctl.select.driver_updates import Advice
from variantctl.select.fit import ACCELERATORS, Fit, fit_of_ordinary
from variantctl.select.ordinary_builds import optional_requirements, ordinary_build
from variantctl.select.preferences import REQUIRE, VariantPreferences
from variantctl.select.ranking import EvaluatedWheel
from variantctl.select.reasons import Reason
from variantctl.values import dataclass, field, replace
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.labels import NULL_LABEL
from variantctl.variants.lenient import read_requirement
from variantctl.variants.properties import VariantProperty

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.indexes.project_files import WheelLink
    from variantctl.providers.algorithm import Machine
    from variantctl.target.platforms import Platform


@dataclass(frozen=True)
class Explanation:
    """One version and what became of its wheels.

    Attributes:
        name: the project.
        version: the newest version that the requirement allows and that has a wheel to take; where none has,
            the newest that is allowed.
        wheels: best first, then those that cannot be taken.
        who: what they were judged for: ``this machine`` or a profile.
        advice: the driver updates that would get another variant.
        passed_over: the newer versions without a build for the machine's accelerator.
        notes: what to say about the machine's accelerator, a line each.
        fit: whether the selected wheel, where it has no variant, makes use of the machine's accelerator.
        other_builds: where a CPU build is taken beside an accelerator: the labels of the version that no page
            asked for has -> why the machine cannot take them.
    """

    name: NormalizedName
    version: Version
    wheels: tuple[EvaluatedWheel, ...]
    who: str
    advice: tuple[Advice, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    notes: tuple[str, ...] = ()
    fit: Fit | None = None
    other_builds: Mapping[str, str] = field(default_factory=dict)

    @property
    def selected(self) -> EvaluatedWheel | None:
        """The wheel that would be taken, its dependencies aside."""
        return next((wheel for wheel in self.wheels if wheel.verdict == "selected"), None)

    def as_json(self) -> dict[str, Any]:
        """The contract of ``explain --json`` (design, section 5); passed over: only where something was."""
        selected = self.selected
        return {
            "format": 1,
            "name": self.name,
            "version": str(self.version),
            "selected": _selected_json(selected) if selected else None,
            "wheels": [_wheel_json(wheel) for wheel in self.wheels],
            "advice": [advice.as_json() for advice in self.advice],
            **({"passed_over": [item.as_json() for item in self.passed_over]} if self.passed_over else {}),
            **({"notes": list(self.notes)} if self.notes else {}),
            **({"other_builds": dict(self.other_builds)} if self.other_builds else {}),
            **({"fit": self.fit.as_json()} if self.fit is not None else {}),
        }

    def summary(self) -> str:
        """One paragraph."""
        counts = Counter(_fate(wheel) for wheel in self.wheels)
        selected = self.selected
        if selected is None:
            parts = [f"No wheel of {self.name} {self.version} can be taken on {self.who}."]
        else:
            because = next((reason.detail for reason in selected.reasons), "")
            parts = [
                f"{self.name} {self.version}: {_called(selected)} is taken"
                + (f" ({because})." if because else ".")
            ]
        fates = [f"{count} {fate}" for fate, count in counts.items() if fate != "selected"]
        parts.append(f"The others: {', '.join(fates)}." if fates else "It is the only wheel.")
        parts += [advice.sentence for advice in self.advice]
        return " ".join(parts)


def explain(
    requirement: UserRequirement,
    *,
    package_finder: PackageFinder,
    machine: Machine,
    platform: Platform,
    preferences: VariantPreferences | None = None,
    pre: bool = False,
    who: str = "this machine",
    command: Sequence[str] = (),
) -> Explanation:
    """Judge the wheels of the version that ``requirement`` would get, whatever that version needs.

    ``command`` has the words of the user's command, for the commands that notes advise.

    Raises:
        ProjectNotFound: no source has the project.
        NoCandidateError: no version with wheels is allowed.
    """
    interpreter = Interpreter(platform.tags, platform.markers)
    package_finder.expect_backends(local_versions([requirement.requirement.specifier]))
    preferences = preferences or VariantPreferences()
    families = NO_FAMILIES if preferences.no_variants else package_finder.families
    preferences = with_wishes(preferences, [requirement], families)
    name = families.identity(requirement.name)
    hashes = {name: requirement.hashes} if requirement.hashes else {}
    candidate_finder = CandidateFinder(
        package_finder,
        machine,
        interpreter,
        preferences=preferences,
        hashes=hashes,
        who=who,
        every_member=True,
    )
    if requirement.requirement.url:
        version, judged = candidate_finder.judge_direct(requirement.requirement.url, name)
        return Explanation(name, version, tuple(with_order(judged, interpreter)), who)
    version, allow_yanked, first = _version(name, requirement, candidate_finder, pre=pre)
    need = ProjectRequirement(name, None, requirement.requirement, requirement.origin)
    judged = candidate_finder.judge(name, version, allow_yanked=allow_yanked, needs=[need])
    advice = candidate_finder.others.advice(name, version, allow_yanked=allow_yanked, further=True)
    told = Told() if first is None else tell_of(first, [need], candidate_finder, pre=pre, command=command)
    wheels = tuple(with_order(judged, interpreter))
    fit = _fit(first, candidate_finder, machine, who) if first is not None else None
    others = candidate_finder.others.every_label(name, version) if told.without else {}
    known = {wheel.link.wheel.label for wheel in judged}
    lacking = {label: why for label, why in others.items() if why and label not in known}
    return Explanation(name, version, wheels, who, advice, told.passed_over, told.notes, fit, lacking)


def _fit(
    candidate: WheelCandidate, candidate_finder: CandidateFinder, machine: Machine, who: str
) -> Fit | None:
    """Of an ordinary wheel, by what it shows; ``None`` of a variant, or where its METADATA cannot be read."""
    if candidate.wheel.label is not None or not machine.is_one:
        return None
    try:
        requires = candidate_finder.metadata(candidate).requires_dist
    except VariantctlError:
        requires = ()
    applying = tuple(text for text in requires if _applies(text, candidate_finder.interpreter))
    build = ordinary_build(candidate.name, str(candidate.version), applying, optional_requirements(requires))
    supported = machine.supported(ACCELERATORS) if build.accelerator is not None else {}
    return fit_of_ordinary(build, supported, who, unanswered_by(machine))


def _applies(text: str, interpreter: Interpreter) -> bool:
    try:
        return read_requirement(text).requirement.applies(interpreter.markers)
    except InvalidVariantError:
        return False


def _version(
    name: NormalizedName, requirement: UserRequirement, candidate_finder: CandidateFinder, *, pre: bool
) -> tuple[Version, bool, WheelCandidate | None]:
    """The version to explain, whether its yanked files may be taken, and what is tried first of it."""
    specifier = requirement.requirement.specifier
    candidate_finder.project(name)
    need = ProjectRequirement(name, None, requirement.requirement, requirement.origin)
    allowed = candidate_finder.allowed(name, [need])
    if not allowed:
        raise NoCandidateError(
            nothing_fits(name, [need], candidate_finder) or f"no version of {name} is allowed"
        )
    groups = [allowed]
    if not (pre or specifier.prereleases):
        # Releases first; pre-releases where no release can be taken (PEP 440).
        allowed.sort(key=lambda version: version.is_prerelease)
        finals = sum(not version.is_prerelease for version in allowed)
        groups = [allowed[:finals], allowed[finals:]]
    pinned = is_pin(specifier)
    if candidate_finder.preferences.accelerator == REQUIRE:
        refuse_without_accelerator([name], [need], candidate_finder)
    for yanked in (False, True)[: 1 + pinned]:
        for versions in groups:
            first = _first(name, versions, need, candidate_finder, allow_yanked=yanked)
            if first is not None:
                return first.wheel.link.wheel.version, yanked, first
    return allowed[0], pinned, None


def _first(
    name: NormalizedName,
    versions: Sequence[Version],
    need: ProjectRequirement,
    candidate_finder: CandidateFinder,
    *,
    allow_yanked: bool,
) -> WheelCandidate | None:
    """What an installation would try first; a label that the machine lacks is no error here."""
    order = AcceleratorOrder(candidate_finder)

    def of_version(version: Version) -> list[WheelCandidate]:
        try:
            found = candidate_finder.candidates(name, version, allow_yanked=allow_yanked)
        except UnsupportedVariantError:
            return []
        return [each for each in found if need.is_satisfied_by(each) and order.allows(each)]

    return next(order.candidates(name, versions, of_version), None)


def with_order(judged: Sequence[EvaluatedWheel], interpreter: Interpreter) -> list[EvaluatedWheel]:
    """Say of each wheel that can be taken what put it in its place."""
    told: list[EvaluatedWheel] = []
    before: EvaluatedWheel | None = None
    for wheel in judged:
        if wheel.rank is None:
            told.append(wheel)
            continue
        reason = _place(wheel, before, interpreter)
        told.append(replace(wheel, reasons=(reason,)) if reason else wheel)
        before = wheel
    return told


def _place(wheel: EvaluatedWheel, before: EvaluatedWheel | None, interpreter: Interpreter) -> Reason | None:
    label = wheel.link.wheel.label
    if before is None:
        if wheel.best:
            return Reason("best", f"it has {_sentence(wheel.best)}")
        return Reason("best", "no variant with properties can be taken") if label is not None else None
    if before.link.wheel.label == label:
        why = _within_label(wheel.link, before.link, interpreter)
        return Reason("order", f"comes after {before.link.wheel.filename}, {why}")
    if label is None:
        return Reason("order", "a non-variant wheel comes after every variant")
    if _is_null(wheel):
        return Reason("order", "the null variant comes after every other variant")
    for mine, other in zip(wheel.best, before.best, strict=False):
        if mine != other:
            return Reason("order", f"{mine} comes after {other} ({before.link.wheel.label})")
    if len(wheel.best) < len(before.best):
        return Reason(
            "order", f"{before.link.wheel.label} has {_sentence(before.best[len(wheel.best) :])} too"
        )
    if PRIORITY in wheel.properties:
        return Reason("order", f"is as good as {before.link.wheel.label}, which its publisher puts first")
    return Reason("order", f"its properties rank the same as those of {before.link.wheel.label}")


def _within_label(link: WheelLink, before: WheelLink, interpreter: Interpreter) -> str:
    """Why of two wheels of one label the other comes first: what the ranking compares, in its order."""
    if before.version != link.version:
        return f"which is the newer {before.version}"
    if interpreter.rank(before.wheel) != interpreter.rank(link.wheel):
        return "whose tags fit better"
    if before.wheel.build != link.wheel.build:
        number, rest = before.wheel.build or (0, "")
        return f"whose build number {number}{rest} is higher"
    return "which fits as well: the first by name is taken"


def _sentence(best: Iterable[VariantProperty]) -> str:
    return ", ".join(str(item) for item in best)


def _fate(wheel: EvaluatedWheel) -> str:
    if wheel.verdict == "selected":
        return "selected"
    if wheel.verdict == "compatible":
        return "could be taken too"
    kinds = {reason.kind for reason in wheel.reasons}
    if kinds & {"tags", "requires-python"}:
        return "for another Python or platform"
    if wheel.verdict == "excluded":
        return "ruled out"
    return "with properties that are not offered"


def _is_null(wheel: EvaluatedWheel) -> bool:
    """Whether a wheel that can be taken is a variant without properties, whatever its label."""
    return wheel.link.wheel.label is not None and not wheel.properties


def _called(wheel: EvaluatedWheel) -> str:
    label = wheel.link.wheel.label
    if label is None:
        return "its non-variant wheel"
    return "its null variant" if label == NULL_LABEL else f"its variant {label}"


def _selected_json(wheel: EvaluatedWheel) -> dict[str, Any]:
    return {
        "filename": wheel.link.wheel.filename,
        "label": wheel.link.wheel.label,
        "url": wheel.link.file.url,
    }


def _wheel_json(wheel: EvaluatedWheel) -> dict[str, Any]:
    properties: Mapping[str, Mapping[str, Sequence[str]]] = wheel.properties
    return {
        "filename": wheel.link.wheel.filename,
        "label": wheel.link.wheel.label,
        "rank": wheel.rank,
        "verdict": wheel.verdict,
        "reasons": [{"kind": reason.kind, "detail": reason.detail} for reason in wheel.reasons],
        "properties": {
            namespace: {feature: list(values) for feature, values in features.items()}
            for namespace, features in properties.items()
        },
    }
