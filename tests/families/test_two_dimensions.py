"""Builds for a CUDA and a torch: every build of a version is a candidate of its own."""

from __future__ import annotations

import random
from itertools import product
from operator import ge
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.families.test_one_identity import CUDA_12, CUDA_13, shipped, taken
from tests.resolve.world import World, machine
from variantctl.variants.errors import VariantctlError


def world_of(
    root: Path, torches: list[str], builds: list[tuple[str, str, str]], offers: dict[str, list[str]]
) -> World:
    """torch in some versions, and flash-attn in some builds: version, CUDA, torch."""
    made = World(root, machine(nvidia=offers), families=shipped())
    for version in torches:
        made.add("torch", version)
    for version, cuda, torch in builds:
        made.add("flash-attn", f"{version}+cu.{cuda}.torch.{torch}", ["torch"])
    return made


@pytest.mark.parametrize("order", [1, -1])
def test_torch_follows_flash_attn_and_flash_attn_follows_torch(tmp_path: Path, order: int) -> None:
    builds = [("2.8.3", "12.8", "2.9"), ("2.8.3", "12.8", "2.10"), ("2.8.3", "13.0", "2.10")]
    world = world_of(tmp_path, ["2.9.1", "2.10.0", "2.11.0"], builds, CUDA_13)
    asked = ["torch", "flash-attn"][::order]
    assert taken(world.plan(*asked)) == {"torch": "2.10.0", "flash-attn": "2.8.3+cu.13.0.torch.2.10"}
    world.machine = machine(nvidia=CUDA_12)
    assert taken(world.plan(*asked)) == {"torch": "2.10.0", "flash-attn": "2.8.3+cu.12.8.torch.2.10"}
    assert taken(world.plan("torch<2.10", "flash-attn")) == {
        "torch": "2.9.1",
        "flash-attn": "2.8.3+cu.12.8.torch.2.9",
    }
    pinned = world.plan("flash-attn==2.8.3+cu.12.8.torch.2.9", "torch")
    assert taken(pinned)["torch"] == "2.9.1"
    with pytest.raises(VariantctlError):
        world.plan("torch==2.11.0", "flash-attn")


def test_the_names_of_releases_are_understood(tmp_path: Path) -> None:
    world = World(tmp_path, machine(nvidia=CUDA_12), families=shipped())
    for version in ("2.6.0", "2.8.0"):
        world.add("torch", version)
    for local in ("cu12torch2.6cxx11abifalse", "cu12torch2.6cxx11abitrue", "cu12torch2.8cxx11abitrue"):
        world.add("flash-attn", f"2.8.3+{local}", ["torch"])
    assert taken(world.plan("flash-attn"))["flash-attn"] == "2.8.3+cu12torch2.8cxx11abitrue"
    # torch's own wheels had the old ABI then.
    assert taken(world.plan("flash-attn", "torch<2.7"))["flash-attn"] == "2.8.3+cu12torch2.6cxx11abifalse"


@pytest.mark.parametrize("seed", range(300))
def test_random_layouts_against_enumeration(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    torches = [f"2.{minor}.{patch}" for minor in range(8, 12) for patch in range(2) if dice.random() < 0.5]
    builds = [
        (version, cuda, f"2.{minor}")
        for version, cuda, minor in product(("2.8.2", "2.8.3"), ("12.8", "13.0"), range(8, 12))
        if dice.random() < 0.35
    ]
    torch_limit = dice.choice(["", "<2.11", "<2.10", ">=2.10", "==2.9.*"])
    flash_limit = dice.choice(["", "<2.8.3", "==2.8.3"])
    offers = dice.choice([CUDA_12, CUDA_13])
    if not torches or not builds:
        return
    world = world_of(tmp_path, torches, builds, offers)
    asked = [f"torch{torch_limit}", f"flash-attn{flash_limit}"]
    dice.shuffle(asked)

    usable = {"12.8"} if offers is CUDA_12 else {"12.8", "13.0"}
    possible = {
        (torch, f"{version}+cu.{cuda}.torch.{built}")
        for torch, (version, cuda, built) in product(torches, builds)
        if Version(torch) in SpecifierSet(torch_limit)
        and Version(version) in SpecifierSet(flash_limit)
        and cuda in usable
        and Version(torch) in SpecifierSet(f"=={built}.*")
    }
    try:
        plan = taken(world.plan(*asked))
    except VariantctlError:
        assert not possible
        return
    found = (plan["torch"], plan["flash-attn"])
    assert found in possible
    # None goes before it in one respect, and is not behind it in another.
    best = _rank(*found)
    assert not [pair for pair in possible if _rank(*pair) != best and all(map(ge, _rank(*pair), best))]


def _rank(torch: str, flash: str) -> tuple[Version, Version, Version]:
    """torch's version, flash-attn's, and the CUDA of its build."""
    version = Version(flash)
    return Version(torch), Version(version.public), Version(str(version.local).split(".torch.")[0][3:])
