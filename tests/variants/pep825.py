"""The ordering of PEP 825 and of PEP 817 before it, transcribed naively: the oracle of the property tests.

Nothing here is shared with the package, nothing is fast, and everything is looked up with ``list.index``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cmp_to_key

Wheel = Mapping[str, Mapping[str, Sequence[str]]]
Lists = Mapping[str, Mapping[str, Sequence[str]]]


def is_compatible(properties: Wheel, supported: Lists) -> bool:
    """At least one value of every feature must be supported ("Variant properties")."""
    for namespace, features in properties.items():
        for feature, values in features.items():
            if not any(value in supported.get(namespace, {}).get(feature, []) for value in values):
                return False
    return True


def order(
    namespaces: Sequence[str],
    variants: Mapping[str, Wheel],
    supported: Lists,
    feature_priorities: Mapping[str, Sequence[str]] | None = None,
    value_priorities: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
) -> list[str]:
    """Compatible labels, best first, by the seven steps of "Variant ordering"."""
    namespace_order = list(namespaces)  # step 1
    feature_order: dict[str, list[str]] = {}
    value_order: dict[str, dict[str, list[str]]] = {}
    for namespace in namespace_order:  # steps 2 and 3; PEP 817 puts the listed ones first
        feature_order[namespace] = list((feature_priorities or {}).get(namespace, []))
        for feature in supported.get(namespace, {}):
            if feature not in feature_order[namespace]:
                feature_order[namespace].append(feature)
        value_order[namespace] = {}
        for feature in feature_order[namespace]:
            values = list((value_priorities or {}).get(namespace, {}).get(feature, []))
            for value in supported.get(namespace, {}).get(feature, []):
                if value not in values:
                    values.append(value)
            value_order[namespace][feature] = values

    def best_value(namespace: str, feature: str, wanted: Sequence[str]) -> str:
        for value in value_order[namespace][feature]:
            if value in wanted and value in supported[namespace][feature]:
                return value
        raise AssertionError("an incompatible wheel was not filtered out")

    def property_key(item: tuple[str, str, str]) -> tuple[int, int, int]:
        namespace, feature, value = item
        return (
            namespace_order.index(namespace),
            feature_order[namespace].index(feature),
            value_order[namespace][feature].index(value),
        )

    def sorted_properties(label: str) -> list[tuple[str, str, str]]:  # steps 4, 5 and 6
        items = [
            (namespace, feature, best_value(namespace, feature, values))
            for namespace, features in variants[label].items()
            for feature, values in features.items()
        ]
        return sorted(items, key=property_key)

    def compare(left: str, right: str) -> int:  # step 7
        left_items, right_items = sorted_properties(left), sorted_properties(right)
        for left_item, right_item in zip(left_items, right_items, strict=False):
            if left_item != right_item:
                return -1 if property_key(left_item) < property_key(right_item) else 1
        if len(left_items) != len(right_items):
            return -1 if len(left_items) > len(right_items) else 1
        return -1 if left < right else 1

    compatible = [label for label, wheel in variants.items() if is_compatible(wheel, supported)]
    return sorted(compatible, key=cmp_to_key(compare))
