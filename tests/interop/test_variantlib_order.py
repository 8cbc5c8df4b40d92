"""variantlib 0.2, the reference implementation, next to ours: on generated metadata both order alike.

Where they differ on purpose, the comparison allows for it:

- variantlib adds the null variant to every list, so that its label is left out where ours has none;
- variantlib supports, in the reserved namespace ``abi_dependency``, whatever the running interpreter has
  installed; here it is told one package through ``VARIANT_ABI_DEPENDENCY`` and we are told the same;
- variantlib refuses files that use ``abi_dependency`` and do not list it as a namespace, as PEP 850 wants it;
  such variants are given to its resolver directly;
- variantlib's metadata must have a provider for each namespace (v0.2.0); it cannot read v0.1.1.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from variantlib.constants import VARIANT_INFO_SCHEMA_URL
from variantlib.models.variant import VariantDescription
from variantlib.models.variant import VariantProperty as LibProperty
from variantlib.resolver.lib import sort_and_filter_supported_variants
from variantlib.variants_json import VariantsJson

from variantctl.variants import load_metadata, order_labels
from variantctl.variants.write import metadata_bytes

Supported = dict[str, dict[str, list[str]]]

NAMESPACES = ["nvidia", "x86_64", "blas_lapack", "c"]
FEATURES = ["level", "version", "sm_arch", "f_1"]
VALUES = ["1", "1.0", "12.8", "v3", "on", "90_real"]
ABI_PACKAGE = "variantctl_no_such_package"


def some(chance: random.Random, items: list[str], least: int = 0) -> list[str]:
    """At least *least* of *items*, each once, in any order."""
    return chance.sample(items, chance.randint(least, len(items)))


def generated_provider(chance: random.Random) -> dict[str, Any]:
    kind = chance.choice(["requires", "static", "builtin"])
    if kind == "requires":
        return {"requires": ["a-plugin>=1"], "optional": True, "plugin-api": "a.b:C"}
    if kind == "builtin":
        return {"builtin": "cpu"}
    static = {feature: some(chance, VALUES, 1) for feature in some(chance, FEATURES, 1)}
    return {"static-properties": static, "feature-order": chance.sample(list(static), len(static))}


def generated_case(seed: int, *, abi: bool = True) -> tuple[dict[str, Any], Supported]:
    """One release's v0.2.0 metadata, and what a machine supports."""
    chance = random.Random(seed)
    namespaces = some(chance, NAMESPACES, 1)
    variants: dict[str, Any] = {}
    for index in range(chance.randint(0, 12)):
        properties: dict[str, Any] = {
            namespace: {feature: some(chance, VALUES, 1) for feature in some(chance, FEATURES[:3], 1)[:2]}
            for namespace in some(chance, namespaces, 1)[:2]
        }
        if abi and chance.random() < 0.2:
            properties["abi_dependency"] = {ABI_PACKAGE: some(chance, ["2", "2.9", "2.9.1", "2.8"], 1)}
        variants[f"l{chance.randint(0, 99)}_{index}"] = properties
    if chance.random() < 0.5:
        variants["null"] = {}
    document = {
        "$schema": VARIANT_INFO_SCHEMA_URL,
        "default-priorities": {"namespace": namespaces},
        "providers": {namespace: generated_provider(chance) for namespace in namespaces},
        "variants": variants,
    }
    supported = {
        namespace: {feature: some(chance, VALUES, 3) for feature in some(chance, FEATURES, 3)}
        for namespace in chance.sample(namespaces, chance.randint(len(namespaces) // 2, len(namespaces)))
    }
    supported["abi_dependency"] = {ABI_PACKAGE: ["2", "2.9", "2.9.1"]}  # as variantlib derives it from 2.9.1
    return document, supported


def variantlib_order(document: dict[str, Any], supported: Supported) -> list[str]:
    """The compatible labels in variantlib's order."""
    namespaces = document["default-priorities"]["namespace"]
    variants = [VariantDescription.from_dict(table, label) for label, table in document["variants"].items()]
    properties = [
        LibProperty(namespace, feature, value)
        for namespace, features in supported.items()
        if namespace in namespaces
        for feature, values in features.items()
        for value in values
    ]
    ordered = sort_and_filter_supported_variants(variants, properties, namespaces)
    return [variant.label for variant in ordered if variant.label in document["variants"]]


@pytest.fixture(autouse=True)
def one_abi_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make variantlib see one package, not those of the interpreter that runs the tests."""
    monkeypatch.setattr("importlib.metadata.distributions", lambda: iter(()))
    monkeypatch.setenv("VARIANT_ABI_DEPENDENCY", f"{ABI_PACKAGE}==2.9.1")


@pytest.mark.parametrize("seed", range(100))
def test_both_order_alike(seed: int) -> None:
    document, supported = generated_case(seed)
    assert order_labels(load_metadata(document), supported) == variantlib_order(document, supported)


def test_the_generated_cases_are_worth_comparing() -> None:
    lengths = [len(order_labels(load_metadata(d), s)) for d, s in map(generated_case, range(100))]
    assert sum(length >= 3 for length in lengths) >= 30


@pytest.mark.parametrize("seed", range(25))
def test_variantlib_reads_what_we_write(seed: int) -> None:
    document, supported = generated_case(seed, abi=False)
    metadata = load_metadata(document)
    written = json.loads(metadata_bytes(metadata))
    ours, theirs = VariantsJson(written), VariantsJson(document)
    assert ours.namespace_priorities == theirs.namespace_priorities
    assert ours.variants == theirs.variants
    for namespace, provider in theirs.providers.items():
        provider.feature_order = provider.feature_order if len(provider.static_properties) > 1 else []
        assert ours.providers[namespace] == provider
    assert variantlib_order(written, supported) == order_labels(metadata, supported)


@pytest.mark.parametrize("seed", range(25))
def test_we_read_what_variantlib_writes(seed: int) -> None:
    document, _ = generated_case(seed, abi=False)
    written = VariantsJson(document).to_str()
    assert load_metadata(written) == load_metadata(document)
