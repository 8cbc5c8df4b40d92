"""Metadata of the drafts before PEP 825, as published with torch 2.8 to 2.10: all read, none written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from variantctl.variants import load_metadata, order_labels
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.metadata import ProviderInfo
from variantctl.variants.parse import load_wheel_metadata
from variantctl.variants.write import dump_metadata, modernize

METADATA = Path(__file__).parents[2] / "fixtures" / "metadata"
NVIDIA = "platform_system == 'Linux' or platform_system == 'Windows'"


def document(**keys: Any) -> dict[str, Any]:
    return {
        "$schema": "https://variants-schema.wheelnext.dev/v0.0.3.json",
        "default-priorities": {"namespace": ["a", "b"]},
        "providers": {"a": {"requires": ["a"]}, "b": {"requires": [], "install-time": False}},
        "static-properties": {"b": {"f": ["1", "2"]}},
        "variants": {"null": {}, "x": {"b": {"f": ["2"]}}},
        **keys,
    }


def test_torch_2_10() -> None:
    metadata = load_metadata((METADATA / "torch-2.10.0-variants.json").read_bytes())
    assert metadata.namespaces == ("nvidia", "intel", "amd", "priority")
    assert metadata.providers["nvidia"] == ProviderInfo(
        requires=("nvidia-variant-provider>=0.0.2,<1.0.0",),
        plugin_api="nvidia_variant_provider.plugin:NvidiaVariantPlugin",
        enable_if=NVIDIA,
    )
    assert metadata.providers["priority"] == ProviderInfo(
        static_properties={"order": ("1", "2", "3")}, feature_order=("order",), install_time=False
    )
    assert set(metadata.variants) == {"null", "cuda12.6", "cuda12.8", "cuda13.0", "xpu", "rocm7.0", "rocm7.1"}
    assert metadata.variants["cuda13.0"]["nvidia"]["cuda_version_lower_bound"] == ("13.0",)


def test_torch_2_10_is_written_in_the_newest_format() -> None:
    metadata = load_metadata((METADATA / "torch-2.10.0-variants.json").read_bytes())
    written = dump_metadata(metadata)
    assert written["$schema"] == "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"
    assert "static-properties" not in written
    assert "enable-if" not in json.dumps(written)
    again = load_metadata(written)
    assert again == modernize(metadata)
    assert again.providers["priority"] == ProviderInfo(static_properties={"order": ("1", "2", "3")})
    assert again.variants == metadata.variants


def test_torch_2_8_with_its_own_null_label() -> None:
    metadata = load_metadata((METADATA / "torch-2.8.0-variants.json").read_bytes())
    assert metadata.variants["00000000"] == {}
    assert metadata.variants["cu129"]["nvidia"]["sm_arch"][0] == "100_real"
    assert metadata.providers["nvidia"].enable_if == NVIDIA
    with pytest.raises(InvalidVariantError, match="must have the label 'null'") as caught:
        dump_metadata(metadata)
    assert caught.value.key == "variants.00000000"


@pytest.mark.parametrize("name", ["", "v0.0.1.json", "v0.0.2.json", "v0.0.3.json", "peps/825/v0.1.0.json"])
def test_every_older_schema_is_read(name: str) -> None:
    url = f"https://variants-schema.wheelnext.dev/{name}"
    assert load_metadata(document(**{"$schema": url})).schema == url


def test_unknown_keys_are_passed_over() -> None:
    later = document(unknown=1)
    later["providers"]["a"]["unknown"] = {}
    later["default-priorities"]["unknown"] = []
    assert load_metadata(later) == load_metadata(document())


def test_providers_may_be_missing() -> None:
    plain = document()
    del plain["providers"], plain["static-properties"]
    assert load_metadata(plain).providers == {}


def test_static_properties_without_a_provider_entry_are_a_provider() -> None:
    metadata = load_metadata(document(providers={}))
    assert metadata.providers == {
        "b": ProviderInfo(static_properties={"f": ("1", "2")}, install_time=False),
    }


@pytest.mark.parametrize(("use", "install_time"), [("all", True), ("build", False), ("none", False)])
def test_plugin_use_before_install_time(use: str, install_time: bool) -> None:
    table = {"a": {"requires": ["a"], "plugin-use": use}}
    metadata = load_metadata(document(**{"providers": table, "static-properties": {}}))
    assert metadata.providers["a"] == ProviderInfo(requires=("a",), install_time=install_time)


def test_before_static_properties_the_property_priorities_were_the_supported_values() -> None:
    metadata = load_metadata(
        document(
            **{
                "providers": {"b": {"plugin-use": "none"}},
                "static-properties": {},
                "default-priorities": {"namespace": ["b"], "property": {"b": {"f": ["2", "1"]}}},
            }
        )
    )
    assert metadata.providers["b"].static_properties == {"f": ("2", "1")}


def test_null_is_the_only_label_without_properties_here_too() -> None:
    with pytest.raises(InvalidVariantError, match="'null'"):
        load_metadata(document(variants={"12345678": {}}))
    zeros = {"00000000": {"b": {"f": ["1"]}}}  # only the absence of properties makes it the null variant
    assert load_metadata(document(variants=zeros)).variants == {"00000000": {"b": {"f": ("1",)}}}
    assert load_wheel_metadata(document(variants={"00000000": {}}), label="00000000").variants == {
        "00000000": {}
    }


def test_priorities_order_and_are_written_into_static_properties() -> None:
    older = document(
        **{
            "default-priorities": {
                "namespace": ["b", "a"],
                "feature": {"b": ["g", "missing"]},
                "property": {"b": {"f": ["3", "2"]}},
            },
            "static-properties": {"b": {"f": ["1", "2", "3"], "g": ["on"]}},
            "variants": {
                "one": {"b": {"f": ["1"]}},
                "two": {"b": {"f": ["2"]}},
                "three": {"b": {"f": ["3"]}},
                "g": {"b": {"g": ["on"]}},
                "null": {},
            },
        }
    )
    metadata = load_metadata(older)
    static = metadata.providers["b"].static_properties
    assert static is not None
    expected = ["g", "three", "two", "one", "null"]
    assert order_labels(metadata, {"b": static}) == expected
    modern = modernize(metadata).providers["b"]
    assert modern.feature_order == ("g", "f")
    assert modern.static_properties == {"f": ("3", "2", "1"), "g": ("on",)}
    supported = {"b": {feature: modern.static_properties[feature] for feature in modern.feature_order}}
    assert order_labels(load_metadata(dump_metadata(metadata)), supported) == expected


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        (
            {"default-priorities": {"namespace": ["a", "b"], "feature": {"a": ["f"]}}},
            "default-priorities.feature.a",
        ),
        (
            {"default-priorities": {"namespace": ["a", "b"], "property": {"a": {"f": ["1"]}}}},
            "default-priorities.property.a",
        ),
        (
            {
                "providers": {
                    "a": {"requires": ["a"]},
                    "b": {"install-time": False, "enable-if": "os_name == 'nt'"},
                }
            },
            "providers.b.enable-if",
        ),
        (
            {"providers": {"a": {"requires": ["a"], "install-time": False}, "b": {"install-time": False}}},
            "providers.a",
        ),
        ({"providers": {"b": {"install-time": False}}}, "providers.a"),
    ],
)
def test_what_the_newest_format_cannot_say_is_refused_when_written(keys: dict[str, Any], key: str) -> None:
    metadata = load_metadata(document(**keys))
    with pytest.raises(InvalidVariantError) as caught:
        dump_metadata(metadata)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"providers": {"a": {}}}, "providers.a"),
        ({"providers": {"a": {"requires": ["a"], "enable-if": "nonsense"}}}, "providers.a.enable-if"),
        ({"providers": {"a": {"requires": ["a"], "plugin-use": "often"}}}, "providers.a.plugin-use"),
        ({"providers": {"a": {"requires": ["a"], "install-time": 1}}}, "providers.a.install-time"),
        ({"static-properties": {"b": {"f": "1"}}}, "static-properties.b.f"),
        ({"default-priorities": {"namespace": ["a"]}}, "default-priorities.namespace"),
        ({"default-priorities": {"namespace": ["a", "b"], "feature": []}}, "default-priorities.feature"),
        (
            {"default-priorities": {"namespace": ["a", "b"], "property": {"a": {"f": [1]}}}},
            "default-priorities.property.a.f[0]",
        ),
    ],
)
def test_wrong_types_are_refused(keys: dict[str, Any], key: str) -> None:
    with pytest.raises(InvalidVariantError) as caught:
        load_metadata(document(**keys))
    assert caught.value.key == key
