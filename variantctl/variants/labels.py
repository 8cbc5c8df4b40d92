"""Variant labels: the last component of a variant wheel's filename (PEP 825, "Variant label")."""

from __future__ import annotations

import re

from variantctl.variants.errors import InvalidVariantError

NULL_LABEL = "null"
"""The reserved label of the variant with zero properties."""

OLDER_NULL_LABEL = "00000000"
"""The label of the null variant in the drafts before ``null`` was reserved (as published with torch 2.8)."""

LABEL_PATTERN = re.compile(r"[0-9a-z_.]+")


def validate_label(text: str) -> str:
    """Return *text* if it is a variant label: one or more of ``0-9 a-z _ .`` (PEP 825, "Variant label").

    Raises:
        InvalidVariantError: *text* is empty or has another character.
    """
    if LABEL_PATTERN.fullmatch(text) is None:
        problem = "is empty" if not text else f"{text[:80]!r} has characters other than 0-9, a-z, '_' and '.'"
        raise InvalidVariantError(f"the variant label {problem}")
    return text
