"""Locks with source code between tools: ours built by uv and pip, theirs by us, of the same places."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_build import add_sdist
from tests.cli.test_install import Shell
from tests.cli.test_sources import git, project, repository
from tests.interop.test_locks import environ, new_pip, run, uv
from tests.lock.test_source_code import depends_on, lock, settled, sync
from variantctl.target.installed import packages_in

__all__ = ["environ", "new_pip", "repository"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An sdist beside the wheel of what everything needs, and an archive."""
    shell = Shell(tmp_path)
    shell.world.add("helper")
    add_sdist(shell.world.wheels, "1.0", name="tool")
    add_sdist(tmp_path / "archives", "1.0", name="packed")
    return shell


def needed(repository: Path) -> str:
    """A tag of a repository, which has the project in a subdirectory."""
    return f"thing @ git+{repository.as_uri()}@v1#subdirectory=python/thing"


def places(env: Path) -> dict[str, Any]:
    """What was installed, and where each says that it came from: URL, commit, whether editable."""
    (site,) = {path.resolve() for path in env.rglob("site-packages")}
    found: dict[str, Any] = {}
    for name, package in packages_in([site]).items():
        said = package.direct_url or {}
        found[name] = (
            str(package.version),
            (package.source or "").rstrip("/"),
            said.get("vcs_info", {}).get("commit_id"),
            said.get("subdirectory"),
            said.get("dir_info", {}).get("editable", False),
        )
    return found


@pytest.mark.parametrize("command", ["sync", "install"])
def test_uv_builds_ours(
    command: str, shell: Shell, tmp_path: Path, repository: Path, environ: dict[str, str]
) -> None:
    folder = depends_on(
        tmp_path / "app", "app", f"thing @ git+{repository.as_uri()}@v1#subdirectory=python/thing"
    )
    lock(shell, "-e", ".", "tool", "packed @ ../archives/packed-1.0.tar.gz", cwd=folder)
    sync(shell, cwd=folder)
    expected = places(shell.env)
    assert expected["app"] == ("1.0", folder.as_uri(), None, None, True)
    assert expected["thing"][2:4] == (git(repository, "rev-parse", "v1"), "python/thing")
    theirs = tmp_path / "theirs"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", theirs], check=True)
    words: list[str | Path] = ["pylock.toml"] if command == "sync" else ["-r", "pylock.toml"]
    run([uv(), "pip", command, "--no-index", "-p", theirs, *words], environ, folder)
    assert places(theirs) == expected
    # What uv installed of it is right for us, too, but for the archive, of which uv records no hash.
    shell.env = theirs
    said = sync(shell, cwd=folder)
    assert [line.split()[1] for line in said.splitlines() if line.startswith("  +")] == ["packed"]


@pytest.mark.network
def test_pip_builds_ours(shell: Shell, tmp_path: Path, environ: dict[str, str], new_pip: Path) -> None:
    """pip wants a hash of everything: sdists and archives have one, folders and commits do not."""
    lock(shell, "tool", "packed @ ./archives/packed-1.0.tar.gz")
    theirs = tmp_path / "theirs"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", theirs], check=True)
    run([new_pip, "--python", theirs, "install", "--no-index", "-r", "pylock.toml"], environ, tmp_path)
    sync(shell)
    assert places(theirs) == places(shell.env)


def test_we_sync_what_uv_exported(
    shell: Shell, tmp_path: Path, repository: Path, environ: dict[str, str]
) -> None:
    folder = uv_project(shell, tmp_path, repository)
    run([uv(), "lock", "--no-index", "-f", shell.world.wheels], environ, folder)
    export: list[str | Path] = [
        uv(),
        "export",
        "--no-index",
        "-f",
        shell.world.wheels,
        "--format",
        "pylock.toml",
    ]
    run([*export, "-o", "pylock.toml"], environ, folder)
    check(shell, folder, repository)


@pytest.mark.network
def test_we_sync_what_pip_locked(
    shell: Shell, tmp_path: Path, repository: Path, environ: dict[str, str], new_pip: Path
) -> None:
    folder = uv_project(shell, tmp_path, repository)
    command: list[str | Path] = [new_pip, "lock", "--no-index", "-f", shell.world.wheels, "-e", "."]
    # It asks the backend, which knows nothing of [project].
    run([*command, "tool", needed(repository), "-o", "pylock.toml"], environ, folder)
    check(shell, folder, repository)


def uv_project(shell: Shell, tmp_path: Path, repository: Path) -> Path:
    """A project that needs an sdist of an index, and a branch."""
    folder = project(tmp_path / "app", "app")
    needs = ["helper", "tool", needed(repository)]
    table = f'[project]\nname = "app"\nversion = "1.0"\nrequires-python = ">=3.10"\ndependencies = {needs}\n'
    (folder / "pyproject.toml").write_text((folder / "pyproject.toml").read_text() + table)
    return folder


def check(shell: Shell, folder: Path, repository: Path) -> None:
    sync(shell, cwd=folder)
    commit = git(repository, "rev-parse", "v1")
    assert places(shell.env) == {
        "app": ("1.0", folder.as_uri(), None, None, True),
        "helper": ("1.0", "", None, None, False),
        "thing": ("1.0", repository.as_uri(), commit, "python/thing", False),
        "tool": ("1.0", "", None, None, False),
    }
    settled(shell, cwd=folder)
    assert json.loads(next(shell.env.rglob("tool*/provenance_url.json")).read_text())["url"].endswith(
        ".tar.gz"
    )
