"""Is an environment right for a machine? Pure: what was inspected, and what is supported, become findings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.doctor.accelerators import Machine, check_accelerators, is_about_accelerators
from variantctl.doctor.dependencies import Graph, check_dependencies
from variantctl.doctor.findings import Commands, Finding
from variantctl.doctor.imports import check_shared_files
from variantctl.doctor.inspection import Inspected, Inspection
from variantctl.doctor.members import Members
from variantctl.doctor.mixtures import check_mixture
from variantctl.doctor.remedies import brought_back, choose_together, chosen_again, is_for_accelerator
from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.select.compatibility import Interpreter
from variantctl.select.driver_updates import update_for
from variantctl.select.fit import ACCELERATORS
from variantctl.select.ordinary_builds import VENDORS
from variantctl.select.reasons import property_reasons, summarise
from variantctl.values import dataclass, field, replace
from variantctl.variants.markers import MarkerVariant, narrow
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.ordering import Unsupported, explain_label
from variantctl.variants.properties import ABI_DEPENDENCY, Properties, Supported

Unanswered = Callable[[str], str | None]
"""Why a namespace's provider was not asked (not trusted, disabled), or ``None`` where it was."""


@dataclass(frozen=True)
class Ground:
    """What an environment is judged by.

    Attributes:
        supported: what the machine offers, of the namespaces that some metadata uses.
        unanswered: why nothing is known of a namespace.
        interpreter: what wheels must fit.
        who: ``this machine`` or ``profile h100``, for messages.
        commands: those that mend things, for this environment.
        any_build: the user's policy is to take any build: one for CPUs beside a GPU is worth a word at most.
        families: which distributions are builds of one package.
        as_one: whether ``install`` takes those for one project.
    """

    supported: Callable[[VariantMetadata], Supported]
    unanswered: Unanswered
    interpreter: Interpreter
    who: str = "this machine"
    commands: Commands = field(default_factory=Commands)
    any_build: bool = False
    families: Families = NO_FAMILIES
    as_one: bool = True

    def reinstall(self, package: Inspected) -> str:
        """What brings a package back as it was."""
        return brought_back(package, self.commands)


def check(inspection: Inspection, ground: Ground) -> list[Finding]:
    """Everything that is wrong, package by package, then what is wrong between packages."""
    versions = {**inspection.elsewhere, **{name: item.version for name, item in inspection.packages.items()}}
    findings: list[Finding] = []
    variants: dict[NormalizedName, MarkerVariant] = {}
    packages = inspection.packages.values()
    for item in packages:
        supported = _supported(item, ground, versions)
        missing = _missing(item, supported)
        anew = ground.reinstall(item)
        if missing and is_for_accelerator(item):
            anew = chosen_again(item, packages, ground.commands)
        findings += _of_folder(item, anew)
        findings += _of_platform(item, packages, ground)
        findings += _of_variant(item, missing, supported, ground, anew)
        # What it was built for counts where the machine no longer has it: that is told once, not for each
        # dependency that would follow from it.
        built_for = item.metadata.properties_of(item.label) if item.metadata and item.label else None
        seen = _everything(built_for or {}) if missing else supported
        variants[item.name] = narrow(item.metadata, item.label, seen)
    findings += check_mixture(packages, ground.commands)
    requirements = {name: item.requires for name, item in inspection.packages.items()}
    graph = Graph(requirements, variants, ground.interpreter.markers)
    members = Members(inspection.packages, ground.interpreter.markers, ground.families, as_one=ground.as_one)
    findings += _of_accelerators(inspection, graph, members, ground)
    findings += check_shared_files(inspection, members, ground.commands)
    findings += check_dependencies(graph, versions, ground.commands)
    return findings


def _of_accelerators(inspection: Inspection, graph: Graph, members: Members, ground: Ground) -> list[Finding]:
    """The machine is asked only where what is installed has to do with an accelerator."""
    if not is_about_accelerators(inspection.packages.values(), ground.families):
        return []
    unanswered = {name: why for name in VENDORS if (why := ground.unanswered(name)) is not None}
    supported = ground.supported(ACCELERATORS)
    markers = ground.interpreter.markers
    machine = Machine(supported, ground.supported, markers, unanswered, ground.who)
    found = check_accelerators(inspection.packages, graph.needed(), machine, members, ground.commands)
    if not ground.any_build:
        return found
    return [replace(item, severity="suggestion") if item.kind == "cpu-build" else item for item in found]


def is_healthy(findings: Sequence[Finding]) -> bool:
    """Whether there is nothing but suggestions."""
    return all(finding.severity != "error" for finding in findings)


def _of_folder(item: Inspected, anew: str) -> Iterator[Finding]:
    for problem in item.problems:
        yield Finding("error", "broken-package", item.name, f"{item}: {problem}", anew)
    if item.missing:
        gone = f"{item}: {_files(item.missing)} missing"
        yield Finding("error", "missing-files", item.name, gone, anew)
    if item.changed:
        changed = f"{item}: {_files(item.changed)} not what was installed"
        yield Finding("error", "changed-files", item.name, changed, anew)
    if item.unlisted:
        yield Finding(
            "suggestion", "no-record", item.name, f"{item} has no RECORD, so its files cannot be checked"
        )


def _files(paths: Sequence[str]) -> str:
    """``a.py is``, ``a.py and 8 other files are``."""
    others = len(paths) - 1
    if not others:
        return f"{paths[0]} is"
    return f"{paths[0]} and {others} other {'file' if others == 1 else 'files'} are"


def _of_platform(item: Inspected, packages: Collection[Inspected], ground: Ground) -> Iterator[Finding]:
    if item.tags and not any(tag in ground.interpreter.ranks for tag in item.tags):
        tags = summarise(sorted(map(str, item.tags)))
        detail = f"{item} is for {tags}, which {ground.who} and its Python do not accept"
        hint = ground.reinstall(item)
        if is_for_accelerator(item):
            hint = chosen_again(item, packages, ground.commands)
        yield Finding("error", "wrong-platform", item.name, detail, hint)
    elif not ground.interpreter.accepts_python(item.requires_python):
        python = ground.interpreter.python
        detail = f"{item} needs Python {item.requires_python}, but this is {python}"
        # No wheel of this version is for this Python.
        hint = choose_together(item, [item], ground.commands)
        if is_for_accelerator(item):
            hint = chosen_again(item, packages, ground.commands)
        yield Finding("error", "wrong-python", item.name, detail, hint)


def _of_variant(
    item: Inspected, missing: Sequence[Unsupported], supported: Supported, ground: Ground, anew: str
) -> Iterator[Finding]:
    """A variant that the machine does not support, or of which that cannot be known."""
    unknown = {need.namespace: why for need in missing if (why := ground.unanswered(need.namespace))}
    for namespace, why in unknown.items():
        detail = f"{item} cannot be checked for {namespace}: {why}"
        yield Finding("suggestion", "unchecked-variant", item.name, detail)
    rest = [need for need in missing if need.namespace not in unknown]
    if not rest:
        return
    reasons = "; ".join(reason.detail for reason in property_reasons(rest, supported, ground.who))
    update = update_for(rest)
    hint = f"Update the {update[0]} to {update[1]} or newer, or choose again: " if update else ""
    yield Finding("error", "variant-mismatch", item.name, f"{item} {reasons}", hint + anew)


def _missing(item: Inspected, supported: Supported) -> list[Unsupported]:
    if item.metadata is None or item.label is None:
        return []
    return explain_label(item.metadata, item.label, supported)


def _supported(item: Inspected, ground: Ground, versions: Mapping[NormalizedName, Version]) -> Supported:
    """What the machine offers, and the releases of what is installed (``abi_dependency``, PEP 850)."""
    if item.metadata is None:
        return {}
    supported = ground.supported(item.metadata)
    built_for = item.metadata.properties_of(item.label or "") or {}
    releases = {
        package: [prefix for prefix in prefixes if _is_of(versions.get(canonicalize_name(package)), prefix)]
        for package, prefixes in built_for.get(ABI_DEPENDENCY, {}).items()
    }
    return {**supported, ABI_DEPENDENCY: releases} if releases else supported


def _is_of(version: Version | None, prefix: str) -> bool:
    try:
        return version is not None and SpecifierSet(f"=={prefix}.*").contains(version, prereleases=True)
    except ValueError:
        return False


def _everything(properties: Properties) -> Supported:
    return {
        namespace: {feature: list(values) for feature, values in features.items()}
        for namespace, features in properties.items()
    }
