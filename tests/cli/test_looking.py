"""The commands that look: freeze, show, tree, check, versions, list; and the one that makes environments."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_install import METADATA, Shell

PLACE = ("--no-index", "-f", "wheels")
HERE = ("-p", "env")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """torch as a variant, which needs numpy; app, which needs torch and numpy."""
    shell = Shell(tmp_path)
    shell.world.variants("torch", "2.0", METADATA, ["numpy>=1"])
    for version in ("1.0", "2.0", "3.0a1"):
        shell.world.add("numpy", version)
    shell.world.add("app", requires=("torch", "numpy<9"))
    shell.run("install", "app", "numpy==1.0", *HERE, *PLACE)
    return shell


def as_json(shell: Shell, *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(shell.run(*arguments, "--json", code=code).stdout)
    assert found["format"] == 1
    return found


def test_freeze_is_a_requirements_file(shell: Shell, tmp_path: Path) -> None:
    frozen = shell.run("freeze", *HERE).stdout
    assert frozen == "app==1.0\nnumpy==1.0\ntorch==2.0\n"
    (tmp_path / "frozen.txt").write_text(frozen)
    shell.run("install", "-r", "frozen.txt", "--target", "again", *PLACE)
    assert {path.name for path in (tmp_path / "again").glob("*.dist-info")} >= {"numpy-1.0.dist-info"}
    assert shell.run("freeze", "--exclude", "Torch", "--labels", *HERE).stdout == "app==1.0\nnumpy==1.0\n"
    assert "torch==2.0  # null\n" in shell.run("freeze", "--labels", *HERE).stdout
    assert as_json(shell, "freeze", *HERE)["packages"][2]["requirement"] == "torch==2.0"


def test_freeze_says_what_pip_says(shell: Shell, tmp_path: Path) -> None:
    (wheel,) = shell.world.wheels.glob("numpy-2.0-*.whl")
    shell.run("install", str(wheel), *HERE, *PLACE)
    command = [sys.executable, "-m", "pip", "--python", str(shell.env), "freeze"]
    theirs = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert shell.run("freeze", *HERE).stdout.splitlines() == sorted(theirs.splitlines())


def test_show_names_the_variant_and_why(shell: Shell) -> None:
    said = shell.run("show", "torch", *HERE).stdout
    assert "Name: torch\nVersion: 2.0\n" in said and "Variant: null\n" in said
    assert "Requires: numpy\nRequired-by: app\n" in said
    assert "Why:\n  needed by app\n  null is for every machine\n" in said
    found = as_json(shell, "show", "Torch", "app", "nothing", *HERE)
    assert found["missing"] == ["nothing"]
    assert [item["required_by"] for item in found["packages"]] == [["app"], []]
    assert found["packages"][1]["why"] == ["somebody asked for it"]
    assert "nothing is not installed" in shell.run("show", "nothing", *HERE, code=1).stderr


def test_show_says_whether_the_variant_fits(shell: Shell) -> None:
    shell.run("install", "torch", "--profile", "h100", "--reinstall", *HERE, *PLACE)
    (item,) = as_json(shell, "show", "torch", "--profile", "h100", *HERE)["packages"]
    assert item["label"] == "cuda12"
    assert item["properties"]["nvidia"]["sm_arch"] == ["90_real"]
    assert "cuda12 fits profile h100: nvidia :: cuda_version_lower_bound :: 12.0" in item["why"][1]
    said = shell.run("show", "torch", "--files", "--profile", "x86-64-v3", *HERE).stdout
    assert "cuda12 needs nvidia" in said and "profile x86-64-v3 offers no nvidia" in said
    assert "torch-2.0.dist-info/METADATA" in said


def test_tree(shell: Shell) -> None:
    assert shell.run("tree", *HERE).stdout == (
        "app 1.0\n├── numpy 1.0\n└── torch 2.0 null\n    └── numpy 1.0\n"
    )
    assert shell.run("tree", "--depth", "1", *HERE).stdout == "app 1.0\n├── numpy 1.0\n└── torch 2.0 null\n"
    inverted = shell.run("tree", "--invert", "numpy", *HERE).stdout
    assert inverted == "numpy 1.0\n├── app 1.0\n└── torch 2.0 null\n    └── app 1.0\n"
    (node,) = as_json(shell, "tree", *HERE)["tree"]
    assert [child["name"] for child in node["children"]] == ["numpy", "torch"]
    assert "nothing there needs it" in shell.run("tree", "nothing", *HERE, code=1).stderr


def test_check(shell: Shell) -> None:
    assert shell.run("check", *HERE).stdout == "3 packages have everything that they need.\n"
    shell.run("uninstall", "numpy", *HERE)
    said = shell.run("check", *HERE, code=1).stdout
    assert "torch 2.0 needs numpy>=1, which is not installed" in said
    assert "`variantctl install 'numpy>=1' -p env` installs it." in said
    kinds = {item["kind"] for item in as_json(shell, "check", *HERE, code=1)["findings"]}
    assert kinds == {"missing-dependency"}


def test_versions(shell: Shell) -> None:
    said = shell.run("versions", "numpy", *HERE, *PLACE).stdout.splitlines()
    assert [line.split() for line in said[2:]] == [["2.0"], ["1.0", "installed"]]
    assert "3.0a1" in shell.run("versions", "numpy", "--pre", *HERE, *PLACE).stdout
    found = as_json(shell, "versions", "torch", *HERE, *PLACE)
    assert found["installed"] == "2.0"
    assert sorted(found["versions"][0]["labels"]) == ["cuda12", "null"]
    assert "nothing" in shell.run("versions", "nothing", *PLACE, code=1).stderr


def test_list_outdated(shell: Shell) -> None:
    (line,) = shell.run("list", "--outdated", *HERE, *PLACE).stdout.splitlines()[2:]
    assert line.split() == ["numpy", "1.0", "2.0"]
    (item,) = as_json(shell, "list", "--outdated", *HERE, *PLACE)["packages"]
    assert (item["version"], item["latest_version"]) == ("1.0", "2.0")
    (item,) = as_json(shell, "list", "--outdated", "--pre", *HERE, *PLACE)["packages"]
    assert item["latest_version"] == "3.0a1"
    shell.run("install", "numpy==2.0", *HERE, *PLACE)
    assert "has a newer version" in shell.run("list", "--outdated", *HERE, *PLACE).stderr


def test_list_in_the_forms_of_pip(shell: Shell) -> None:
    assert shell.run("list", "--format=freeze", *HERE).stdout == "app==1.0\nnumpy==1.0\ntorch==2.0\n"
    rows = json.loads(shell.run("list", "--format", "json", *HERE).stdout)
    assert rows[1] == {"name": "numpy", "version": "1.0"}


def test_a_table_becomes_a_list_in_a_narrow_terminal(shell: Shell) -> None:
    name = "a-package-with-a-very-long-name-that-goes-on-and-on-for-most-of-a-line-and-more"
    shell.world.add(name)
    shell.run("install", name, *HERE, *PLACE)
    assert name in shell.run("list", *HERE).stdout
    shell.environ["COLUMNS"] = "40"
    said = shell.run("list", *HERE).stdout
    assert max(map(len, said.splitlines())) <= 40
    assert said.startswith("Package: a-package-with-a-very-")
    assert "\n  Version: 1.0\n" in said


def test_venv(shell: Shell, tmp_path: Path) -> None:
    assert f"Made {tmp_path / 'new'}" in shell.run("venv", "new", "-p", str(shell.python)).stdout
    shell.run("install", "numpy==2.0", "-p", "new", *PLACE)
    assert "numpy==2.0\n" in shell.run("freeze", "-p", "new").stdout
    assert "is an environment already" in shell.run("venv", "new", code=1).stderr
    shell.run("venv", "new", "--clear")
    assert shell.run("freeze", "-p", "new").stdout == ""
    (tmp_path / "work").mkdir()
    (tmp_path / "work/thesis.tex").touch()
    assert "has files in it" in shell.run("venv", "work", "--clear", code=1).stderr
    assert (tmp_path / "work/thesis.tex").is_file()
    assert as_json(shell, "venv", "third", "--seed")["environment"] == str(tmp_path / "third")
    assert list(tmp_path.glob("third/lib/python*/site-packages/pip"))
