"""The choice among the wheels of one version: every wheel is ranked or has a reason."""

from __future__ import annotations

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
from variantctl.select.ranking import SelectionContext, best_of_each_label, evaluate_wheels, rank_wheels
from variantctl.target.platforms import platform_environment
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
    labels = [wheel.label for wheel in best_of_each_label(ranked)]
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
        ("cp312-cp312-manylinux_2_28_x86_64", "is for cp312; this is Python 3.11"),
        ("cp311-cp311t-manylinux_2_28_x86_64", "is for cp311-cp311t; this is Python 3.11"),
        ("cp311-cp311-manylinux_2_39_x86_64", "needs glibc 2.39; this machine has glibc 2.35"),
        ("cp311-cp311-musllinux_1_2_x86_64", "is for musllinux_1_2_x86_64; this is linux_x86_64"),
        ("cp311-cp311-manylinux_2_28_aarch64", "is for manylinux_2_28_aarch64; this is linux_x86_64"),
        ("cp311-cp311-win_amd64", "is for win_amd64; this is linux_x86_64"),
        (
            "cp38.cp39.cp310.pp39.cp37-none-any",
            "is for cp310, cp37, cp38 and 2 more; this is Python 3.11",
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
        == "is for win32; this is win_amd64"
    )
