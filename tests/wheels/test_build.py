"""Wheels built from bytes: read back by the tools that install wheels."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import Distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from installer.sources import WheelFile

from tests.wheels.recipes import CU126, members, metadata
from variantctl.variants.errors import InvalidVariantError
from variantctl.wheels.build import build_wheel
from variantctl.wheels.verify import verify_wheel


def test_installer_accepts_it(tmp_path: Path) -> None:
    path = build_wheel(
        tmp_path,
        name="Some-Thing",
        version="1.0+Local.1",
        tag="cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
        build="2abc",
        files={"some/__init__.py": b"x = 1\n"},
        data={"scripts/some": b"#!python\n", "headers/some.h": b"\n"},
        requires=["b; 'nvidia' in variant_namespaces"],
        extras={"fast": ["c>1", "d; python_version > '3'"]},
        requires_python=">=3.10",
        entry_points={"console_scripts": {"some-cli": "some:main"}, "other": {"x": "some"}},
    )
    assert path.name == (
        "some_thing-1.0+local.1-2abc-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    )
    verify_wheel(path)
    with WheelFile.open(path) as source:
        source.validate_record()
        assert source.dist_info_dir == "some_thing-1.0+local.1.dist-info"
    wheel = members(path)["some_thing-1.0+local.1.dist-info/WHEEL"].decode()
    assert "Root-Is-Purelib: false" in wheel
    assert "Tag: cp312-cp312-manylinux2014_x86_64\n" in wheel
    assert "Build: 2abc" in wheel
    with ZipFile(path) as archive:
        script = archive.getinfo("some_thing-1.0+local.1.data/scripts/some")
        assert script.external_attr >> 16 & 0o111
        assert archive.namelist()[-1].endswith("/RECORD")


def test_importlib_reads_its_metadata(tmp_path: Path) -> None:
    path = build_wheel(
        tmp_path,
        name="a",
        version="1",
        extras={"x": ["b; python_version > '3'"]},
        requires=["c"],
        summary="S",
    )
    with ZipFile(path) as archive:
        archive.extractall(tmp_path)
    distribution = Distribution.at(tmp_path / "a-1.dist-info")
    assert distribution.requires == ["c", "b; (python_version > '3') and extra == \"x\""]
    assert distribution.metadata["Summary"] == "S"


def test_pip_installs_it(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, name="tiny", version="1", files={"tiny.py": b"x = 42\n"})
    target = tmp_path / "target"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-index",
        "--no-deps",
        "--target",
        str(target),
        str(path),
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert (target / "tiny.py").read_bytes() == b"x = 42\n"


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    paths = [
        build_wheel(
            tmp_path / name,
            name="a",
            version="1",
            files={"a.py": b"x" * 999},
            label="cu126",
            metadata=metadata(cu126=CU126),
        )
        for name in ("one", "two")
    ]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_variant_wheel_lists_its_own_variant_alone(tmp_path: Path) -> None:
    path = build_wheel(
        tmp_path,
        name="a",
        version="1",
        label="cu126",
        metadata=metadata(cu126=CU126, cu130={"nvidia": {"x": ("1",)}}),
    )
    assert path.name == "a-1-py3-none-any-cu126.whl"
    assert list(json.loads(members(path)["a-1.dist-info/variant.json"])["variants"]) == ["cu126"]
    verify_wheel(path)


def test_refuses_a_label_the_metadata_does_not_list(tmp_path: Path) -> None:
    with pytest.raises(InvalidVariantError, match="none are listed"):
        build_wheel(tmp_path, name="a", version="1", label="cu130", metadata=metadata(cu126=CU126))
    with pytest.raises(ValueError, match="needs variant metadata"):
        build_wheel(tmp_path, name="a", version="1", label="cu130")
    assert not list(tmp_path.iterdir())
