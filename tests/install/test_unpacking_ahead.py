"""Pieces made by another thread are the same, in order, and nothing is left when they are not wanted."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from variantctl.cache.unpack import read_ahead


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "variantctl-read-ahead"]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    assert threads() == []


def test_all_of_it_in_order() -> None:
    seed = time.time_ns()
    print("seed", seed)
    draw = random.Random(seed)
    for count in (0, 1, 2, 3, 100):
        pieces = [draw.randbytes(draw.randrange(50)) for _ in range(count)]
        assert list(read_ahead(iter(pieces))) == pieces


def test_it_is_ahead_but_not_far() -> None:
    made = []

    def make() -> Iterator[bytes]:
        for number in range(100):
            made.append(number)
            yield b"%d" % number

    pieces = read_ahead(make())
    assert next(pieces) == b"0"
    until = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.1)
    # One in use, two that are ready, one that waits for room.
    assert len(made) == 4
    pieces.close()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("after", [0, 1, 5])
def test_what_goes_wrong_is_raised_in_its_place(after: int, error: type[BaseException]) -> None:
    def make() -> Iterator[bytes]:
        for number in range(after):
            yield b"%d" % number
        raise error("wrong")

    pieces = read_ahead(make())
    for number in range(after):
        assert next(pieces) == b"%d" % number
    with pytest.raises(error, match="wrong"):
        next(pieces)


@pytest.mark.parametrize("used", [1, 2, 50])
def test_whoever_stops_early_leaves_no_thread(used: int) -> None:
    pieces = read_ahead(b"%d" % number for number in range(100))
    assert [next(pieces) for _ in range(used)] == [b"%d" % number for number in range(used)]
    pieces.close()
    assert threads() == []
