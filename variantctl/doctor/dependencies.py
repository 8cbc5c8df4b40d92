"""Whether what is installed has what it needs, as ``pip check`` asks, with variant markers evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.doctor.findings import Commands, Finding
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.lenient import read_requirement
from variantctl.variants.markers import MarkerVariant, VariantRequirement

_EXTRA = re.compile(r"""\bextra\s*==\s*['"]([^'"]+)['"]""")

Unread = Callable[[NormalizedName, InvalidVariantError], None]


@dataclass(frozen=True)
class Graph:
    """What needs what.

    Attributes:
        requirements: package -> its dependencies as written.
        variants: package -> what its variant markers see.
        markers: the environment markers' values.
    """

    requirements: Mapping[NormalizedName, Sequence[str]]
    variants: Mapping[NormalizedName, MarkerVariant]
    markers: Mapping[str, str]

    def needs(self, unread: Unread | None = None) -> Iterator[tuple[NormalizedName, VariantRequirement]]:
        """Each package with each requirement of it that holds; of extras those that something asks for.

        Args:
            unread: told of a requirement that cannot be read.
        """
        unread = unread or _pass_over
        extras: dict[NormalizedName, set[NormalizedName]] = {}
        pending = list(self.requirements)
        while pending:
            name = pending.pop(0)
            for needed in self._applicable(name, sorted(extras.get(name, ())), unread):
                yield name, needed
                new = needed.extras - extras.get(needed.name, set())
                if new and needed.name in self.requirements:
                    extras.setdefault(needed.name, set()).update(new)
                    pending.append(needed.name)

    def needed(self) -> dict[NormalizedName, set[NormalizedName]]:
        """Package -> what it needs, by name, whether or not it is there.

        What a user asked for with an extra (``tensorflow[and-cuda]``) is recorded nowhere: an extra counts
        where everything that it requires is there.
        """
        found: dict[NormalizedName, set[NormalizedName]] = {name: set() for name in self.requirements}
        for name, requirement in self.needs():
            found[name].add(requirement.name)
        for name, texts in self.requirements.items():
            for extra in _extras_named(texts):
                others = {item.name for item in self._applicable(name, [extra], _pass_over)} - found[name]
                if others and others <= self.requirements.keys():
                    found[name] |= others
        return found

    def _applicable(
        self, name: NormalizedName, extras: Sequence[NormalizedName], unread: Unread
    ) -> Iterator[VariantRequirement]:
        for text in self.requirements[name]:
            try:
                needed = read_requirement(text).requirement
                if needed.applies(self.markers, self.variants.get(name, MarkerVariant()), extras):
                    yield needed
            except InvalidVariantError as error:
                unread(name, error)


def _pass_over(_name: NormalizedName, _error: InvalidVariantError) -> None:
    """What cannot be read is told by ``check_dependencies``."""


def _extras_named(texts: Sequence[str]) -> list[NormalizedName]:
    """The extras that some requirements' markers name."""
    return sorted({canonicalize_name(extra) for text in texts for extra in _EXTRA.findall(text)})


def check_dependencies(
    graph: Graph, versions: Mapping[NormalizedName, Version], commands: Commands
) -> list[Finding]:
    """Dependencies that are missing or have another version, and those that cannot be read.

    Args:
        graph: what needs what.
        versions: package -> version of everything that can be imported.
        commands: those that mend things.
    """
    findings: dict[Finding, None] = {}

    def unread(name: NormalizedName, error: InvalidVariantError) -> None:
        detail = f"{name} needs something: {error.message}"
        findings.setdefault(Finding("suggestion", "unread-dependency", name, detail))

    for name, needed in graph.needs(unread):
        finding = _finding(name, versions[name], needed, versions, commands)
        if finding is not None:
            findings.setdefault(finding)
    return list(findings)


def _finding(
    name: NormalizedName,
    version: Version,
    needed: VariantRequirement,
    versions: Mapping[NormalizedName, Version],
    commands: Commands,
) -> Finding | None:
    there = versions.get(needed.name)
    wanted = str(needed.requirement)
    if there is None:
        return Finding(
            "error",
            "missing-dependency",
            name,
            f"{name} {version} needs {wanted}, which is not installed",
            f"`{commands.install(wanted)}` installs it.",
        )
    if needed.url is None and not needed.specifier.contains(there, prereleases=True):
        return Finding(
            "error",
            "conflicting-dependency",
            name,
            f"{name} {version} needs {wanted}, and {needed.name} {there} is installed",
            f"`{commands.install(f'{name}=={version.public}', wanted)}` finds versions that fit together.",
        )
    return None
