"""What the accelerator policy passed over, and what would open it: the trade is said, whatever is chosen.

A plan can differ from "the newest version" in two ways. An older version is taken, because newer ones have no
build for the machine's accelerator; or a build for the processor is taken although there is an accelerator,
because no version that may be taken has a build for it. Either is told with what would change it: a driver, a
version, a policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.candidates import InstalledCandidate, WheelCandidate
from variantctl.resolve.errors import AcceleratorError
from variantctl.resolve.needs import Need
from variantctl.resolve.plan import PassedOver
from variantctl.select.driver_updates import Advice
from variantctl.select.fit import Fit
from variantctl.select.preferences import ANY
from variantctl.values import dataclass
from variantctl.variants.accelerators import DETECTED, accelerators_of, called, idle_beside
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
    for version in _allowed(chosen.name, needs, candidate_finder, above=taken):
        if version.is_prerelease and not pre:
            continue
        candidates = candidate_finder.candidates(chosen.name, version)
        if candidates or _is_for_others(chosen.name, version, candidate_finder):
            best = next((each for each in candidates if each.accelerators), None)
            why = f"has no {accelerator_build(candidate_finder)}" if best is None else rejected(best) or ""
            if best is not None and why:
                why += "".join(f"; --build {each} builds that" for each in _sources(best, candidate_finder))
            elif best is not None and together:
                why = _NO_SIBLING
            if not why:
                continue
            advice = _first_update(chosen.name, version, candidate_finder) if best is None else None
            labels = candidate_finder.others.every_label(chosen.name, version)
            found.append(PassedOver(chosen.name, version, labels, why, chosen.version, advice))
    return tuple(found)


def _allowed(
    name: NormalizedName,
    needs: Sequence[Need],
    candidate_finder: CandidateFinder,
    *,
    above: Version | None = None,
) -> list[Version]:
    """The versions that some needs allow, newest first, with those that only others have builds of."""
    allowed = candidate_finder.allowed(name, needs)
    newest = candidate_finder.versions(name)[:1]
    floor = above if above is not None else newest[0] if newest else None
    known = set(candidate_finder.versions(name))
    # Where a version is passed over, those pages are asked for its labels anyway.
    further = candidate_finder.backends.has_source(name) and above is not None and allowed[:1] > [above]
    others = candidate_finder.others.newer(name, floor, further=further) if floor is not None else []
    new = [each for each in others if each not in known and all(need.allows(each) for need in needs)]
    return sorted({*(each for each in allowed if above is None or each > above), *new}, reverse=True)


def _is_for_others(name: NormalizedName, version: Version, candidate_finder: CandidateFinder) -> bool:
    """Whether a version has builds for other machines alone, or the member that was asked for by name."""
    if has_what_is_wished(name, version, candidate_finder):
        return True
    further = version not in candidate_finder.versions(name)
    return candidate_finder.others.is_for_others_alone(name, version, further=further)


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
    the accelerator is the GPU of an Intel processor: most have one that few builds are for.
    """
    name, preferences = chosen.name, candidate_finder.preferences
    if (
        chosen.accelerators
        or chosen.wheel.label is None
        or preferences.no_variants
        or preferences.names_one(name)
    ):
        return None
    if any(need.allows(chosen.version) and names_build(need, chosen) for need in needs):
        return None
    here = candidate_finder.builds.machine_supports
    if not idle_beside(here) or not candidate_finder.builds.is_built_for(name):
        return None
    what = f"is a {_built_for(chosen)} build"
    if any(each.accelerators for each in candidate_finder.candidates(name, chosen.wheel.link.wheel.version)):
        why = f"{what}: its build for the accelerator does not go with what else is asked for"
        # A variant that was given up is told with its reason.
        return Without(name, chosen.version, why) if chosen.wheel.link.backend is not None else None
    allowed = candidate_finder.allowed(name, needs)
    found = newest_with(
        name, allowed if preferences.accelerator == ANY else candidate_finder.versions(name), candidate_finder
    )
    if preferences.accelerator == ANY and found is not None:
        why = f"{what}, which --accelerator any allows: it has no {accelerator_build(candidate_finder)}"
        return Without(name, chosen.version, why, found, policy=True)
    why = f"{what}: it has no {accelerator_build(candidate_finder)}"
    if allowed and len(allowed) > 1:
        why = f"{what}: no version that may be taken has a {accelerator_build(candidate_finder)}"
    opened = _opened(name, _allowed(name, needs, candidate_finder), candidate_finder)
    return Without(name, chosen.version, why, found, would_need=opened)


def _built_for(chosen: WheelCandidate) -> str:
    """``CPU``, or what the GPU in the processor is called that a build is for."""
    names = accelerators_of(chosen.wheel.properties)
    return called([name for name in names if name in DETECTED]) if set(names) & set(DETECTED) else "CPU"


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
        if newest_with(name, allowed, candidate_finder) is not None:
            continue
        if not candidate_finder.builds.accelerators:
            raise AcceleratorError(
                f"{name}: --accelerator require, and {candidate_finder.who} has no accelerator that is known",
                hint="'variantctl detect' says what was looked for. To install for another machine, describe "
                "it: --profile NAME-or-FILE.",
            )
        hints = []
        mine = [need for need in needs if need.identifier == name]
        if (opened := _opened(name, _allowed(name, mine, candidate_finder), candidate_finder)) is not None:
            hints.append(f"With {opened[1].driver} you would get {opened[0]}+{opened[1].label}.")
        if (found := newest_with(name, candidate_finder.versions(name), candidate_finder)) is not None:
            hints.append(f"{name} {found.version} has one.")
        hints.append("--accelerator prefer takes a CPU build where there is no other.")
        raise AcceleratorError(
            f"{name}: --accelerator require, and no version that may be taken has a "
            f"{accelerator_build(candidate_finder)}",
            hint=" ".join(hints),
        )


def names_build(need: Need, chosen: WheelCandidate | InstalledCandidate) -> bool:
    """Whether a need names the very build, as ``==2.15.0+cpu`` does."""
    local = chosen.version.local
    return local is not None and f"+{local}" in str(need)


def newest_with(
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
    return next(iter(candidate_finder.others.advice(name, version, further=True)), None)


def without_build(candidate_finder: CandidateFinder) -> str:
    """``has no build for the NVIDIA GPU of this machine (driver for CUDA 12.8, ...)``."""
    return f"has no {accelerator_build(candidate_finder)}"


def accelerator_build(candidate_finder: CandidateFinder) -> str:
    """``build for the NVIDIA GPU of profile h100 (driver for CUDA 12.8, compute capability 9.0)``."""
    facts = ", ".join(_facts(_main(candidate_finder)))
    told = f" ({facts})" if facts else ""
    return f"build for the {called(candidate_finder.builds.accelerators)} of {candidate_finder.who}{told}"


def _main(candidate_finder: CandidateFinder) -> Supported:
    builds = candidate_finder.builds
    return {name: builds.machine_supports[name] for name in builds.accelerators}


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
