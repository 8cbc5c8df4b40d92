"""The choice among wheels where two rules meet: preferences, builds listed as one, several accelerators."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from tests.select.test_ranking import INTERPRETER, link, names, terms_of
from variantctl.indexes.project_files import BackendBuild, WheelLink
from variantctl.select.preferences import VariantPreferences
from variantctl.select.ranking import SelectionContext, evaluate_wheels, marker_variant, rank_wheels
from variantctl.values import replace

VARIANTS = {"a": {"m": {"f": ["1"]}}, "b": {"m": {"f": ["2"]}}, "c": {"g": {"f": ["1"]}}}
OFFERED = {"m": {"f": ["2", "1"]}, "g": {"f": ["1"]}}


def labels(wheels: Any) -> list[str | None]:
    return [wheel.label for wheel in wheels]


def preferring(*patterns: str) -> SelectionContext:
    return terms_of(VARIANTS, OFFERED, preferences=VariantPreferences.parse(prefer=patterns))


def test_what_is_preferred_comes_first_and_the_first_pattern_weighs_most() -> None:
    links = [link("a"), link("b"), link("c")]
    assert labels(rank_wheels(links, preferring())) == ["b", "a", "c"]
    assert labels(rank_wheels(links, preferring("m :: f :: 1"))) == ["a", "b", "c"]
    assert labels(rank_wheels(links, preferring("g"))) == ["c", "b", "a"]
    assert labels(rank_wheels(links, preferring("g", "m :: f :: 1"))) == ["c", "a", "b"]
    assert labels(rank_wheels(links, preferring("m :: f :: 1", "g"))) == ["a", "c", "b"]


def test_the_null_variant_is_there_once_and_last() -> None:
    listed = terms_of({**VARIANTS, "null": {}}, OFFERED)
    assert labels(rank_wheels([link("null"), link("a")], listed)) == ["a", "null"]
    assert labels(rank_wheels([link("a")], listed)) == ["a"]
    assert [wheel.rank for wheel in rank_wheels([link("null"), link("a")], listed)] == [1, 2]


@pytest.mark.parametrize(
    ("wanted", "taken", "says"),
    [
        ("a", ["a"], "is not 'a', which --variant asks for"),
        ("", [None], "is not the non-variant wheel, which --variant asks for"),
        ("null", ["null"], "is not 'null', which --variant asks for"),
        (None, ["b", "a", "null", None], ""),
    ],
)
def test_a_label_that_is_asked_for(wanted: str | None, taken: list[str | None], says: str) -> None:
    terms = terms_of(VARIANTS, OFFERED, label=wanted)
    links = [link("a"), link(None), link("b"), link("null")]
    assert labels(rank_wheels(links, terms)) == taken
    for wheel in evaluate_wheels(links, terms)[len(taken) :]:
        assert [reason.kind for reason in wheel.reasons] == ["other-label"]
        assert wheel.reasons[0].detail == says and wheel.verdict == "excluded"


def test_a_wheel_without_a_label_has_no_marker_variant() -> None:
    terms = terms_of(VARIANTS, OFFERED)
    assert marker_variant(None, terms).label == "" and not marker_variant(None, terms).properties
    without = replace(terms, metadata=None)
    assert marker_variant(None, without).label == "" and marker_variant("a", without).label == "a"
    assert set(map(str, marker_variant("a", terms).properties)) == {"m :: f :: 1"}


def test_each_accelerator_must_run_it() -> None:
    """``--accelerator-of all``: what one of them lacks rules a label out, and is said."""
    both = {"m": {"f": ["2", "1"]}}
    one, two = {"m": {"f": ["2", "1"]}}, {"m": {"f": ["1"]}}
    terms = terms_of(VARIANTS, both, each_alone=(one, two))
    assert labels(rank_wheels([link("a"), link("b")], terms)) == ["a"]
    taken, refused = evaluate_wheels([link("a"), link("b")], terms)
    assert taken.verdict == "selected" and refused.verdict == "incompatible"
    assert [reason.kind for reason in refused.reasons] == ["property"]
    assert "another accelerator of this machine" in refused.reasons[0].detail
    assert labels(rank_wheels([link("b")], terms_of(VARIANTS, both))) == ["b"]


def test_metadata_that_cannot_be_read_is_named() -> None:
    terms = SelectionContext(INTERPRETER)
    (wheel,) = evaluate_wheels([link("a")], terms)
    assert wheel.reasons[0].detail == "no variant metadata says what 'a' needs"
    (wheel,) = evaluate_wheels([link("a")], replace(terms, unreadable="it is a list"))
    assert wheel.reasons[0].detail == "has variant metadata that cannot be read: it is a list"


def test_what_is_excluded_says_by_which_features() -> None:
    preferences = VariantPreferences.parse(exclude=["m :: f", "g"])
    variants = {"v": {"m": {"f": ["1"]}, "g": {"f": ["1"]}}}
    (wheel,) = evaluate_wheels([link("v")], terms_of(variants, OFFERED, preferences=preferences))
    assert wheel.verdict == "excluded"
    assert wheel.reasons[0].detail == "--exclude leaves it no value of g :: f, m :: f"


@pytest.mark.parametrize(
    ("there", "first"), [(None, "t2"), ("2.0rc1", "t2"), ("1.9", "t1.9"), ("1.9rc1", "t1.9"), ("3", "t2")]
)
def test_a_pre_release_counts_as_what_is_installed(there: str | None, first: str) -> None:
    variants = {f"t{prefix}": {"abi_dependency": {"torch": [prefix]}} for prefix in ("1.9", "2")}
    installed: Any = {} if there is None else {"torch": Version(there)}
    terms = terms_of(variants, {}, installed=installed)
    assert labels(rank_wheels([link("t1.9"), link("t2")], terms))[0] == first


def of_backend(version: str, tag: str = "py3-none-any", build: str = "") -> WheelLink:
    plain = link("a", tag, build)
    name = plain.wheel.filename.replace("1.0", version, 1).replace("-a.whl", ".whl")
    file = replace(plain.file, filename=name)
    return replace(
        plain,
        wheel=replace(plain.wheel, filename=name),
        file=file,
        backend=BackendBuild("pytorch", Version(version)),
    )


def test_of_several_versions_that_are_listed_as_one_the_newest_comes_first() -> None:
    """Then the better tag, then the higher build number."""
    best, worse = "cp311-cp311-manylinux_2_28_x86_64", "py3-none-any"
    wheels = [
        of_backend("1.0+cu9", best, "2"),
        of_backend("1.0+cu10", worse, "9"),
        of_backend("1.0+cu9", worse, "10"),
        of_backend("1.0+cu9", best, "10"),
        of_backend("1.0+cu10", best),
    ]
    terms = terms_of(VARIANTS, OFFERED)
    assert {wheel.version for wheel in wheels} == {Version("1.0+cu9"), Version("1.0+cu10")}
    # "cu10" is text to PEP 440, and comes before "cu9" in it.
    newest = max(wheel.version for wheel in wheels)
    expected = sorted(
        wheels,
        key=lambda wheel: (
            wheel.version != newest,
            INTERPRETER.rank(wheel.wheel),
            -(wheel.wheel.build or (0, ""))[0],
        ),
    )
    for page in (wheels, wheels[::-1]):
        assert names(rank_wheels(page, terms)) == [wheel.wheel.filename for wheel in expected]
    asked = replace(terms, versions=frozenset({Version("1.0+cu10")}))
    assert {wheel.link.version for wheel in rank_wheels(wheels, asked)} == {Version("1.0+cu10")}
    refused = evaluate_wheels(wheels, asked)[-1]
    assert refused.reasons[0].detail == "is 1.0+cu9, which was not asked for"


def test_yanked_says_why() -> None:
    terms = SelectionContext(INTERPRETER)
    for yanked, says in (("broken", "broken"), (True, "no reason given"), ("", None)):
        (wheel,) = evaluate_wheels([link(None, yanked=yanked)], terms)
        details = [reason.detail for reason in wheel.reasons]
        assert details == ([f"was yanked: {says}; only == with this version takes it"] if says else [])
        assert evaluate_wheels([link(None, yanked=yanked)], replace(terms, allow_yanked=True))[0].rank == 1
