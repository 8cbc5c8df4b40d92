"""What a newer driver would bring to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from variantctl.resolve.advice import Advice, summary
from variantctl.resolve.interpreter import Interpreter
from variantctl.resolve.plan import Plan
from variantctl.resolve.preferences import VariantPreferences
from variantctl.resolve.stock import Stock

if TYPE_CHECKING:
    from variantctl.providers.algorithm import Machine
    from variantctl.sources.catalog import Catalog
    from variantctl.target.platforms import Platform


def outlook(
    plan: Plan,
    *,
    catalog: Catalog,
    machine: Machine,
    platform: Platform,
    preferences: VariantPreferences,
    who: str,
) -> str | None:
    """One line; ``None`` where no update would change anything.

    Of a source with a page for each backend the first package is asked about (all come from one backend):
    a page for each backend that an update would open.
    """
    advice: dict[str, Sequence[Advice]] = {planned.name: planned.advice for planned in plan.install}
    of_backends = [planned for planned in plan.install if planned.link.backend is not None]
    if of_backends:
        interpreter = Interpreter(platform.tags, platform.markers)
        stock = Stock(catalog, machine, interpreter, preferences=preferences, who=who)
        try:
            first = min(of_backends, key=lambda planned: stock.backends.rank(planned.name))
            advice[first.name] = stock.advice(first.name, first.version, further=True)
        finally:
            stock.close()
    return summary(advice)
