"""A lock has an entry for each member of a family that some machine takes, and each machine its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from packaging.pylock import Package, Pylock

from tests.families.test_one_identity import CUDA_12, CUDA_13, shipped
from tests.lock.test_locking import LINUX, lock, target
from tests.resolve.world import World, machine
from variantctl.lock.agreement import Target
from variantctl.lock.contents import Lock
from variantctl.lock.document import dumps
from variantctl.lock.errors import LockFileError
from variantctl.lock.reading import parse_lock
from variantctl.lock.selection import Choices, Selected, Selection
from variantctl.lock.syncing import plan_sync
from variantctl.providers.algorithm import Machine
from variantctl.select.compatibility import Interpreter
from variantctl.target.installed import STAND_IN

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GPU, CPU = machine(nvidia=CUDA_13), machine()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """onnxruntime and jax as they are on PyPI, in small, and what needs them."""
    made = World(tmp_path, families=shipped())
    for version in ("1.26.0", "1.31.1", "1.32.0"):
        made.add("onnxruntime", version)
    for version in ("1.26.0", "1.31.1"):
        made.add("onnxruntime-gpu", version)
    made.add("rembg", "2.0", ["onnxruntime; extra == 'cpu'", "onnxruntime-gpu>=1.20; extra == 'gpu'"])
    made.add(
        "jax",
        "0.9",
        ["plugin-13==0.9; extra == 'cuda13'", "plugin-12==0.9; extra == 'cuda12'"],
    )
    made.add("plugin-13", "0.9")
    made.add("plugin-12", "0.9")
    made.add("wants-jax", "1.0", ["jax[cuda13]"])
    made.add("cupy-cuda13x", "14.0")
    made.add("cupy-rocm-7-0", "13.0")
    return made


def chosen(world: World, made: Lock, offers: Machine) -> list[Selected]:
    interpreter = Interpreter(LINUX.tags, LINUX.markers)
    return Selection(
        made, world.root, offers, interpreter, choices=Choices(), read_requires=lambda link: ()
    ).select()


def taken(world: World, made: Lock, offers: Machine) -> dict[str, str]:
    return {each.package.distribution: str(each.package.version) for each in chosen(world, made, offers)}


BOTH = [target(nvidia=CUDA_13, who="h100"), target(who="laptop")]


@pytest.mark.parametrize("targets", [BOTH, BOTH[::-1]])
def test_a_lock_for_two_machines_has_both_builds(world: World, targets: list[Target]) -> None:
    made = lock(world, "onnxruntime", "rembg[gpu]", targets=targets)
    names = sorted((package.distribution, str(package.version)) for package in made.packages)
    assert names == [("onnxruntime", "1.31.1"), ("onnxruntime-gpu", "1.31.1"), ("rembg", "2.0")]
    assert taken(world, made, GPU) == {"onnxruntime-gpu": "1.31.1", "rembg": "2.0"}
    assert taken(world, made, CPU) == {"onnxruntime": "1.31.1", "rembg": "2.0"}


def test_the_file_is_valid_and_says_each_name_to_other_tools(world: World) -> None:
    made = lock(world, "rembg[gpu]", targets=BOTH)
    checked = Pylock.from_dict(tomllib.loads(dumps(made)))
    by_name: dict[str, Package] = {str(package.name): package for package in checked.packages}
    assert set(by_name) == {"onnxruntime", "onnxruntime-gpu", "rembg"}
    # Tools that know nothing of hardware install the build that runs anywhere, and that alone.
    assert by_name["onnxruntime"].marker is None
    assert str(by_name["onnxruntime-gpu"].marker) == 'python_version < "0"'
    needed = [dict(each)["name"] for each in by_name["rembg"].dependencies or ()]
    assert needed == ["onnxruntime", "onnxruntime-gpu"]


def test_an_extra_that_is_a_member_brings_what_it_needs(world: World) -> None:
    made = lock(world, "wants-jax", targets=BOTH)
    assert taken(world, made, GPU) == {"jax": "0.9", "plugin-13": "0.9", "wants-jax": "1.0"}
    assert taken(world, made, CPU) == {"jax": "0.9", "wants-jax": "1.0"}


def test_members_without_a_version_in_common_have_their_own(world: World) -> None:
    amd = {"rocm_version": ["7.0", "7"], "gfx_arch": ["gfx942"]}
    targets = [target(nvidia=CUDA_13, who="h100"), target(amd=amd)]
    made = lock(world, "cupy", targets=targets)
    assert [str(package) for package in made.packages] == ["cupy-rocm-7-0 13.0", "cupy-cuda13x 14.0"]


def test_the_build_for_the_device_goes_before_a_newer_one_for_processors(world: World) -> None:
    world.add("faiss-cpu", "1.14")
    world.add("faiss-gpu", "1.13")
    made = lock(world, "faiss", targets=BOTH)
    assert taken(world, made, GPU) == {"faiss-gpu": "1.13"}
    assert taken(world, made, CPU) == {"faiss-cpu": "1.14"}


def test_a_wish_is_locked_as_it_is(world: World) -> None:
    world.add("onnxruntime-openvino", "1.24.1")
    made = lock(world, "onnxruntime-openvino", targets=[target()])
    assert taken(world, made, CPU) == {"onnxruntime-openvino": "1.24.1"}


def test_sync_installs_the_other_names_and_keeps_them(world: World) -> None:
    made = lock(world, "rembg[gpu]", "onnxruntime", targets=BOTH)
    plan = plan_sync(chosen(world, made, GPU), {}, None)
    (gpu,) = (each for each in plan.install if each.name == "onnxruntime")
    assert (gpu.distribution, gpu.stands_in_for) == ("onnxruntime-gpu", ("onnxruntime",))

    world.install("onnxruntime-gpu", "1.31.1")
    world.install("rembg", "2.0")
    (again,) = plan_sync(chosen(world, made, GPU), world.installed(), None).install
    assert again.distribution == "onnxruntime-gpu", "the other name is lacking"
    world.install("onnxruntime", "1.31.1")
    plan = plan_sync(chosen(world, made, GPU), world.installed(), None)
    assert [each.distribution for each in plan.install] == ["onnxruntime-gpu"]
    assert [each.name for each in plan.remove] == ["onnxruntime", "onnxruntime-gpu"], "pip installed both"
    stand_in = world.root / "site" / "onnxruntime-1.31.1.dist-info" / STAND_IN
    stand_in.write_text('{"format": 1, "by": "onnxruntime-gpu", "version": "1.31.1"}')
    plan = plan_sync(chosen(world, made, GPU), world.installed(), None)
    assert (plan.install, plan.remove) == ((), ())

    # On a laptop the member goes with its other name, and the build for processors comes.
    plan = plan_sync(chosen(world, made, CPU), world.installed(), None)
    assert [each.distribution for each in plan.install] == ["onnxruntime"]
    assert [each.name for each in plan.remove] == ["onnxruntime", "onnxruntime-gpu"]


def test_a_damaged_table_is_named(world: World) -> None:
    text = dumps(lock(world, "onnxruntime", targets=[target(nvidia=CUDA_12)]))
    damaged = text.replace('identity = "onnxruntime"', "identity = 3")
    assert damaged != text
    with pytest.raises(LockFileError, match=r"member must have a text 'identity'"):
        parse_lock(damaged.encode(), "pylock.toml")
