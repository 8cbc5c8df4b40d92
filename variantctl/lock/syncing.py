"""The plan that makes an environment exactly what a lock selects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urldefrag

from packaging.utils import NormalizedName

from variantctl.lock.selection import Selected
from variantctl.net.redaction import without_secrets
from variantctl.resolve.plan import Kept, Plan, PlannedInstall, PlannedRemoval, withdrawn_notes
from variantctl.resolve.resolver import because
from variantctl.target.environment import Environment
from variantctl.target.installed import InstalledPackage
from variantctl.target.protected import OURSELVES, is_our_own, ourselves, seeds


def plan_sync(
    selected: Sequence[Selected],
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment | None,
    *,
    reinstall: bool = False,
) -> Plan:
    """Install what is missing or another, keep what is right, remove the rest.

    Never removed: the packages that a virtual environment is made with (as with ``uv pip sync``), variantctl
    and what it needs where it runs from this very environment, editable installs, and what was not
    installed from a wheel. All but the first are named in the plan's notes.
    """
    install: list[PlannedInstall] = []
    keep: list[Kept] = []
    remove: list[PlannedRemoval] = []
    for entry in selected:
        planned = _planned(entry)
        there = installed.get(entry.package.name)
        if there is not None and not reinstall and _is_same(planned, there):
            keep.append(Kept(there, planned.requested))
            continue
        if there is not None:
            remove.append(PlannedRemoval(there))
        install.append(planned)
    names = {entry.package.name for entry in selected}
    extraneous = [package for name, package in installed.items() if name not in names]
    going, notes = _removable(extraneous, installed, environment)
    remove += [PlannedRemoval(package) for package in going]
    remove.sort(key=lambda removal: removal.name)
    kept = [note for planned in map(_planned, selected) for note in withdrawn_notes([planned])]
    return Plan(tuple(install), tuple(remove), tuple(keep), (*kept, *notes))


def _planned(entry: Selected) -> PlannedInstall:
    link, visit = entry.wheel.link, entry.visit
    hashes = dict(link.file.hashes)
    direct_url: dict[str, Any] | None = None
    if entry.package.archive is not None:
        direct_url = {
            "url": without_secrets(urldefrag(link.file.url).url),
            "archive_info": {"hashes": hashes},
        }
    requires = dict.fromkeys(str(requirement.requirement) for requirement in visit.applying)
    return PlannedInstall(
        name=entry.package.name,
        version=link.version,
        label=entry.wheel.label,
        filename=link.wheel.filename,
        url=link.file.url,
        hashes=hashes,
        requires=tuple(requires),
        because=because(entry.wheel, visit.requested or not visit.parents, sorted(visit.parents)),
        link=link,
        requested=visit.requested,
        direct_url=direct_url,
        properties=entry.wheel.properties,
        withdrawn=entry.package.withdrawn,
    )


def _is_same(planned: PlannedInstall, there: InstalledPackage) -> bool:
    """Whether a package is what the lock has, as far as its records tell."""
    # A backend's build has no label of its own: its version tells which it is.
    label = planned.label if planned.link.backend is None else None
    if there.legacy or (there.version, there.label) != (planned.version, label):
        return False
    if planned.direct_url is None:
        return there.direct_url is None
    info = (there.direct_url or {}).get("archive_info")
    recorded = info.get("hashes") if isinstance(info, dict) else None
    if there.source != planned.direct_url["url"] or not isinstance(recorded, dict):
        return False
    common = [name for name in recorded if name in planned.hashes]
    return bool(common) and all(recorded[name] == planned.hashes[name] for name in common)


def _removable(
    packages: Iterable[InstalledPackage],
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment | None,
) -> tuple[list[InstalledPackage], list[str]]:
    """What goes, and a note for each other that a user might not expect to stay."""
    kept = seeds(environment)
    ours = ourselves(installed) if environment is not None and is_our_own(environment) else set()
    going, notes = [], []
    for package in packages:
        if package.editable:
            notes.append(f"{package.name} is kept: it is installed in editable mode, and not in the lock")
        elif package.legacy:
            notes.append(f"{package.name} is kept: it was not installed from a wheel, and not in the lock")
        elif package.name in ours:
            if package.name == OURSELVES:
                notes.append("variantctl and what it needs are kept: it is running from this environment")
        elif package.name not in kept:
            going.append(package)
    return going, notes
