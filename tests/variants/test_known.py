"""Properties against what their provider knows."""

from __future__ import annotations

import pytest

from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.known_properties import KnownFeature, check_known, unknown_properties
from variantctl.variants.properties import Properties

KNOWN = {
    "nvidia": {
        "cuda_version_lower_bound": KnownFeature(tuple(f"12.{minor}" for minor in range(9))),
        "sm_arch": KnownFeature(("90_real", "80_real"), multi_value=True),
    }
}


@pytest.mark.parametrize(
    ("properties", "rule", "hint"),
    [
        ({"nvidia": {"sm_arhc": ("90_real",)}}, "has no feature 'sm_arhc'", "did you mean 'sm_arch'?"),
        ({"nvidia": {"zzz": ("1",)}}, "has no feature 'zzz'", "it has: cuda_version_lower_bound, sm_arch"),
        ({"nvidia": {"sm_arch": ("9_real",)}}, "'9_real' is not a value", "did you mean '90_real'"),
        ({"nvidia": {"sm_arch": ("x",)}}, "'x' is not a value", "it may be: 90_real, 80_real"),
        ({"nvidia": {"cuda_version_lower_bound": ("12.0", "12.1")}}, "has 2 values", "keep one of them"),
    ],
)
def test_what_is_wrong_and_what_was_meant(properties: Properties, rule: str, hint: str) -> None:
    (problem,) = unknown_properties(properties, KNOWN, source="x.toml", label="cu128")
    assert rule in problem.rule
    assert problem.source == "x.toml"
    assert problem.key.startswith("variants.cu128.nvidia.")
    assert hint in (problem.hint or "")
    assert "--no-validate" in (problem.hint or "")


def test_what_is_known_passes_and_other_namespaces_are_not_looked_at() -> None:
    check_known({"nvidia": {"sm_arch": ("80_real", "90_real")}, "other": {"x": ("y", "z")}}, KNOWN)
    check_known({}, KNOWN)


def test_the_first_of_several_counts_the_others() -> None:
    wrong: Properties = {"nvidia": {"sm_arch": ("1", "2"), "no": ("x",)}}
    with pytest.raises(InvalidVariantError, match=r"\(and 2 more problems of its properties\)"):
        check_known(wrong, KNOWN)
