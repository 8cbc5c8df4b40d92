"""The plan that makes an environment exactly what a lock selects."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName

from variantctl.lock.errors import LockMismatchError
from variantctl.lock.selection import Selected
from variantctl.lock.source_links import is_editable_as_it_is
from variantctl.net.redaction import without_secrets
from variantctl.net.urls import without_fragment
from variantctl.resolve.origins import is_same_source
from variantctl.resolve.plan import Kept, Plan, PlannedInstall, PlannedRemoval
from variantctl.resolve.resolver import because
from variantctl.resolve.withdrawal import withdrawn_notes
from variantctl.target.environment import Environment
from variantctl.target.errors import BrokenPackageError
from variantctl.target.installed import InstalledPackage, with_stand_ins
from variantctl.target.protected import OURSELVES, is_our_own, ourselves, seeds

if TYPE_CHECKING:
    from variantctl.indexes.project_files import WheelLink

RecordOf = Callable[["WheelLink"], "Mapping[str, str] | None"]
"""The hashes of a wheel's files by path, from its RECORD; ``None`` where that takes a request."""

OriginOf = Callable[["WheelLink"], "Mapping[str, Any] | None"]
"""What ``direct_url.json`` says of the source code that a link stands for; ``None``: it is of an index."""

#: What is known of a package is its version, and which wheel it is of is not.
_BY_VERSION = "by version"


def plan_sync(
    selected: Sequence[Selected],
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment | None,
    *,
    reinstall: bool = False,
    record_of: RecordOf = lambda link: None,
    origin_of: OriginOf = lambda link: None,
) -> Plan:
    """Install what is missing or another, keep what is right, remove the rest.

    Never removed: the packages that a virtual environment is made with (as with ``uv pip sync``), variantctl
    and what it needs where it runs from this very environment, editable installs, and what was not
    installed from a wheel. All but the first are named in the plan's notes.

    What is installed is right where the hash that was recorded for it is the lock's (PEP 610, PEP 710). Of
    what another tool installed no hash may be known: then version and label decide, and RECORD where the
    locked wheel is at hand.

    Args:
        record_of: the hashes of a wheel's files, from its RECORD, where that can be had without a request.
        origin_of: what ``direct_url.json`` says of source code.
    """
    install: list[PlannedInstall] = []
    keep: list[Kept] = []
    unsure: list[str] = []
    remove: list[PlannedRemoval] = []
    for entry in selected:
        planned = planned_install(entry, origin_of)
        there = installed.get(planned.distribution)
        same = there is not None and not reinstall and _is_same(planned, there, record_of)
        if same and not _stands_in(planned, installed).issuperset(planned.stands_in_for):
            same = False
        if there is not None and same:
            keep.append(Kept(there, planned.requested, planned.withdrawn))
            if same is _BY_VERSION:
                unsure.append(there.name)
            continue
        if there is not None:
            going_first = with_stand_ins([planned.distribution], installed)
            remove += [PlannedRemoval(package) for package in going_first]
        install.append(planned)
    names = {entry.package.distribution for entry in selected}
    for planned in (planned_install(entry, origin_of) for entry in selected):
        names |= _stands_in(planned, installed)
    names |= {removal.name for removal in remove}
    extraneous = [package for name, package in installed.items() if name not in names]
    going, notes = _removable(extraneous, installed, environment)
    notes += _unsure_note(unsure)
    remove += [PlannedRemoval(package) for package in going]
    remove.sort(key=lambda removal: removal.name)
    said = withdrawn_notes(sorted((*install, *keep), key=lambda each: each.name))
    return Plan(tuple(install), tuple(remove), tuple(keep), (*said, *notes))


def without_project(selected: Sequence[Selected], base: Path) -> list[Selected]:
    """What is installed but for the project in the lock's folder.

    Raises:
        LockMismatchError: the lock has no project there.
    """
    kept = [item for item in selected if not _is_project(item, base)]
    if len(kept) == len(selected):
        raise LockMismatchError(
            "--no-install-project: the lock has no project in its own folder",
            hint="`variantctl lock` in the folder of a pyproject.toml locks that project, too.",
        )
    return kept


def _is_project(item: Selected, base: Path) -> bool:
    source = item.package.source
    if source is None or source.kind != "directory" or source.subdirectory is not None:
        return False
    return os.path.realpath(base / (source.path or "")) == os.path.realpath(base)


def _stands_in(
    planned: PlannedInstall, installed: Mapping[NormalizedName, InstalledPackage]
) -> set[NormalizedName]:
    """The names that a distribution stands in for as it is installed now."""
    return {
        name
        for name in planned.stands_in_for
        if name in installed and installed[name].stands_in_by == planned.distribution
    }


def planned_install(entry: Selected, origin_of: OriginOf = lambda link: None) -> PlannedInstall:
    """What is installed of an entry, in the words of a plan."""
    link, visit = entry.wheel.link, entry.visit
    hashes = dict(link.file.hashes)
    direct_url: dict[str, Any] | None = None
    if (origin := origin_of(link)) is not None:
        direct_url = dict(origin)
    elif entry.package.archive is not None:
        direct_url = {
            "url": without_secrets(without_fragment(link.file.url)[0]),
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
        stands_in_for=entry.package.member.stands_in_for if entry.package.member is not None else (),
    )


def _is_same(planned: PlannedInstall, there: InstalledPackage, record_of: RecordOf) -> bool | str:
    """Whether a package is what the lock has, as far as its records tell; ``_BY_VERSION``: by that alone."""
    if (
        there.legacy
        or there.stands_in_by is not None
        or (planned.direct_url is None) != (there.direct_url is None)
    ):
        return False
    if planned.needs_build and planned.direct_url is not None:
        return is_same_source(there, planned.direct_url) or is_editable_as_it_is(there, planned.direct_url)
    if planned.direct_url is not None and there.source != planned.direct_url["url"]:
        return False
    recorded = there.wheel_hashes()
    common = [name for name in recorded if name in planned.hashes]
    if common:
        return all(recorded[name].lower() == planned.hashes[name].lower() for name in common)
    if planned.direct_url is not None or not _is_same_version(planned, there):
        return False
    record = record_of(planned.link) if not planned.needs_build else None
    return _BY_VERSION if record is None else _has_files(there, record)


def _is_same_version(planned: PlannedInstall, there: InstalledPackage) -> bool:
    # A backend's build has no label of its own: its version tells which it is.
    label = planned.label if planned.link.backend is None else None
    return (there.version, there.label) == (planned.version, label)


def _has_files(there: InstalledPackage, record: Mapping[str, str]) -> bool:
    """Whether RECORD of what is installed has the files of a wheel, with their hashes."""
    folder = there.dist_info.parent
    try:
        installed = {str(file.path): file.digest for file in there.files()}
    except BrokenPackageError:
        return False
    return all(installed.get(str(folder / path)) == digest for path, digest in record.items())


def _unsure_note(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [
        f"{', '.join(names[:3])}{more}: kept by the version alone, since no hash was recorded; "
        "--reinstall installs what the lock has"
    ]


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
