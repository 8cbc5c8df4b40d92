"""What the accelerator policy passed over, and what would open it: the trade is said, whatever is chosen.

A plan can differ from "the newest version" in two ways. An older version is taken, because newer ones have no
build for the machine's accelerator; or a build for the processor is taken although there is an accelerator,
because no version that may be taken has a build for it. Either is told with what would change it: a driver, a
version, a policy.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import Candidate, InstalledCandidate, WheelCandidate
from variantctl.resolve.errors import AcceleratorError
from variantctl.resolve.needs import Need
from variantctl.resolve.other_commands import under, unpinned
from variantctl.resolve.plan import PassedOver, Plan, Solution
from variantctl.select.driver_updates import Advice
from variantctl.select.fit import Fit
from variantctl.select.preferences import ANY
from variantctl.values import dataclass, field, replace
from variantctl.variants.accelerators import called
from variantctl.variants.errors import VariantctlError
from variantctl.variants.lenient import read_requirement
from variantctl.variants.properties import Supported

_MOST = 20
"""Versions of a project that are looked at for what a driver would open."""


def passed_over(
    chosen: WheelCandidate,
    needs: Sequence[Need],
    candidate_finder: CandidateFinder,
    *,
    pre: bool,
    together: bool = False,
    rejected: Callable[[WheelCandidate], str | None] = lambda _candidate: None,
) -> tuple[PassedOver, ...]:
    """The versions newer than a build for an accelerator that were passed over for it, newest first.

    Args:
        chosen: what is taken.
        needs: everything that is needed of the project.
        candidate_finder: what can be had.
        pre: whether pre-releases count as releases.
        together: whether other packages share its backend, so that they may lack what it has.
        rejected: why a build could not be taken: a clause whose subject it is.
    """
    if not chosen.accelerators:
        return ()
    taken = chosen.wheel.link.wheel.version
    found = []
    for version in candidate_finder.allowed(chosen.name, needs):
        if version <= taken or (version.is_prerelease and not pre):
            continue
        candidates = candidate_finder.candidates(chosen.name, version)
        if candidates or has_what_is_wished(chosen.name, version, candidate_finder):
            best = next((each for each in candidates if each.accelerators), None)
            why = f"has no {_build(candidate_finder)}" if best is None else rejected(best) or ""
            if best is not None and why:
                why += "".join(f"; --build {each} builds that" for each in _sources(best, candidate_finder))
            elif best is not None and together:
                why = _NO_SIBLING
            if not why:
                continue
            advice = _first_update(chosen.name, version, candidate_finder) if best is None else None
            labels = candidate_finder.every_label(chosen.name, version)
            found.append(PassedOver(chosen.name, version, labels, why, chosen.version, advice))
    return tuple(found)


def has_what_is_wished(name: NormalizedName, version: Version, candidate_finder: CandidateFinder) -> bool:
    """Whether a version has the member of a family that was asked for by name, though not for the machine."""
    wished = candidate_finder.preferences.wished.get(name)
    if not wished:
        return False
    return any(
        wheel.link.wheel.label in wished and {reason.kind for reason in wheel.reasons} == {"property"}
        for wheel in candidate_finder.judge(name, version)
    )


_NO_SIBLING = "has no build for the accelerator that goes with the other packages of its source"


def _sources(candidate: WheelCandidate, candidate_finder: CandidateFinder) -> Iterator[str]:
    """What a wheel needs and there are only source distributions of."""
    for text in candidate_finder.metadata(candidate).requires_dist:
        name = read_requirement(text).requirement.name
        try:
            project = candidate_finder.project(name)
        except VariantctlError:
            continue
        if project.sdists and not project.wheels:
            yield name


def sentence(items: Sequence[PassedOver]) -> str:
    """What was passed over of one project, newest first, in a sentence without a full stop."""
    newest = items[0]
    alike = [item for item in items if item.why == newest.why]
    versions = _listed([str(item.version) for item in alike])
    have = "have" if len(alike) > 1 else "has"
    if not newest.why.startswith("has "):
        which = "they are" if len(alike) > 1 else "it is"
        return f"{newest.name} {versions}: {which} not taken, {newest.taken} is: {newest.why}"
    said = f"{newest.name} {versions} {have}{newest.why.removeprefix('has')}, so {newest.taken} is taken"
    opened = next((item for item in items if item.would_need is not None), None)
    if opened is None or opened.would_need is None:
        return said
    advice = opened.would_need
    return f"{said}; with {advice.driver} you would get {opened.version}+{advice.label}"


@dataclass(frozen=True)
class Without:
    """A build for the processor that is taken although the machine has an accelerator.

    Attributes:
        name: the project.
        version: what is taken.
        why: a clause whose subject is the build.
        elsewhere: a version with a build for the accelerator, which the needs rule out or the policy ignores.
        policy: whether it is the policy that ignores it.
        would_need: (version, the update that would bring a build of it).
    """

    name: NormalizedName
    version: Version
    why: str
    elsewhere: WheelCandidate | None = None
    policy: bool = False
    would_need: tuple[Version, Advice] | None = None

    @property
    def sentence(self) -> str:
        """The same without a full stop."""
        said = [f"{self.name} {self.version} {self.why}"]
        if self.would_need is not None:
            version, advice = self.would_need
            said.append(f"with {advice.driver} you would get {version}+{advice.label}")
        if self.elsewhere is not None:
            said.append(f"{self.elsewhere.name} {self.elsewhere.version} has one")
        return "; ".join(said)

    @property
    def fit(self) -> Fit:
        """What the plan says of it."""
        return Fit("misfit", {}, self.why)


def without_accelerator(
    chosen: WheelCandidate, needs: Sequence[Need], candidate_finder: CandidateFinder
) -> Without | None:
    """Why a build for the processor is taken on a machine with an accelerator; ``None``: nothing to say.

    Nothing is said where the user chose it by name, where there is nothing built for accelerators, or where
    the accelerator is a GPU of Intel's alone: most processors have one that few builds are for.
    """
    name, preferences = chosen.name, candidate_finder.preferences
    if (
        chosen.accelerators
        or chosen.wheel.label is None
        or preferences.no_variants
        or preferences.names_one(name)
    ):
        return None
    if any(need.allows(chosen.version) and _names(need, chosen) for need in needs):
        return None
    if not set(candidate_finder.builds.accelerators) - {"intel"} or not candidate_finder.builds.is_built_for(
        name
    ):
        return None
    if any(each.accelerators for each in candidate_finder.candidates(name, chosen.wheel.link.wheel.version)):
        why = "is a CPU build: its build for the accelerator does not go with what else is asked for"
        # A variant that was given up is told with its reason.
        return Without(name, chosen.version, why) if chosen.wheel.link.backend is not None else None
    allowed = candidate_finder.allowed(name, needs)
    found = _newest_with(
        name, allowed if preferences.accelerator == ANY else candidate_finder.versions(name), candidate_finder
    )
    if preferences.accelerator == ANY and found is not None:
        why = f"is a CPU build, which --accelerator any allows: it has no {_build(candidate_finder)}"
        return Without(name, chosen.version, why, found, policy=True)
    why = f"is a CPU build: it has no {_build(candidate_finder)}"
    if allowed and len(allowed) > 1:
        why = f"is a CPU build: no version that may be taken has a {_build(candidate_finder)}"
    opened = _opened(name, allowed, candidate_finder)
    return Without(name, chosen.version, why, found, would_need=opened)


def refuse_without_accelerator(
    names: Iterable[NormalizedName], needs: Sequence[Need], candidate_finder: CandidateFinder
) -> None:
    """Say what ``--accelerator require`` needs of the first project that has no build to take.

    Args:
        names: the projects that the user asked for.
        needs: the user's own needs, and constraints.
        candidate_finder: what can be had.

    Raises:
        AcceleratorError: one of the projects is built for accelerators, and no build that may be taken is for
            the machine's.
    """
    for name in names:
        if not candidate_finder.has_variants(name) or not candidate_finder.builds.is_built_for(name):
            continue
        allowed = candidate_finder.allowed(name, [need for need in needs if need.identifier == name])
        if _newest_with(name, allowed, candidate_finder) is not None:
            continue
        if not candidate_finder.builds.accelerators:
            raise AcceleratorError(
                f"{name}: --accelerator require, and {candidate_finder.who} has no accelerator that is known",
                hint="'variantctl detect' says what was looked for. To install for another machine, describe "
                "it: --profile NAME-or-FILE.",
            )
        hints = []
        if (opened := _opened(name, allowed, candidate_finder)) is not None:
            hints.append(f"With {opened[1].driver} you would get {opened[0]}+{opened[1].label}.")
        if (found := _newest_with(name, candidate_finder.versions(name), candidate_finder)) is not None:
            hints.append(f"{name} {found.version} has one.")
        hints.append("--accelerator prefer takes a CPU build where there is no other.")
        raise AcceleratorError(
            f"{name}: --accelerator require, and no version that may be taken has a "
            f"{_build(candidate_finder)}",
            hint=" ".join(hints),
        )


def _names(need: Need, chosen: WheelCandidate | InstalledCandidate) -> bool:
    """Whether a need names the very build, as ``==2.15.0+cpu`` does."""
    local = chosen.version.local
    return local is not None and f"+{local}" in str(need)


def _newest_with(
    name: NormalizedName, versions: Sequence[Version], candidate_finder: CandidateFinder
) -> WheelCandidate | None:
    """The newest release with a build for the accelerator; else the newest pre-release with one."""
    for version in sorted(versions, key=lambda version: version.is_prerelease):
        for candidate in candidate_finder.candidates(name, version):
            if candidate.accelerators:
                return candidate
    return None


def _opened(
    name: NormalizedName, versions: Sequence[Version], candidate_finder: CandidateFinder
) -> tuple[Version, Advice] | None:
    """The newest version that an update would bring a build of, with the smallest such update."""
    for version in [each for each in versions if not each.is_prerelease][:_MOST]:
        if (advice := _first_update(name, version, candidate_finder)) is not None:
            return version, advice
    return None


def _first_update(name: NormalizedName, version: Version, candidate_finder: CandidateFinder) -> Advice | None:
    return next(iter(candidate_finder.advice(name, version, further=True)), None)


def without_build(candidate_finder: CandidateFinder) -> str:
    """``has no build for the NVIDIA GPU of this machine (driver for CUDA 12.8, ...)``."""
    return f"has no {_build(candidate_finder)}"


def _build(candidate_finder: CandidateFinder) -> str:
    """``build for the NVIDIA GPU of profile h100 (driver for CUDA 12.8, compute capability 9.0)``."""
    facts = ", ".join(_facts(candidate_finder.builds.machine_supports))
    told = f" ({facts})" if facts else ""
    return f"build for the {called(candidate_finder.builds.accelerators)} of {candidate_finder.who}{told}"


def _facts(supported: Supported) -> Iterator[str]:
    """What decides on builds, of each accelerator."""
    for namespace, features in supported.items():
        if namespace == "nvidia":
            if bounds := features.get("cuda_version_lower_bound"):
                yield f"driver for CUDA {bounds[0]}"
            if archs := features.get("sm_arch"):
                number = archs[0].partition("_")[0].rstrip("af")
                yield f"compute capability {number[:-1]}.{number[-1:]}"
        elif namespace == "amd":
            yield from features.get("gfx_arch", ())[:1]
            if versions := features.get("rocm_version"):
                yield f"ROCm up to {versions[0]}"
        elif namespace == "intel":
            yield from (f"device IP {value}" for value in features.get("device_ip", ())[:1])


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


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
    if any(_names(need, base) for need in needs) or not set(candidate_finder.builds.accelerators) - {"intel"}:
        return None
    found = _newest_with(name, candidate_finder.allowed(name, needs), candidate_finder)
    if found is None:
        return None
    said = f"{name} {base.version} is installed and stays: it is a CPU build, and {found.version} is a"
    said = f"{said} {_build(candidate_finder)}"
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
                notes.append(_with_command(said, items[0].version, command) if of_policy else said)
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


def _with_command(said: str, version: Version, command: Sequence[str]) -> str:
    if not command:
        return f"{said} (--accelerator any takes {version})"
    return f"{said}. `{under(command, 'any')}` takes {version} all the same."


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
