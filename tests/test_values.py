"""Values beside ``dataclasses``: the same class made by both must behave the same."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import random
import threading
import time
from functools import cached_property
from operator import ge, gt, le, lt
from typing import Any, ClassVar

import pytest

from variantctl import values

OPTIONS = [
    {"frozen": frozen, "eq": eq, "order": order, "kw_only": kw_only, "slots": slots}
    for frozen in (False, True)
    for eq in (False, True)
    for order in (False, True)
    for kw_only in (False, True)
    for slots in (False, True)
    if eq or not order
]


def pair(**options: bool) -> tuple[Any, Any]:
    """One class as ``dataclasses`` makes it, and as we do."""

    def make(module: Any) -> Any:
        @module.dataclass(**options)
        class Value:
            """A value."""

            kind: ClassVar[str] = "value"
            one: int
            two: tuple[int, ...] = (2,)
            three: str = module.field(default="3", repr=False)
            four: int = module.field(default=4, compare=False)
            five: tuple[str, ...] = module.field(default_factory=lambda: ("five",))
            six: list[int] = module.field(default_factory=list, init=False, compare=False)

            def __post_init__(self) -> None:
                self.six.append(self.one)

        return Value

    return make(dataclasses), make(values)


def outcome(do: Any) -> Any:
    """What a call gives, or the error that it ends with."""
    try:
        return do()
    except TypeError:
        return TypeError
    except AttributeError:
        return AttributeError


@pytest.mark.parametrize(
    "options", OPTIONS, ids=lambda options: "-".join(k for k, on in options.items() if on)
)
def test_behaves_as_a_dataclass_does(options: dict[str, bool]) -> None:
    seed = time.time_ns()
    print("seed", seed)
    draw = random.Random(seed)
    theirs, ours = pair(**options)
    made = []
    for _ in range(12):
        names = draw.sample(["one", "two", "three", "four", "five", "six", "seven"], draw.randrange(5))
        kwargs: dict[str, Any] = {name: draw.choice([1, 2]) for name in ["one", *names]}
        args = [draw.choice([1, 2]) for _ in range(draw.choice([0, 0, 0, 1, 2]))]
        kwargs = dict(list(kwargs.items())[len(args) and 1 :])
        both = (
            outcome(lambda a=args, k=kwargs: theirs(*a, **k)),
            outcome(lambda a=args, k=kwargs: ours(*a, **k)),
        )
        if isinstance(both[0], type):
            assert both[1] is both[0]
        else:
            made.append(both)
    made += [(theirs(one=one), ours(one=one)) for one in (1, 1, 2)]
    for their, our in made:
        assert repr(our) == repr(their)
        assert our.six == their.six == [our.one]
        assert ours.__match_args__ == theirs.__match_args__
        assert values.asdict(our) == dataclasses.asdict(their)
        assert repr(values.replace(our, one=7)) == repr(dataclasses.replace(their, one=7))
        assert (our.kind, ours.kind) == ("value", "value")
        assert hasattr(our, "__dict__") == hasattr(their, "__dict__")
        hashes = outcome(lambda each=our: hash(each)), outcome(lambda each=their: hash(each))
        assert (hashes[0] is TypeError) == (hashes[1] is TypeError)
        for name in ("one", "six", "more"):
            setting = [outcome(lambda e=each, n=name: setattr(e, n, e.one)) for each in (our, their)]
            if name != "more" or not options["slots"]:
                assert setting[0] == setting[1]
            assert outcome(lambda e=our: delattr(e, "absent")) is AttributeError
    for their, our in made:
        for their_other, our_other in made:
            assert (our == our_other) == (their == their_other)
            for compare in (lt, le, gt, ge):
                results = [
                    outcome(lambda c=compare, pair=each: c(*pair))
                    for each in ((our, our_other), (their, their_other))
                ]
                assert results[0] == results[1]
        assert our != their


def test_fields_are_inherited_in_order() -> None:
    @values.dataclass(frozen=True, kw_only=True)
    class Base:
        one: int
        two: int = 2

    @values.dataclass(frozen=True, kw_only=True)
    class Derived(Base):
        three: int
        two: int = 22

    assert repr(Derived(one=1, three=3)).endswith("Derived(one=1, two=22, three=3)")
    assert Base(one=1) != Derived(one=1, three=3)
    assert hash(Derived(one=1, three=3)) == hash(Derived(three=3, one=1))


def test_own_methods_stay() -> None:
    @values.dataclass(frozen=True)
    class Own:
        one: int

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return 7

        def __repr__(self) -> str:
            return "own"

        @cached_property
        def twice(self) -> int:
            return 2 * self.one

    assert (Own(1) == Own(2), hash(Own(1)), repr(Own(1)), Own(3).twice) == (True, 7, "own", 6)


def test_what_cannot_be_changed_says_so() -> None:
    @values.dataclass(frozen=True)
    class Frozen:
        one: int

    with pytest.raises(values.FrozenInstanceError, match="cannot assign to field 'one'"):
        Frozen(1).one = 2  # type: ignore[misc]


def test_many_threads_make_the_first_instance() -> None:
    for _ in range(50):

        @values.dataclass(frozen=True)
        class Value:
            one: int

        made: list[Value] = []
        start = threading.Barrier(4)

        def make(one: int, kind: Any = Value, made: list[Any] = made, start: Any = start) -> None:
            start.wait()
            made.append(kind(one))

        threads = [threading.Thread(target=make, args=(one,)) for one in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(value.one for value in made) == [0, 1, 2, 3]


@values.dataclass(frozen=True, slots=True)
class Slotted:
    one: int
    two: tuple[int, ...] = ()


def test_pickle_and_copy_keep_a_frozen_value_with_slots() -> None:
    value = Slotted(1, (2, 3))
    assert pickle.loads(pickle.dumps(value)) == copy.copy(value) == copy.deepcopy(value) == value


@pytest.mark.parametrize("module", [dataclasses, values], ids=["dataclasses", "ours"])
@pytest.mark.parametrize("default", [[], {}, set()], ids=["list", "dict", "set"])
def test_a_default_that_all_would_share_is_refused(module: Any, default: object) -> None:
    with pytest.raises(ValueError, match="default"):

        @module.dataclass
        class Shared:
            one: object = default


@pytest.mark.parametrize("module", [dataclasses, values], ids=["dataclasses", "ours"])
def test_what_has_no_default_comes_first(module: Any) -> None:
    with pytest.raises(TypeError, match="default"):

        @module.dataclass(frozen=True)
        class Disordered:
            one: int = 0
            two: int
