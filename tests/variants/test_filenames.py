"""Wheel filenames with and without labels, next to what packaging says of the same names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import InvalidWheelFilename, canonicalize_name
from packaging.utils import parse_wheel_filename as packaging_parse
from packaging.version import Version

from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import (
    parse_variants_json_filename,
    parse_wheel_filename,
    variants_json_filename,
)

names = st.sampled_from(["torch", "Foo.Bar", "a_b", "x1"])
versions = st.sampled_from(["1", "2.10.0", "1.0+cu128", "1!2.0rc1", "1.0.post1"])
builds = st.sampled_from(["", "1", "0", "12abc", "3_x.y"])
tags = st.sampled_from(["py3-none-any", "cp312-cp312-manylinux_2_28_x86_64", "py2.py3-none-linux_x.linux_y"])
labels = st.text("ab09._", min_size=1, max_size=6)


def plain_name(name: str, version: str, build: str, tag: str) -> str:
    return "-".join(part for part in (name, version, build, tag) if part) + ".whl"


@given(names, versions, builds, tags, labels)
def test_every_combination_of_build_tag_and_label(
    name: str, version: str, build: str, tag: str, label: str
) -> None:
    plain = plain_name(name, version, build, tag)
    variant = f"{plain[:-4]}-{label}.whl"
    expected = packaging_parse(plain)

    bare = parse_wheel_filename(plain)
    assert (bare.name, bare.version, bare.build, bare.tags) == expected
    assert bare.label is None
    assert not bare.is_variant
    assert bare.with_label(label) == variant
    assert bare.with_label(None) == plain

    labelled = parse_wheel_filename(variant)
    assert (labelled.name, labelled.version, labelled.build, labelled.tags) == expected
    assert labelled.label == label
    assert labelled.filename == variant
    assert labelled.with_label(None) == plain
    assert parse_wheel_filename(labelled.with_label("null")).label == "null"


def mostly(good: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """*good*, and one time in ten a short text that may be anything."""
    junk = st.text("pycx30.1_A+! \n-", max_size=4)
    return st.integers(0, 9).flatmap(lambda number: good if number else junk)


stems = st.builds(
    lambda *parts: "-".join(parts),
    mostly(names | st.sampled_from(["a__b", ".", "é"])),
    mostly(versions | st.sampled_from(["1.0.0-1", "v1", "1..0"])),
    mostly(builds),
    mostly(st.sampled_from(["py3", "cp312", "py2.py3", "2py", "py3.3py"])),
    mostly(st.sampled_from(["none", "abi3", "none.abi3"])),
    mostly(st.sampled_from(["any", "linux_x86_64", "a.b"])),
).map(lambda stem: stem.replace("--", "-", 1))


@given(stems | st.text(max_size=12), st.sampled_from([".whl", ".whl", ".whl", ".WHL", ".zip", ""]))
def test_without_a_label_it_agrees_with_packaging(stem: str, suffix: str) -> None:
    filename = stem + suffix
    try:
        ours = parse_wheel_filename(filename)
    except InvalidVariantError:
        ours = None
    if ours is not None and ours.label is not None:
        packaging_parse(ours.with_label(None))
        with pytest.raises(InvalidWheelFilename):
            packaging_parse(filename)  # a stock tool never takes a variant wheel for an ordinary one
        return
    try:
        theirs = packaging_parse(filename)
    except InvalidWheelFilename:
        assert ours is None
        return
    unprintable = not filename.isprintable() or " " in filename
    tags_given = [tag.split(".") for tag in stem.split("-")[-3:]]
    # Before 26.3 packaging lets empty tags pass, and it still lets Python tags start with a digit.
    stricter = unprintable or not all(map(all, tags_given)) or any(tag[:1].isdigit() for tag in tags_given[0])
    assert stricter or ours is not None
    if ours is not None:
        assert (ours.name, ours.version, ours.build, ours.tags) == theirs


@pytest.mark.parametrize(
    ("filename", "rule"),
    [
        ("foo-1.0-3py-none-any.whl", "starts with a digit"),
        ("foo-1.0-1-3py-none-any.whl", "starts with a digit"),
        ("foo-1.0-py2.3py-none-any-x.whl", "starts with a digit"),
        ("foo-1.0-py3-none-any-.whl", "label is empty"),
        ("foo-1.0-1-py3-none-any-.whl", "label is empty"),
        ("foo-1.0-py3-none-any-CUDA.whl", "label 'CUDA' has characters"),
        ("foo-1.0-py3-none-any-cu+12.whl", "characters"),
        ("foo-1.0-py3-none-any-é.whl", "characters"),
        ("foo-1.0-py3-none-any-a-b.whl", "Invalid build number|components"),
        ("foo-1.0-1-py3-none-any-a-b.whl", "8 components"),
        ("foo-1.0-py3-none.whl", "4 components"),
        ("foo-1.0-py3-none-any-a.zip", "ends in '.whl'"),
        ("foo-1.0-py3-none-any-a.whl.part", "ends in '.whl'"),
        ("foo--py3-none-any-a.whl", "version"),
        ("foo-one-py3-none-any-a.whl", "version"),
        ("foo__bar-1.0-py3-none-any-a.whl", "project name"),
        ("-1.0-py3-none-any-a.whl", "project name"),
        ("foo-1.0-py3--any-a.whl", "tag is empty"),
        ("foo-1.0-py2.-none-any.whl", "tag is empty"),
        ("../foo-1.0-py3-none-any-a.whl", "separator"),
        ("foo-1.0-py3-none-any/../x-a.whl", "separator"),
        ("foo-1.0-py3-none-any\\x-a.whl", "separator"),
        ("foo-1.0-py3-none-any-a\n.whl", "control character"),
        ("foo- 1.0-py3-none-any-a.whl", "space"),
        ("foo-1.0-" + "1" * 5000 + "-py3-none-any.whl", "limit"),
        ("foo-" + "1" * 5000 + "-py3-none-any.whl", "limit"),
    ],
)
def test_refusals_name_the_file_and_the_rule(filename: str, rule: str) -> None:
    with pytest.raises(InvalidVariantError, match=rule) as caught:
        parse_wheel_filename(filename)
    assert caught.value.source
    assert len(str(caught.value)) < 12_000


def test_a_build_tag_is_told_from_a_label_by_its_digit() -> None:
    build = parse_wheel_filename("foo-1.0-1_a-py3-none-any.whl")
    assert (build.build, build.label) == ((1, "_a"), None)
    label = parse_wheel_filename("foo-1.0-py3-none-any-1_a.whl")
    assert (label.build, label.label) == ((), "1_a")


def test_with_label_refuses_what_is_no_label() -> None:
    with pytest.raises(InvalidVariantError, match="label"):
        parse_wheel_filename("foo-1.0-py3-none-any.whl").with_label("A-b")


@given(names, versions)
def test_index_level_filename_round_trips(name: str, version: str) -> None:
    filename = variants_json_filename(name, version)
    assert parse_variants_json_filename(filename) == (canonicalize_name(name), Version(version))


def test_index_level_filename_is_normalized_as_a_wheel_s() -> None:
    assert variants_json_filename("Foo-Bar.baz", "1.0.0-RC1") == "foo_bar_baz-1.0.0rc1-variants.json"
    assert variants_json_filename("torch", Version("2.10.0")) == "torch-2.10.0-variants.json"
    with pytest.raises(InvalidVariantError, match="not a version"):
        variants_json_filename("torch", "two")


@pytest.mark.parametrize(
    "filename",
    [
        "",
        "-variants.json",
        "torch-variants.json",
        "torch-2-variants.json.asc",
        "torch-x-variants.json",
        "torch-2-py3-none-any.whl",
        "a/b-2-variants.json",
        "_a-2-variants.json",
        "a-b-2-variants.json",
    ],
)
def test_other_files_are_not_index_level_metadata(filename: str) -> None:
    assert parse_variants_json_filename(filename) is None
