"""Packages side by side that were built for different accelerators."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.inspection import Inspected
from variantctl.doctor.remedies import BUILT_TOGETHER, choose_together
from variantctl.variants.labels import NULL_LABEL

ACCELERATORS = ("nvidia", "amd", "intel")
"""The namespaces of which an environment has one: a process loads one vendor's runtime."""

_CUDA = re.compile(r"(?:cuda|cu)(\d+)\.?(\d+)")
_CPU = "cpu"


def check_mixture(packages: Iterable[Inspected], commands: Commands) -> list[Finding]:
    """Packages of one source for different backends, and packages of different vendors."""
    packages = list(packages)
    families: dict[str, list[Inspected]] = {}
    for item in packages:
        if item.family is not None:
            families.setdefault(item.family, []).append(item)
    findings: list[Finding] = []
    told: set[str] = set()
    for members in families.values():
        for finding in _of_family(members, commands):
            findings.append(finding)
            told.update(item.name for item in members if finding.severity == "error")
    vendors: dict[str, list[Inspected]] = {}
    for item in packages:
        if (vendor := _vendor(item)) is not None:
            vendors.setdefault(vendor, []).append(item)
    if len(vendors) > 1 and not all(item.name in told for group in vendors.values() for item in group):
        findings.append(_mixed("different vendors' accelerators", vendors, commands))
    return findings


def backend(item: Inspected) -> str | None:
    """What a package of a source of backends was built for: ``cu128``, ``rocm7.1``, ``cpu``."""
    if item.label is None:
        return None
    if item.label == NULL_LABEL:
        return _CPU
    cuda = _CUDA.fullmatch(item.label)
    return f"cu{cuda[1]}{cuda[2]}" if cuda else item.label


def _of_family(members: Sequence[Inspected], commands: Commands) -> Iterator[Finding]:
    groups: dict[str, list[Inspected]] = {}
    for item in members:
        if (built_for := backend(item)) is not None:
            groups.setdefault(built_for, []).append(item)
    if len(groups) > 1:
        yield _mixed("different backends", groups, commands)
        return
    silent = [
        item
        for item in members
        if item.name in BUILT_TOGETHER and item.label is None and item.version.local is None
    ]
    if groups and silent:
        (built_for,) = groups
        detail = (
            f"{_names(groups[built_for])} is for {built_for}; {_names(silent)} does not say what it is for"
        )
        hint = choose_together(silent[0], [*groups[built_for], *silent], commands)
        yield Finding("suggestion", "mixed-backends", silent[0].name, detail, hint)


def _mixed(what: str, groups: dict[str, list[Inspected]], commands: Commands) -> Finding:
    told = "; ".join(f"{_names(items)} for {built_for}" for built_for, items in groups.items())
    items = [item for group in groups.values() for item in group]
    hint = choose_together(items[0], items, commands)
    return Finding("error", "mixed-backends", items[0].name, f"builds for {what} side by side: {told}", hint)


def _vendor(item: Inspected) -> str | None:
    """The accelerator's namespace; ``None`` for a variant of several or of none."""
    if item.metadata is None or item.label is None:
        return None
    used = item.metadata.properties_of(item.label) or {}
    vendors = [namespace for namespace in ACCELERATORS if namespace in used]
    return vendors[0] if len(vendors) == 1 else None


def _names(items: Iterable[Inspected]) -> str:
    return ", ".join(map(str, items))
