"""What is there already: kept where it satisfies, replaced where it does not or where asked to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.resolve.world import World, machine, variant_metadata
from variantctl.resolve.plan import Plan
from variantctl.select.preferences import VariantPreferences

METADATA = variant_metadata(["nvidia"], {"cuda": {"nvidia": {"sm_arch": ["90_real"]}}, "null": {}})


def shown(plan: Plan) -> tuple[list[str], list[str], list[str]]:
    """(install, remove, keep), each as ``name version``."""
    return (
        [f"{p.name} {p.version}" + (f" {p.label}" if p.label else "") for p in plan.install],
        [f"{r.name} {r.version}" for r in plan.remove],
        [f"{k.name} {k.version}" for k in plan.keep],
    )


@pytest.fixture
def there(world: World) -> World:
    """app 1.0 and lib 1.0 installed; both have a version 2.0, and lib a 3.0."""
    for version in ("1.0", "2.0"):
        world.add("app", version, ["lib"])
    for version in ("1.0", "2.0", "3.0"):
        world.add("lib", version)
    world.install("app", "1.0", ["lib"])
    world.install("lib", "1.0")
    return world


@pytest.mark.parametrize(
    ("requirements", "options", "expected"),
    [
        (["app"], {}, ([], [], ["app 1.0", "lib 1.0"])),
        (["app"], {"upgrade": True}, (["app 2.0"], ["app 1.0"], ["lib 1.0"])),
        (["app", "lib"], {"upgrade": True}, (["app 2.0", "lib 3.0"], ["app 1.0", "lib 1.0"], [])),
        (["app"], {"upgrade": True, "eager": True}, (["app 2.0", "lib 3.0"], ["app 1.0", "lib 1.0"], [])),
        (["app"], {"eager": True}, ([], [], ["app 1.0", "lib 1.0"])),
        (["app"], {"upgraded": ["lib"]}, (["lib 3.0"], ["lib 1.0"], ["app 1.0"])),
        (["app>=2"], {}, (["app 2.0"], ["app 1.0"], ["lib 1.0"])),
        (["app", "lib<3,>1"], {}, (["lib 2.0"], ["lib 1.0"], ["app 1.0"])),
        (["app"], {"constraints": ["lib>=2,<3"]}, (["lib 2.0"], ["lib 1.0"], ["app 1.0"])),
        (["app==1.0"], {"reinstall": True}, (["app 1.0", "lib 3.0"], ["app 1.0", "lib 1.0"], [])),
        (["app"], {"no_deps": True}, ([], [], ["app 1.0"])),
        (["lib<1.5"], {"upgrade": True}, ([], [], ["lib 1.0"])),
    ],
)
def test_kept_upgraded_replaced(
    there: World, requirements: list[str], options: dict[str, Any], expected: tuple[list[str], ...]
) -> None:
    assert shown(there.plan(*requirements, **options)) == expected


def test_nothing_is_asked_of_an_index_when_all_is_there(world: World) -> None:
    world.install("app", "1.0", ["lib"])
    world.install("lib", "1.0")
    assert shown(world.plan("app", "lib")) == ([], [], ["app 1.0", "lib 1.0"])


def test_newer_than_any_index_stays_when_upgrading(world: World) -> None:
    world.add("lib", "1.0")
    world.install("lib", "5.0")
    assert shown(world.plan("lib", upgrade=True)) == ([], [], ["lib 5.0"])


def test_installed_prerelease_is_kept(world: World) -> None:
    world.add("lib", "1.0")
    world.install("lib", "2.0b1")
    assert shown(world.plan("lib>=1")) == ([], [], ["lib 2.0b1"])


def test_missing_dependency_of_what_is_there_is_installed(world: World) -> None:
    world.add("lib", "1.0")
    world.install("app", "1.0", ["lib"])
    assert shown(world.plan("app")) == (["lib 1.0"], [], ["app 1.0"])


def test_extra_of_what_is_there(world: World) -> None:
    world.add("more")
    world.install("app", "1.0", extras={"x": ["more"]})
    assert shown(world.plan("app[x]")) == (["more 1.0"], [], ["app 1.0"])


def test_installed_variant_decides_its_dependencies(world: World) -> None:
    world.machine = machine(nvidia={"sm_arch": ["90_real"]})
    world.add("triton")
    world.install("torch", "1.0", ['triton; "nvidia" in variant_namespaces'], label="cuda", metadata=METADATA)
    assert shown(world.plan("torch")) == (["triton 1.0"], [], ["torch 1.0"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ([], [], ["torch 1.0"])),
        ({"upgrade": True}, (["torch 1.0 cuda"], ["torch 1.0"], [])),
        ({"choose_again": True}, (["torch 1.0 cuda"], ["torch 1.0"], [])),
        (
            {"preferences": VariantPreferences.parse(labels=["torch=cuda"])},
            (["torch 1.0 cuda"], ["torch 1.0"], []),
        ),
        ({"preferences": VariantPreferences.parse(labels=["torch=null"])}, ([], [], ["torch 1.0"])),
        ({"preferences": VariantPreferences.parse(no_variants=True)}, (["torch 1.0"], ["torch 1.0"], [])),
    ],
)
def test_another_variant_of_the_same_version(
    world: World, options: dict[str, Any], expected: tuple[list[str], ...]
) -> None:
    world.machine = machine(nvidia={"sm_arch": ["90_real"]})
    world.variants("torch", "1.0", METADATA)
    world.add("torch", "1.0")
    world.install("torch", "1.0", label="null", metadata=METADATA)
    assert shown(world.plan("torch", **options)) == expected


def test_a_named_machine_keeps_versions(world: World) -> None:
    """--profile chooses the variant again, and is no upgrade."""
    world.machine = machine(nvidia={"sm_arch": ["90_real"]})
    world.variants("torch", "1.0", METADATA)
    world.variants("torch", "2.0", METADATA)
    world.install("torch", "1.0", label="null", metadata=METADATA)
    assert shown(world.plan("torch", choose_again=True)) == (["torch 1.0 cuda"], ["torch 1.0"], [])


def test_a_named_machine_replaces_a_variant_it_does_not_support(world: World) -> None:
    world.variants("torch", "1.0", METADATA)
    world.install("torch", "1.0", label="cuda", metadata=METADATA)
    assert shown(world.plan("torch", choose_again=True)) == (["torch 1.0 null"], ["torch 1.0"], [])


def test_direct_reference_replaces_what_came_from_an_index(world: World) -> None:
    path = world.add("lib", "1.0")
    world.install("lib", "1.0")
    assert shown(world.plan(str(path))) == (["lib 1.0"], ["lib 1.0"], [])


def test_direct_reference_that_is_there_is_kept_until_the_file_changes(world: World) -> None:
    import hashlib
    import json

    path = world.add("lib", "1.0")
    package = world.install("lib", "1.0")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    record = {"url": path.as_uri(), "archive_info": {"hashes": {"sha256": digest}}}
    (package.dist_info / "direct_url.json").write_text(json.dumps(record))
    assert shown(world.plan(str(path))) == ([], [], ["lib 1.0"])
    world.add("lib", "1.0", files={"lib.py": b"changed = True\n"})
    assert shown(world.plan(str(path))) == (["lib 1.0"], ["lib 1.0"], [])
