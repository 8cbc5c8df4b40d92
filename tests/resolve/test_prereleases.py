"""What a need lets in that is met only after its project was decided: pre-releases and yanked wheels."""

from __future__ import annotations

import pytest

from tests.resolve.world import World
from variantctl.resolve.errors import UnsatisfiableError


def test_a_pre_release_that_a_later_need_names(world: World) -> None:
    world.add("a", "5.0")
    world.add("a", "6.0a1")
    world.add("x", requires=["a>=6.0a1"])
    assert world.versions("a", "x") == {"a": "6.0a1", "x": "1.0"}
    assert world.versions("x", "a") == {"a": "6.0a1", "x": "1.0"}


def test_a_yanked_wheel_that_a_later_need_pins(world: World) -> None:
    world.add("y", "0.5")
    world.add("y", "1.0", yanked="broken")
    world.add("z", requires=["y==1.0"])
    assert world.versions("y", "z") == {"y": "1.0", "z": "1.0"}


def test_nothing_is_let_in_by_a_need_that_was_given_up(world: World) -> None:
    world.add("a", "5.0")
    world.add("a", "6.0a1")
    world.add("b", "1.0", ["a>5.0a1", "c"])  # names a pre-release, and cannot be had
    world.add("b", "0.9", ["a"])
    world.add("c", "1.0", ["missing"])
    assert world.versions("a", "b") == {"a": "5.0", "b": "0.9"}


def test_a_late_candidate_must_still_be_needed_in_the_end(world: World) -> None:
    """``x 2.0`` lets the pre-release in and falls out; without it nothing may take the pre-release."""
    world.add("a", "5.0", ["z==1"])
    world.add("a", "6.0a1", ["z==2"])
    world.add("z", "1.0")
    world.add("z", "2.0")
    world.add("x", "2.0", ["a>=6.0a1", "missing"])
    world.add("x", "1.0", ["a"])
    world.add("y", "1.0", ["z==2"])
    with pytest.raises(UnsatisfiableError):
        world.plan("a", "x", "y")


def test_a_pre_release_where_a_later_need_shuts_out_the_last_release(world: World) -> None:
    """Case 26 of the campaign on graphs with seed 20261124, made smaller; pip and uv find it too."""
    world.add("d", "2.0a1")
    world.add("d", "3.0")
    world.add("f", requires=["d==2.*"])
    assert world.versions("d", "f") == {"d": "2.0a1", "f": "1.0"}
    assert world.versions("f", "d") == {"d": "2.0a1", "f": "1.0"}


def test_a_range_of_yanked_wheels_that_a_later_need_pins(world: World) -> None:
    world.add("y", "0.5")
    world.add("y", "1.0", yanked="broken")
    world.add("x", requires=["y>=1.0"])
    world.add("z", requires=["y==1.0"])
    for roots in (("x", "z"), ("z", "x"), ("y>=1.0", "z"), ("z", "y>=1.0")):
        assert world.versions(*roots)["y"] == "1.0"
    with pytest.raises(UnsatisfiableError, match="was yanked: broken"):
        world.plan("x")


def test_a_need_that_the_failed_search_had_not_met(world: World) -> None:
    """``a`` and ``b`` contradict each other before anybody has asked what ``x`` needs."""
    world.add("a", "5.0", ["z==1"])
    world.add("a", "6.0a1", ["z==2"])
    world.add("b", requires=["z==2"])
    world.add("x", requires=["y"])
    world.add("y", requires=["a>=6.0a1"])
    world.add("z", "1.0")
    world.add("z", "2.0")
    assert world.versions("a", "b", "x")["a"] == "6.0a1"


def test_what_stood_on_a_need_that_is_gone_is_tried_without_it(world: World) -> None:
    """``x 2.0`` lets ``a 6.0a1`` in and is given up; ``c`` keeps its pre-release, which ``w`` asks for."""
    world.add("a", "4.0")
    world.add("a", "6.0a1")
    world.add("c", "1.0")
    world.add("c", "2.0a1")
    world.add("x", "2.0", ["a>=6.0a1", "missing"])
    world.add("x", "1.0", ["a"])
    world.add("y", "2.0", ["a>5"])
    world.add("y", "1.0", ["a<5"])
    world.add("w", requires=["c>=2.0a1"])
    found = {"a": "4.0", "c": "2.0a1", "w": "1.0", "x": "1.0", "y": "1.0"}
    assert world.versions("a", "c", "x", "y", "w") == found


def test_nothing_is_let_in_by_what_only_it_brings_in(world: World) -> None:
    """Case 21 of the same campaign: uv takes ``e 4.0a1``, whose own dependency shuts the release out."""
    world.add("e", "3.0", ["missing"])
    world.add("e", "4.0a1", ["a"])
    world.add("a", requires=["e!=3.0"])
    world.add("other", requires=["a"])
    with pytest.raises(UnsatisfiableError):
        world.plan("e>=3.0")
    assert world.versions("e>=3.0", "other")["e"] == "4.0a1"


def test_a_pin_that_an_older_version_of_something_decided_has(world: World) -> None:
    """Case 405 of the campaign with seed 7: ``a 2.0`` was not to blame, and ``a 1.0`` pins the wheel."""
    world.add("a", "1.0", ["h==7.0"])
    world.add("a", "2.0")
    world.add("b", requires=["h==7.*"])
    world.add("h", "7.0", yanked="broken")
    assert world.versions("a", "b") == {"a": "1.0", "b": "1.0", "h": "7.0"}


def test_an_extra_is_no_ground_for_its_own_project(world: World) -> None:
    """Case 369 of the campaign with seed 7: ``c[x]`` needs what needs a pre-release of ``c``."""
    world.add("c", "1.0.dev1", extras={"x": ["f"]})
    world.add("c", "4.0", ["missing"])
    world.add("f", requires=["c<=5.0a1"])
    with pytest.raises(UnsatisfiableError):
        world.plan("c[x]")
    assert world.versions("c[x]", "f")["c"] == "1.0.dev1"
