"""Whether what is installed has what it needs, as ``pip check`` asks, with variant markers evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.doctor.findings import Finding
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.lenient import read_requirement
from variantctl.variants.markers import MarkerVariant, VariantRequirement


def check_dependencies(
    requirements: Mapping[NormalizedName, Sequence[str]],
    versions: Mapping[NormalizedName, Version],
    variants: Mapping[NormalizedName, MarkerVariant],
    markers: Mapping[str, str],
) -> list[Finding]:
    """Dependencies that are missing or have another version, and those that cannot be read.

    Args:
        requirements: package -> its dependencies as written.
        versions: package -> version of everything that can be imported.
        variants: package -> what its variant markers see.
        markers: the environment markers' values.

    An extra counts where an installed package asks for it.
    """
    findings: dict[Finding, None] = {}
    extras: dict[NormalizedName, set[NormalizedName]] = {}
    pending = list(requirements)
    while pending:
        name = pending.pop(0)
        variant = variants.get(name, MarkerVariant())
        for needed in _applicable(name, requirements[name], variant, markers, extras, findings):
            finding = _finding(name, versions[name], needed, versions)
            if finding is not None:
                findings.setdefault(finding)
            new = needed.extras - extras.get(needed.name, set())
            if new and needed.name in requirements:
                extras.setdefault(needed.name, set()).update(new)
                pending.append(needed.name)
    return list(findings)


def _applicable(
    name: NormalizedName,
    texts: Sequence[str],
    variant: MarkerVariant,
    markers: Mapping[str, str],
    extras: Mapping[NormalizedName, set[NormalizedName]],
    findings: dict[Finding, None],
) -> Iterator[VariantRequirement]:
    for text in texts:
        try:
            needed = read_requirement(text).requirement
            if needed.applies(markers, variant, sorted(extras.get(name, ()))):
                yield needed
        except InvalidVariantError as error:
            findings.setdefault(
                Finding("suggestion", "unread-dependency", name, f"{name} needs something: {error.message}")
            )


def _finding(
    name: NormalizedName,
    version: Version,
    needed: VariantRequirement,
    versions: Mapping[NormalizedName, Version],
) -> Finding | None:
    there = versions.get(needed.name)
    wanted = str(needed.requirement)
    if there is None:
        return Finding(
            "error",
            "missing-dependency",
            name,
            f"{name} {version} needs {wanted}, which is not installed",
            f"'variantctl install \"{wanted}\"' installs it.",
        )
    if needed.url is None and not needed.specifier.contains(there, prereleases=True):
        return Finding(
            "error",
            "conflicting-dependency",
            name,
            f"{name} {version} needs {wanted}, and {needed.name} {there} is installed",
            f'\'variantctl install "{name}=={version.public}" "{wanted}"\' finds versions that fit together.',
        )
    return None
