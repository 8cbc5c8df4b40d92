"""A project of indexes as they are: its files stay where they are, and only pages and metadata are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from packaging.version import Version

from variant_index.web.audience import Audience, Platform
from variant_index.web.contents import Project, PublishedWheel, Release
from variant_index.web.platforms import platforms_of
from variant_index.web.reading import notice_of
from variantctl.net.redaction import without_secrets
from variantctl.variants.errors import VariantctlError
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.metadata import CoreMetadata

if TYPE_CHECKING:
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
    kept = list(files.by_version)[:most]
    if len(files.by_version) > most:
        notice = f"{notice} The {most} newest of {len(files.by_version)} versions are shown.".strip()
    links = [link for version in kept for link in files.by_version[version]]
    read = _metadata_of(links, package_finder, warn)
    releases = tuple(_release(version, files, package_finder, audience, read) for version in kept)
    summary = next(
        (core.summary for link in links if (core := read.get(_same(link))) is not None and core.summary), ""
    )
    return Project(files.name, releases, summary, notice)


def _release(
    version: Version,
    files: ProjectFiles,
    package_finder: PackageFinder,
    audience: Audience,
    read: Mapping[object, CoreMetadata | None],
) -> Release:
    links = files.by_version[version]
    wheels = tuple(_published(link, read.get(_same(link))) for link in links)
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


def _published(link: WheelLink, core: CoreMetadata | None) -> PublishedWheel:
    file = link.file
    url = without_secrets(file.url)
    source = without_secrets(file.source) if file.source else ""
    return PublishedWheel(
        filename=link.wheel,
        size=file.size,
        requires_python=file.requires_python or "",
        yanked=file.yanked or False,
        requires=core.requires_dist if core else (),
        link=url if urlsplit(url).scheme in ("http", "https", "file") else "",
        index=source,
        version=str(link.version) if link.backend is not None else "",
    )
