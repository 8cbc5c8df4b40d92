"""Projects: -r pyproject.toml, groups, extras, --only-deps; and export for those who stay with their tool."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_install import METADATA, Shell
from tests.cli.test_sources import project as source_tree
from variantctl.lock.exports import poetry_tables, uv_tables
from variantctl.resolve.plan import Plan

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PLACE = ("--no-index", "-f", "wheels")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    for name in ("one", "speed", "tester", "helper"):
        shell.world.add(name)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "thing"\nversion = "1"\ndependencies = ["one"]\n'
        '[project.optional-dependencies]\nfast = ["speed"]\n[dependency-groups]\ntest = ["tester"]\n'
    )
    return shell


@pytest.mark.parametrize(
    ("options", "there"),
    [
        (("-r", "pyproject.toml"), "one"),
        (("-r", "pyproject.toml", "--extra", "fast"), "one speed"),
        (("-r", "pyproject.toml", "--all-extras", "--group", "test"), "one speed tester"),
        (("--group", "test"), "tester"),
        (("--group", "../pyproject.toml:test"), "tester"),
        (("--only-deps", ".[fast]"), "one speed"),
    ],
    ids=" ".join,
)
def test_what_a_project_needs(shell: Shell, options: tuple[str, ...], there: str, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    folder = tmp_path / "below" if ".." in options[-1] else tmp_path
    sources = ("--no-index", "-f", str(shell.world.wheels), "-p", str(shell.env))
    done = shell.run("install", *options, *sources, cwd=folder)
    assert sorted(shell.packages()) == there.split()
    assert "building" not in done.stderr


def test_only_deps_where_only_the_version_is_dynamic(shell: Shell, tmp_path: Path) -> None:
    """What it needs is said; what would build it cannot be had, and is not missed."""
    text = (tmp_path / "pyproject.toml").read_text().replace('version = "1"', 'dynamic = ["version"]')
    (tmp_path / "pyproject.toml").write_text(f'[build-system]\nrequires = ["nowhere"]\n{text}')
    assert "building" not in shell.install(".[fast]", "--only-deps").stderr
    assert shell.packages() == {"one": "1.0", "speed": "1.0"}
    assert "nowhere" in shell.install(".", code=1).stderr


def test_only_deps_that_are_source_code(shell: Shell, tmp_path: Path) -> None:
    source_tree(tmp_path / "lib")
    needs = f'dependencies = ["thing @ {(tmp_path / "lib").as_uri()}"]'
    (tmp_path / "app").mkdir()
    (tmp_path / "app/pyproject.toml").write_text(f'[project]\nname = "app"\nversion = "1"\n{needs}\n')
    shell.install("./app", "--only-deps")
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}


def test_only_deps_of_a_project_that_must_be_built(shell: Shell, tmp_path: Path) -> None:
    source_tree(tmp_path / "src", "built")
    assert "building" in shell.install("./src", "--only-deps").stderr
    assert set(shell.packages()) == {"helper"}


def test_what_is_refused(shell: Shell) -> None:
    assert "none is named" in shell.install("one", "--extra", "fast", code=2).stderr
    assert "is about source code" in shell.install("one", "--only-deps", code=2).stderr
    assert "has no extra 'fats'" in shell.install("-r", "pyproject.toml", "--extra", "fats", code=1).stderr


def test_lock_of_a_project(shell: Shell, tmp_path: Path) -> None:
    shell.run("lock", "-r", "pyproject.toml", "--group", "test", "-p", "env", *PLACE)
    lock = tomllib.loads((tmp_path / "pylock.toml").read_text())
    assert [package["name"] for package in lock["packages"]] == ["one", "tester"]


def test_export_for_pip(shell: Shell, tmp_path: Path) -> None:
    shell.world.variants("torch", "2.0", METADATA, ["one"])
    done = shell.run("export", "torch", "--profile", "h100", "-o", "h100.txt", "-p", "env", *PLACE)
    assert done.stdout == "Wrote h100.txt\n"
    text = (tmp_path / "h100.txt").read_text()
    assert text.startswith("# By variantctl export, for profile h100.\none @ file:///")
    assert "torch-2.0-py3-none-any-cuda12.whl  # cuda12\n" in text
    plain = shell.run("export", "one", "-p", "env", *PLACE).stdout
    (tmp_path / "plain.txt").write_text(plain)
    command = [sys.executable, "-m", "pip", "--python", str(shell.env), "install", "-q", "-r", "plain.txt"]
    subprocess.run([*command, "--no-deps", "--no-index"], cwd=tmp_path, check=True)
    assert shell.packages() == {"one": "1.0"}
    found = json.loads(shell.run("export", "one", "--json", "-p", "env", *PLACE).stdout)
    assert found["text"] == plain and found["install"][0]["name"] == "one"


def test_export_of_what_comes_from_no_backend(shell: Shell) -> None:
    done = shell.run("export", "one", "--format", "uv", "-p", "env", *PLACE)
    assert done.stdout == "" and "no table is needed" in done.stderr
    assert uv_tables(Plan()) == poetry_tables(Plan()) == ""
