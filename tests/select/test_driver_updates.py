"""What a newer driver would change: on made-up variants, and on the metadata PyTorch was published with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.resolve.world import World, machine, variant_metadata
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile
from variantctl.select.driver_updates import advise, summary, update_for
from variantctl.select.preferences import VariantPreferences
from variantctl.variants import load_metadata
from variantctl.variants.ordering import explain_label, order_labels

TORCH = Path(__file__).parents[2] / "fixtures" / "metadata" / "torch-2.10.0-variants.json"
LOWER, UPPER = "cuda_version_lower_bound", "cuda_version_upper_bound"


def cuda(*bounds: str, **more: Sequence[str]) -> dict[str, dict[str, Sequence[str]]]:
    return {"nvidia": {LOWER: bounds, **more}}


def driver(*lower: str, upper: Sequence[str] = ()) -> dict[str, dict[str, Sequence[str]]]:
    features: dict[str, Sequence[str]] = {LOWER: lower}
    if upper:
        features[UPPER] = upper
    return {"nvidia": {**features, "sm_arch": ["90_real"]}}


CUDAS = variant_metadata(
    ["nvidia"],
    {
        "cuda12.6": cuda("12.6"),
        "cuda12.9": cuda("12.9"),
        "cuda13.0": cuda("13.0"),
        "blackwell": cuda("13.0", sm_arch=["100_real"]),
        "null": {},
    },
)


def told(*arguments: object) -> list[tuple[str, str]]:
    return [(advice.version, advice.label) for advice in advise(*arguments)]  # type: ignore[arg-type]


def test_each_update_that_changes_the_choice_smallest_first() -> None:
    found = advise(CUDAS, CUDAS.variants, driver("12.8", "12.7", "12.6", "12.0", "12"))
    assert [str(advice) for advice in found] == [
        "with CUDA driver 12.9 you would get cuda12.9 (now it is 12.8)",
        "with CUDA driver 13.0 you would get cuda13.0 (now it is 12.8)",
    ]


def test_nothing_where_the_best_is_taken_already() -> None:
    assert told(CUDAS, CUDAS.variants, driver("13.0", "13", "12.9", "12.6")) == []


def test_only_wheels_that_exist_are_advised() -> None:
    assert told(CUDAS, ["cuda12.6", "cuda12.9", "null"], driver("12.8", "12.6")) == [("12.9", "cuda12.9")]


def test_another_unsupported_feature_is_not_opened_by_a_driver() -> None:
    assert told(CUDAS, ["blackwell", "null"], driver("12.8")) == []


def test_no_driver_no_advice() -> None:
    assert told(CUDAS, CUDAS.variants, {}) == []
    assert told(CUDAS, CUDAS.variants, {"nvidia": {"sm_arch": ["90_real"]}}) == []


def test_an_update_that_would_not_be_chosen_is_not_advised() -> None:
    # sm_arch decides first on this machine: the newer bound would come second.
    metadata = variant_metadata(
        ["nvidia"], {"new": cuda("13.0"), "tuned": {"nvidia": {"sm_arch": ["90_real"]}}}
    )
    supported = {"nvidia": {"sm_arch": ["90_real"], LOWER: ["12.8"]}}
    assert told(metadata, metadata.variants, supported) == []


def test_lowest_bound_above_the_driver() -> None:
    metadata = variant_metadata(["nvidia"], {"many": cuda("11.0", "13.1", "13.0", "14"), "null": {}})
    assert told(metadata, metadata.variants, driver("12.8")) == [("13.0", "many")]
    bare = variant_metadata(["nvidia"], {"bare": cuda("13"), "null": {}})
    assert told(bare, bare.variants, driver("12.8")) == [("13.0", "bare")]


def test_a_newer_driver_is_no_longer_below_an_upper_bound() -> None:
    # What a driver below 13 would prefer is gone with 13.0, and so is the other one's exclusive bound.
    metadata = variant_metadata(
        ["nvidia"], {"capped": cuda("13.0", **{UPPER: ["13.0"]}), "wide": cuda("13.0", **{UPPER: ["14"]})}
    )
    supported = driver("12.8", upper=["14", "13.0", "13"])
    assert told(metadata, metadata.variants, supported) == [("13.0", "wide")]
    assert told(metadata, ["capped"], supported) == []
    # Nor is one advised that comes up only because the better one is then out of bounds.
    bounded = variant_metadata(
        ["x86_64", "nvidia"],
        {
            "tuned": {"x86_64": {"level": ["v3"]}, "nvidia": {UPPER: ["13.0"]}},
            "new": cuda("13.0"),
        },
    )
    assert told(bounded, bounded.variants, {"x86_64": {"level": ["v3"]}, **supported}) == []


def test_rocm_of_a_newer_series() -> None:
    metadata = variant_metadata(
        ["amd"],
        {
            "rocm6.4": {"amd": {"rocm_version": ["6.4"]}},
            "rocm7.1": {"amd": {"rocm_version": ["7.1"]}},
            "null": {},
        },
    )
    found = advise(metadata, metadata.variants, {"amd": {"rocm_version": ["6.4", "6.3"]}})
    assert [str(advice) for advice in found] == ["with ROCm 7.1 you would get rocm7.1 (now it is 6.4)"]
    # An update that takes the place of a better variant's version is no improvement.
    tuned = variant_metadata(
        ["x86_64", "amd"],
        {
            "tuned": {"x86_64": {"level": ["v3"]}, "amd": {"rocm_version": ["6.4"]}},
            "rocm7.1": {"amd": {"rocm_version": ["7.1"]}},
        },
    )
    both = {"x86_64": {"level": ["v3"]}, "amd": {"rocm_version": ["6.4"]}}
    assert told(tuned, tuned.variants, both) == []
    # An older series is not opened by any update.
    assert told(metadata, metadata.variants, {"amd": {"rocm_version": ["7.2"]}}) == []


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("h100", [("13.0", "cuda13.0")]),
        ("t4", [("13.0", "cuda13.0")]),
        ("b200", []),
        ("rtx-3060", []),
        ("mi300x", []),
        ("raspberry-pi-5", []),
    ],
)
def test_the_published_torch(profile: str, expected: list[tuple[str, str]]) -> None:
    metadata = load_metadata(TORCH.read_bytes())
    supported = Machine(load_profile(profile)).supported(metadata)
    assert told(metadata, metadata.variants, supported) == expected


BOUNDS = [f"{major}.{minor}" for major in (11, 12, 13) for minor in range(4)] + ["11", "12", "13"]


@given(
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(st.sampled_from(BOUNDS), min_size=1, max_size=3, unique=True),
        min_size=1,
    ),
    st.integers(0, 11),
)
def test_what_is_advised_is_what_that_driver_gets(variants: dict[str, list[str]], index: int) -> None:
    """Whole drivers, derived as the detector derives them, agree with the advice made from the metadata."""
    versions = [(major, minor) for major in (13, 12, 11) for minor in (3, 2, 1, 0)]

    def offers(newest: tuple[int, int]) -> dict[str, dict[str, list[str]]]:
        values = []
        for major, minor in versions:
            if (major, minor) <= newest:
                values += [f"{major}.{minor}", *([str(major)] if minor == 0 else [])]
        return {"nvidia": {LOWER: values}}

    metadata = variant_metadata(["nvidia"], {label: cuda(*bounds) for label, bounds in variants.items()})
    here = offers(versions[index])
    now = next(iter(order_labels(metadata, here)), None)
    changes: dict[str, str] = {}
    for version in reversed(versions):
        if version > versions[index]:
            got = next(iter(order_labels(metadata, offers(version))), None)
            if got is not None and got != now and explain_label(metadata, got, here):
                changes.setdefault(got, f"{version[0]}.{version[1]}")
    assert {advice.label: advice.version for advice in advise(metadata, metadata.variants, here)} == changes


def test_update_for_an_installed_variant() -> None:
    assert update_for(explain_label(CUDAS, "cuda13.0", driver("12.8"))) == ("CUDA driver", "13.0")
    assert update_for(explain_label(CUDAS, "blackwell", driver("12.8"))) is None
    assert update_for(explain_label(CUDAS, "cuda13.0", {})) is None


def test_one_line_for_several_packages() -> None:
    found = advise(CUDAS, CUDAS.variants, driver("12.8", "12.6"))
    assert summary({"torch": found, "vision": found, "numpy": ()}) == (
        "with CUDA driver 13.0 you would get torch cuda13.0, vision cuda13.0 (now it is 12.8)"
    )
    assert summary({"numpy": ()}) is None


def test_explain_says_it(world: World) -> None:
    world.variants("lib", "1.0", CUDAS)
    world.machine = machine(**driver("12.8", "12.6"))
    explanation = world.explain("lib")
    assert [advice.label for advice in explanation.advice] == ["cuda12.9", "cuda13.0"]
    assert "With CUDA driver 13.0 you would get cuda13.0 (now it is 12.8)." in explanation.summary()
    assert explanation.as_json()["advice"][0]["feature"] == f"nvidia :: {LOWER}"


def test_what_the_user_rules_out_is_not_advised(world: World) -> None:
    world.variants("lib", "1.0", CUDAS)
    world.machine = machine(**driver("12.8", "12.6"))
    refused = VariantPreferences.parse(exclude=["nvidia"])
    assert world.explain("lib", preferences=refused).advice == ()
    assert world.explain("lib", preferences=VariantPreferences.parse(no_variants=True)).advice == ()


def test_a_plan_says_it(world: World) -> None:
    world.variants("lib", "1.0", CUDAS)
    world.add("app", requires=["lib"])
    world.machine = machine(**driver("12.8", "12.6"))
    plan = world.plan("app")
    assert {planned.name: [str(a.label) for a in planned.advice] for planned in plan.install} == {
        "app": [],
        "lib": ["cuda12.9", "cuda13.0"],
    }
