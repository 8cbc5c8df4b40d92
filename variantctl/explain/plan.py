"""Why this plan: for each of its packages who needs it, which wheel, and why none of the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from variantctl.explain.wheels import Explanation, with_order
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.resolve.resolver import Request, resolve
from variantctl.select.compatibility import Interpreter
from variantctl.select.driver_updates import Advice
from variantctl.select.ranking import EvaluatedWheel
from variantctl.select.reasons import Reason
from variantctl.values import dataclass, replace

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.algorithm import Machine
    from variantctl.target.platforms import Platform


@dataclass(frozen=True)
class PackageExplanation:
    """One package of a plan.

    Attributes:
        planned: the wheel, who needs it, and the better variants that were given up.
        explanation: every wheel of the version; ``selected`` is the planned one.
    """

    planned: PlannedInstall
    explanation: Explanation

    def as_json(self) -> dict[str, Any]:
        """The object of ``explain --json``, and what only a plan knows."""
        return {
            **self.explanation.as_json(),
            "requested": self.planned.requested,
            "needed_by": list(self.planned.needed_by),
            "because": self.planned.because,
            "given_up": [{"label": item.label, "why": item.why} for item in self.planned.given_up],
        }


@dataclass(frozen=True)
class PlanExplanation:
    """A plan for an empty environment, explained.

    Attributes:
        plan: the plan.
        packages: those of its wheels, by name.
    """

    plan: Plan
    packages: tuple[PackageExplanation, ...]

    def as_json(self) -> dict[str, Any]:
        """``{"format": 1, "plan": ..., "packages": [...]}``: the contracts of ``install`` and ``explain``."""
        return {
            "format": 1,
            "plan": self.plan.as_json(),
            "packages": [package.as_json() for package in self.packages],
        }


def explain_plan(
    request: Request,
    *,
    package_finder: PackageFinder,
    machine: Machine,
    platform: Platform,
    who: str = "this machine",
) -> PlanExplanation:
    """Resolve for an empty environment, and judge every wheel of each version that is taken.

    Raises:
        VariantctlError: as ``resolve``.
    """
    plan = resolve(request, package_finder=package_finder, machine=machine, platform=platform, who=who)
    candidate_finder = CandidateFinder(
        package_finder,
        machine,
        Interpreter(platform.tags, platform.markers),
        preferences=request.preferences,
        hashes=_hashes(request),
        who=who,
    )
    try:
        packages = (
            PackageExplanation(planned, _explained(planned, candidate_finder)) for planned in plan.install
        )
        return PlanExplanation(plan, tuple(packages))
    finally:
        candidate_finder.close()


def _hashes(request: Request) -> Mapping[NormalizedName, Mapping[str, frozenset[str]]]:
    return {root.name: root.hashes for root in request.requirements if root.hashes}


def _explained(planned: PlannedInstall, candidate_finder: CandidateFinder) -> Explanation:
    advice: tuple[Advice, ...] = ()
    if planned.direct_url is not None:
        _, judged = candidate_finder.judge_direct(planned.url, planned.name)
    else:
        version, yanked = planned.link.wheel.version, bool(planned.link.file.yanked)
        judged = candidate_finder.judge(planned.name, version, allow_yanked=yanked)
        advice = candidate_finder.others.advice(planned.name, version, allow_yanked=yanked, further=True)
    wheels = tuple(_in_plan(with_order(judged, candidate_finder.interpreter), planned))
    return Explanation(planned.name, planned.version, wheels, candidate_finder.who, advice)


def _in_plan(judged: Sequence[EvaluatedWheel], planned: PlannedInstall) -> Iterator[EvaluatedWheel]:
    """The verdicts, now that the dependencies count: the best wheel need not be the one that is taken."""
    given_up = {item.label: item.why for item in planned.given_up}
    for wheel in judged:
        if wheel.link.file.url == planned.url:
            yield replace(wheel, verdict="selected")
        elif wheel.rank is None:
            yield wheel
        elif (why := given_up.get(wheel.link.wheel.label)) is not None:
            yield replace(wheel, verdict="compatible", reasons=(Reason("given-up", f"was given up: {why}"),))
        else:
            yield replace(wheel, verdict="compatible")
