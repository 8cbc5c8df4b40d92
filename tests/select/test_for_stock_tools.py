"""A tool that knows tags only, shown what we show, takes the wheel that we would."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.resolve.world import PLATFORM, interpreter
from tests.select.test_ranking import METADATA, SUPPORTED, TERMS, link
from variantctl.indexes.project_files import WheelLink
from variantctl.select.compatibility import Interpreter
from variantctl.select.for_stock_tools import other_pythons, presented
from variantctl.select.ranking import SelectionContext, rank_wheels
from variantctl.target.platforms import platform_environment
from variantctl.values import replace

TAGS = (
    "py3-none-any",
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp312-cp312-manylinux_2_28_x86_64",
    "cp312-cp312-manylinux_2_17_x86_64",
    "cp313-cp313t-manylinux_2_28_x86_64",
    "cp311-abi3-manylinux_2_17_x86_64",
    "cp312-cp312-win_amd64",
    "py3-none-win_amd64",
)
LINKS = st.lists(
    st.builds(
        link,
        st.sampled_from([None, "a", "b", "c", "d", "null", "unknown"]),
        st.sampled_from(TAGS),
        st.sampled_from(["", "1", "2"]),
        yanked=st.sampled_from([False, False, True]),
        requires_python=st.sampled_from([None, None, ">=3.8", ">=3.12"]),
    ),
    unique_by=lambda item: item.wheel.filename,
    max_size=14,
)


def by_tags_alone(shown: list[WheelLink], interpreter: Interpreter) -> WheelLink | None:
    """What pip takes: no yanked file where there is another, then the best tag, then the build tag."""

    def rank(item: WheelLink) -> tuple[int, tuple[int, str], str]:
        best = interpreter.rank(item.wheel)
        assert best is not None
        return -best, item.wheel.build or (-1, ""), item.wheel.filename

    fits = [
        item
        for item in shown
        if interpreter.rank(item.wheel) is not None and interpreter.accepts_python(item.file.requires_python)
    ]
    kept = [item for item in fits if not item.file.yanked] or fits
    return max(kept, key=rank, default=None)


def ours(wheels: list[WheelLink], terms: SelectionContext) -> WheelLink | None:
    for yanked in (False, True):
        ranked = rank_wheels(wheels, replace(terms, allow_yanked=yanked))
        if ranked:
            return ranked[0].link
    return None


def place(item: WheelLink | None) -> object:
    """What two wheels that are equally good have in common."""
    return item and (item.wheel.label, item.wheel.tags, item.wheel.build)


@settings(deadline=None)
@given(LINKS, TERMS)
def test_the_tool_takes_what_we_would(wheels: list[WheelLink], terms: SelectionContext) -> None:
    terms = replace(terms, hashes={})
    if all(item.wheel.label is None for item in wheels):
        assert presented(wheels, terms) == wheels
        return
    shown = presented(wheels, terms, other_pythons(wheels, PLATFORM))
    assert place(by_tags_alone(shown, terms.interpreter)) == place(ours(wheels, terms))


@settings(deadline=None)
@given(LINKS, SUPPORTED)
def test_no_two_have_the_same_ordinary_name(
    wheels: list[WheelLink], supported: dict[str, dict[str, list[str]]]
) -> None:
    terms = SelectionContext(interpreter(), metadata=METADATA, supported=supported)
    shown = presented(wheels, terms, other_pythons(wheels, PLATFORM))
    names = [item.wheel.with_label(None) for item in shown]
    assert len(set(names)) == len(names)


def test_other_pythons_and_systems_get_their_best_too() -> None:
    supported = {"gpu": {"arch": ["9"], "cuda": ["12"]}}
    labels = [None, "a", "b", "null"]
    tags = (TAGS[1], TAGS[2], TAGS[4], TAGS[6])
    wheels = [link(label, tag) for label in labels for tag in tags]
    terms = SelectionContext(interpreter(), metadata=METADATA, supported=supported)
    others = other_pythons(wheels, PLATFORM)
    assert len(others) == 3
    assert {
        (item.wheel.label, str(min(map(str, item.wheel.tags)))) for item in presented(wheels, terms, others)
    } == {("a", tag) for tag in tags}


def test_a_worse_variant_with_a_better_tag_is_hidden_from_other_pythons_too() -> None:
    wheels = [link("a", "py3-none-any"), link("null", "cp312-cp312-manylinux_2_28_x86_64")]
    terms = SelectionContext(
        interpreter(), metadata=METADATA, supported={"gpu": {"arch": ["9"], "cuda": ["12"]}}
    )
    shown = presented(wheels, terms, other_pythons(wheels, PLATFORM))
    python312 = platform_environment(python="3.12", base=PLATFORM)
    taken = by_tags_alone(shown, Interpreter(python312.tags, python312.markers))
    assert taken is not None and taken.wheel.label == "a"
    assert len(presented(wheels, terms)) == 2, "without knowing of Python 3.12, both are shown"
