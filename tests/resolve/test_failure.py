"""Messages of what cannot be resolved: they name the chain of requirements, and what there is instead."""

from __future__ import annotations

import pytest

from tests.resolve.world import World, machine, variant_metadata
from variantctl.providers.algorithm import Machine
from variantctl.resolve.errors import NoCandidateError, UnsatisfiableError, UnsupportedVariantError
from variantctl.select.preferences import VariantPreferences
from variantctl.variants import load_metadata
from variantctl.variants.errors import VariantctlError
from variantctl.variants.schemas import PEP_850_SCHEMA


def refusal(world: World, *requirements: str, **options: object) -> VariantctlError:
    with pytest.raises(VariantctlError) as caught:
        world.plan(*requirements, **options)  # type: ignore[arg-type]
    return caught.value


def test_conflict_names_both_sides_with_their_chains(world: World) -> None:
    world.add("app", requires=["mid"])
    world.add("mid", requires=["numpy<2"])
    world.add("tool", requires=["numpy>=2"])
    world.add("numpy", "1.0")
    world.add("numpy", "2.0")
    error = refusal(world, "app", "tool")
    assert isinstance(error, UnsatisfiableError) and error.kind == "unsatisfiable"
    lines = error.message.splitlines()
    assert lines[0].startswith("no version of numpy satisfies")
    text = "\n".join(sorted(lines[1:]))
    assert "mid 1.0 needs numpy<2 (the command line asks for app; app 1.0 needs mid)" in text
    assert "tool 1.0 needs numpy>=2 (the command line asks for tool)" in text


def test_constraint_is_named_with_its_file(world: World) -> None:
    world.add("app", requires=["numpy>=2"])
    world.add("numpy", "1.0")
    world.add("numpy", "2.0")
    error = refusal(world, "app", constraints=["numpy<2"])
    assert "limits.txt:1 allows only numpy<2" in error.message
    assert "app 1.0 needs numpy>=2" in error.message


def test_no_such_version_lists_those_there_are(world: World) -> None:
    for version in range(1, 15):
        world.add("lib", f"{version}.0")
    error = refusal(world, "lib>=99")
    assert isinstance(error, NoCandidateError) and error.kind == "no-candidate"
    assert error.message == (
        "no version of lib satisfies lib>=99 (available wheels: "
        f"14.0, 13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0 and 6 older, at {(world.root / 'simple').as_uri()})"
    )


def test_wheels_for_other_platforms_are_told(world: World) -> None:
    world.add("lib", tag="cp312-cp312-manylinux_2_28_x86_64")
    world.add("lib", tag="cp311-cp311-win_amd64")
    world.add("lib", tag="cp311-cp311-manylinux_2_39_x86_64")
    error = refusal(world, "lib")
    assert "none of the 3 wheels of lib 1.0 can be installed" in error.message
    assert "is for cp312, but this is Python 3.11" in error.message
    assert (
        "is for win_amd64, but this is manylinux_2_35_x86_64" in error.message
        or "is for win_amd64" in error.message
    )
    assert "needs glibc 2.39, but this machine has glibc 2.35" in error.message
    assert error.hint is not None and "variantctl explain lib==1.0" in error.hint


def test_only_source_distributions(world: World) -> None:
    world.list("lib", "lib-1.0.tar.gz")
    error = refusal(world, "lib")
    assert "lib has no wheels, only source distributions (such as lib-1.0.tar.gz)" in error.message


def test_newer_version_exists_as_source_only(world: World) -> None:
    world.add("lib", "1.0")
    world.list("lib", "lib-2.0.tar.gz")
    error = refusal(world, "lib>=2")
    assert error.hint is not None and "lib 2.0 exists as a source distribution only" in error.hint


def test_deep_conflict_names_the_requirements_at_odds(world: World) -> None:
    world.add("a", requires=["b==1.0"])
    world.add("b", "1.0", ["c==1.0"])
    world.add("c", "1.0")
    world.add("c", "2.0")
    error = refusal(world, "a", "c==2.0")
    assert "b 1.0 needs c==1.0" in error.message
    assert "the command line asks for c==2.0" in error.message


CUDA = variant_metadata(
    ["nvidia"],
    {
        "cuda12.9": {"nvidia": {"cuda_version_lower_bound": ["12.9"]}},
        "cuda13.0": {"nvidia": {"cuda_version_lower_bound": ["13.0"]}},
    },
)


def test_a_newer_driver_that_would_open_a_variant(world: World) -> None:
    world.variants("lib", "1.0", CUDA)
    world.machine = machine(nvidia={"cuda_version_lower_bound": ["12.8"]})
    error = refusal(world, "lib")
    assert isinstance(error, NoCandidateError) and error.hint is not None
    assert error.hint.startswith("With CUDA driver 12.9 you would get cuda12.9 (now it is 12.8). ")


def test_a_label_asked_for_that_a_driver_would_open(world: World) -> None:
    world.variants("lib", "1.0", CUDA)
    world.machine = machine(nvidia={"cuda_version_lower_bound": ["12.8"]})
    error = refusal(world, "lib", preferences=VariantPreferences.parse(labels=["lib=cuda13.0"]))
    assert isinstance(error, UnsupportedVariantError) and error.hint is not None
    assert error.hint.startswith("With CUDA driver 13.0 you would get cuda13.0 (now it is 12.8). --variant")


def test_an_older_version_that_has_a_wheel(world: World) -> None:
    world.add("lib", "1.0")
    world.add("lib", "1.5", tag="cp27-cp27mu-win32")
    world.add("lib", "2.0", tag="cp27-cp27mu-win32")
    world.add("lib", "3.0")
    error = refusal(world, "lib>=1.2,<3")
    assert error.hint is not None and "The older lib 1.0 has a wheel that can be installed." in error.hint
    error = refusal(world, "lib>=1.2,<3,!=1.0", constraints=["lib!=1.0"])
    assert error.hint is not None and "The older lib 1.0 has a wheel" in error.hint


def test_a_newer_version_where_no_older_one_has_a_wheel(world: World) -> None:
    world.add("app", requires=["lib<3"])
    world.add("lib", "2.0", tag="cp27-cp27mu-win32")
    world.add("lib", "3.0")
    error = refusal(world, "app")
    assert isinstance(error, UnsatisfiableError)
    assert "app 1.0 needs lib<3 (the command line asks for app)" in error.message
    assert error.hint is not None and "The newer lib 3.0 has a wheel that can be installed." in error.hint


def test_a_provider_that_is_not_trusted(world: World) -> None:
    metadata = load_metadata(
        {
            "$schema": PEP_850_SCHEMA,
            "default-priorities": {"namespace": ["ascend", "extra"]},
            "providers": {
                "ascend": {"requires": ["ascend-variant-provider"]},
                "extra": {"requires": ["extra-variant-provider"], "optional": True},
            },
            "variants": {
                "npu": {"ascend": {"npu_type": ["910b"]}},
                "more": {"extra": {"kind": ["a"]}},
            },
        }
    )
    world.variants("lib", "1.0", metadata)
    world.machine = Machine(None)
    error = refusal(world, "lib")
    assert error.hint is not None
    assert "ascend: its provider, package ascend-variant-provider, is not trusted" in error.hint
    assert "--trust-provider ascend-variant-provider" in error.hint
    assert "extra: optional, and not enabled (--enable-provider extra)." in error.hint


def test_what_to_loosen_names_the_users_own_requirements(world: World) -> None:
    world.add("app", "1.0", requires=["mid"])
    world.add("app", "0.9")
    world.add("mid", requires=["numpy<2"])
    world.add("tool", requires=["numpy>=2"])
    world.add("numpy", "1.0")
    world.add("numpy", "2.0")
    error = refusal(world, "app==1.0", "tool")
    assert error.hint == "Loosen 'app==1.0' (there is app 0.9 too)."
    error = refusal(world, "tool", constraints=["numpy<2"])
    assert error.hint is not None and error.hint == "Loosen 'numpy<2' (there is numpy 2.0 too)."


def test_a_label_that_no_wheel_has(world: World) -> None:
    metadata = variant_metadata(["gpu"], {"gpu1": {"gpu": {"arch": ["1"]}}, "null": {}})
    for version in ("1.0", "2.0"):
        world.variants("lib", version, metadata)
    asked = VariantPreferences.parse(labels=["lib=gpu2"])
    expected = (
        "lib 2.0 has no wheel with the label 'gpu2' (nor has 1.0); it has gpu1, null: did you mean 'gpu1'?"
    )
    assert sorted(refusal(world, "lib", preferences=asked).message) == sorted(expected)
    asked = VariantPreferences.parse(labels=["lib="])
    assert "lib 2.0 has no non-variant wheel" in refusal(world, "lib", preferences=asked).message


def test_a_label_for_something_that_is_not_needed(world: World) -> None:
    world.add("lib")
    notes = world.plan("lib", preferences=VariantPreferences.parse(labels=["lob=x"])).notes
    assert notes == ("--variant lob=x changes nothing: lob is not needed",)


def test_no_pre_release_is_advised_where_there_is_a_release(world: World) -> None:
    world.add("app", "1.0", ["missing"])
    world.add("app", "2.0")
    world.add("app", "3.0rc1")
    assert refusal(world, "app==1.0").hint == "Loosen 'app==1.0' (there is app 2.0 too)."
