"""Ordering, next to the naive transcription of the PEPs in pep825.py."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variantctl.variants import load_metadata, order_labels
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.ordering import explain_label

from . import pep825, strategies

Supported = Mapping[str, Mapping[str, Sequence[str]]]
METADATA = Path(__file__).parents[2] / "fixtures" / "metadata"


def metadata_of(variants: Mapping[str, pep825.Wheel], namespaces: Sequence[str]) -> VariantMetadata:
    return load_metadata(
        {"$schema": strategies.PEP_825, "default-priorities": {"namespace": namespaces}, "variants": variants}
    )


@given(strategies.documents(), strategies.machines())
def test_order_is_the_pep_s(document: strategies.Document, supported: Supported) -> None:
    metadata = load_metadata(document)
    expected = pep825.order((*metadata.namespaces, "abi_dependency"), metadata.variants, supported)
    assert order_labels(metadata, supported) == expected


@given(strategies.variant_tables(), strategies.machines(), st.data())
def test_order_of_older_metadata_is_pep_817_s(
    variants: dict[str, pep825.Wheel], supported: Supported, data: st.DataObject
) -> None:
    namespaces = data.draw(st.permutations(["a", "b", "c_1", "nvidia"]))
    feature = data.draw(
        st.dictionaries(strategies.namespaces, st.lists(strategies.features, unique=True), max_size=3)
    )
    priorities = data.draw(
        st.dictionaries(
            strategies.namespaces,
            st.dictionaries(strategies.features, st.lists(strategies.values, unique=True), max_size=3),
            max_size=3,
        )
    )
    document = {
        "$schema": strategies.OLDER,
        "default-priorities": {"namespace": namespaces, "feature": feature, "property": priorities},
        "variants": variants,
    }
    ours = order_labels(load_metadata(document), supported)
    assert ours == pep825.order(namespaces, variants, supported, feature, priorities)


@given(strategies.documents(), strategies.machines())
def test_explanation_is_empty_exactly_for_what_is_ordered(
    document: strategies.Document, supported: Supported
) -> None:
    metadata = load_metadata(document)
    compatible = {label for label in metadata.variants if not explain_label(metadata, label, supported)}
    assert compatible == set(order_labels(metadata, supported))


def test_explanation_says_what_was_wanted_and_offered() -> None:
    metadata = metadata_of(
        {"cu": {"nvidia": {"cuda": ["13.0"], "arch": ["90", "80"]}, "a": {"f": ["1"]}}}, ["nvidia", "a"]
    )
    supported = {"nvidia": {"cuda": ["12.8", "12.7"], "arch": ["80"]}}
    reasons = explain_label(metadata, "cu", supported)
    assert [(r.namespace, r.feature, r.wanted, r.offered) for r in reasons] == [
        ("a", "f", ("1",), ()),
        ("nvidia", "cuda", ("13.0",), ("12.8", "12.7")),
    ]
    assert str(reasons[1]) == "needs nvidia :: cuda to be one of: 13.0; supported here: 12.8, 12.7"


def test_null_is_compatible_even_if_not_listed_and_other_unlisted_labels_are_not() -> None:
    metadata = metadata_of({"x": {"a": {"f": ["1"]}}}, ["a"])
    assert explain_label(metadata, "null", {}) == []
    assert "not listed" in str(explain_label(metadata, "y", {})[0])
    assert order_labels(metadata, {}) == []


def test_a_namespace_feature_or_value_that_is_missing_or_empty_is_unsupported() -> None:
    metadata = metadata_of({"x": {"a": {"f": ["1"]}}, "null": {}}, ["a"])
    everything: list[Supported] = [{}, {"a": {}}, {"a": {"f": []}}, {"a": {"g": ["1"]}}, {"a": {"f": ["2"]}}]
    for supported in everything:
        assert order_labels(metadata, supported) == ["null"]
    assert order_labels(metadata, {"a": {"f": ["1"]}}) == ["x", "null"]


def test_the_reserved_namespace_ranks_after_all_listed_ones() -> None:
    metadata = metadata_of(
        {"abi": {"abi_dependency": {"torch": ["2.9"]}}, "cpu": {"x86_64": {"level": ["v1"]}}, "null": {}},
        ["x86_64"],
    )
    supported = {"abi_dependency": {"torch": ["2.9.1", "2.9"]}, "x86_64": {"level": ["v3", "v1"]}}
    assert order_labels(metadata, supported) == ["cpu", "abi", "null"]


def test_equal_properties_fall_back_to_the_label() -> None:
    wheel = {"a": {"f": ["1"]}}
    metadata = metadata_of({"b": wheel, "a": wheel, "a.b": wheel, "_": wheel}, ["a"])
    assert order_labels(metadata, {"a": {"f": ["1"]}}) == ["_", "a", "a.b", "b"]


def test_the_two_published_files_are_ordered() -> None:
    machine = {
        "nvidia": {"cuda_version_lower_bound": ["12.8", "12.0"], "sm_arch": ["90_real"]},
        "priority": {"order": ["1", "2", "3"]},
    }
    current = load_metadata((METADATA / "torch-2.10.0-variants.json").read_bytes())
    assert order_labels(current, machine) == ["cuda12.8", "cuda12.6", "null"]
    older = load_metadata((METADATA / "torch-2.8.0-variants.json").read_bytes())
    assert order_labels(older, machine) == ["cu128", "cu126", "00000000"]
    assert explain_label(older, "00000000", {}) == []


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_thousand_variants_of_twenty_features_are_ordered_within_seconds(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"n{index}" for index in range(4)]
    features = [f"f{index}" for index in range(5)]
    choices = [str(index) for index in range(30)]
    variants = {
        f"l{index}": {name: {feature: [chance.choice(choices)] for feature in features} for name in names}
        for index in range(10_000)
    }
    document = {
        "$schema": strategies.PEP_825,
        "default-priorities": {"namespace": names},
        "variants": variants,
    }
    metadata = load_metadata(json.dumps(document))
    supported = {name: {feature: chance.sample(choices, 30) for feature in features} for name in names}
    start = perf_counter()
    assert len(order_labels(metadata, supported)) == 10_000
    assert perf_counter() - start < 5  # takes 0.2 s; an index lookup in a loop would take minutes


def test_priorities_that_the_machine_lacks_take_room() -> None:
    """As PyTorch's 2.8 to 2.10 have them: a feature takes as many places as its list is long."""
    metadata = load_metadata(
        {
            "$schema": strategies.OLDER,
            "default-priorities": {
                "namespace": ["n"],
                "feature": {"n": ["a", "b"]},
                "property": {"n": {"a": ["9", "8", "7"]}},
            },
            "variants": {"zz": {"n": {"a": ["7"]}}, "bb": {"n": {"b": ["1"]}}},
        }
    )
    assert order_labels(metadata, {"n": {"a": ["7"], "b": ["1"]}}) == ["zz", "bb"]


def test_reasons_are_in_the_order_of_names() -> None:
    """Whatever the order of the metadata: two of one wheel read alike."""
    wanted = {"b": {"z": ["1"], "a": ["1"]}, "a": {"y": ["1"], "x": ["1"]}}
    metadata = metadata_of({"v": wanted}, ["b", "a"])
    found = [(reason.namespace, reason.feature) for reason in explain_label(metadata, "v", {})]
    assert found == [("a", "x"), ("a", "y"), ("b", "a"), ("b", "z")]
