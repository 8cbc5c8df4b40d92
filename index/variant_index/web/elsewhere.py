"""A project of indexes as they are: its files stay where they are, and only pages and metadata are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from packaging.version import Version

from variant_index.web.audience import Audience, Platform
from variant_index.web.contents import Project, PublishedWheel, Release
from variant_index.web.platforms import platforms_of
from variant_index.web.reading import notice_of
from variantctl.indexes.errors import ProjectNotFound
from variantctl.net.redaction import without_secrets
from variantctl.net.urls import scheme_of
from variantctl.variants.errors import VariantctlError
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.metadata import CoreMetadata

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.families.family import Family
    from variantctl.indexes.finder import PackageFinder
    from variantctl.indexes.project_files import ProjectFiles, WheelLink
    from variantctl.variants.properties import Supported

_PARALLEL = 16

Warn = Callable[[str], None]


def project_elsewhere(
    name: str, package_finder: PackageFinder, audience: Audience, *, most: int, warn: Warn
) -> Project:
    """Read what a project's page is about.

    Args:
        name: in any spelling.
        package_finder: where wheels come from, as nobody's machine sees it.
        audience: for whom: gives the marker environments of platforms.
        most: how many versions, newest first.
        warn: told of what could not be read.

    Raises:
        ProjectNotFound, NetworkError, SourceError: the project's pages cannot be had.
    """
    files = package_finder.project(name)
    notice = notice_of(files.status.status, files.status.reason)
    if files.status.status == "quarantined":
        return Project(files.name, (), notice=notice)
    newest = _newest(files, most, package_finder.families.of(files.name))
    kept = [version for version in files.by_version if any(version in each for each in newest.values())]
    if len(files.by_version) > len(kept):
        notice = f"{notice} The {len(kept)} newest of {len(files.by_version)} versions are shown.".strip()
    hidden = _never_unasked(files.name, package_finder)
    links = [
        link
        for version in kept
        for link in files.by_version[version]
        if _member(link) not in hidden and version in newest[_member(link)]
    ]
    read = _metadata_of(links, package_finder, warn)
    of_version: dict[Version, list[WheelLink]] = {}
    for link in links:
        of_version.setdefault(link.wheel.version, []).append(link)
    releases = tuple(
        _release(version, files, shown, package_finder, audience, read)
        for version, shown in of_version.items()
    )
    summary = next(
        (core.summary for link in links if (core := read.get(_same(link))) is not None and core.summary), ""
    )
    return Project(files.name, releases, summary, notice)


def _release(
    version: Version,
    files: ProjectFiles,
    links: Sequence[WheelLink],
    package_finder: PackageFinder,
    audience: Audience,
    read: Mapping[object, CoreMetadata | None],
) -> Release:
    pages = _pages_of_links(files.name, package_finder)
    wheels = tuple(
        _published(link, read.get(_same(link)), is_indexed=_member(link) not in pages) for link in links
    )
    platforms = platforms_of(tag for link in links for tag in link.wheel.tags)
    of_platform = {
        platform: _variants(package_finder, files, version, audience, platform) for platform in platforms
    }
    usual = next(iter(of_platform.values()), None)
    others = tuple(
        (platform, metadata)
        for platform, metadata in of_platform.items()
        if metadata is not None and metadata != usual
    )
    return Release(version, wheels, usual, others)


def _variants(
    package_finder: PackageFinder,
    files: ProjectFiles,
    version: Version,
    audience: Audience,
    platform: Platform,
) -> VariantMetadata | None:
    """What a version's wheels were built for, as it reads on a platform."""
    markers = audience.interpreter(platform, audience.pythons[0]).markers
    seen = package_finder.for_machine(_everything, markers)
    if package_finder.families and package_finder.families.of(files.name) is not None:
        # Its members are other ones on other platforms.
        try:
            files = seen.project(files.name)
        except ProjectNotFound:
            return None
    return seen.readable_variants(files, version)


def _everything(metadata: VariantMetadata) -> Supported:
    """Whatever a build asks for is supported: no page is left out for somebody's machine."""
    found: dict[str, dict[str, list[str]]] = {}
    for properties in metadata.variants.values():
        for namespace, features in properties.items():
            for feature, values in features.items():
                found.setdefault(namespace, {}).setdefault(feature, []).extend(values)
    return found


def _metadata_of(
    links: Iterable[WheelLink], package_finder: PackageFinder, warn: Warn
) -> dict[object, CoreMetadata | None]:
    """METADATA, one for all wheels of a version and build: they differ in their tags.

    Only where the index offers it beside the wheel; of the others the dependencies are not known.
    """
    one_of = {_same(link): link for link in links if link.file.core_metadata}

    def read(link: WheelLink) -> CoreMetadata | None:
        try:
            return package_finder.core_metadata(link)
        except VariantctlError as error:
            warn(f"{link.file.filename}: its dependencies are not shown: {error.message}")
            return None

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return dict(zip(one_of, pool.map(read, one_of.values()), strict=True))


def _same(link: WheelLink) -> object:
    return link.version, link.wheel.label


_OF_EACH_BUILD = 2


def _newest(files: ProjectFiles, most: int, family: Family | None) -> dict[str, list[Version]]:
    """Member of a family, or ``""`` -> its newest versions: members are published apart.

    Of a member whose older versions were built for something else (CUDA 12, CUDA 11), the newest of each: an
    old driver gets those.
    """
    of_member: dict[str, list[Version]] = {}
    for version, links in files.by_version.items():
        for member in {_member(link) for link in links}:
            of_member.setdefault(member, []).append(version)
    by_label = {each.label: each for each in family.members} if family is not None else {}
    found: dict[str, list[Version]] = {}
    for member, versions in of_member.items():
        found[member] = versions[:most]
        if member not in by_label:
            continue
        groups: dict[str, list[Version]] = {}
        for version in versions:
            built_for = by_label[member].properties_of(files.name, version, {})
            groups.setdefault(repr(built_for), []).append(version)
        found[member] += [version for group in groups.values() for version in group[:_OF_EACH_BUILD]]
    return found


def _member(link: WheelLink) -> str:
    """Which member of a family a wheel is of, or ``""``."""
    return "" if link.backend is None else link.backend.member


def _never_unasked(name: NormalizedName, package_finder: PackageFinder) -> set[str]:
    """The members of a project's family that ``install`` takes only where somebody names them."""
    family = package_finder.families.of(name)
    return {each.label for each in family.members if each.only_by_name} if family is not None else set()


def _pages_of_links(name: NormalizedName, package_finder: PackageFinder) -> set[str]:
    """The members that lie on a page of links, which is no index."""
    family = package_finder.families.of(name)
    return {each.label for each in family.members if each.page} if family is not None else set()


def _distribution(link: WheelLink) -> str:
    """The name by which a stock tool gets a member of a family, or ``""`` where it is the project's."""
    backend = link.backend
    if backend is None or backend.project is None:
        return ""
    name = backend.project
    if backend.extra is not None:
        return f"{name}[{backend.extra}]"
    return name if name != link.wheel.name else ""


def _published(link: WheelLink, core: CoreMetadata | None, *, is_indexed: bool) -> PublishedWheel:
    file = link.file
    url = without_secrets(file.url)
    source = without_secrets(file.source) if file.source and is_indexed else ""
    return PublishedWheel(
        filename=link.wheel,
        size=file.size,
        requires_python=file.requires_python or "",
        yanked=file.yanked or False,
        requires=core.requires_dist if core else (),
        link=url if scheme_of(url) in ("http", "https", "file") else "",
        index=source,
        version=str(link.version) if link.backend is not None else "",
        distribution=_distribution(link),
        is_described=core is not None,
    )
