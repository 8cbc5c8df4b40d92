"""Reading metadata: every rule of PEP 825 and PEP 850 broken once, and anything at all thrown at it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from variantctl.variants import load_metadata
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.parse import load_wheel_metadata

from . import strategies

PEP_825: dict[str, Any] = {
    "$schema": strategies.PEP_825,
    "default-priorities": {"namespace": ["a", "b"]},
    "variants": {"null": {}, "x.1": {"a": {"f": ["2", "1"], "g": ["on"]}}},
}
PEP_850: dict[str, Any] = {
    "$schema": strategies.PEP_850,
    "default-priorities": {"namespace": ["a", "b", "c"]},
    "providers": {
        "a": {"requires": ["A-plug.in>=1", "other"], "optional": True},
        "b": {"static-properties": {"f": ["1"], "g": ["2", "1"]}, "feature-order": ["g", "f"]},
        "c": {"builtin": "cpu"},
    },
    "variants": {"x": {"a": {"f": ["1"]}, "abi_dependency": {"torch": ["2.9"]}}},
}


def changed(base: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """*base* with the value at *path* (keys separated by '/') replaced, or removed where it is ``...``."""
    document: dict[str, Any] = copy.deepcopy(dict(base))
    *parents, last = path.split("/")
    table = document
    for key in parents:
        table = table[key]
    if value is ...:
        del table[last]
    else:
        table[last] = value
    return document


def test_the_first_format_is_read_into_sorted_frozen_values() -> None:
    metadata = load_metadata(json.dumps(PEP_825).encode(), source="x-variants.json")
    assert metadata == VariantMetadata(
        schema=strategies.PEP_825,
        namespaces=("a", "b"),
        variants={"null": {}, "x.1": {"a": {"f": ("1", "2"), "g": ("on",)}}},
    )
    assert metadata.used_namespaces == ("a",)
    assert isinstance(metadata.variants["x.1"]["a"], MappingProxyType)
    with pytest.raises(TypeError):
        metadata.variants["y"] = {}  # type: ignore[index]


def test_providers_are_read() -> None:
    metadata = load_metadata(PEP_850)
    assert metadata.providers == {
        "a": ProviderInfo(requires=("A-plug.in>=1", "other"), optional=True),
        "b": ProviderInfo(static_properties={"f": ("1",), "g": ("2", "1")}, feature_order=("g", "f")),
        "c": ProviderInfo(builtin="cpu"),
    }
    assert [metadata.providers[name].effective_plugin_api for name in "abc"] == ["a_plug_in", None, None]
    assert metadata.used_namespaces == ("a", "abi_dependency")


def test_variantlib_s_own_schema_is_the_same_format() -> None:
    schema = "https://variants-schema.wheelnext.dev/v0.2.0.json"
    assert load_metadata(changed(PEP_850, "$schema", schema)).providers == load_metadata(PEP_850).providers


BROKEN_825: list[tuple[str, object, str, str]] = [
    ("$schema", ..., "$schema", "required"),
    ("$schema", 1, "$schema", "must be a string"),
    ("$schema", "", "$schema", "empty"),
    ("$schema", "https://example.com/other.json", "$schema", "not the URL of a variant metadata schema"),
    ("$schema", strategies.PEP_825 + ".bak", "$schema", "not the URL of a variant metadata schema"),
    ("$schema", "https://example.com/v2.0.0.json", "$schema", "major version 2"),
    ("$schema", "https://example.com/v0.9.0.json", "$schema", "draft version 0.9.0"),
    ("extra", {}, "extra", "not a key of this format"),
    ("providers", {}, "providers", "not a key of this format"),
    ("default-priorities", ..., "default-priorities", "required"),
    ("default-priorities", [], "default-priorities", "must be a table"),
    ("default-priorities/namespace", ..., "default-priorities.namespace", "required"),
    ("default-priorities/namespace", "a", "default-priorities.namespace", "list of strings"),
    ("default-priorities/namespace", [], "default-priorities.namespace", "must not be empty"),
    ("default-priorities/namespace", ["a", "a"], "default-priorities.namespace", "'a' more than once"),
    (
        "default-priorities/namespace",
        ["b"],
        "default-priorities.namespace",
        "must list 'a', which variants.x.1.a",
    ),
    ("default-priorities/namespace", ["a", "B"], "default-priorities.namespace[1]", "'B' must consist"),
    ("default-priorities/namespace", ["a", None], "default-priorities.namespace[1]", "found null"),
    ("default-priorities/namespace", ["a", "abi_dependency"], "default-priorities.namespace", "reserved"),
    ("default-priorities/feature", {}, "default-priorities.feature", "not a key of this format"),
    ("variants", ..., "variants", "required"),
    ("variants", None, "variants", "must be a table"),
    ("variants/A", {"a": {"f": ["1"]}}, "variants", "label 'A'"),
    ("variants/", {"a": {"f": ["1"]}}, "variants", "label ''"),
    ("variants/y", [], "variants.y", "must be a table"),
    ("variants/y", {}, "variants.y", "must have the label 'null'"),
    ("variants/y", {"a": {}}, "variants.y", "must have the label 'null'"),
    ("variants/00000000", {}, "variants.00000000", "must have the label 'null'"),
    ("variants/null", {"a": {"f": ["1"]}}, "variants.null", "reserved"),
    ("variants/x.1/a", [], "variants.x.1.a", "must be a table"),
    ("variants/x.1/a-b", {"f": ["1"]}, "variants.x.1", "the key 'a-b'"),
    ("variants/x.1/a/F", ["1"], "variants.x.1.a", "the key 'F'"),
    ("variants/x.1/a/f", "1", "variants.x.1.a.f", "list of strings"),
    ("variants/x.1/a/f", [], "variants.x.1.a.f", "must not be empty"),
    ("variants/x.1/a/f", ["1", "1"], "variants.x.1.a.f", "more than once"),
    ("variants/x.1/a/f", ["1", 2], "variants.x.1.a.f[1]", "found a number"),
    ("variants/x.1/a/f", [["1"]], "variants.x.1.a.f[0]", "found a list"),
    ("variants/x.1/a/f", ["1", ""], "variants.x.1.a.f[1]", "empty"),
    ("variants/x.1/a/f", ["1\n"], "variants.x.1.a.f[0]", "must consist"),
]
BROKEN_850: list[tuple[str, object, str, str]] = [
    ("providers", ..., "providers", "required"),
    ("providers", [], "providers", "must be a table"),
    ("providers/a", ..., "providers.a", "required"),
    ("providers/d", {"builtin": "x"}, "default-priorities.namespace", "must list 'd'"),
    ("providers/D", {"builtin": "x"}, "providers", "the key 'D'"),
    ("providers/abi_dependency", {"builtin": "x"}, "providers.abi_dependency", "reserved"),
    ("providers/a", {}, "providers.a", "exactly one of .* found none"),
    ("providers/a/builtin", "x", "providers.a", "exactly one of .* found requires and builtin"),
    ("providers/a/static-properties", {"f": ["1"]}, "providers.a", "exactly one of"),
    ("providers/a/requires", [], "providers.a.requires", "must not be empty"),
    ("providers/a/requires", "plugin", "providers.a.requires", "list of strings"),
    ("providers/a/requires", ["plugin >"], "providers.a.requires[0]", "not a dependency specifier"),
    ("providers/a/plugin-api", "a b", "providers.a.plugin-api", "object reference"),
    ("providers/a/plugin-api", "a:b:c", "providers.a.plugin-api", "object reference"),
    ("providers/a/plugin-api", "a..b", "providers.a.plugin-api", "object reference"),
    ("providers/a/plugin-api", "a:", "providers.a.plugin-api", "object reference"),
    ("providers/a/optional", "yes", "providers.a.optional", "true or false"),
    ("providers/a/enable-if", "os_name == 'nt'", "providers.a.enable-if", "not a key of this format"),
    ("providers/a/build-requires", ["x"], "providers.a.build-requires", "pyproject.toml only"),
    ("providers/a/feature-order", ["f"], "providers.a.feature-order", "only with static-properties"),
    ("providers/b/plugin-api", "b", "providers.b.plugin-api", "only where the provider is a plugin"),
    (
        "providers/b/feature-order",
        ...,
        "providers.b.feature-order",
        "required where static-properties has more",
    ),
    ("providers/b/feature-order", ["g"], "providers.b.feature-order", "'f' breaks"),
    ("providers/b/feature-order", ["g", "f", "h"], "providers.b.feature-order", "'h' breaks"),
    ("providers/b/feature-order", ["g", "f", "f"], "providers.b.feature-order", "more than once"),
    ("providers/b/static-properties", {}, "providers.b.static-properties", "at least one feature"),
    ("providers/b/static-properties/f", [], "providers.b.static-properties.f", "must not be empty"),
    ("providers/b/static-properties/f", ["V"], "providers.b.static-properties.f[0]", "must consist"),
    ("providers/c/builtin", "", "providers.c.builtin", "empty"),
    ("providers/c/builtin", True, "providers.c.builtin", "must be a string"),
]


@pytest.mark.parametrize(
    ("base", "path", "value", "key", "rule"),
    [(PEP_825, *case) for case in BROKEN_825] + [(PEP_850, *case) for case in BROKEN_850],
    ids=[f"{case[0]}={str(case[1])[:20]}" for case in BROKEN_825 + BROKEN_850],
)
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "mapping"])
def test_a_broken_rule_is_named_with_source_and_key(
    base: Mapping[str, Any], path: str, value: object, key: str, rule: str, as_json: bool
) -> None:
    document = changed(base, path, value)
    with pytest.raises(InvalidVariantError, match=rule) as caught:
        load_metadata(json.dumps(document) if as_json else document, source="foo-1-variants.json")
    assert caught.value.key == key
    assert str(caught.value).startswith(f"foo-1-variants.json: {key}: ")


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "not valid JSON: .*line 1, column 1"),
        (b"{", "not valid JSON"),
        (b"{} x", "not valid JSON"),
        (b"[]", "must be a table"),
        (b'"text"', "must be a table"),
        (b'\xff\xfe{"a": 1}', "not UTF-8"),
        (b'{"a": "\xe9"}', "not UTF-8 text: byte 7"),
        (b'{"a": 1, "a": 1}', "the key 'a' occurs more than once"),
        (b'{"$schema": {"x": 1, "y": 2, "x": 3}}', "the key 'x' occurs more than once"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON value"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a": ' + b"1" * 10_000 + b"}", "not valid JSON"),
        ('{"\ud800": 1}', "required"),
        (b'{"\\ud800": 1}', "required"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_not_json_is_refused(data: bytes | str, rule: str) -> None:
    with pytest.raises(InvalidVariantError, match=rule) as caught:
        load_metadata(data, source="variant.json")
    assert str(caught.value).startswith("variant.json: ")
    str(caught.value).encode()


def test_a_byte_order_mark_is_passed_over() -> None:
    text = json.dumps(PEP_825)
    assert (
        load_metadata(b"\xef\xbb\xbf" + text.encode())
        == load_metadata("\ufeff" + text)
        == load_metadata(text)
    )


def test_a_newer_minor_version_of_a_known_major_one_is_read_with_its_unknown_keys() -> None:
    document = changed(PEP_850, "$schema", "https://packaging.python.org/schemas/variants/v1.7.0.json")
    document["later"] = 1
    document["default-priorities"]["later"] = []
    document["providers"]["a"]["later"] = None
    assert load_metadata(document).providers == load_metadata(PEP_850).providers
    del document["providers"]
    assert load_metadata(document).providers == {}


def test_messages_stay_short_and_printable() -> None:
    hostile = {"\ud800\n\x1b[31m" + "x" * 100_000: {"a": {"f": ["1"]}}}
    with pytest.raises(InvalidVariantError) as caught:
        load_metadata(changed(PEP_825, "variants", hostile))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_wheel_s_file_has_exactly_its_own_label() -> None:
    one = changed(PEP_825, "variants/null", ...)
    assert set(load_wheel_metadata(one, label="x.1").variants) == {"x.1"}
    for document, label in ((one, "y"), (PEP_825, "x.1"), (changed(PEP_825, "variants", {}), "x.1")):
        with pytest.raises(InvalidVariantError, match="exactly one entry") as caught:
            load_wheel_metadata(document, label=label, source="variant.json")
        assert caught.value.key == "variants"


def test_null_is_known_even_where_it_is_not_listed() -> None:
    metadata = load_metadata(PEP_850)
    assert metadata.properties_of("null") == {}
    assert metadata.properties_of("y") is None


@given(strategies.documents())
def test_every_valid_document_is_read(document: strategies.Document) -> None:
    metadata = load_metadata(json.dumps(document))
    assert metadata == load_metadata(document)
    variants = document["variants"]
    assert isinstance(variants, dict)
    assert {
        label: {ns: {f: tuple(sorted(v)) for f, v in table.items()} for ns, table in properties.items()}
        for label, properties in variants.items()
    } == metadata.variants


@settings(max_examples=300)
@given(strategies.documents(), st.data())
def test_a_document_with_anything_anywhere_is_read_or_refused(
    document: strategies.Document, data: st.DataObject
) -> None:
    document["$schema"] = data.draw(
        st.sampled_from([strategies.PEP_825, strategies.PEP_850, strategies.OLDER])
    )
    table: Any = document
    while True:
        key = data.draw(
            st.sampled_from([*map(str, table), *data.draw(st.lists(st.text(), max_size=2))] or ["a"])
        )
        if isinstance(table.get(key), dict) and data.draw(st.integers(0, 4)):
            table = table[key]
            continue
        table[key] = data.draw(strategies.anything())
        break
    try:
        assert isinstance(load_metadata(document, source="s"), VariantMetadata)
    except InvalidVariantError as error:
        assert error.source == "s"
        assert str(error).isprintable()


@given(st.binary(max_size=60) | st.text(max_size=60) | strategies.anything())
def test_anything_is_read_or_refused(data: Any) -> None:
    with pytest.raises(InvalidVariantError):
        load_metadata(data)
