"""Bits of versions that specifiers allow: the same as packaging's own answer, version by version."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from variantctl.resolve.ranges import VersionRow, told

RELEASES = st.lists(st.integers(0, 3), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
SUFFIXES = st.sampled_from(("", "", "", "a1", "rc1", ".dev1", ".post1", "a1.dev2", "+cpu", ".post1+x.1"))
VERSIONS = st.builds(
    lambda epoch, release, end: epoch + release + end, st.sampled_from(("", "", "1!")), RELEASES, SUFFIXES
)
SPECIFIERS = st.builds(
    lambda operator, version, star: operator + version + star,
    st.sampled_from(("<", "<=", ">", ">=", "==", "!=", "~=", "===")),
    VERSIONS,
    st.sampled_from(("", "", ".*")),
)


@given(st.lists(VERSIONS, max_size=25), st.lists(SPECIFIERS, min_size=1, max_size=3))
def test_specifiers_as_packaging_reads_them(texts: list[str], parts: list[str]) -> None:
    try:
        specifiers = SpecifierSet(",".join(parts))
    except InvalidSpecifier:
        return
    versions = sorted({Version(text) for text in texts}, reverse=True)
    widths = [Random(len(texts)).randint(1, 3) for _ in versions]
    starts = [1]
    for width in widths:
        starts.append(starts[-1] + width)
    expected = 0
    for place, version in enumerate(versions):
        if specifiers.contains(version, prereleases=True):
            expected |= (1 << starts[place + 1]) - (1 << starts[place])
    assert VersionRow(versions, starts).allowed(specifiers) == expected


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("5 4 3 2 1", ""),
        ("3", "3"),
        ("5 4", ">=4"),
        ("2 1", "<=2"),
        ("4 3", ">=3,<=4"),
        ("5 3 1", "1, 3 and 5"),
        ("7 5 3 1", "4 of 7 versions (1 to 7)"),
    ],
)
def test_versions_in_words(chosen: str, words: str) -> None:
    everything = [Version(str(number)) for number in range(7 if "7" in chosen else 5, 0, -1)]
    assert told([Version(text) for text in chosen.split()], everything) == words
