"""Metadata of source code that needs no build: a ``[project]`` table or a PKG-INFO that says all."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from variantctl.variants.digits import whole_number
from variantctl.variants.errors import VariantctlError
from variantctl.wheels.metadata import CoreMetadata, core_metadata, parse_core_metadata

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: What installing needs to know, by its names in PKG-INFO and in ``[project]``.
_FIELDS = ("requires-dist", "requires-python", "provides-extra", "version")
_KEYS = frozenset({"version", "dependencies", "optional-dependencies", "requires-python"})
_FIRST_WITH_DYNAMIC = (2, 2)


def from_pkg_info(data: bytes, source: str) -> CoreMetadata | None:
    """What the PKG-INFO of a source distribution promises of its wheels; None where it leaves that open.

    PEP 643: from version 2.2 on, what is not in ``Dynamic`` is the same in every wheel.
    """
    try:
        metadata = parse_core_metadata(data, source)
    except VariantctlError:
        return None
    major, _, minor = metadata.metadata_version.partition(".")
    if (whole_number(major) or 0, whole_number(minor) or 0) < _FIRST_WITH_DYNAMIC:
        return None
    return None if set(_FIELDS) & set(metadata.dynamic) else metadata


def from_pyproject(data: bytes, source: str) -> CoreMetadata | None:
    """What ``[project]`` says of its wheels; None where there is none, or it leaves something open.

    The specification "pyproject.toml": what is not in ``dynamic`` must be the same in every wheel.
    """
    try:
        project = tomllib.loads(data.decode("utf-8")).get("project")
    except (ValueError, RecursionError):
        return None
    if not isinstance(project, dict) or not all(
        isinstance(project.get(key), str) for key in ("name", "version")
    ):
        return None
    dynamic = project.get("dynamic", [])
    if not isinstance(dynamic, list) or any(key in dynamic for key in _KEYS):
        return None
    try:
        return core_metadata(_fields(project), source)
    except (VariantctlError, TypeError, AttributeError):
        return None


def _fields(project: Mapping[str, Any]) -> dict[str, Any]:
    optional = project.get("optional-dependencies") or {}
    return {
        "name": project["name"],
        "version": project["version"],
        "requires_python": project.get("requires-python", ""),
        "requires_dist": [*(project.get("dependencies") or ()), *_of_extras(optional)],
        "provides_extra": list(optional),
        "metadata_version": "2.2",
    }


def _of_extras(optional: Mapping[str, list[str]]) -> Iterator[str]:
    """``socks; extra == "proxy"``: an extra's requirements as METADATA has them."""
    for extra, requirements in optional.items():
        for text in requirements:
            requirement, semicolon, marker = text.partition(";")
            both = f'({marker.strip()}) and extra == "{extra}"' if semicolon else f'extra == "{extra}"'
            yield f"{requirement.strip()} ; {both}"
