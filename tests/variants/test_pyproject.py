"""The [variant] table of pyproject.toml, next to what variantlib 0.2 reads of the same one."""

from __future__ import annotations

from typing import Any

import pytest
from variantlib.errors import ValidationError
from variantlib.pyproject_toml import VariantPyProjectToml

from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.metadata import ProviderInfo
from variantctl.variants.pyproject import load_pyproject_variant_table
from variantctl.variants.write import dump_metadata


def table(**keys: Any) -> dict[str, Any]:
    variant = {
        "default-priorities": {"namespace": ["nvidia", "blas"]},
        "providers": {
            "nvidia": {"requires": ["nvidia-variant-provider>=0.0.1"], "plugin-api": "a.b:C"},
            "blas": {
                "static-properties": {"library": ["mkl", "openblas"], "x": ["1"]},
                "feature-order": ["x", "library"],
            },
        },
        **keys,
    }
    return {"project": {"name": "x"}, "variant": {k: v for k, v in variant.items() if v is not None}}


VARIANTS = {"cu": {"nvidia": {"cuda": ["12.8"]}}, "null": {}}


@pytest.mark.parametrize("variants", [None, VARIANTS])
def test_it_is_read_as_variantlib_reads_it(variants: dict[str, Any] | None) -> None:
    document = table(variants=variants)
    ours = load_pyproject_variant_table(document, "pyproject.toml")
    theirs = VariantPyProjectToml(document)
    assert list(ours.namespaces) == theirs.namespace_priorities
    for namespace, provider in theirs.providers.items():
        mine = ours.providers[namespace]
        assert list(mine.requires) == provider.requires
        assert list(mine.build_requires) == provider.build_requires
        assert mine.plugin_api == provider.plugin_api
        assert {f: list(v) for f, v in (mine.static_properties or {}).items()} == provider.static_properties
        assert list(mine.feature_order) == provider.feature_order
        assert mine.optional == provider.optional
        if provider.requires:
            assert mine.effective_plugin_api == provider.object_reference
    assert {
        label: {ns: {f: list(v) for f, v in features.items()} for ns, features in properties.items()}
        for label, properties in ours.variants.items()
    } == {label: description.to_dict() for label, description in theirs.variants.items()}


def test_build_requires_is_allowed_here_and_cannot_be_written() -> None:
    document = table(
        **{"providers": {"a": {"build-requires": ["p-q"]}}, "default-priorities": {"namespace": ["a"]}}
    )
    metadata = load_pyproject_variant_table(document, "pyproject.toml")
    assert metadata.providers == {"a": ProviderInfo(build_requires=("p-q",))}
    assert metadata.providers["a"].effective_plugin_api == "p_q"
    assert VariantPyProjectToml(document).providers["a"].build_requires == ["p-q"]
    with pytest.raises(InvalidVariantError, match=r"pyproject\.toml only"):
        dump_metadata(metadata)


def test_providers_may_be_left_out_as_a_whole() -> None:
    metadata = load_pyproject_variant_table(table(providers=None, variants=VARIANTS))
    assert metadata.providers == {}
    assert dump_metadata(metadata)["$schema"] == "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json"


@pytest.mark.parametrize(
    ("document", "key"),
    [
        (table(**{"default-priorities": None}), "variant.default-priorities"),
        (table(**{"default-priorities": {"namespace": ["nvidia"]}}), "variant.default-priorities.namespace"),
        (table(**{"default-priorities": {"namespace": ["nvidia", "blas", "c"]}}), "variant.providers.c"),
        (table(variants={"x": {}}), "variant.variants.x"),
        (table(variants={"x": {"c": {"f": ["1"]}}}), "variant.default-priorities.namespace"),
        (
            table(providers={"nvidia": {"requires": ["a"], "build-requires": ["b"]}}),
            "variant.providers.nvidia",
        ),
        (table(providers={"nvidia": {"requires": ["a"], "later": 1}}), "variant.providers.nvidia.later"),
    ],
)
def test_what_variantlib_refuses_is_refused(document: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError):
        VariantPyProjectToml(document)
    with pytest.raises(InvalidVariantError) as caught:
        load_pyproject_variant_table(document, "pyproject.toml")
    assert caught.value.key == key
    assert caught.value.source == "pyproject.toml"


def test_no_table_at_all() -> None:
    with pytest.raises(InvalidVariantError, match="variant: is required"):
        load_pyproject_variant_table({"project": {}}, "pyproject.toml")
