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
