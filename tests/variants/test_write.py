"""Writing: what is written is read back, passes the PEP's own schema, and has the same bytes every time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from variantctl.variants import load_metadata
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.write import dump_metadata, metadata_bytes

from . import strategies

SCHEMA_FILE = Path(__file__).parents[2] / "fixtures" / "metadata" / "pep-0825-variant-schema-0.1.1.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))


@given(strategies.documents())
def test_what_is_written_is_read_back(document: strategies.Document) -> None:
    metadata = load_metadata(document)
    assert load_metadata(metadata_bytes(metadata)) == metadata
    assert load_metadata(dump_metadata(metadata)) == metadata


@given(strategies.documents())
def test_what_is_written_passes_the_pep_s_schema(document: strategies.Document) -> None:
    written = dump_metadata(load_metadata(document))
    if written.pop("providers", None) is None:
        assert written["$schema"] == "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"
    else:
        assert written["$schema"] == "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"
    VALIDATOR.validate(written)


def shuffled(value: Any, data: st.DataObject, key: str = "") -> Any:
    """*value* with every table, and every list that stands for a set, in another order."""
    if isinstance(value, dict):
        return {name: shuffled(value[name], data, name) for name in data.draw(st.permutations(list(value)))}
    if isinstance(value, list) and key == "variants":
        return data.draw(st.permutations(value))
    return value


@given(strategies.documents(), st.data())
def test_the_bytes_do_not_depend_on_the_order_of_keys(document: Any, data: st.DataObject) -> None:
    other = shuffled(document, data)
    for properties in other["variants"].values():
        for features in properties.values():
            for feature, values in features.items():
                features[feature] = data.draw(st.permutations(values))
    if "providers" in other:  # a single feature's order may be given or left out
        for table in other["providers"].values():
            if len(table.get("static-properties", ())) == 1:
                table.pop("feature-order", None)
    assert metadata_bytes(load_metadata(other)) == metadata_bytes(load_metadata(document))


def test_the_bytes_are_these() -> None:
    metadata = VariantMetadata(
        schema="",
        namespaces=("b", "a"),
        providers={
            "a": ProviderInfo(requires=("p",), plugin_api="p.q:R", optional=True),
            "b": ProviderInfo(static_properties={"z": ("2", "1"), "f": ("on",)}, feature_order=("z", "f")),
        },
        variants={"x": {"b": {"z": ("2", "1")}}, "null": {}},
    )
    assert json.loads(metadata_bytes(metadata)) == {
        "$schema": "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json",
        "default-priorities": {"namespace": ["b", "a"]},
        "providers": {
            "a": {"optional": True, "plugin-api": "p.q:R", "requires": ["p"]},
            "b": {"feature-order": ["z", "f"], "static-properties": {"f": ["on"], "z": ["2", "1"]}},
        },
        "variants": {"null": {}, "x": {"b": {"z": ["1", "2"]}}},
    }
    text = metadata_bytes(metadata).decode()
    assert text.startswith('{\n  "$schema"')
    assert text.endswith("\n}\n")
    assert text.index('"null"') < text.index('"x"')


@pytest.mark.parametrize(
    ("metadata", "key"),
    [
        (VariantMetadata("", ()), "default-priorities.namespace"),
        (VariantMetadata("", ("a",), variants={"x": {}}), "variants.x"),
        (VariantMetadata("", ("a",), variants={"X": {"a": {"f": ("1",)}}}), "variants"),
        (VariantMetadata("", ("a",), variants={"x": {"b": {"f": ("1",)}}}), "default-priorities.namespace"),
        (VariantMetadata("", ("a", "b"), {"a": ProviderInfo(requires=("p",))}), "providers.b"),
        (VariantMetadata("", ("a",), {"a": ProviderInfo()}), "providers.a"),
        (
            VariantMetadata("", ("a",), {"a": ProviderInfo(build_requires=("p",))}),
            "providers.a.build-requires",
        ),
    ],
)
def test_values_that_are_not_valid_are_not_written(metadata: VariantMetadata, key: str) -> None:
    with pytest.raises(InvalidVariantError) as caught:
        dump_metadata(metadata)
    assert caught.value.key == key
