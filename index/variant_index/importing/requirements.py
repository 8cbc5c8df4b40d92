"""What imported wheels need: without local versions, and, if asked for, the same for every variant.

A wheel of a backend may need others of the same source by their local versions (``torch==2.10.0+cu128``),
which an index without local versions does not have.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from packaging.utils import NormalizedName

from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import parse_requirement

_LOCAL = re.compile(r"(===?\s*[^\s,;()+]+)\+[A-Za-z0-9._-]+")


def without_local_versions(requires: Sequence[str], packages: Collection[NormalizedName]) -> tuple[str, ...]:
    """Requirements in which the versions of these packages have no local part."""
    return tuple(
        _LOCAL.sub(r"\1", text) if _project(text) in packages and "+" in text else text for text in requires
    )


def united(requires: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """One list for several variants that gives each of them exactly what it needed before.

    What all need stays as it is; what some need gets a variant marker with their labels (PEP 825,
    "Environment markers").

    Args:
        requires: label -> its requirements, for wheels that differ in nothing but the label.
    """
    every = dict.fromkeys(text for texts in requires.values() for text in texts)
    whole: list[str] = []
    for text in every:
        labels = [label for label in sorted(requires) if text in requires[label]]
        whole.append(text if len(labels) == len(requires) else _only_for(text, labels))
    return tuple(whole)


def _only_for(text: str, labels: Sequence[str]) -> str:
    requirement = parse_requirement(text)
    condition = " or ".join(f'variant_label == "{label}"' for label in labels)
    if requirement.marker is None:
        # In 'name @ url' a semicolon belongs to the URL unless white space precedes it.
        return f"{text.rstrip()}{' ' if requirement.url else ''}; {condition}"
    at = text.rindex(requirement.marker)
    plain = text[:at].rstrip()
    several = f"({condition})" if len(labels) > 1 else condition
    return f"{plain} ({requirement.marker}) and {several}"


def _project(text: str) -> NormalizedName | None:
    try:
        return parse_requirement(text).name
    except InvalidVariantError:
        return None
