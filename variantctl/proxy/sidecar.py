"""METADATA for tools that cannot read variant markers (PEP 825, "Environment markers")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.select.ranking import SelectionContext, abi_dependencies, marker_variant
from variantctl.variants.decided_markers import decide_requirement
from variantctl.variants.markers import NON_VARIANT
from variantctl.wheels.metadata import parse_core_metadata, with_requires

if TYPE_CHECKING:
    from variantctl.indexes.project_files import WheelLink


def decided_metadata(metadata: bytes, link: WheelLink, terms: SelectionContext) -> bytes:
    """The METADATA of a wheel as it reads when the wheel is the chosen one on the machine of *terms*.

    Variant markers are decided; an ``abi_dependency`` is a dependency like any other (PEP 850). All other
    bytes stay.

    Raises:
        WheelError, InvalidVariantError: METADATA, or a requirement in it, is no such thing.
    """
    requires = parse_core_metadata(metadata, link.file.filename).requires_dist
    variant = marker_variant(link.wheel.label, terms)
    decided = [text for text in (decide_requirement(text, variant) for text in requires) if text is not None]
    decided += _abi_requirements(link, terms)
    return metadata if decided == list(requires) else with_requires(metadata, decided)


def has_variant_markers(metadata: bytes, link: WheelLink) -> bool:
    """Whether a requirement of a wheel has variant markers, which no stock tool reads.

    Raises:
        WheelError, InvalidVariantError: METADATA, or a requirement in it, is no such thing.
    """
    requires = parse_core_metadata(metadata, link.file.filename).requires_dist
    return any(decide_requirement(text, NON_VARIANT) != text for text in requires if "variant_" in text)


def _abi_requirements(link: WheelLink, terms: SelectionContext) -> list[str]:
    """The release of each package that the wheel was built for: of several, the newest."""
    properties = terms.metadata.variants.get(link.wheel.label or "", {}) if terms.metadata else {}
    return [
        f"{canonicalize_name(package)}=={max(prefixes, key=_release)}.*"
        for package, prefixes in abi_dependencies(properties).items()
    ]


def _release(prefix: str) -> Version:
    try:
        return Version(prefix)
    except ValueError:
        return Version("0")
