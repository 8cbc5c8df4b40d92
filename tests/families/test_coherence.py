"""One CUDA for a whole plan where that is possible; where it is not, who wants what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.families.test_one_identity import CUDA_13, shipped, taken
from tests.resolve.world import World, machine


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, machine(nvidia=CUDA_13), families=shipped())
    for version in ("1.26.0", "1.31.1"):
        made.add("onnxruntime-gpu", version)
        made.add("onnxruntime", version)
    for name in ("cupy-cuda12x", "cupy-cuda13x"):
        made.add(name, "14.0")
    made.add("ordinary", "1.0", ["nvidia-cudnn-cu12"])
    made.add("ordinary", "0.9", ["nvidia-cudnn-cu13"])
    made.add("nvidia-cudnn-cu12", "9.0")
    made.add("nvidia-cudnn-cu13", "9.0")
    return made


def test_each_alone_is_the_best(world: World) -> None:
    assert taken(world.plan("onnxruntime", "cupy")) == {"onnxruntime-gpu": "1.31.1", "cupy-cuda13x": "14.0"}


@pytest.mark.parametrize("order", [1, -1])
def test_the_others_follow_what_is_fixed(world: World, order: int) -> None:
    plan = world.plan(*["onnxruntime", "cupy-cuda12x"][::order])
    assert taken(plan) == {"onnxruntime-gpu": "1.26.0", "cupy-cuda12x": "14.0"}
    assert any("everything is for CUDA 12" in note for note in plan.notes)


def test_an_ordinary_wheel_counts_by_what_it_needs(world: World) -> None:
    plan = world.plan("ordinary==1.0", "cupy")
    assert taken(plan)["cupy-cuda12x"] == "14.0"
    plan = world.plan("ordinary", "cupy-cuda13x")
    assert taken(plan)["ordinary"] == "0.9"


def test_no_build_for_the_processor_for_the_sake_of_it(world: World) -> None:
    plan = world.plan("onnxruntime==1.31.1", "cupy-cuda12x")
    assert taken(plan) == {"onnxruntime-gpu": "1.31.1", "cupy-cuda12x": "14.0"}
    told = next(note for note in plan.notes if "not everything" in note)
    assert "cupy-cuda12x 14.0 is for CUDA 12 (requested)" in told
    assert "onnxruntime-gpu 1.31.1 is for CUDA 13 (requested)" in told
    assert any(note.startswith("for CUDA 12 alone: ") for note in plan.notes)


def test_an_extra_for_another_cuda_shows_that_it_is_for_both(world: World) -> None:
    """nvidia-cutlass-dsl needs its libraries for CUDA 12 always, and with [cu13] those for 13 too."""
    world.add("nvidia-dsl-libs-cu12", "4.8.0")
    world.add("nvidia-dsl-libs-cu13", "4.8.0")
    requires = ["nvidia-dsl-libs-cu12==4.8.0", 'nvidia-dsl-libs-cu13==4.8.0; extra == "cu13"']
    world.add("kernel-dsl", "4.8.0", requires)
    world.add("serving", "2.0", ["kernel-dsl[cu13]==4.8.0", "cupy"])
    world.add("serving", "1.0", ["cupy"])
    plan = world.plan("serving")
    assert taken(plan)["serving"] == "2.0" and "cupy-cuda13x" in taken(plan)
    assert not [note for note in plan.notes if "toolkit" in note]


def test_an_older_version_that_needs_no_accelerator_is_no_way_out(world: World) -> None:
    """sglang 0.5.2 needs neither torch nor kernels: nothing of it is for CUDA 13 then."""
    world.add("kernels", "1.0", ["nvidia-cudnn-cu13"])
    world.add("serving", "2.0", ["ordinary==1.0", "kernels"])
    world.add("serving", "1.0")
    plan = world.plan("serving")
    assert taken(plan)["serving"] == "2.0"
    assert any("not everything that loads into one process is for one toolkit" in note for note in plan.notes)
    assert any("nothing that is built for it would be left" in note for note in plan.notes)
