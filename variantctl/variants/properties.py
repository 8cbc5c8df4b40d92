"""Variant features and properties: ``namespace :: feature (:: value)`` (PEP 825)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError

ABI_DEPENDENCY = "abi_dependency"
"""The reserved namespace whose features are packages and whose values are release prefixes (PEP 850)."""

NAME_PATTERN = re.compile(r"[a-z0-9_]+")
"""What a namespace or a feature name matches in full (PEP 825, "Variant properties")."""

VALUE_PATTERN = re.compile(r"[a-z0-9_.]+")
"""What a feature value matches in full (PEP 825, "Variant properties")."""

Properties = Mapping[str, Mapping[str, tuple[str, ...]]]
"""The properties of one variant: namespace -> feature -> values, sorted."""

Supported = Mapping[str, Mapping[str, Sequence[str]]]
"""What a machine supports: namespace -> feature (most preferred first) -> values, most preferred first."""


@dataclass(frozen=True, order=True)
class VariantFeature:
    """A feature: ``namespace :: feature``.

    Attributes:
        namespace: who defines the feature, for example ``nvidia``.
        feature: its name within the namespace, for example ``sm_arch``.
    """

    namespace: str
    feature: str

    def __post_init__(self) -> None:
        _check("namespace", self.namespace, NAME_PATTERN, "0-9, a-z and '_'")
        _check("feature name", self.feature, NAME_PATTERN, "0-9, a-z and '_'")

    @classmethod
    def parse(cls, text: str) -> VariantFeature:
        """Read ``namespace :: feature``; white space around ``::`` and at the ends is ignored.

        Raises:
            InvalidVariantError: *text* has another number of parts, or a part has a character not allowed.
        """
        return cls(*_parts(text, 2, "namespace :: feature"))

    def __str__(self) -> str:
        return f"{self.namespace} :: {self.feature}"


@dataclass(frozen=True, order=True)
class VariantProperty:
    """A property: ``namespace :: feature :: value``.

    Attributes:
        namespace: who defines the feature, for example ``nvidia``.
        feature: its name within the namespace, for example ``sm_arch``.
        value: one value of the feature, for example ``90_real``.
    """

    namespace: str
    feature: str
    value: str

    def __post_init__(self) -> None:
        _check("namespace", self.namespace, NAME_PATTERN, "0-9, a-z and '_'")
        _check("feature name", self.feature, NAME_PATTERN, "0-9, a-z and '_'")
        _check("feature value", self.value, VALUE_PATTERN, "0-9, a-z, '_' and '.'")

    @classmethod
    def parse(cls, text: str) -> VariantProperty:
        """Read ``namespace :: feature :: value``; white space around ``::`` and at the ends is ignored.

        Raises:
            InvalidVariantError: *text* has another number of parts, or a part has a character not allowed.
        """
        return cls(*_parts(text, 3, "namespace :: feature :: value"))

    def __str__(self) -> str:
        return f"{self.namespace} :: {self.feature} :: {self.value}"


def expand(properties: Properties) -> Iterator[VariantProperty]:
    """Every ``namespace :: feature :: value`` of *properties*, in its own order."""
    for namespace, features in properties.items():
        for feature, values in features.items():
            for value in values:
                yield VariantProperty(namespace, feature, value)


def collect(properties: Iterable[VariantProperty]) -> Properties:
    """Gather single properties into namespace -> feature -> values, all sorted, duplicates dropped."""
    gathered: dict[str, dict[str, list[str]]] = {}
    for item in sorted(set(properties)):
        gathered.setdefault(item.namespace, {}).setdefault(item.feature, []).append(item.value)
    return {
        namespace: {feature: tuple(values) for feature, values in features.items()}
        for namespace, features in gathered.items()
    }


def in_order(properties: Iterable[VariantProperty]) -> Properties:
    """The same as ``collect``, with the namespaces in the order in which they are first named."""
    items = list(properties)
    gathered = collect(items)
    return {namespace: gathered[namespace] for namespace in dict.fromkeys(item.namespace for item in items)}


def _parts(text: str, count: int, shape: str) -> list[str]:
    parts = [part.strip() for part in text.split("::")]
    if len(parts) != count:
        raise InvalidVariantError(f"{text[:200]!r} is not of the form '{shape}'")
    return parts


def _check(what: str, text: str, pattern: re.Pattern[str], allowed: str) -> None:
    if pattern.fullmatch(text) is None:
        problem = "is empty" if not text else f"{text[:80]!r} has characters other than {allowed}"
        raise InvalidVariantError(f"the {what} {problem}")
