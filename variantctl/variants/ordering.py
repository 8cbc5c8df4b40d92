"""The order of variants (PEP 825, "Variant ordering"), and why one is not compatible."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from variantctl.values import dataclass
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import ABI_DEPENDENCY, Properties, Supported

_AFTER_ALL = 1 << 62  # sorts after every key, so that of two lists the one that goes on is the better


@dataclass(frozen=True)
class Unsupported:
    """One reason why a variant is not compatible.

    Attributes:
        namespace: the namespace of the feature; ``""`` if the metadata does not list the label at all.
        feature: the feature of which no value is supported.
        wanted: the values the variant was built for, sorted.
        offered: the values the machine supports, most preferred first; empty if it does not have the feature.
    """

    namespace: str
    feature: str
    wanted: tuple[str, ...]
    offered: tuple[str, ...]

    def __str__(self) -> str:
        if not self.namespace:
            return "the label is not listed in the package's variant metadata"
        feature = f"{self.namespace} :: {self.feature}"
        offered = ", ".join(self.offered) or "none"
        return f"needs {feature} to be one of: {', '.join(self.wanted)}; supported here: {offered}"


def order_labels(metadata: VariantMetadata, supported: Supported) -> list[str]:
    """The compatible labels of *metadata*, best first (PEP 825, "Variant ordering").

    A variant is compatible if at least one value of every feature it has is supported. Compatible variants
    are compared by the best supported value of each of their features: namespaces rank as *metadata* lists
    them (``abi_dependency`` after all of them), features and values as *supported* does. The null variant
    comes last. In older metadata the priorities of features and values come before the order of *supported*
    (PEP 817, "Variant ordering").

    Args:
        metadata: what the variants were built for.
        supported: what the machine offers: namespace -> feature -> values, each in order of preference.
    """
    ranks = _ranks(metadata, supported)
    ordered = []
    for label, properties in metadata.variants.items():
        keys = _keys(properties, ranks)
        if keys is not None:
            ordered.append((keys, label))
    ordered.sort()
    return [label for _, label in ordered]


def explain_label(metadata: VariantMetadata, label: str, supported: Supported) -> list[Unsupported]:
    """Every reason why *label* is not compatible, by namespace and feature; empty if it is compatible.

    ``null`` is compatible even if it is not listed; any other label that is not listed is not (PEP 825).
    """
    properties = metadata.properties_of(label)
    if properties is None:
        return [Unsupported("", "", (), ())]
    known = {*metadata.namespaces, ABI_DEPENDENCY}
    reasons = []
    for namespace, features in sorted(properties.items()):
        for feature, wanted in sorted(features.items()):
            offered = tuple(supported.get(namespace, {}).get(feature, ())) if namespace in known else ()
            if not set(wanted).intersection(offered):
                reasons.append(Unsupported(namespace, feature, tuple(wanted), offered))
    return reasons


class _BestKeys(dict[tuple[str, ...], int]):
    """The values a variant has of one feature -> the best sort key among them; ``KeyError`` if it has none.

    Variants repeat the same few lists of values: each list is looked into once.
    """

    def __init__(self, keys: Mapping[str, int]) -> None:
        super().__init__()
        self._keys = keys

    def __missing__(self, values: tuple[str, ...]) -> int:
        found = [self._keys[value] for value in values if value in self._keys]
        if not found:
            raise KeyError(values)
        best = self[values] = min(found)
        return best


_Ranks = Mapping[str, Mapping[str, _BestKeys]]


def _ranks(metadata: VariantMetadata, supported: Supported) -> _Ranks:
    """namespace -> feature -> the sort key of the best value of some; lower is better.

    One integer stands for PEP 825's key of three indices: features are numbered across namespaces and each
    gets a range of integers of its own, so that integers compare as the triples would.
    """
    ranks: dict[str, dict[str, _BestKeys]] = {}
    start = 0
    for namespace in (*metadata.namespaces, ABI_DEPENDENCY):
        offered = supported.get(namespace)
        if not offered or namespace in ranks:
            continue
        listed = metadata.property_priorities.get(namespace, {})
        by_feature = ranks[namespace] = {}
        for feature in dict.fromkeys(chain(metadata.feature_priorities.get(namespace, ()), offered)):
            allowed = set(offered.get(feature, ()))
            values = dict.fromkeys(chain(listed.get(feature, ()), offered.get(feature, ())))
            keys = {value: start + rank for rank, value in enumerate(values) if value in allowed}
            by_feature[feature] = _BestKeys(keys)
            start += len(values)
    return ranks


def _keys(properties: Properties, ranks: _Ranks) -> list[int] | None:
    """The sorted keys of the best supported value of every feature; ``None`` if one has none."""
    keys: list[int] = []
    try:
        for namespace, features in properties.items():
            by_feature = ranks[namespace]
            keys += [by_feature[feature][values] for feature, values in features.items()]
    except KeyError:
        return None
    keys.sort()
    keys.append(_AFTER_ALL)
    return keys
