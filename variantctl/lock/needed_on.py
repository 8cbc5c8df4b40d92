"""``packages.marker``: which of the platforms that are locked for need a package, in standard markers alone.

PEP 825 allows no variant markers there. So the marker says where a tool that knows nothing of variants needs
the package; what only variants need is never needed by such a tool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from packaging.markers import Marker

from variantctl.lock.contents import LockedPackage
from variantctl.lock.members import MemberNames
from variantctl.lock.walk import Picked, Walk
from variantctl.variants.markers import NON_VARIANT, VariantRequirement

NEVER = "python_version < '0'"
"""What uv writes, too, where no environment is meant."""

#: What tells platforms apart, the plainest first.
_VARIABLES = (
    "sys_platform",
    "platform_machine",
    "python_version",
    "python_full_version",
    "implementation_name",
)

Facts = Mapping[str, str]


def markers_of(
    packages: Sequence[LockedPackage], roots: Sequence[VariantRequirement], platforms: Sequence[Facts]
) -> dict[int, Marker | None]:
    """``id`` of each entry -> its marker.

    Args:
        packages: the entries, with what their wheels declare.
        roots: what was asked for.
        platforms: the values of the standard markers on each platform that is locked for.
    """
    different = list(
        {tuple(facts.get(name, "") for name in _VARIABLES): facts for facts in platforms}.values()
    )
    reached = [_reached(packages, roots, facts) for facts in different]
    found: dict[int, Marker | None] = {}
    for package in packages:
        needed = [facts for facts, there in zip(different, reached, strict=True) if id(package) in there]
        others = [facts for facts, there in zip(different, reached, strict=True) if id(package) not in there]
        found[id(package)] = _marker(needed, others)
    return found


def _reached(
    packages: Sequence[LockedPackage], roots: Sequence[VariantRequirement], facts: Facts
) -> set[int]:
    by_name: dict[str, list[LockedPackage]] = {}
    for package in packages:
        by_name.setdefault(package.name, []).append(package)
    for name, entries in by_name.items():
        if len(entries) > 1 and any(entry.backend is not None for entry in entries):
            # For hardware that is not known, only a build that runs anywhere will do.
            by_name[name] = [entry for entry in entries if entry.backend is None or entry.runs_anywhere]
    walk = Walk(
        lambda name: by_name.get(name, ()),
        _without_variants,
        facts,
        names=MemberNames(packages),
        strict=False,
    )
    return {id(visit.picked.package) for visit in walk.run(roots).values()}


def _without_variants(package: LockedPackage) -> Picked:
    """The entry as its non-variant wheels and its source have it; without any, what all wheels require."""
    declared = package.declared
    if declared is None:
        return Picked(package, NON_VARIANT, ())
    plain = [file for file in package.files if file.wheel.label is None]
    if not plain and package.source is None:
        plain = list(package.files)
    lists = [declared.of(file.filename) for file in plain]
    if package.source is not None:
        lists.append(declared.of(package.source.filename))
    common = [text for text in lists[0] if all(text in other for other in lists[1:])] if lists else []
    return Picked(package, NON_VARIANT, common)


def _marker(needed: Sequence[Facts], others: Sequence[Facts]) -> Marker | None:
    """A marker that holds on all of ``needed`` and none of ``others``, in as few words as will do."""
    if not others:
        return None
    if not needed:
        return Marker(NEVER)
    for count in range(1, len(_VARIABLES) + 1):
        for names in combinations(_VARIABLES, count):
            wanted = sorted({tuple(facts.get(name, "") for name in names) for facts in needed})
            unwanted = {tuple(facts.get(name, "") for name in names) for facts in others}
            if unwanted.isdisjoint(wanted):
                return Marker(" or ".join(_conjunction(names, values) for values in wanted))
    return None


def _conjunction(names: Sequence[str], values: Sequence[str]) -> str:
    return " and ".join(f"{name} == '{value}'" for name, value in zip(names, values, strict=True))
