"""The members of a family as variants of one package: where their wheels lie, and what they become.

Publishers give them names (``cudf-cu12``), extras (``jax[cuda12]``) or places of their own. In the result
all of them are wheels of the package: ``cudf-26.10.0-cp312-...-cu12.whl``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variant_index.importing.labels import Naming
from variant_index.importing.tags import SelectionError, markers_of
from variantctl.backends.backend import Backend
from variantctl.families.family import Family, Member
from variantctl.values import dataclass, replace
from variantctl.variants.filenames import WheelFilename
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Properties

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.indexes.project_files import WheelLink


class FamilyListing:
    """What the sources have of the packages of a family.

    Args:
        package_finder: where wheels come from, as nobody's machine sees it.
        family: the family.
        members: those that are looked for; of all of them not those that are only taken by name.

    Raises:
        SelectionError: the local part of a version says what a wheel is for: then a version has several
            builds of one label, and torch decides which.
    """

    def __init__(self, package_finder: PackageFinder, family: Family, members: Sequence[Backend]) -> None:
        if any(member.local for member in family.members):
            raise SelectionError(
                f"{family.name}: what its wheels are for stands in the local part of their versions",
                hint="Such a family is installed from, and not imported.",
            )
        self._package_finder = package_finder
        named = len(members) < len(family.backends)
        self._members = {
            each.label: each
            for each in members
            if isinstance(each, Member) and (named or not each.only_by_name)
        }

    def wheels(self, packages: Sequence[NormalizedName]) -> list[tuple[Backend, WheelLink]]:
        """The wheels of these packages, by package.

        Raises:
            ProjectNotFound, NetworkError, SourceError: a page cannot be read.
        """
        return [pair for package in packages for pair in self._of(package)]

    def _of(self, package: NormalizedName) -> Iterator[tuple[Backend, WheelLink]]:
        taken: set[tuple[str, str]] = set()
        for link in self._package_finder.project(package).wheels:
            member = self._members.get(link.backend.member) if link.backend is not None else None
            if member is None or not member.is_on(markers_of(link.own_name)):
                continue
            # Of a wheel that several members need nothing for, one is enough: it is the null variant.
            kind = (link.file.url, "" if _is_bare(member) else member.label)
            if kind not in taken:
                taken.add(kind)
                yield member, replace(link, wheel=replace(link.wheel, label=None))


def _is_bare(member: Member) -> bool:
    return not member.properties and not member.builds


@dataclass(frozen=True)
class FamilyNaming(Naming):
    """The variants of a family: wheels of each package, whatever their members are called."""

    source: Family

    def has(self, name: NormalizedName) -> bool:
        """Whether a project is a member's."""
        return name in self.source.names()

    def project(self, wheel: WheelFilename) -> NormalizedName:
        """The package that a member's wheel becomes one of."""
        return self.source.names()[wheel.name]

    def names(self, wheel: WheelFilename) -> Mapping[NormalizedName, NormalizedName]:
        """Other members of the same label -> the packages that they are: what a wheel of one may need."""
        return {name: package for name, package in self.source.names().items() if name != package}

    def extra(self, backend: str) -> str | None:
        """What a member needs beside the wheel's own requirements: those of this extra."""
        return next((each.extra for each in self.source.members if each.label == backend), None)

    def _check(self) -> None:
        """Several members may need nothing: each is for other platforms, or of another file."""

    def _properties(
        self, backend: str, name: NormalizedName, version: Version, markers: Mapping[str, str]
    ) -> tuple[VariantMetadata, Properties]:
        identity = self.source.names()[name]
        member = next(each for each in self.source.members if each.label == backend)
        properties = member.properties_of(identity, Version(version.public), markers)
        table = self.source.every_build(markers)
        built = self.source.metadata_of({backend: (member, properties)})
        return table, built.variants[backend] if properties else {}


_ATOM = re.compile(r"""\s*\bextra\s*==\s*["'](?P<name>[^"']+)["']\s*""")
_ALWAYS = ' python_version >= "3" '


def with_extra(requires: Sequence[str], extra: str | None) -> tuple[str, ...]:
    """Requirements in which those of one extra always count."""
    return tuple(requires) if extra is None else tuple(_always(text, extra) for text in requires)


def _always(text: str, extra: str) -> str:
    wanted, semicolon, marker = text.partition(";")
    found = _ATOM.fullmatch(marker)
    if found is not None and canonicalize_name(found["name"]) == extra:
        return wanted.rstrip()
    return (
        wanted
        + semicolon
        + _ATOM.sub(lambda atom: _ALWAYS if canonicalize_name(atom["name"]) == extra else atom[0], marker)
    )


_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def renamed(requires: Sequence[str], names: Mapping[NormalizedName, NormalizedName]) -> tuple[str, ...]:
    """Requirements in which members of the family have the names of its packages."""
    return tuple(
        _NAME.sub(lambda name: names.get(canonicalize_name(name[0]), name[0]), text, count=1)
        for text in requires
    )
