"""The wheels that a newer driver would let a machine use: those of sub-indexes that it cannot use now."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import WheelLink
from variantctl.select.driver_updates import with_newest_drivers
from variantctl.variants.errors import VariantctlError
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Supported


def further_wheels(
    name: NormalizedName,
    version: Version,
    wheels: tuple[WheelLink, ...],
    *,
    package_finder: PackageFinder,
    supported: Callable[[VariantMetadata], Supported],
    markers: Mapping[str, str],
) -> tuple[tuple[WheelLink, ...], VariantMetadata | None]:
    """The wheels of a version with those that newer drivers would bring, and what all of them were built for.

    Pages of backends are asked for that the machine cannot use. Where they cannot be had, the wheels are
    given back as they are: advice is not worth an error.

    Args:
        name: the project.
        version: as it is listed.
        wheels: those that the machine's own backends have.
        package_finder: as nobody's machine sees it.
        supported: what counts as supported of the namespaces that some variants use.
        markers: of the platform that is installed for.
    """

    def ask(metadata: VariantMetadata) -> Supported:
        return with_newest_drivers(metadata, supported(metadata))

    seen = package_finder.for_machine(ask, markers)
    try:
        # Where the parent index shows the wheels of every backend, no page of one is needed.
        parent = seen.parent_page(name)
        project = parent if parent is not None and parent.wheels_of(version) else seen.project(name)
        links = {link.file.url: link for link in (*wheels, *project.wheels_of(version))}
        return tuple(links.values()), seen.variant_metadata(project, version, links.values())
    except VariantctlError:
        return wheels, None
