"""Releases with builds for other machines alone, and what a machine is told of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_layout import Layout, Release, real_releases
from tests.resolve.test_pytorch_releases import H100, World, builds
from variantctl.providers.profiles import Profile, load_profile
from variantctl.resolve.errors import NoCandidateError
from variantctl.values import replace


def release(number: int, labels: str, without: Sequence[tuple[str, str]] = ()) -> Release:
    """torch 2.NUMBER.0 and torchvision that goes with it, for these labels."""
    versions = {"torch": f"2.{number}.0", "torchvision": f"0.{number + 15}.0"}
    return Release(versions, dict.fromkeys(labels.split(), "law"), frozenset(without))


@contextmanager
def serving(folder: Path, *releases: Release, parent: bool = True) -> Iterator[World]:
    Layout(folder / "site", releases, parent=parent)
    with LoopbackServer(folder / "site") as server:
        yield World(server.url, folder)


OTHERS_ONLY = (release(16, "cu130"), *real_releases())


@pytest.mark.parametrize("parent", [True, False])
def test_a_release_with_builds_for_others_alone_is_passed_over(tmp_path: Path, parent: bool) -> None:
    with serving(tmp_path, *OTHERS_ONLY, parent=parent) as world:
        plan = world.plan("h100", "torch", "torchvision")
        assert builds(plan)["torch"] == "2.14.1+cu126"
        assert plan.notes[0].startswith(
            f"torch 2.16.0 and 2.15.0 have no build for {H100}, so 2.14.1+cu126 is taken"
        )
        assert "with driver 580 or newer (CUDA 13.0) you would get 2.16.0+cu130" in plan.notes[0]
        assert plan.notes[0].endswith("(--accelerator any takes 2.15.0)")
        first = plan.as_json()["passed_over"][0]
        assert (first["version"], first["labels"]) == ("2.16.0", ["cu130"])
        assert world.explain("h100", "torch").passed_over[0].labels.keys() == {"cu130"}


def test_the_newest_of_this_machine_is_taken_with_a_word_about_a_newer_one(tmp_path: Path) -> None:
    with serving(tmp_path, release(16, "cu130 xpu"), release(15, "cpu cu126 rocm7.14")) as world:
        assert builds(plan := world.plan("h100", "torch")) == {"torch": "2.15.0+cu126"}
        assert plan.notes[0].startswith(f"torch 2.16.0 has no build for {H100}, so 2.15.0+cu126 is taken")
        assert builds(plan := world.plan("mi300x", "torch")) == {"torch": "2.15.0+rocm7.14"}
        assert plan.notes[0].startswith("torch 2.16.0 has no build for the AMD GPU of profile mi300x")
        assert world.plan("h100", "torch<2.16").notes == ()
        assert world.plan("x86-64-v3", "torch").notes == ()


def test_a_cpu_build_beside_a_gpu_that_a_driver_would_open(tmp_path: Path) -> None:
    with serving(tmp_path, release(16, "cu130"), release(15, "cpu cu130")) as world:
        plan = world.plan("h100", "torch")
        assert builds(plan) == {"torch": "2.15.0+cpu"}
        assert "with driver 580 or newer (CUDA 13.0) you would get 2.16.0+cu130" in plan.notes[0]


def test_what_others_were_passed_over_for_is_told_of_each(tmp_path: Path) -> None:
    """torchvision lacks the build in 2.14: its own reason, beside that of 2.15."""
    older = release(14, "cpu cu126 cu130", [("torchvision", "cu126")])
    with serving(tmp_path, release(15, "cpu cu130"), older, release(13, "cpu cu126")) as world:
        plan = world.plan("h100", "torch", "torchvision")
        assert builds(plan) == {"torch": "2.13.0+cu126", "torchvision": "0.28.0+cu126"}
        assert plan.notes[0].startswith(
            f"torch 2.15.0 has no build for {H100}, and 2.14.0 has no build for the accelerator that goes "
            "with the other packages of its source, so 2.13.0"
        )
        assert [item["version"] for item in plan.as_json()["passed_over"][:2]] == ["2.15.0", "2.14.0"]


#: profile, requirement, what the refusal says, what its hint says.
REFUSED = [
    (
        "x86-64-v3",
        "torch==2.14.1+cu126",
        "torch 2.14.1+cu126 is no build for profile x86-64-v3",
        "2.14.1+cpu",
    ),
    ("x86-64-v3", "torch==2.14.1+cu126", "offers no nvidia properties", "--profile"),
    ("x86-64-v3", "torch==2.16.0", "torch 2.16.0 has no build for profile x86-64-v3", "--profile"),
    ("x86-64-v3", "torch>=2.16", "cu130 needs nvidia :: cuda_version_lower_bound 13.0", ""),
    ("h100", "torch==2.16.0", "torch 2.16.0 has no build for profile h100", "With driver 580 or newer"),
    ("mi300x", "torchvision==0.30.0+cu130", "is no build for profile mi300x", "0.30.0+rocm7.14"),
    ("graviton3", "torch==2.15.0+xpu", "torch 2.15.0+xpu is no build for profile graviton3: it is for ", ""),
    ("h100", "torch==2.17.0", "no version of torch satisfies torch==2.17.0", ""),
]


@pytest.mark.parametrize("parent", [True, False])
@pytest.mark.parametrize(("profile", "requirement", "said", "hint"), REFUSED)
def test_what_exists_for_others_is_refused_with_the_reason(
    tmp_path: Path, profile: str, requirement: str, said: str, hint: str, parent: bool
) -> None:
    newest = replace(OTHERS_ONLY[0], versions={"torch": "2.16.0", "torchvision": "0.31.0"})
    with (
        serving(tmp_path, newest, *OTHERS_ONLY[1:3], parent=parent) as world,
        pytest.raises(NoCandidateError) as refused,
    ):
        world.plan(profile, requirement)
    assert said in refused.value.message
    assert hint in (refused.value.hint or "")


def beside(**namespaces: Mapping[str, object]) -> Profile:
    """A machine whose driver runs CUDA 12.8, with one more GPU."""
    nvidia = {"cuda_driver": "12.8", "compute_capabilities": ["8.9"]}
    return Profile("laptop", load_profile("x86-64-v3").platform, {"nvidia": nvidia, **namespaces})


#: Intel's Meteor Lake; AMD's Strix Point, with a driver for every ROCm.
IN_PROCESSOR: list[dict[str, Mapping[str, object]]] = [
    {"intel": {"device_ips": ["12.71.4"]}},
    {"amd": {"gfx_archs": ["gfx1150"], "amdgpu": "6.16.13"}},
]


@pytest.mark.parametrize("gpu", IN_PROCESSOR)
def test_a_gpu_in_the_processor_does_not_leave_the_card_idle(
    tmp_path: Path, gpu: dict[str, Mapping[str, object]]
) -> None:
    laptop = beside(**gpu)
    with serving(tmp_path, *real_releases()[:2]) as world:
        plan = world.plan(laptop, "torch", "torchvision")
        assert builds(plan)["torch"] == "2.14.1+cu126"
        assert plan.notes[0].startswith(
            "torch 2.15.0 has no build for the NVIDIA GPU of profile laptop (driver for CUDA 12.8, compute "
            "capability 8.9), so 2.14.1+cu126 is taken"
        )
        # Where nothing is for the card, the other GPU's build goes before that for CPUs, with a word.
        plan = world.plan(laptop, "torch>=2.15")
        assert builds(plan)["torch"].partition("+")[2] in ("xpu", "rocm7.14")
        assert "no version that may be taken" in plan.notes[0] or "it has no build for" in plan.notes[0]
        assert "CPU build" not in plan.notes[0]


#: Of Intel's GPUs a card of its own is worth a word, one in a processor is not.
@pytest.mark.parametrize(("profile", "said"), [("arc-b580", True), ("arc-a770", True), ("lunar-lake", False)])
def test_a_cpu_build_beside_an_intel_gpu(tmp_path: Path, profile: str, said: bool) -> None:
    with serving(tmp_path, release(15, "cpu cu130")) as world:
        plan = world.plan(profile, "torch")
        assert builds(plan) == {"torch": "2.15.0+cpu"}
        assert bool(plan.notes) == said
        assert plan.install[0].fit is not None and (plan.install[0].fit.status == "misfit") == said
