"""What there is to say of an installed package: what it is, which variant, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from packaging.utils import NormalizedName

from variantctl.doctor.dependencies import Graph
from variantctl.doctor.inspection import Inspected
from variantctl.select.reasons import property_reasons
from variantctl.target.installed import InstalledPackage
from variantctl.values import dataclass
from variantctl.variants.ordering import explain_label
from variantctl.variants.properties import Properties, Supported
from variantctl.wheels.metadata import CoreMetadata, parse_core_metadata


@dataclass(frozen=True)
class Description:
    """An installed package.

    Attributes:
        package: as its folder says it.
        metadata: its METADATA; None where it cannot be read.
        label: the variant's, or of a build from a sub-index that one's; None: neither.
        properties: what it was built for, as far as that is known.
        requires: what it needs here, by name.
        required_by: what needs it, by name.
        why: who asked for it, and what the machine has to do with its variant; clauses.
    """

    package: InstalledPackage
    metadata: CoreMetadata | None
    label: str | None
    properties: Properties
    requires: tuple[NormalizedName, ...]
    required_by: tuple[NormalizedName, ...]
    why: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """An element of ``packages`` in ``show --json``."""
        package = self.package
        return {
            "name": package.name,
            "version": str(package.version),
            "summary": self.metadata.summary if self.metadata else "",
            "license": self.metadata.license if self.metadata else "",
            "location": str(package.dist_info.parent),
            "installer": package.installer,
            "requested": package.requested,
            "editable": package.editable,
            "source": package.source,
            "label": self.label,
            "properties": {
                namespace: {feature: list(values) for feature, values in features.items()}
                for namespace, features in self.properties.items()
            },
            "requires": list(self.requires),
            "required_by": list(self.required_by),
            "why": list(self.why),
        }


def describe(
    package: InstalledPackage, item: Inspected, graph: Graph, supported: Supported, who: str
) -> Description:
    """Put together what is known.

    Args:
        package: as its folder says it.
        item: as it was inspected.
        graph: what needs what in its environment.
        supported: what the machine offers of the namespaces that the package's metadata uses.
        who: ``this machine`` or ``profile h100``.
    """
    needed = graph.needed()
    required_by = tuple(sorted(name for name, others in needed.items() if package.name in others))
    known = item.metadata is not None and item.label is not None
    properties = (item.metadata.properties_of(item.label or "") if item.metadata and known else None) or {}
    return Description(
        package,
        _metadata(package),
        item.label,
        properties,
        tuple(sorted(needed.get(package.name, ()))),
        required_by,
        (_asked(package, required_by), *_fit(item, properties, supported, who)),
    )


def _asked(package: InstalledPackage, required_by: tuple[NormalizedName, ...]) -> str:
    if package.requested:
        return "somebody asked for it"
    return (
        f"needed by {', '.join(required_by)}" if required_by else "nothing needs it, and nobody asked for it"
    )


def _fit(item: Inspected, properties: Properties, supported: Supported, who: str) -> tuple[str, ...]:
    if item.metadata is None or item.label is None:
        return ()
    missing = explain_label(item.metadata, item.label, supported)
    if missing:
        return tuple(f"{item.label} {reason.detail}" for reason in property_reasons(missing, supported, who))
    if not properties:
        return (f"{item.label} is for every machine",)
    best = ", ".join(
        f"{namespace} :: {feature} :: {_first(values, supported[namespace][feature])}"
        for namespace, features in properties.items()
        for feature, values in features.items()
    )
    return (f"{item.label} fits {who}: {best}",)


def _first(values: Any, offered: Any) -> str:
    """The value that the machine puts first of those that the variant has."""
    return next(str(value) for value in offered if value in values)


def _metadata(package: InstalledPackage) -> CoreMetadata | None:
    from variantctl.variants.errors import VariantctlError

    name = "PKG-INFO" if package.legacy else "METADATA"
    try:
        return parse_core_metadata((package.dist_info / name).read_bytes(), str(package.dist_info / name))
    except (OSError, VariantctlError):
        return None


def files_of(package: InstalledPackage) -> Mapping[str, int | None]:
    """Path -> size of each file, paths from the folder that modules are in."""
    base = package.dist_info.parent
    return {_relative(str(file.path), str(base)): file.size for file in package.files()}


def _relative(path: str, base: str) -> str:
    import os

    return os.path.relpath(path, base)
