"""``variantctl explain`` of several requirements, and what ``install`` says of a newer driver."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_install import Shell
from tests.resolve.world import variant_metadata

METADATA = variant_metadata(
    ["nvidia"],
    {
        "cuda13": {"nvidia": {"cuda_version_lower_bound": ["13.0"]}},
        "cuda12": {"nvidia": {"cuda_version_lower_bound": ["12.0"]}},
        "null": {},
    },
)
SOURCE = ("--no-index", "-f", "wheels", "--profile", "h100")
NOTE = "with CUDA driver 13.0 you would get torch cuda13 (now it is 12.8)"


@pytest.fixture
def torches(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.variants("torch", "2.0", METADATA, ["sympy"])
    shell.world.add("sympy", "1.0")
    shell.world.add("vision", "3.0", ["torch"])
    return shell


def test_several_requirements_are_one_plan(torches: Shell) -> None:
    found = json.loads(torches.run("explain", "torch", "vision", *SOURCE, "--json").stdout)
    assert list(found) == ["format", "plan", "packages"]
    assert [planned["name"] for planned in found["plan"]["install"]] == ["sympy", "torch", "vision"]
    assert [package["selected"]["label"] for package in found["packages"]] == [None, "cuda12", None]
    assert found["packages"][0]["needed_by"] == ["torch"]


def test_plan_of_one_requirement(torches: Shell) -> None:
    found = json.loads(torches.run("explain", "--plan", "torch", *SOURCE, "--json").stdout)
    assert [package["name"] for package in found["packages"]] == ["sympy", "torch"]
    told = torches.run("explain", "--plan", "vision", *SOURCE).stdout
    assert "torch 2.0: its variant cuda12 is taken" in told
    assert "With CUDA driver 13.0 you would get cuda13 (now it is 12.8)." in told
    row = next(line for line in told.splitlines() if "sympy" in line)
    assert "torch" in row


def test_install_notes_it_in_one_line(torches: Shell) -> None:
    done = torches.run("install", "--dry-run", "vision", *SOURCE)
    assert done.stderr.count(NOTE) == 1
    assert NOTE not in torches.run("-q", "install", "--dry-run", "vision", *SOURCE).stderr


def test_a_plan_that_cannot_be_made_says_what_would_help(torches: Shell) -> None:
    torches.world.add("torch", "1.0")
    failed = json.loads(
        torches.run("explain", "vision", "torch<2", "torch>=2", *SOURCE, "--json", code=1).stdout
    )
    assert failed["error"]["kind"] == "unsatisfiable"
    assert "the command line asks for torch<2" in failed["error"]["message"]
    assert "Loosen 'torch<2' (there is torch 2.0 too)" in failed["error"]["hint"]
