"""Reading a table of facts: the keys and shapes that a profile's namespace may have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from variant_providers.config import FactsError


def check_keys(facts: Mapping[str, object], allowed: Sequence[str]) -> None:
    """Raise :class:`FactsError` for the first key that no plugin of this namespace reads."""
    for key in facts:
        if key not in allowed:
            raise FactsError(str(key), "unknown key", "allowed: " + ", ".join(allowed), tuple(allowed))


def text(facts: Mapping[str, object], key: str, pattern: re.Pattern[str], allowed: str) -> str | None:
    """The string at ``key`` (``None`` when it is absent), which must match ``pattern`` wholly."""
    value = facts.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise FactsError(key, f"{value!r} is not understood", allowed)
    return value


def texts(facts: Mapping[str, object], key: str, pattern: re.Pattern[str], allowed: str) -> list[str]:
    """The list of strings at ``key`` without repetitions, in order (empty when it is absent)."""
    value = facts.get(key)
    if value is None:
        return []
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise FactsError(key, f"{value!r} is not a list", "allowed: a list of strings, " + allowed)
    for item in value:
        if not isinstance(item, str) or not pattern.fullmatch(item):
            raise FactsError(key, f"{item!r} is not understood", allowed)
    return list(dict.fromkeys(value))


def words(facts: Mapping[str, object], key: str, choices: Sequence[str]) -> list[str]:
    """The list of known words at ``key``, in the order of ``choices`` (empty when it is absent)."""
    allowed = "a known feature name; `variantctl detect` of a machine that has it prints the name"
    found = texts(facts, key, re.compile(r"(?s).*"), allowed)
    known = set(choices)
    for item in found:
        if item not in known:
            raise FactsError(key, f"{item!r} is not a known feature", allowed, tuple(choices))
    wanted = set(found)
    return [choice for choice in choices if choice in wanted]
