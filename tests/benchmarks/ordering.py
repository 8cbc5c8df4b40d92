"""Ordering the variants of one release, beside the reference implementation.

Run as a program (``python -m tests.benchmarks.ordering TOOL``) it prints the seconds that ordering takes,
once the metadata is read.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from tests.benchmarks.compare import Case

VARIANTS = 10_000
NAMESPACES = ("nvidia", "x86_64", "amd", "intel")
FEATURES = tuple(f"feature_{number}" for number in range(5))
VALUES = tuple(f"value_{number:02}" for number in range(20))


def cases() -> list[Case]:
    """10,000 variants with 20 properties each."""
    peer = "variantlib"
    program = [sys.executable, "-m", "tests.benchmarks.ordering"]
    return [
        Case(
            name=f"ordering: {VARIANTS:,} variants with {len(NAMESPACES) * len(FEATURES)} properties each",
            ours=[*program, "variantctl"],
            peers={peer: [*program, peer]},
            targets={peer: 0.2},
            reported=True,
        )
    ]


def document() -> dict[str, Any]:
    """The metadata of the release; first values repeat, so that comparisons go deep."""
    return {
        "$schema": "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json",
        "default-priorities": {"namespace": list(NAMESPACES)},
        "providers": {
            name: {"requires": ["a-provider"], "plugin-api": "a_provider:A"} for name in NAMESPACES
        },
        "variants": {
            f"v{number:05}": {
                namespace: {
                    feature: [VALUES[number // (place + 1) % len(VALUES)]]
                    for place, feature in enumerate(FEATURES, start=len(FEATURES) * outer)
                }
                for outer, namespace in enumerate(NAMESPACES)
            }
            for number in range(VARIANTS)
        },
    }


def with_variantctl() -> float:
    """Seconds of ``order_labels``."""
    from variantctl.variants import load_metadata, order_labels

    metadata = load_metadata(document())
    supported = {namespace: dict.fromkeys(FEATURES, VALUES) for namespace in NAMESPACES}
    started = time.perf_counter()
    assert len(order_labels(metadata, supported)) == VARIANTS
    return time.perf_counter() - started


def with_variantlib() -> float:
    """Seconds of ``sort_and_filter_supported_variants``."""
    from variantlib.models.variant import VariantProperty
    from variantlib.resolver.lib import sort_and_filter_supported_variants
    from variantlib.variants_json import VariantsJson

    variants = list(VariantsJson(document()).variants.values())
    supported = [
        VariantProperty(namespace, feature, value)
        for namespace in NAMESPACES
        for feature in FEATURES
        for value in VALUES
    ]
    started = time.perf_counter()
    ordered = sort_and_filter_supported_variants(variants, supported, list(NAMESPACES))
    assert len(ordered) >= VARIANTS
    return time.perf_counter() - started


if __name__ == "__main__":
    print(with_variantctl() if sys.argv[1:] == ["variantctl"] else with_variantlib())
