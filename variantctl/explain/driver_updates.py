"""What a newer driver would bring to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.select.compatibility import Interpreter
from variantctl.select.driver_updates import Advice, summary
from variantctl.select.preferences import VariantPreferences

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.algorithm import Machine
    from variantctl.target.platforms import Platform


def driver_updates(
    plan: Plan,
    *,
    package_finder: PackageFinder,
    machine: Machine,
    platform: Platform,
    preferences: VariantPreferences,
    who: str,
) -> str | None:
    """One line; ``None`` where no update would change anything.

    Of a source with a page for each backend the first package is asked about (all come from one backend):
    a page for each backend that an update would open.
    """
    left = _untold(plan)
    advice: dict[str, Sequence[Advice]] = {planned.name: planned.advice for planned in left}
    of_backends = [planned for planned in left if planned.link.backend is not None]
    if of_backends:
        interpreter = Interpreter(platform.tags, platform.markers)
        candidate_finder = CandidateFinder(
            package_finder, machine, interpreter, preferences=preferences, who=who
        )
        try:
            first = min(of_backends, key=lambda planned: candidate_finder.backends.rank(planned.name))
            advice[first.name] = candidate_finder.others.advice(first.name, first.version, further=True)
        finally:
            candidate_finder.close()
    return summary(advice)


def _untold(plan: Plan) -> list[PlannedInstall]:
    """The packages about which the plan's notes do not say yet what an update would bring."""
    told = {item.name for item in plan.passed_over if item.would_need is not None}
    told |= {each.name for each in plan.install if each.label and each.fit and each.fit.status == "misfit"}
    sources = {each.link.backend.source for each in plan.install if each.name in told and each.link.backend}
    return [
        each
        for each in plan.install
        if each.name not in told and not (each.link.backend and each.link.backend.source in sources)
    ]
