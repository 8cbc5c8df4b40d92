"""The accelerator policy against a naive enumeration of all versions and builds, on random layouts.

The oracle knows nothing of the search: it lists every set of versions with one backend, throws out what the
constraints forbid, and takes the best by the rule as issue and documentation have it: a build for the
accelerator first, then the newest torch, then the best backend, then the newest of the others.
"""

from __future__ import annotations

import random
from itertools import product
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_layout import Layout, Release
from tests.resolve.test_pytorch_releases import World, builds, gpu
from variantctl.indexes.errors import ProjectNotFound
from variantctl.providers.profiles import Profile
from variantctl.resolve.errors import AcceleratorError, NoCandidateError, UnsatisfiableError

TRIO = ("torch", "torchvision", "torchaudio")
LABELS = ("cpu", "cu118", "cu126", "cu128", "cu130", "cu132", "cu134", "rocm7.1", "rocm7.14", "xpu")

#: The machines, and which labels each can use, the best first (data/pytorch.toml, by hand).
MACHINES: dict[str, tuple[Profile | str, tuple[str, ...]]] = {
    "cpu only": ("graviton3", ()),
    "driver 12.8, Hopper": (gpu("12.8", "9.0"), ("cu128", "cu126", "cu118")),
    "driver 13.0, Hopper": (gpu("13.0", "9.0"), ("cu130", "cu132", "cu134", "cu128", "cu126", "cu118")),
    "driver 12.8, Blackwell": (gpu("12.8", "12.0"), ("cu128",)),
    "driver 11.8, Ampere": (gpu("11.8", "8.0"), ("cu118",)),
    "MI300X": ("mi300x", ("rocm7.14", "rocm7.1")),
    "Battlemage": ("arc-b580", ("xpu",)),
}


def layout(dice: random.Random) -> list[Release]:
    """Up to six releases, each with some labels, now and then a package without one of them."""
    releases = []
    for number in range(dice.randint(1, 6), 0, -1):
        labels = {"cpu", *dice.sample(LABELS, dice.randint(0, 5))}
        if dice.random() < 0.1:
            labels.discard("cpu")
        versions = {
            "torch": f"2.1{number}.0",
            "torchvision": f"0.2{number}.0",
            "torchaudio": f"2.1{number}.0",
        }
        missing = frozenset(
            (name, label) for name in TRIO[1:] for label in sorted(labels) if dice.random() < 0.15
        )
        if labels:
            releases.append(Release(versions, dict.fromkeys(sorted(labels), "la"), missing))
    return releases


def oracle(
    releases: list[Release], names: tuple[str, ...], usable: tuple[str, ...], limit: str, policy: str
) -> dict[str, str] | None:
    """The best set of versions, or ``None`` where there is none."""
    order = [*usable, "cpu"]
    found: list[tuple[tuple[object, ...], dict[str, str]]] = []
    for release, label in product(releases, order):
        if label not in release.backends:
            continue
        if any((name, label) in release.without for name in names):
            continue
        torch = Version(release.torch)
        if not SpecifierSet(limit).contains(torch):
            continue
        fast = label != "cpu"
        if policy == "require" and not fast:
            continue
        first = (not fast,) if policy == "prefer" else ()
        key = (*first, -torch.release[1], order.index(label))
        found.append((key, {name: f"{release.versions[name]}+{label}" for name in names}))
    return min(found, key=lambda pair: pair[0])[1] if found else None


def ours(world: World, machine: Profile | str, names: tuple[str, ...], limit: str, policy: str) -> object:
    # torch==2.1N.0 is needed by its siblings, as in PyTorch's METADATA.
    try:
        return builds(world.plan(machine, f"torch{limit}", *names[1:], policy=policy))
    except (AcceleratorError, NoCandidateError, ProjectNotFound, UnsatisfiableError):
        return None


@pytest.mark.parametrize("seed", range(0, 500, 25))
def test_against_an_enumeration(tmp_path: Path, seed: int) -> None:
    for number in range(seed, seed + 25):
        dice = random.Random(number)
        releases = layout(dice)
        site = tmp_path / str(number)
        Layout(site, releases, parent=dice.random() < 0.8, pypi=False)
        name = dice.choice(sorted(MACHINES))
        machine, usable = MACHINES[name]
        names = TRIO if dice.random() < 0.6 else TRIO[:1]
        limit = dice.choice(["", "", "", "<2.14", ">=2.13", "!=2.15.0", "==2.12.0"])
        policy = dice.choice(["prefer", "prefer", "prefer", "any", "require"])
        expected = oracle(releases, names, usable, limit, policy)
        with LoopbackServer(site) as server:
            found = ours(World(server.url, site), machine, names, limit, policy)
        assert found == expected, f"seed {number}: {name}, {names}, torch{limit}, {policy}; {releases}"
