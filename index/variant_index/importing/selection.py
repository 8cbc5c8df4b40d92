"""Which wheels are imported: only those that somebody asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variant_index.importing.tags import Platforms, Pythons, SelectionError
from variantctl.backends.backend import Backend
from variantctl.backends.names import WHY_UNKNOWN
from variantctl.backends.source import BackendSource
from variantctl.indexes.project_files import WheelLink
from variantctl.values import dataclass, field
from variantctl.variants.suggestions import did_you_mean

ALL_VERSIONS = "all"


@dataclass(frozen=True)
class Selection:
    """What is asked for.

    Attributes:
        packages: requirements: names, perhaps with versions; none: every package of the source.
        version: a version or a specifier for the packages that have none of their own; ``all``: every
            version; ``None``: the newest of each package.
        pythons: as ``Pythons`` has them.
        platforms: as ``Platforms`` has them.
        backends: labels; none: all.
    """

    packages: tuple[str, ...] = ()
    version: str | None = None
    pythons: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()

    def resolved(self, source: BackendSource) -> Wanted:
        """The same, understood.

        Raises:
            SelectionError: something is not known, or not understood.
        """
        labels = [backend.label for backend in source.backends]
        for label in self.backends:
            if label not in labels:
                near = did_you_mean(label, labels) or f"There are: {', '.join(labels)}."
                hint = f"{near} Say what its wheels need in a mapping of your own (docs/importing.md)."
                raise SelectionError(f"{source.name} has no backend {label!r}, {WHY_UNKNOWN}", hint=hint)
        common = None if self.version in (None, ALL_VERSIONS) else _specifier(self.version or "")
        packages: dict[NormalizedName, SpecifierSet | None] = {}
        for text in self.packages or source.packages:
            try:
                requirement = Requirement(text)
            except ValueError as error:
                reason = str(error).partition("\n")[0]
                hint = "Write it as torch, 'torch==2.10.0' or 'torch>=2.9'."
                problem = f"{text!r} is not a package with a version: {reason}"
                raise SelectionError(problem, hint=hint) from None
            name = canonicalize_name(requirement.name)
            if name not in source.packages:
                hint = did_you_mean(name, source.packages) or f"it has: {', '.join(source.packages)}"
                raise SelectionError(f"{name} is not a package of {source.name}", hint=hint)
            packages[name] = requirement.specifier if str(requirement.specifier) else common
        return Wanted(
            packages=packages,
            every_version=self.version == ALL_VERSIONS,
            pythons=Pythons(self.pythons),
            platforms=Platforms(self.platforms),
            backends=tuple(
                backend for backend in source.backends if not self.backends or backend.label in self.backends
            ),
        )


@dataclass(frozen=True)
class Wanted:
    """What is asked for, understood.

    Attributes:
        packages: name -> versions; ``None``: see ``every_version``.
        every_version: whether all versions of a package are wanted, or else the newest.
        pythons: the Pythons.
        platforms: the platforms.
        backends: the sub-indexes that are looked into.
    """

    packages: dict[NormalizedName, SpecifierSet | None]
    every_version: bool = False
    pythons: Pythons = field(default_factory=lambda: Pythons(()))
    platforms: Platforms = field(default_factory=lambda: Platforms(()))
    backends: tuple[Backend, ...] = ()

    def chosen(self, found: Iterable[tuple[Backend, WheelLink]]) -> list[tuple[Backend, WheelLink]]:
        """The wheels that are wanted. Wheels that are variants already, and yanked ones, are not."""
        fitting: dict[NormalizedName, list[tuple[Backend, WheelLink]]] = {}
        for backend, link in found:
            wheel = link.wheel
            usable = wheel.label is None and not link.file.yanked
            if usable and self.pythons.has(wheel) and self.platforms.has(wheel):
                fitting.setdefault(wheel.name, []).append((backend, link))
        chosen = []
        for name, pairs in fitting.items():
            versions = self._versions(name, [link.wheel.version for _, link in pairs])
            chosen += [pair for pair in pairs if _public(pair[1].wheel.version) in versions]
        return chosen

    def _versions(self, name: NormalizedName, there: Sequence[Version]) -> set[Version]:
        public = {_public(version) for version in there}
        specifier = self.packages[name]
        if specifier is not None:
            # A specifier for final releases takes pre-releases only where there is nothing else, as with pip.
            return set(specifier.filter(public))
        if self.every_version:
            return public
        final = {version for version in public if not version.is_prerelease}
        return {max(final or public)}


def _public(version: Version) -> Version:
    return Version(version.public)


def _specifier(text: str) -> SpecifierSet:
    try:
        return SpecifierSet(f"=={Version(text)}")
    except ValueError:
        pass
    try:
        return SpecifierSet(text)
    except ValueError:
        hint = f"Write it as 2.10.0, '>=2.9', or {ALL_VERSIONS}."
        raise SelectionError(f"{text!r} is not a version", hint=hint) from None
