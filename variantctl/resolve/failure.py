"""Why there is no solution, told so that a person can act on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.resolve.candidates import Candidate
from variantctl.resolve.errors import NoCandidateError, UnsatisfiableError
from variantctl.resolve.needs import BackendNeed, ImpossibleNeed, Need, ProjectNeed, is_pin
from variantctl.resolve.preferences import NON_VARIANT
from variantctl.resolve.remedies import loosen, remedies
from variantctl.resolve.stock import Stock
from variantctl.resolve.trace import Trace, who
from variantctl.sources.errors import ProjectNotFound
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from resolvelib.structs import RequirementInformation

    Information = RequirementInformation[Need, Candidate]

_MOST_VERSIONS = 8
_MOST_REASONS = 4
_MOST_CAUSES = 12


def failure(
    causes: Sequence[Information],
    trace: Trace,
    stock: Stock,
    constraints: Mapping[NormalizedName, Sequence[ProjectNeed]],
) -> VariantctlError:
    """The error for a search that found nothing.

    A single requirement that cannot be had is told as such (``NoCandidateError``, ``ProjectNotFound``);
    anything else as the chains of requirements that contradict each other (``UnsatisfiableError``).
    """
    impossible = [info.requirement for info in causes if isinstance(info.requirement, ImpossibleNeed)]
    errors = [need.error for need in impossible if need.error is not None]
    if errors and len(errors) == len(causes):
        return errors[0]
    projects = {info.requirement.name: info.requirement for info in causes}
    for name in projects:
        mine = [info for info in causes if info.requirement.name == name]
        needs = [info.requirement for info in mine]
        if any(isinstance(need, (ImpossibleNeed, BackendNeed)) for need in needs):
            continue
        missing = missing_project(name, stock)
        limits = constraints.get(name, ())
        reason = missing.message if missing else nothing_fits(name, [*needs, *limits], stock)
        alone = len(mine) == 1 and not limits
        if reason and mine[0].parent is None and alone:
            return missing or NoCandidateError(reason, hint=_hint(name, needs, stock))
        if reason:
            return UnsatisfiableError(
                "\n".join([f"{reason}:", *_lines(mine, trace, limits)]),
                hint=_hint(name, [*needs, *limits], stock) or _loosen(mine, trace, stock, limits),
            )
    limits = [limit for name in projects for limit in constraints.get(name, ())]
    lines = _lines(causes, trace, limits)
    return UnsatisfiableError(
        "\n".join(["no set of wheels satisfies everything that was asked for:", *lines]),
        hint=_loosen(causes, trace, stock, limits),
    )


def missing_project(name: NormalizedName, stock: Stock) -> ProjectNotFound | None:
    """The error of the sources, where none of them has a project."""
    try:
        stock.project(name)
    except ProjectNotFound as error:
        return error
    return None


def nothing_fits(name: NormalizedName, needs: Sequence[Need], stock: Stock) -> str | None:
    """Why no wheel of a project satisfies some needs; ``None`` where one does."""
    wanted = ", ".join(dict.fromkeys(str(need) for need in needs))
    versions = stock.versions(name)
    if not versions:
        return _no_wheels(name, stock)
    allowed = stock.allowed(name, needs)
    if not allowed:
        return f"no version of {name} satisfies {wanted} (with wheels there are {_versions(versions)})"
    pinned = any(isinstance(need, ProjectNeed) and is_pin(need.specifier) for need in needs)
    for version in allowed:
        if stock.candidates(name, version, allow_yanked=pinned):
            return None
    return _no_wheel_fits(name, allowed, stock)


def _no_wheels(name: NormalizedName, stock: Stock) -> str:
    project = stock.project(name)
    if project.sdists:
        newest = project.sdists[-1].filename
        only = f"{name} has no wheels, only source distributions (such as {newest})"
        return f"{only}, and those are built with --build {name} only"
    if project.skipped:
        filename, why = project.skipped[0]
        return f"{name} has no wheels that can be used; {filename}: {why}"
    return f"{name} has no files at {project.source}"


def _no_wheel_fits(name: NormalizedName, allowed: Sequence[Version], stock: Stock) -> str:
    """The most frequent reasons of the newest version that is allowed."""
    version = allowed[0]
    judged = stock.judge(name, version)
    reasons = Counter(reason.detail for wheel in judged for reason in wheel.reasons[:1])
    details = [f"{detail}" for detail, _ in reasons.most_common(_MOST_REASONS)]
    more = len(reasons) - len(details)
    listed = "; ".join(details) + (f"; and {more} more reasons" if more > 0 else "")
    others = f" (nor of {_versions(allowed[1:])})" if len(allowed) > 1 else ""
    asked = stock.preferences.labels.get(name)
    labels = dict.fromkeys(wheel.link.wheel.label or NON_VARIANT for wheel in judged)
    if asked is not None and asked not in labels:
        what = f"wheel with the label '{asked}'" if asked != NON_VARIANT else "non-variant wheel"
        there = ", ".join(label or "a non-variant wheel" for label in labels)
        nor = f" (nor has {_versions(allowed[1:])})" if len(allowed) > 1 else ""
        return f"{name} {version} has no {what}{nor}; it has {there}"
    if len(judged) == 1:
        return f"the only wheel of {name} {version} cannot be installed{others}: it {listed}"
    return f"none of the {len(judged)} wheels of {name} {version} can be installed{others}: one {listed}"


def _hint(name: NormalizedName, needs: Sequence[Need], stock: Stock) -> str | None:
    return " ".join(remedies(name, needs, stock)) or None


def _loosen(causes: Sequence[Information], trace: Trace, stock: Stock, limits: Sequence[ProjectNeed]) -> str:
    """The beginnings of all chains, and what else there is of those projects."""
    roots: list[Need] = []
    for cause in causes:
        way = trace.chain(cause.parent)
        if cause.parent is None:
            roots.append(cause.requirement)
        elif way and way[0][1] is None:
            roots.append(way[0][0])
    versions = {root.name: stock.versions(root.name) for root in [*roots, *limits]}
    return loosen(roots, limits, versions)


def _lines(causes: Sequence[Information], trace: Trace, limits: Sequence[ProjectNeed]) -> list[str]:
    """One line for each need, with the way from the user to it; versions that need the same share one."""
    grouped: dict[tuple[str, str, str], tuple[str, set[str]]] = {}
    for cause in causes:
        need, parent = cause.requirement, cause.parent
        line = f"  {who(parent, need)} {need}"
        if isinstance(need, ImpossibleNeed):
            line = f"  {parent} {need.reason}"
        way = trace.chain(parent)
        told = f" ({'; '.join(f'{who(above, its)} {its}' for its, above in way)})" if way else ""
        key = (parent.name if parent else need.origin or "", str(need), told)
        _, versions = grouped.setdefault(key, (line + told, set()))
        if parent is not None:
            versions.add(str(parent.version))
    lines = [
        line + (f", and so do {len(versions) - 1} other versions" if len(versions) > 1 else "")
        for line, versions in grouped.values()
    ]
    lines += dict.fromkeys(f"  {limit.origin} allows only {limit}" for limit in limits)
    if len(lines) > _MOST_CAUSES:
        lines = [*lines[:_MOST_CAUSES], f"  and {len(lines) - _MOST_CAUSES} more"]
    return lines


def _versions(versions: Sequence[Version]) -> str:
    shown = ", ".join(str(version) for version in versions[:_MOST_VERSIONS])
    return shown if len(versions) <= _MOST_VERSIONS else f"{shown} and {len(versions) - _MOST_VERSIONS} older"
