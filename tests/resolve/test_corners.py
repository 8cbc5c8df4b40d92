"""Corners of the standards that people turn in every day."""

from __future__ import annotations

import hashlib

import pytest

from tests.resolve.world import World, machine, variant_metadata
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.errors import UnsatisfiableError
from variantctl.target.platforms import platform_environment


def test_extras_that_conflict_are_both_named(world: World) -> None:
    world.add("app", extras={"old": ["lib<2"], "new": ["lib>=2"]})
    world.add("lib", "1.0")
    world.add("lib", "2.0")
    assert world.versions("app[old]") == {"app": "1.0", "lib": "1.0"}
    assert world.versions("app[new]") == {"app": "1.0", "lib": "2.0"}
    with pytest.raises(UnsatisfiableError) as caught:
        world.plan("app[old,new]")
    assert "app[old] 1.0 needs lib<2" in caught.value.message
    assert "app[new] 1.0 needs lib>=2" in caught.value.message


def test_an_older_version_whose_extras_agree(world: World) -> None:
    world.add("app", "1.0", extras={"old": ["lib<2"], "new": ["lib"]})
    world.add("app", "2.0", extras={"old": ["lib<2"], "new": ["lib>=2"]})
    world.add("lib", "1.0")
    world.add("lib", "2.0")
    assert world.versions("app[old,new]") == {"app": "1.0", "lib": "1.0"}


def test_an_extra_that_is_all_the_others(world: World) -> None:
    extras = {"a": ["one"], "b": ["two"], "all": ["App[a]", "app[B]"], "more": ["app[all]", "three"]}
    world.add("app", extras=extras)
    for name in ("one", "two", "three"):
        world.add(name)
    assert set(world.versions("app[more]")) == {"app", "one", "two", "three"}
    assert set(world.versions("app[all]")) == {"app", "one", "two"}
    assert set(world.versions("app")) == {"app"}


def test_hashes_in_constraints(world: World) -> None:
    world.add("app", requires=["lib"])
    old = hashlib.sha256(world.add("lib", "1.0").read_bytes()).hexdigest()
    world.add("lib", "2.0")
    limit = parse_user_requirement("lib==1.0", origin="limits.txt:1", hashes={"sha256": frozenset({old})})
    assert world.versions("app", constraints=[limit]) == {"app": "1.0", "lib": "1.0"}
    wrong = parse_user_requirement(
        "lib==1.0", origin="limits.txt:1", hashes={"sha256": frozenset({"0" * 64})}
    )
    with pytest.raises(UnsatisfiableError, match="is none of those given"):
        world.plan("app", constraints=[wrong])


@pytest.mark.parametrize(
    ("system", "machine_name", "python", "expected"),
    [
        ("Linux", "x86_64", "3.11", {"app", "linux"}),
        ("Linux", "aarch64", "3.9", {"app", "linux", "arm", "backport"}),
        ("Windows", "AMD64", "3.13", {"app", "windows"}),
        ("Darwin", "arm64", "3.10", {"app", "backport"}),
    ],
)
def test_markers_are_of_the_target_not_of_this_interpreter(
    world: World, system: str, machine_name: str, python: str, expected: set[str]
) -> None:
    libc = "glibc 2.35" if system == "Linux" else None
    world.platform = platform_environment(system=system, machine=machine_name, libc=libc, python=python)
    world.add(
        "app",
        requires=[
            'linux; sys_platform == "linux"',
            'windows; os_name == "nt" and platform_system == "Windows"',
            'arm; platform_machine == "aarch64"',
            'backport; python_version < "3.11"',
        ],
    )
    for name in ("linux", "windows", "arm", "backport"):
        world.add(name)
    assert set(world.versions("app")) == expected


def test_requires_python_of_the_target(world: World) -> None:
    world.add("lib", "1.0", requires_python=">=3.8")
    world.add("lib", "2.0", page_requires_python=">=3.13")
    assert world.versions("lib") == {"lib": "1.0"}
    world.platform = platform_environment(system="Linux", machine="x86_64", libc="glibc 2.35", python="3.13")
    assert world.versions("lib") == {"lib": "2.0"}


def test_posts_and_locals_by_the_standards_comparisons(world: World) -> None:
    for version in ("1.0", "1.0+cpu", "1.0.post1", "1.1"):
        world.add("lib", version)
    assert world.versions("lib==1.0") == {"lib": "1.0+cpu"}  # a local version satisfies the public one
    assert world.versions("lib===1.0") == {"lib": "1.0"}
    assert world.versions("lib==1.0+cpu") == {"lib": "1.0+cpu"}
    assert world.versions("lib!=1.1,!=1.0.post1") == {"lib": "1.0+cpu"}
    assert world.versions("lib~=1.0.0") == {"lib": "1.0.post1"}


def test_two_direct_references_to_one_project_conflict(world: World) -> None:
    one, two = world.add("lib", "1.0"), world.add("lib", "2.0")
    with pytest.raises(UnsatisfiableError):
        world.plan(f"lib @ {one.as_uri()}", f"lib @ {two.as_uri()}")


def test_a_direct_reference_with_an_extra_and_a_constraint(world: World) -> None:
    path = world.add("app", "1.0", extras={"x": ["lib"]})
    world.add("app", "2.0")
    world.add("lib")
    assert world.versions(f"app[x] @ {path.as_uri()}") == {"app": "1.0", "lib": "1.0"}
    with pytest.raises(UnsatisfiableError, match=r"limits\.txt:1 allows only app>=2"):
        world.plan(f"app @ {path.as_uri()}", constraints=["app>=2"])


def test_every_variant_of_a_version_before_an_older_version(world: World) -> None:
    """And the summary says which were given up, and why."""
    world.machine = machine(gpu={"arch": ["3", "2", "1"]})
    metadata = variant_metadata(
        ["gpu"], {**{f"gpu{arch}": {"gpu": {"arch": [arch]}} for arch in "321"}, "null": {}}
    )
    world.variants(
        "net",
        "2.0",
        metadata,
        [
            "leaf==9; 'gpu :: arch :: 3' in variant_properties",
            "leaf==8; 'gpu :: arch :: 2' in variant_properties",
        ],
    )
    world.variants("net", "1.0", metadata)
    world.add("leaf", "1.0")
    plan = world.plan("net")
    (net,) = plan.install
    assert (str(net.version), net.label) == ("2.0", "gpu1")
    told = "\n".join(plan.notes)
    assert "gpu3" in told and "leaf==9" in told
    assert "gpu2" in told and "leaf==8" in told
