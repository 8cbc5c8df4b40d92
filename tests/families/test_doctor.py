"""``doctor`` on environments with members of a family: silent where all is well, and its commands mend."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.families.test_stand_ins import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def findings(place: Place, *words: str, code: int = 0) -> list[dict[str, Any]]:
    where = ("-i", place.index, "--no-backends", "--profile", place.root / "gpu.toml")
    found: list[dict[str, Any]] = json.loads(place.variantctl("doctor", *where, "--json", *words, code=code))[
        "findings"
    ]
    return found


def mend(place: Place, finding: dict[str, Any]) -> None:
    """Run what the hint says, as it is pasted."""
    for command in finding["hint"].split("`")[1::2]:
        name, *words = shlex.split(command)
        assert name == "variantctl"
        place.run([sys.executable, "-m", "variantctl", *words])


def test_a_member_with_its_other_names_is_right(place: Place) -> None:
    place.variantctl("install", "rembg", "faces")
    assert findings(place) == [] == findings(place, "--updates") == findings(place, "--no-families")


def test_two_members_and_which_python_finds(place: Place) -> None:
    place.pip("install", "-q", "-i", place.index, "onnxruntime-gpu", "rembg")
    (shared,) = findings(place, code=1)
    assert (shared["kind"], shared["package"]) == ("shared-import", "onnxruntime")
    found = {"cpu": "onnxruntime 1.31.0", "gpu": "onnxruntime-gpu 1.31.0"}[place.kind()]
    assert f"Python finds the files of {found.partition(' ')[0]}" in shared["detail"]
    mend(place, shared)
    assert place.kind() == "gpu" and findings(place) == []
    place.content()


def test_a_member_for_cpus_beside_a_gpu(place: Place) -> None:
    place.pip("install", "-q", "-i", place.index, "rembg")
    (brought,) = findings(place)
    assert (brought["severity"], brought["kind"]) == ("suggestion", "cpu-build")
    (better,) = [each for each in findings(place, "--updates") if each["kind"] != "cpu-build"]
    assert (better["kind"], better["package"]) == ("better-variant", "onnxruntime")
    assert "cpu is installed, and gpu is better" in better["detail"]
    mend(place, brought)
    assert place.kind() == "gpu" and findings(place, "--updates") == []
    place.content()


def test_a_name_whose_distribution_is_gone(place: Place) -> None:
    place.variantctl("install", "rembg")
    (real,) = (place.root / "env").glob("lib/python*/site-packages/onnxruntime_gpu-*.dist-info")
    shutil.rmtree(real)
    (alone,) = findings(place, code=1)
    assert (alone["kind"], alone["package"]) == ("stand-in-alone", "onnxruntime")
    mend(place, alone)
    assert place.kind() == "gpu" and findings(place) == []
    place.content()
