"""METADATA for tools that cannot read variant markers (PEP 825, "Environment markers")."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.select.ranking import SelectionContext, abi_dependencies, marker_variant
from variantctl.variants.decided_markers import decide_requirement
from variantctl.variants.markers import NON_VARIANT
from variantctl.wheels.metadata import parse_core_metadata, with_requires

if TYPE_CHECKING:
    from variantctl.indexes.project_files import WheelLink


def decided_metadata(
    metadata: bytes, link: WheelLink, terms: SelectionContext, families: Families = NO_FAMILIES
) -> bytes:
    """The METADATA of a wheel as it reads when the wheel is the chosen one on the machine of *terms*.

    Variant markers are decided; an ``abi_dependency`` is a dependency like any other (PEP 850), and so is
    what the extra brings that makes it a member of a family. All other bytes stay.

    Raises:
        WheelError, InvalidVariantError: METADATA, or a requirement in it, is no such thing.
    """
    requires = parse_core_metadata(metadata, link.file.filename).requires_dist
    variant = marker_variant(link.wheel.label, terms)
    decided = [text for text in (decide_requirement(text, variant) for text in requires) if text is not None]
    decided += _abi_requirements(link, terms)
    decided = with_member(decided, link, families)
    return metadata if decided == list(requires) else with_requires(metadata, decided)


def has_variant_markers(metadata: bytes, link: WheelLink) -> bool:
    """Whether a requirement of a wheel has variant markers, which no stock tool reads.

    Raises:
        WheelError, InvalidVariantError: METADATA, or a requirement in it, is no such thing.
    """
    requires = parse_core_metadata(metadata, link.file.filename).requires_dist
    return any(decide_requirement(text, NON_VARIANT) != text for text in requires if "variant_" in text)


def rewritten_metadata(
    metadata: bytes, link: WheelLink, terms: SelectionContext, families: Families
) -> bytes | None:
    """The METADATA that a wheel has to carry itself; ``None``: its own will do.

    Raises:
        WheelError, InvalidVariantError: METADATA, or a requirement in it, is no such thing.
    """
    if link.extra is None and not has_variant_markers(metadata, link):
        return None
    return decided_metadata(metadata, link, terms, families)


def with_member(requires: list[str], link: WheelLink, families: Families) -> list[str]:
    """What makes a wheel the member of a family that the machine gets: the extra that it needs, always.

    Whoever asks for the extra of another member gets this one: two of them in one environment do not go
    together.

    Args:
        requires: its requirements, as written.
        link: the wheel.
        families: which extras are members.
    """
    extra = link.extra
    family = families.of(link.wheel.name) if extra is not None else None
    if extra is None or family is None:
        return requires
    own = family.member_of_extra(extra)
    others = {
        name
        for member in family.members
        if member is not own and member.extra is not None
        for name in (member.extra, *member.also)
    }
    kept = [text for text in requires if not _is_of_extras_alone(text, others)]
    return [*kept, f"{link.own_name.name}[{extra}]=={link.own_name.version}"]


def _is_of_extras_alone(text: str, extras: Collection[str]) -> bool:
    """Whether a requirement counts with some extras, and with no other and none."""
    named = {canonicalize_name(found[1]) for found in _EXTRA.finditer(text)}
    return bool(named) and named <= set(extras)


_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


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
