"""The wheels of a plan that have to be built first, built: with what the plan has, where that matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from variantctl.indexes.built_wheels import Pins
from variantctl.net.redaction import without_secrets
from variantctl.resolve.plan import Plan, PlannedInstall
from variantctl.values import replace
from variantctl.variants.lenient import read_requirement

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder


def built_plan(plan: Plan, package_finder: PackageFinder, pins: Pins | None = None) -> Plan:
    """The plan with wheels in place of all source code.

    Args:
        plan: may have source code.
        package_finder: builds.
        pins: what the builds get of some packages (``Matching.of_plan``); None: as was said before.

    Raises:
        VariantctlError: something could not be built.
    """
    if package_finder.builds is None or not plan.needs_build:
        return plan
    if pins is not None:
        package_finder.builds.pins = pins
    install = tuple(_built(item, package_finder) if item.needs_build else item for item in plan.install)
    notes = [
        note
        for before, after in zip(plan.install, install, strict=True)
        if before is not after and (note := _other_needs(before, after, package_finder)) is not None
    ]
    return replace(plan, install=install, notes=(*plan.notes, *notes))


def _built(planned: PlannedInstall, package_finder: PackageFinder) -> PlannedInstall:
    link = package_finder.built(planned.link)
    return replace(
        planned,
        link=link,
        version=link.version,
        filename=link.wheel.filename,
        hashes=dict(link.file.hashes),
        url=planned.url if planned.direct_url is not None else link.file.url,
        provenance=_provenance(planned),
    )


def _provenance(planned: PlannedInstall) -> Mapping[str, Any] | None:
    """What a wheel of an index's source distribution was built of, where the index tells its hash."""
    if planned.direct_url is not None or not planned.hashes:
        return None
    return {"archive_info": {"hashes": dict(planned.hashes)}, "url": without_secrets(planned.url)}


def _other_needs(before: PlannedInstall, after: PlannedInstall, package_finder: PackageFinder) -> str | None:
    """What to say where a wheel needs something else than its source said before it was built."""
    said, needed = _needs(before, package_finder), _needs(after, package_finder)
    if said == needed:
        return None
    others = ", ".join(sorted(said ^ needed)[:3])
    return (
        f"{after.name} {after.version} needs something else, now that it is built, than it said before "
        f"({others}); `variantctl check` says whether all is there"
    )


def _needs(planned: PlannedInstall, package_finder: PackageFinder) -> set[str]:
    """What a wheel requires, whatever the environment."""
    texts = package_finder.core_metadata(planned.link).requires_dist
    found = [read_requirement(text).requirement for text in texts]
    return {f"{each.name}{each.url or each.specifier}" for each in found}
