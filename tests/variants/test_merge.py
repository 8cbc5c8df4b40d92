"""Merging: the same result in any order, and every inconsistency named with both files."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variantctl.variants import load_metadata
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.merge import merge_metadata
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.write import metadata_bytes

from . import strategies


def of(namespaces: list[str], variants: dict[str, Any], **keys: Any) -> VariantMetadata:
    return load_metadata(
        {
            "$schema": strategies.PEP_850 if "providers" in keys else strategies.PEP_825,
            "default-priorities": {"namespace": namespaces},
            "variants": variants,
            **keys,
        }
    )


@given(strategies.documents(), st.data())
def test_wheels_of_one_release_give_its_index_level_metadata_in_any_order(
    document: Any, data: st.DataObject
) -> None:
    """Split a release into one file a label, some with a shorter list of namespaces, and merge it again."""
    whole = load_metadata(document)
    wheels = [("whole", whole)] if data.draw(st.booleans()) else []
    used: set[str] = set()
    for label, properties in document["variants"].items():
        single = {**document, "variants": {label: properties}}
        namespaces = document["default-priorities"]["namespace"]
        needed = max((namespaces.index(name) + 1 for name in properties if name in namespaces), default=1)
        kept = namespaces[: data.draw(st.integers(needed, len(namespaces)))]
        used.update(kept)
        single["default-priorities"] = {"namespace": kept}
        if "providers" in document:
            single["providers"] = {name: document["providers"][name] for name in kept}
        wheels.append((label, load_metadata(single)))
    if not wheels:
        return
    merged = merge_metadata(wheels)
    assert merged == merge_metadata(data.draw(st.permutations(wheels)))
    assert merged.variants == whole.variants
    assert merged.namespaces == whole.namespaces[: len(merged.namespaces)]
    if wheels[0][0] == "whole":
        assert merged == whole
        assert metadata_bytes(merged) == metadata_bytes(whole)


@given(st.lists(strategies.documents(), min_size=1, max_size=3), st.data())
def test_whether_files_are_consistent_does_not_depend_on_their_order(
    documents: list[strategies.Document], data: st.DataObject
) -> None:
    items = [(f"{index}.json", load_metadata(document)) for index, document in enumerate(documents)]

    def result(ordered: list[tuple[str, VariantMetadata]]) -> VariantMetadata | str:
        try:
            return merge_metadata(ordered)
        except InvalidVariantError as error:
            return str(error)

    assert result(items) == result(data.draw(st.permutations(items)))


X, Y = {"a": {"f": ["1"]}}, {"a": {"f": ["2"]}}
PLUGIN, OTHER = {"a": {"requires": ["p"]}}, {"a": {"requires": ["q"]}}


@pytest.mark.parametrize(
    ("first", "second", "key"),
    [
        (of(["a", "b"], {"x": X}), of(["b", "a"], {"y": Y}), "default-priorities.namespace"),
        (of(["a", "b"], {"x": X}), of(["a", "c", "d"], {"y": Y}), "default-priorities.namespace"),
        (of(["a"], {"x": X}), of(["a"], {"x": Y}), "variants.x"),
        (of(["a"], {"x": X}, providers=PLUGIN), of(["a"], {"y": Y}, providers=OTHER), "providers.a"),
    ],
)
def test_inconsistent_files_are_both_named(first: VariantMetadata, second: VariantMetadata, key: str) -> None:
    for items in ([("one.whl", first), ("two.whl", second)], [("two.whl", second), ("one.whl", first)]):
        with pytest.raises(InvalidVariantError) as caught:
            merge_metadata(items)
        assert caught.value.key == key
        assert "one.whl" in str(caught.value)
        assert "two.whl" in str(caught.value)


def test_the_longest_list_is_compared_with_all_others() -> None:
    items = [
        ("1", of(["a"], {})),
        ("2", of(["a", "b"], {})),
        ("3", of(["a", "c"], {})),
        ("4", of(["a", "b", "d"], {})),
    ]
    with pytest.raises(InvalidVariantError, match=r"\[a, c\] in 3, \[a, b, d\] in 4"):
        merge_metadata(items)


def test_a_file_without_providers_goes_with_one_that_has_them() -> None:
    merged = merge_metadata([("1", of(["a"], {"x": X})), ("2", of(["a"], {"y": Y}, providers=PLUGIN))])
    assert merged.schema == strategies.PEP_850
    assert set(merged.providers) == {"a"}
    assert load_metadata(metadata_bytes(merged)) == merged


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(InvalidVariantError, match="no variant metadata"):
        merge_metadata([])


def test_priorities_of_older_metadata_must_agree() -> None:
    def older(feature: dict[str, list[str]]) -> VariantMetadata:
        priorities = {"namespace": ["a", "b"], "feature": feature}
        return load_metadata(
            {"$schema": strategies.OLDER, "default-priorities": priorities, "variants": {"x": X}}
        )

    merged = merge_metadata([("1", older({"a": ["f"]})), ("2", older({"b": ["g"]}))])
    assert merged.feature_priorities == {"a": ("f",), "b": ("g",)}
    assert merged.schema == strategies.OLDER
    with pytest.raises(InvalidVariantError) as caught:
        merge_metadata([("1", older({"a": ["f"]})), ("2", older({"a": ["g"]}))])
    assert caught.value.key == "default-priorities.feature.a"
