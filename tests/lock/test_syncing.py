"""What a sync keeps, replaces and removes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.lock.test_locking import LINUX, lock, target
from tests.resolve.world import World, machine, variant_metadata
from variantctl.lock.contents import Lock
from variantctl.lock.selection import Choices, Selection
from variantctl.lock.syncing import plan_sync
from variantctl.providers.algorithm import Machine
from variantctl.resolve.plan import Plan
from variantctl.select.compatibility import Interpreter
from variantctl.target.environment import Environment, find_environment
from variantctl.values import replace


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def sync(
    world: World,
    locked: Lock,
    environment: Environment | None = None,
    supported: Machine | None = None,
    reinstall: bool = False,
) -> Plan:
    selection = Selection(
        locked,
        world.root,
        supported or machine(),
        Interpreter(LINUX.tags, LINUX.markers),
        choices=Choices(),
        read_requires=lambda link: (),
    )
    return plan_sync(selection.select(), world.installed(), environment, reinstall=reinstall)


def names(items: object) -> list[str]:
    return [item.name for item in items]  # type: ignore[attr-defined]


def test_install_replace_keep_and_remove(world: World) -> None:
    for name, version in (("kept", "1.0"), ("old", "2.0"), ("new", "1.0")):
        world.add(name, version)
    for name in ("kept", "old", "gone"):
        world.install(name, "1.0")
    plan = sync(world, lock(world, "kept", "old", "new", targets=[target()]))
    assert names(plan.install) == ["new", "old"]
    assert names(plan.remove) == ["gone", "old"]
    assert names(plan.keep) == ["kept"]


def test_another_variant_is_another_package(world: World) -> None:
    metadata = variant_metadata(["gpu"], {"fast": {"gpu": {"arch": ["1"]}}, "null": {}})
    world.variants("lib", "1.0", metadata)
    world.install("lib", "1.0", label="null", metadata=metadata)
    locked = lock(world, "lib", targets=[target(), target(gpu={"arch": ["1"]})])
    assert names(sync(world, locked).keep) == ["lib"]
    plan = sync(world, locked, supported=machine(gpu={"arch": ["1"]}))
    assert (names(plan.install), names(plan.remove)) == (["lib"], ["lib"])
    assert plan.install[0].label == "fast"


def test_what_came_from_elsewhere_is_replaced(world: World) -> None:
    world.add("lib")
    package = world.install("lib", "1.0")
    locked = lock(world, "lib", targets=[target()])
    assert names(sync(world, locked).keep) == ["lib"]
    (package.dist_info / "direct_url.json").write_text(
        '{"url": "https://x.test/lib.whl", "archive_info": {}}'
    )
    assert names(sync(world, locked).install) == ["lib"]


def test_an_archive_is_kept_while_its_hash_is_the_same(world: World) -> None:
    path = world.add("lib")
    locked = lock(world, f"lib @ {path.as_uri()}", targets=[target()])
    (planned,) = sync(world, locked).install
    assert planned.direct_url is not None and planned.direct_url["url"] == path.as_uri()
    digest = planned.hashes["sha256"]
    package = world.install("lib", "1.0")
    record = package.dist_info / "direct_url.json"
    text = '{{"url": "{}", "archive_info": {{"hashes": {{"sha256": "{}"}}}}}}'
    record.write_text(text.format(path.as_uri(), digest))
    assert names(sync(world, locked).keep) == ["lib"]
    record.write_text(text.format(path.as_uri(), "00"))
    assert names(sync(world, locked).install) == ["lib"]


def test_reinstall(world: World) -> None:
    world.add("lib")
    world.install("lib", "1.0")
    plan = sync(world, lock(world, "lib", targets=[target()]), reinstall=True)
    assert (names(plan.install), names(plan.remove), names(plan.keep)) == (["lib"], ["lib"], [])


def test_editable_and_old_packages_are_kept_with_a_note(world: World) -> None:
    world.add("lib")
    mine = world.install("mine", "1.0")
    (mine.dist_info / "direct_url.json").write_text('{"url": "file:///src", "dir_info": {"editable": true}}')
    (world.root / "site" / "old-1.0.egg-info").mkdir()
    plan = sync(world, lock(world, "lib", targets=[target()]))
    assert names(plan.remove) == []
    assert [note.partition(":")[0] for note in plan.notes] == ["mine is kept", "old is kept"]


def environment(world: World, version: tuple[int, int, int]) -> Environment:
    here = find_environment(sys.executable, for_changes=False)
    return replace(here, prefix=world.root, version=version, kind="virtual")


@pytest.mark.parametrize(
    ("version", "cfg", "removed"),
    [
        ((3, 12, 1), "home = /usr\n", ["setuptools", "wheel"]),
        ((3, 11, 0), "home = /usr\n", []),
        ((3, 11, 0), "home = /usr\nuv = 0.13.9\n", ["pip", "setuptools", "wheel"]),
        ((3, 11, 0), "home = /usr\nuv = 0.13.9\nseed = true\n", []),
    ],
)
def test_what_the_environment_was_made_with_stays_as_uv_has_it(
    world: World, version: tuple[int, int, int], cfg: str, removed: list[str]
) -> None:
    world.add("lib")
    for name in ("pip", "setuptools", "wheel"):
        world.install(name, "1.0")
    (world.root / "pyvenv.cfg").write_text(cfg)
    plan = sync(world, lock(world, "lib", targets=[target()]), environment(world, version))
    assert names(plan.remove) == removed


def test_we_do_not_remove_ourselves(world: World) -> None:
    world.add("lib")
    world.install("variantctl", "1.0", ["needed", "extra-only; extra=='test'"])
    for name in ("needed", "extra-only", "other"):
        world.install(name, "1.0")
    locked = lock(world, "lib", targets=[target()])
    ours = replace(environment(world, (3, 12, 0)), prefix=Path(sys.prefix))
    plan = sync(world, locked, ours)
    assert names(plan.remove) == ["extra-only", "other"]
    assert plan.notes == ("variantctl and what it needs are kept: it is running from this environment",)
    elsewhere = sync(world, locked, environment(world, (3, 12, 0)))
    assert names(elsewhere.remove) == ["extra-only", "needed", "other", "variantctl"]
