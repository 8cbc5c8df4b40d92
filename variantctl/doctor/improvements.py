"""Which better variants of what is installed there are, as far as the sources know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from packaging.version import Version

from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.inspection import Inspected, Inspection
from variantctl.doctor.remedies import chosen_again, same_versions
from variantctl.indexes.errors import ProjectNotFound
from variantctl.net.errors import NetworkError, OfflineError
from variantctl.resolve.accelerator_order import AcceleratorOrder
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.resolve.withdrawal import installed_withdrawn
from variantctl.select.ordinary_builds import VENDORS
from variantctl.values import replace
from variantctl.variants.accelerators import called
from variantctl.variants.errors import VariantctlError


def improvements(
    inspection: Inspection,
    candidate_finder: CandidateFinder,
    *,
    commands: Commands,
    begin: Callable[[str], None] = lambda _name: None,
) -> list[Finding]:
    """Suggestions: another variant of the installed version, or a driver update that would bring one.

    A package that no source has is passed over; one whose source cannot be asked is told as such.

    Args:
        inspection: what is installed.
        candidate_finder: what can be had for the machine.
        commands: those that mend things.
        begin: called with the name of each package.
    """
    packages = [_as_asked_for(item, inspection, candidate_finder) for item in _real(inspection)]
    candidate_finder.expect_projects(item.name for item in packages)
    findings: list[Finding] = []
    for item in packages:
        begin(item.name)
        try:
            findings += _of(item, packages, candidate_finder, commands)
        except ProjectNotFound:
            continue
        except VariantctlError as error:
            if isinstance(error, NetworkError) and not isinstance(error, OfflineError):
                # What cannot be reached for one package would be waited for again for each other.
                detail = f"whether there are better variants is not known: {error.message}"
                return [*findings, Finding("suggestion", "not-asked", "", detail, error.hint or "")]
            detail = f"{item}: whether there is a better variant is not known: {error.message}"
            findings.append(Finding("suggestion", "not-asked", item.name, detail, error.hint or ""))
    return findings


def withdrawals(inspection: Inspection, candidate_finder: CandidateFinder) -> list[Finding]:
    """What the pages that are at hand say against what is installed: suggestions, and no request."""
    return [finding for item in _real(inspection) for finding in _withdrawn(item, candidate_finder)]


def _real(inspection: Inspection) -> list[Inspected]:
    """What is installed, without the names that another distribution stands in for."""
    return [item for item in inspection.packages.values() if item.stands_in_by is None]


def _as_asked_for(item: Inspected, inspection: Inspection, candidate_finder: CandidateFinder) -> Inspected:
    """A member of a family as ``install`` sees it: a build of the package that it counts for."""
    families = candidate_finder.families
    if item.label is not None or families.of(item.name) is None:
        return item
    label = families.installed_label(item.name, item.version, inspection.packages)
    return replace(item, name=families.identity(item.name), label=label)


def _withdrawn(item: Inspected, candidate_finder: CandidateFinder) -> Iterator[Finding]:
    """What the index says against what is installed (PEP 592, 792)."""
    if item.is_direct:
        return
    for warning in installed_withdrawn(item.name, item.version, item.label, candidate_finder):
        hint = "Ask for another version, or for another project in its place."
        yield Finding("suggestion", "withdrawn", item.name, f"{item.name} {item.version} {warning}", hint)


def _of(
    item: Inspected,
    packages: Sequence[Inspected],
    candidate_finder: CandidateFinder,
    commands: Commands,
) -> Iterator[Finding]:
    yield from _withdrawn(item, candidate_finder)
    public = Version(item.version.public)
    version = item.version if item.version in candidate_finder.versions(item.name) else public
    if version not in candidate_finder.versions(item.name):
        yield from _other_version(item, packages, candidate_finder, commands)
        return
    best = next(iter(candidate_finder.candidates(item.name, version, allow_yanked=True)), None)
    label = best.wheel.label if best is not None else None
    # A build for CPUs is no better one where the machine has an accelerator: another version may have its.
    is_better = best is not None and (best.accelerators or not _is_accelerated(item, candidate_finder))
    if is_better and label is not None and label != item.label:
        here = f"{item.label} is installed" if item.label else "a non-variant wheel is installed"
        detail = f"{item.name} {public}: {here}, and {label} is better for {candidate_finder.who}"
        yield Finding(
            "suggestion", "better-variant", item.name, detail, same_versions(item, packages, commands)
        )
    if best is None or not best.accelerators:
        yield from _other_version(item, packages, candidate_finder, commands)
    for advice in candidate_finder.others.advice(item.name, version, allow_yanked=True, further=True):
        if advice.label != item.label:
            yield Finding("suggestion", "driver-update", item.name, f"{item.name} {public}: {advice}")


def _is_accelerated(item: Inspected, candidate_finder: CandidateFinder) -> bool:
    """Whether the machine has an accelerator, and the package is built for such."""
    return bool(candidate_finder.builds.accelerators) and AcceleratorOrder(candidate_finder).counts_for(
        item.name
    )


def _other_version(
    item: Inspected,
    packages: Sequence[Inspected],
    candidate_finder: CandidateFinder,
    commands: Commands,
) -> Iterator[Finding]:
    """Another version with a build for the accelerator of the machine, where the installed one has none."""
    if item.declares & VENDORS.keys() or not _is_accelerated(item, candidate_finder):
        return
    order = AcceleratorOrder(candidate_finder)
    versions = [each for each in candidate_finder.versions(item.name) if not each.is_prerelease]
    of_version = partial(candidate_finder.candidates, item.name)
    first = next(order.candidates(item.name, versions, of_version), None)
    if first is None or not first.accelerators or first.version.public == item.version.public:
        return
    detail = (
        f"{item.name} {item.version} has no build for the {called(first.accelerators)} of "
        f"{candidate_finder.who}, and {item.name} {first.version}"
        + (f" ({first.wheel.label})" if first.version.local is None else "")
        + " has one"
    )
    hint = f"`{commands.install(f'{item.name}=={first.version}')}` takes it."
    if item.family is not None:
        hint = chosen_again(item, packages, commands)
    yield Finding("suggestion", "build-in-another-version", item.name, detail, hint)
