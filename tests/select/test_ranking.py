"""The choice among the wheels of one version: every wheel is ranked or has a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tests.resolve.world import PLATFORM, interpreter, variant_metadata
from variantctl.indexes.project_files import WheelLink
from variantctl.net.remote_file import RemoteFile
from variantctl.select.compatibility import Interpreter
from variantctl.select.preferences import VariantPreferences
from variantctl.select.ranking import (
    SelectionContext,
    best_of_each_build,
    evaluate_wheels,
    marker_variant,
    rank_wheels,
)
from variantctl.target.platforms import platform_environment
from variantctl.values import replace
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.ordering import order_labels

INTERPRETER = interpreter()
METADATA = variant_metadata(
    ["gpu", "cpu"],
    {
        "a": {"gpu": {"arch": ["9", "8"], "cuda": ["12"]}},
        "b": {"gpu": {"cuda": ["13"]}},
        "c": {"cpu": {"level": ["v3"]}},
        "d": {"cpu": {"level": ["v2"]}, "gpu": {"arch": ["8"]}},
        "e": {"cpu": {"level": ["v2"]}, "abi_dependency": {"torch": ["2.9"]}},
        "null": {},
    },
)
TAGS = (
    "py3-none-any",
    "cp311-cp311-manylinux_2_28_x86_64",
    "cp312-cp312-win_amd64",
    "cp311-abi3-manylinux_2_39_x86_64",
)


def link(label: str | None, tag: str = "py3-none-any", build: str = "", **file: Any) -> WheelLink:
    middle = f"-{build}" if build else ""
    name = f"lib-1.0{middle}-{tag}" + (f"-{label}" if label else "") + ".whl"
    return WheelLink(RemoteFile(name, f"file:///w/{name}", **file), parse_wheel_filename(name))


VALUES = {"gpu": {"arch": ["9", "8", "7"], "cuda": ["13", "12"]}, "cpu": {"level": ["v3", "v2", "v1"]}}
SUPPORTED = st.fixed_dictionaries(
    {
        namespace: st.fixed_dictionaries(
            {feature: st.lists(st.sampled_from(values), unique=True) for feature, values in features.items()}
        )
        for namespace, features in VALUES.items()
    }
)
LINKS = st.lists(
    st.builds(
        link,
        st.sampled_from([None, "a", "b", "c", "d", "e", "null", "unknown"]),
        st.sampled_from(TAGS),
        st.sampled_from(["", "1", "2", "10", "2a"]),
        yanked=st.sampled_from([False, False, True, "broken"]),
        requires_python=st.sampled_from([None, None, ">=3.8", ">=3.12", "nonsense"]),
        hashes=st.sampled_from([{}, {"sha256": "aa"}, {"sha256": "bb"}, {"md5": "cc"}]),
    ),
    unique_by=lambda item: item.wheel.filename,
    max_size=12,
)
PATTERNS = st.lists(
    st.sampled_from(["gpu", "cpu", "gpu :: arch", "gpu :: arch :: 9", "cpu :: level :: v3"]), max_size=2
)
TERMS = st.builds(
    lambda supported, prefer, exclude, label, plain, metadata, hashes, yanked: SelectionContext(
        INTERPRETER,
        VariantPreferences.parse(prefer=prefer, exclude=exclude, no_variants=plain),
        None if plain else label,
        metadata,
        supported,
        hashes,
        yanked,
        installed={},
    ),
    SUPPORTED,
    PATTERNS,
    PATTERNS,
    st.sampled_from([None, None, None, "", "a", "null"]),
    st.sampled_from([False, False, True]),
    st.sampled_from([METADATA, METADATA, METADATA, None]),
    st.sampled_from([{}, {}, {"sha256": frozenset({"aa"})}]),
    st.booleans(),
)


@given(LINKS, TERMS)
def test_every_wheel_is_ranked_or_has_a_reason(links: list[WheelLink], terms: SelectionContext) -> None:
    ranked = rank_wheels(links, terms)
    judged = evaluate_wheels(links, terms)
    assert sorted(wheel.link.wheel.filename for wheel in judged) == sorted(
        link.wheel.filename for link in links
    )
    taken = [wheel for wheel in judged if wheel.rank is not None]
    assert [wheel.link for wheel in taken] == [wheel.link for wheel in ranked]
    assert [wheel.rank for wheel in taken] == list(range(1, len(taken) + 1))
    assert all(not wheel.reasons for wheel in taken)
    for wheel in judged[len(taken) :]:
        assert wheel.reasons and all(reason.detail for reason in wheel.reasons), wheel
        assert wheel.verdict in ("incompatible", "excluded")
    assert [wheel.verdict for wheel in taken] == ["selected"][: len(taken)] + ["compatible"] * (
        len(taken) - 1
    )


@given(LINKS, TERMS)
def test_preferences_never_widen(links: list[WheelLink], terms: SelectionContext) -> None:
    """Each label taken is one that the standard finds compatible, whatever was preferred."""
    compatible = {None, "null"}
    if terms.metadata is not None:
        abi = {**terms.supported, "abi_dependency": {"torch": ["2.9"]}}
        compatible.update(order_labels(terms.metadata, abi))
    assert {wheel.label for wheel in rank_wheels(links, terms)} <= compatible


@given(LINKS, SUPPORTED)
def test_without_preferences_labels_are_in_the_standards_order(
    links: list[WheelLink], supported: dict[str, dict[str, list[str]]]
) -> None:
    ranked = rank_wheels(links, SelectionContext(INTERPRETER, metadata=METADATA, supported=supported))
    labels = [wheel.label for wheel in best_of_each_build(ranked)]
    order = order_labels(METADATA, {**supported, "abi_dependency": {"torch": ["2.9"]}})
    expected = [label for label in order if label in labels] + ([None] if None in labels else [])
    assert labels == expected
    assert [wheel.label for wheel in ranked] == sorted(
        (wheel.label for wheel in ranked), key=lambda label: labels.index(label)
    )


@given(LINKS, SUPPORTED)
def test_within_a_label_tags_decide_and_then_the_higher_build(
    links: list[WheelLink], supported: dict[str, dict[str, list[str]]]
) -> None:
    ranked = rank_wheels(links, SelectionContext(INTERPRETER, metadata=METADATA, supported=supported))
    for first, second in combinations(ranked, 2):
        if first.label == second.label:
            one, two = (INTERPRETER.rank(wheel.link.wheel) for wheel in (first, second))
            assert one is not None and two is not None and one <= two
            if one == two:
                assert (first.link.wheel.build or (-1, "")) > (second.link.wheel.build or (-1, ""))


@given(
    st.lists(st.sampled_from(["2.9", "2.10", "3", "x.y"]), unique=True, min_size=1),
    st.sampled_from([None, "2.9.1"]),
)
def test_builds_for_what_is_installed_come_first_then_for_the_newest(
    prefixes: list[str], there: str | None
) -> None:
    metadata = variant_metadata(
        ["gpu"], {f"t{prefix}": {"abi_dependency": {"torch": [prefix]}} for prefix in prefixes}
    )
    installed = {} if there is None else {"torch": Version(there)}
    terms = SelectionContext(INTERPRETER, metadata=metadata, installed=installed)  # type: ignore[arg-type]
    ranked = [wheel.label for wheel in rank_wheels([link(f"t{prefix}") for prefix in prefixes], terms)]
    order = ["t3", "t2.10", "t2.9", "tx.y"]
    if there is not None:
        order = ["t2.9", "t3", "t2.10", "tx.y"]
    assert ranked == [label for label in order if label in ranked] and len(ranked) == len(prefixes)


def test_reasons_are_readable() -> None:
    metadata: VariantMetadata = variant_metadata(
        ["nvidia", "x86_64"],
        {
            "cu13": {"nvidia": {"cuda_version_lower_bound": ["13.0"], "sm_arch": ["100_real", "120_real"]}},
            "v4": {"x86_64": {"level": ["v4"]}},
        },
    )
    offered = [f"12.{minor}" for minor in range(8, -1, -1)]
    supported = {
        "nvidia": {"cuda_version_lower_bound": offered, "sm_arch": ["100_real"]},
        "x86_64": {"level": ["v3", "v2"]},
    }
    terms = SelectionContext(INTERPRETER, metadata=metadata, supported=supported)
    judged = evaluate_wheels([link("cu13"), link("v4")], terms)
    assert [reason.detail for wheel in judged for reason in wheel.reasons] == [
        "needs nvidia :: cuda_version_lower_bound 13.0; this machine's driver offers 12.8 and older",
        "needs x86_64 :: level v4; this machine is v3",
    ]


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        ("cp312-cp312-manylinux_2_28_x86_64", "is for cp312, but this is Python 3.11"),
        ("cp311-cp311t-manylinux_2_28_x86_64", "is for cp311-cp311t, but this is Python 3.11"),
        ("cp311-cp311-manylinux_2_39_x86_64", "needs glibc 2.39, but this machine has glibc 2.35"),
        ("cp311-cp311-musllinux_1_2_x86_64", "is for musllinux_1_2_x86_64, but this is linux_x86_64"),
        ("cp311-cp311-manylinux_2_28_aarch64", "is for manylinux_2_28_aarch64, but this is linux_x86_64"),
        ("cp311-cp311-win_amd64", "is for win_amd64, but this is linux_x86_64"),
        (
            "cp38.cp39.cp310.pp39.cp37-none-any",
            "is for cp310, cp37, cp38 and 2 more, but this is Python 3.11",
        ),
    ],
)
def test_tags_that_do_not_fit(tag: str, why: str) -> None:
    assert INTERPRETER.why_not(parse_wheel_filename(f"lib-1.0-{tag}.whl")) == why


def test_prereleases_of_python_count_as_the_release() -> None:
    markers = {**PLATFORM.markers, "python_full_version": "3.14.0rc2+"}
    early = Interpreter(PLATFORM.tags, markers)
    assert (
        early.accepts_python(">=3.14") and not early.accepts_python(">=3.15") and early.accepts_python("!!")
    )


def test_windows() -> None:
    windows = interpreter(platform_environment(system="Windows", machine="AMD64", python="3.12"))
    assert windows.rank(parse_wheel_filename("lib-1.0-cp312-cp312-win_amd64.whl")) == 0
    assert (
        windows.why_not(parse_wheel_filename("lib-1.0-cp312-cp312-win32.whl"))
        == "is for win32, but this is win_amd64"
    )


def terms_of(variants: Mapping[str, Any], supported: Any, **more: Any) -> SelectionContext:
    return SelectionContext(
        INTERPRETER, metadata=variant_metadata(["m", "g", "a"], variants), supported=supported, **more
    )


def names(wheels: Iterable[Any]) -> list[str]:
    return [wheel.link.wheel.filename for wheel in wheels]


def test_markers_see_what_is_allowed() -> None:
    """What the user excludes is not there for the requirements of a wheel either."""
    preferences = VariantPreferences.parse(exclude=["m :: g :: 2"])
    terms = terms_of({"v": {"m": {"g": ["1", "2"]}}}, {"m": {"g": ["2", "1"]}}, preferences=preferences)
    assert set(map(str, marker_variant("v", terms).properties)) == {"m :: g :: 1"}
    anything = replace(terms, preferences=VariantPreferences())
    assert set(map(str, marker_variant("v", anything).properties)) == {"m :: g :: 1", "m :: g :: 2"}


def test_preferring_a_value_that_the_machine_lacks_changes_nothing() -> None:
    preferences = VariantPreferences.parse(prefer=["m :: f :: 9"])
    variants = {"a": {"m": {"f": ["1", "9"]}}, "b": {"m": {"f": ["2"]}}}
    terms = terms_of(variants, {"m": {"f": ["2", "1"]}}, preferences=preferences)
    assert [wheel.label for wheel in rank_wheels([link("a"), link("b")], terms)] == ["b", "a"]


def test_the_best_tag_of_a_set_counts() -> None:
    """Not its worst one: ``manylinux_2_17.manylinux2014`` is as good as the better of the two."""
    ordered = [str(tag) for tag in sorted(INTERPRETER.ranks, key=INTERPRETER.ranks.__getitem__)]
    linux = [tag.rpartition("-")[2] for tag in ordered if tag.startswith("cp311-cp311-") and "linux" in tag]
    best, middle, worst = linux[0], linux[len(linux) // 2], linux[-1]
    both = link(None, f"cp311-cp311-{best}.{worst}")
    one = link(None, f"cp311-cp311-{middle}")
    assert names(rank_wheels([one, both], SelectionContext(INTERPRETER))) == [
        both.wheel.filename,
        one.wheel.filename,
    ]


@pytest.mark.parametrize(
    ("listed", "allowed", "taken"),
    [
        # As pip has it: one that matches is enough; the other is compared after the download.
        ({"sha256": "aa", "md5": "zz"}, {"sha256": {"aa"}, "md5": {"bb"}}, True),
        ({"sha256": "zz", "md5": "zz"}, {"sha256": {"aa"}, "md5": {"bb"}}, False),
        ({"sha256": "AA"}, {"sha256": {"aa"}}, True),
        ({"sha512": "cc"}, {"sha256": {"aa"}}, True),
        ({}, {"sha256": {"aa"}}, True),
        ({"sha256": "aa"}, {}, True),
    ],
)
def test_hashes(listed: Mapping[str, str], allowed: Mapping[str, set[str]], taken: bool) -> None:
    terms = SelectionContext(
        INTERPRETER, hashes={name: frozenset(digests) for name, digests in allowed.items()}
    )
    assert bool(rank_wheels([link(None, hashes=listed)], terms)) == taken


def test_the_order_does_not_depend_on_the_page() -> None:
    """Same label, tag and build: the name decides, however a page lists them."""
    first = link(None)
    second = replace(
        first,
        wheel=replace(first.wheel, filename="lib-1.0.0-py3-none-any.whl"),
        file=replace(first.file, filename="lib-1.0.0-py3-none-any.whl"),
    )
    terms = SelectionContext(INTERPRETER)
    assert names(rank_wheels([first, second], terms)) == names(rank_wheels([second, first], terms))


@pytest.mark.parametrize("supported", [{}, {"m": {"g": ["1"]}}])
def test_a_null_variant_needs_no_entry(supported: Any) -> None:
    """PEP 825, "Variant label": it has zero properties, listed or not, and comes last."""
    terms = terms_of({"v": {"m": {"g": ["1"]}}}, supported)
    expected = ["v", "null"] if supported else ["null"]
    assert [wheel.label for wheel in rank_wheels([link("null"), link("v")], terms)] == expected


def test_the_nearest_of_what_is_refused_comes_first() -> None:
    """Excluded by the user; then what the machine lacks; then what is for other interpreters."""
    variants = {"out": {"m": {"g": ["1"]}}, "out2": {"m": {"g": ["1"]}}, "lacks": {"g": {"f": ["1"]}}}
    preferences = VariantPreferences.parse(exclude=["m"])
    terms = terms_of(variants, {"m": {"g": ["1"]}}, preferences=preferences)
    links = [link(None, "cp310-cp310-win_amd64"), link("lacks"), link("out"), link("out2")]
    judged = evaluate_wheels(links, terms)
    assert [wheel.link.wheel.label for wheel in judged] == ["out", "out2", "lacks", None]
    assert [wheel.verdict for wheel in judged] == ["excluded", "excluded", "incompatible", "incompatible"]


def test_what_made_it_best_is_in_the_order_of_priority() -> None:
    variants = {"v": {"a": {"x": ["1"]}, "m": {"z": ["1"], "b": ["2", "1"]}, "g": {"f": ["1"]}}}
    supported = {"a": {"x": ["1"]}, "g": {"f": ["1"]}, "m": {"z": ["1"], "b": ["1", "2"]}}
    (best,) = rank_wheels([link("v")], terms_of(variants, supported))
    assert list(map(str, best.best)) == ["m :: z :: 1", "m :: b :: 1", "g :: f :: 1", "a :: x :: 1"]


def test_the_higher_build_comes_first() -> None:
    """By its number, and any before none ("Binary distribution format": it must start with a digit)."""
    builds = ["", "2", "10", "2a"]
    ranked = rank_wheels([link(None, build=build) for build in builds], SelectionContext(INTERPRETER))
    assert [wheel.link.wheel.build for wheel in ranked] == [(10, ""), (2, "a"), (2, ""), ()]


@pytest.mark.parametrize(
    ("yanked", "why"), [(True, "no reason given"), ("", None), ("broken on Tuesdays", "broken on Tuesdays")]
)
def test_why_a_file_was_yanked(yanked: bool | str, why: str | None) -> None:
    (judged,) = evaluate_wheels([link(None, yanked=yanked)], SelectionContext(INTERPRETER))
    if why is None:
        assert judged.verdict == "selected", "an empty text is no yank"
    else:
        assert [reason.detail for reason in judged.reasons] == [
            f"was yanked: {why}; only == with this version takes it"
        ]


def test_reasons_in_words() -> None:
    (judged,) = evaluate_wheels([link(None, requires_python=">=3.99")], SelectionContext(INTERPRETER))
    assert [reason.kind for reason in judged.reasons] == ["requires-python"]
    assert "needs Python >=3.99, but this is 3." in judged.reasons[0].detail
    preferences = VariantPreferences.parse(exclude=["m"])
    terms = terms_of({"v": {"m": {"g": ["1"]}}}, {"m": {"g": ["1"]}}, preferences=preferences)
    (judged,) = evaluate_wheels([link("v")], terms)
    assert [reason.detail for reason in judged.reasons] == ["--exclude leaves it no value of m :: g"]


def test_what_is_for_others_is_far_whatever_else_it_lacks() -> None:
    terms = terms_of({"lacks": {"g": {"f": ["1"]}}}, {})
    for_others = link("lacks", "cp310-cp310-win_amd64")
    judged = evaluate_wheels([for_others, link("lacks")], terms)
    assert [wheel.link.wheel.filename for wheel in judged] == [
        link("lacks").wheel.filename,
        for_others.wheel.filename,
    ]
    assert {reason.kind for reason in judged[1].reasons} > {"tags"}
