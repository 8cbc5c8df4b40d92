"""Changed requirements and versions, and the METADATA and RECORD that say so."""

from __future__ import annotations

from email.parser import BytesParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from tests.wheels.recipes import CU126, members
from variantctl.variants.errors import InvalidVariantError
from variantctl.wheels.build import build_wheel
from variantctl.wheels.metadata import parse_core_metadata, with_public_version, with_requires
from variantctl.wheels.requirement_edits import DependencyEdits
from variantctl.wheels.variant_wheel import make_variant
from variantctl.wheels.verify import verify_wheel

NEEDS = ("numpy>=1", "Nvidia_Cublas.cu12==12.8; platform_system == 'Linux'", "numpy<3; extra == 'x'", "torch")
METADATA = b"""Metadata-Version: 2.1
Name: thing
Version: 1.0+cu128
Requires-Dist: numpy>=1
License: one
        two
requires-dist: torch;
        python_version > '3'
Provides-Extra: x

Version: 9 in the description
Requires-Dist: not a header
"""


def test_edits_in_their_order() -> None:
    edits = DependencyEdits.of(
        remove=["nvidia-cublas-cu12"],
        replace={"NumPy": ["numpy>=2", "scipy"]},
        add=["torch", 'triton; variant_label == "cu128"'],
    )
    after = edits.apply(NEEDS, "thing.whl")
    assert after == ("numpy>=2", "scipy", "torch", 'triton; variant_label == "cu128"')
    assert edits.apply(("numpy", "nvidia-cublas-cu12"), "x") == (
        "numpy>=2",
        "scipy",
        "torch",
        'triton; variant_label == "cu128"',
    )


@pytest.mark.parametrize(
    ("edits", "says", "hint"),
    [
        ({"remove": ["nunpy"]}, "it does not need nunpy", "did you mean 'numpy'?"),
        ({"replace": {"zzz": ["x"]}}, "it does not need zzz", "it needs numpy, nvidia-cublas-cu12, torch"),
    ],
)
def test_edits_that_do_not_fit(edits: dict[str, object], says: str, hint: str) -> None:
    with pytest.raises(InvalidVariantError, match=says) as caught:
        DependencyEdits.of(**edits).apply(NEEDS, "thing.whl")  # type: ignore[arg-type]
    assert caught.value.hint == hint
    assert "thing.whl" in caught.value.message


@pytest.mark.parametrize(
    "edits",
    [
        {"add": ["no such thing"]},
        {"add": ["a; variant_features == 'x'"]},
        {"replace": {"a": ["?"]}},
        {"remove": ["a"], "replace": {"A": ["a>1"]}},
    ],
)
def test_edits_that_make_no_sense(edits: dict[str, object]) -> None:
    with pytest.raises(InvalidVariantError):
        DependencyEdits.of(**edits)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_headers_change_and_the_description_does_not(end: bytes) -> None:
    data = METADATA.replace(b"\n", end)
    changed = with_public_version(with_requires(data, ["a>=1", "b"]), Version("1.0+cu128"))
    assert changed.splitlines() == [
        b"Metadata-Version: 2.1",
        b"Name: thing",
        b"Version: 1.0",
        b"Requires-Dist: a>=1",
        b"Requires-Dist: b",
        b"License: one",
        b"        two",
        b"Provides-Extra: x",
        b"",
        b"Version: 9 in the description",
        b"Requires-Dist: not a header",
    ]
    assert changed.count(b"\n") == changed.count(end)


def test_metadata_without_requirements_or_description() -> None:
    assert with_requires(b"Name: a\nVersion: 1", ["b"]) == b"Name: a\nVersion: 1\nRequires-Dist: b\n"
    assert with_requires(b"Name: a\nVersion: 1\n\ntext", ["b"]).endswith(b"Requires-Dist: b\n\ntext")


@given(st.lists(st.sampled_from(["a", "b>=1", "c; extra == 'x'"]), max_size=4, unique=True))
def test_what_is_written_is_what_is_read(requires: list[str]) -> None:
    data = with_requires(METADATA, requires)
    assert BytesParser().parsebytes(data).get_all("Requires-Dist", []) == requires
    assert parse_core_metadata(data, "x").requires_dist == tuple(requires)
    assert data.partition(b"\n\n")[2] == METADATA.partition(b"\n\n")[2]


def test_a_wheel_without_its_local_version(tmp_path: Path) -> None:
    plain = build_wheel(
        tmp_path / "in",
        name="thing",
        version="1.0+cu126.git1",
        files={"thing/__init__.py": b"__version__ = '1.0+cu126.git1'\n", "thing-1.0.data.txt": b"x"},
        data={"scripts/run": b"#!python\n", "data/share/x": b"y"},
        requires=["numpy"],
        build="1",
    )
    edits = DependencyEdits.of(add=["scipy"])
    path = make_variant(plain, tmp_path, label="cu126", properties=CU126, edits=edits, drop_local=True)
    assert path.name == "thing-1.0-1-py3-none-any-cu126.whl"
    verify_wheel(path)
    before, after = members(plain), members(path)
    assert {name.replace("1.0+cu126.git1", "1.0") for name in before} | {
        "thing-1.0.dist-info/variant.json"
    } == set(after)
    assert (
        b"Version: 1.0\nRequires-Dist: numpy\nRequires-Dist: scipy\n" in after["thing-1.0.dist-info/METADATA"]
    )
    assert not any("cu126.git1" in name for name in after)
    # What the code says of itself is the author's.
    assert after["thing/__init__.py"] == before["thing/__init__.py"]
    again = make_variant(
        plain, tmp_path / "again", label="cu126", properties=CU126, edits=edits, drop_local=True
    )
    assert again.read_bytes() == path.read_bytes()


def test_no_local_version_to_drop(tmp_path: Path) -> None:
    plain = build_wheel(tmp_path / "in", name="thing", version="1.0")
    path = make_variant(plain, tmp_path, label="cu126", properties=CU126, drop_local=True)
    assert path.name == "thing-1.0-py3-none-any-cu126.whl"
