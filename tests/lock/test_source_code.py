"""Source code in a lock: folders, commits, archives, sdists; written by lock, built and installed by sync."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from variant_index.build import build_index

from tests.cli.test_build import add_sdist
from tests.cli.test_install import Shell
from tests.cli.test_sources import git, origin, project, repository, shell, value
from tests.indexes.server import LoopbackServer
from variantctl.wheels.build import build_wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["repository", "shell"]

_PLACE = ("--no-index", "-f", "wheels")


def lock(shell: Shell, *words: str, code: int = 0, cwd: Path | None = None) -> str:
    wheels = str(shell.world.wheels)
    return shell.run("lock", *words, "--no-index", "-f", wheels, code=code, cwd=cwd).stderr


def sync(shell: Shell, *words: str, code: int = 0, cwd: Path | None = None) -> str:
    place = ("-p", str(shell.env), "--no-index", "-f", str(shell.world.wheels))
    done = shell.run("sync", *words, *place, code=code, cwd=cwd)
    return done.stdout + done.stderr


def entries(folder: Path, name: str = "pylock.toml") -> dict[str, Any]:
    packages = tomllib.loads((folder / name).read_text("utf-8"))["packages"]
    return {package["name"]: package for package in packages}


def settled(shell: Shell, *words: str, cwd: Path | None = None) -> None:
    assert "Nothing to do" in sync(shell, *words, cwd=cwd)


# --- each kind: what is written, installed, and left alone when it is there ---


def test_a_source_distribution(shell: Shell, tmp_path: Path) -> None:
    add_sdist(shell.world.wheels, "1.0")
    lock(shell, "thing")
    digest = hashlib.sha256((shell.world.wheels / "thing-1.0.tar.gz").read_bytes()).hexdigest()
    found = entries(tmp_path)["thing"]
    sdist = found["sdist"]
    assert (sdist["path"], sdist["hashes"]) == ("wheels/thing-1.0.tar.gz", {"sha256": digest})
    assert sdist["size"] == (shell.world.wheels / "thing-1.0.tar.gz").stat().st_size
    assert (found["version"], "wheels" in found) == ("1.0", False)
    assert "note: building thing-1.0.tar.gz\n" in sync(shell)
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}
    settled(shell)


def test_a_source_distribution_that_was_changed_since(shell: Shell, tmp_path: Path) -> None:
    """Its hash is checked before anything of it runs; one that is installed already is replaced."""
    add_sdist(shell.world.wheels, "1.0")
    lock(shell, "thing")
    sync(shell)
    add_sdist(shell.world.wheels, "1.0", fails=True)
    assert "thing-1.0.tar.gz" in sync(shell, "--reinstall", "--no-cache", code=1)
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}
    add_sdist(shell.world.wheels, "1.0", requires=["helper"])
    lock(shell, "thing")
    assert "+ thing 1.0" in sync(shell)


def test_a_folder(shell: Shell, tmp_path: Path) -> None:
    project(tmp_path / "src/inner")
    lock(shell, "./src/inner")
    found = entries(tmp_path)["thing"]
    assert found["directory"] == {"path": "src/inner"}
    # It may have another version tomorrow (PEP 751).
    assert "version" not in found
    sync(shell)
    assert origin(shell) == {"url": (tmp_path / "src/inner").as_uri(), "dir_info": {}}
    # What is in a folder may have changed.
    assert "+ thing 1.0" in sync(shell)


def test_a_commit(shell: Shell, tmp_path: Path, repository: Path) -> None:
    commit = git(repository, "rev-parse", "v1")
    lock(shell, f"thing @ git+{repository.as_uri()}@v1#subdirectory=python/thing")
    assert entries(tmp_path)["thing"]["vcs"] == {
        "type": "git",
        "path": "repository",
        "requested-revision": "v1",
        "commit-id": commit,
        "subdirectory": "python/thing",
    }
    git(repository, "tag", "-f", "v1", "HEAD")
    sync(shell)
    assert origin(shell) == {
        "url": repository.as_uri(),
        "vcs_info": {"vcs": "git", "requested_revision": "v1", "commit_id": commit},
        "subdirectory": "python/thing",
    }
    settled(shell)


def test_a_branch_stays_at_its_commit_until_it_is_upgraded(
    shell: Shell, tmp_path: Path, repository: Path
) -> None:
    named = f"thing @ git+{repository.as_uri()}#subdirectory=python/thing"

    def commit() -> str:
        found = entries(tmp_path)["thing"]["vcs"]["commit-id"]
        assert isinstance(found, str)
        return found

    lock(shell, named)
    before = commit()
    (repository / "more").touch()
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "-m", "three")
    lock(shell, named, "extra")
    assert commit() == before
    lock(shell, named, "extra", "-P", "extra")
    assert commit() == before
    done = shell.run("lock", named, "extra", "-P", "thing", *_PLACE)
    assert commit() == git(repository, "rev-parse", "HEAD")
    assert f"commit {before} -> {commit()}" in done.stdout
    sync(shell)
    git(repository, "commit", "--quiet", "--allow-empty", "-m", "four")
    lock(shell, named, "extra", "-U")
    assert "+ thing 1.0" in sync(shell)


def test_what_was_built_of_a_commit_needs_no_network_again(
    shell: Shell, tmp_path: Path, repository: Path
) -> None:
    git(repository, "update-server-info")
    with LoopbackServer(tmp_path) as server:
        place = f"git+{server.url}/repository/.git"
        lock(shell, f"thing @ {place}@v1#subdirectory=python/thing")
        table = entries(tmp_path)["thing"]["vcs"]
        assert table["url"] == f"{server.url}/repository/.git"
        shell.run("sync", "-p", "env", "-f", "wheels")
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}
    shell.run("uninstall", "-p", "env", "thing")
    done = shell.run("sync", "-p", "env", "-f", "wheels", "--offline")
    assert "+ thing 1.0" in done.stdout and "building" not in done.stderr
    settled = shell.run("sync", "-p", "env", "-f", "wheels", "--offline")
    assert "Nothing to do" in settled.stdout
    said = shell.run("sync", "-p", "env", "-f", "wheels", "--offline", "--no-cache", "--reinstall", code=1)
    assert "--offline forbids that" in said.stderr


def test_an_archive(shell: Shell, tmp_path: Path) -> None:
    add_sdist(tmp_path / "site", "1.0")
    digest = hashlib.sha256((tmp_path / "site/thing-1.0.tar.gz").read_bytes()).hexdigest()
    with LoopbackServer(tmp_path / "site") as server:
        url = f"{server.url}/thing-1.0.tar.gz"
        lock(shell, url)
        found = entries(tmp_path)["thing"]
        assert (found["archive"]["url"], found["archive"]["hashes"]) == (url, {"sha256": digest})
        assert (found["version"], "sdist" in found) == ("1.0", False)
        shell.run("sync", "-p", "env", "-f", "wheels")
        assert origin(shell)["archive_info"]["hashes"] == {"sha256": digest}
        assert "Nothing to do" in shell.run("sync", "-p", "env", "-f", "wheels").stdout
        add_sdist(tmp_path / "site", "1.0", fails=True)
        command = ("sync", "-p", "env", "-f", "wheels", "--reinstall", "--no-cache", "--json")
        assert json.loads(shell.run(*command, code=1).stdout)["error"]["kind"] == "hash-mismatch"
    assert value(shell) == "1.0"


# --- the project itself ---


def test_a_project_and_itself_editable(shell: Shell, tmp_path: Path) -> None:
    folder = project(tmp_path / "src")
    lock(shell, cwd=folder)
    assert entries(folder)["thing"]["directory"] == {"path": ".", "editable": True}
    sync(shell, cwd=folder)
    assert value(shell) == "source"
    assert origin(shell) == {"url": folder.as_uri(), "dir_info": {"editable": True}}
    (folder / "thing.py").write_text("VALUE = 'edited since'\n")
    assert value(shell) == "edited since"
    settled(shell, cwd=folder)
    # What describes it was changed: it is installed anew, as by uv.
    later = (folder / "thing.py").stat().st_mtime + 5
    os.utime(folder / "pyproject.toml", (later, later))
    assert "+ thing 1.0" in sync(shell, cwd=folder)


def test_a_project_not_editable_or_not_at_all(shell: Shell, tmp_path: Path) -> None:
    folder = project(tmp_path / "src")
    lock(shell, cwd=folder)
    sync(shell, "--no-install-project", cwd=folder)
    assert shell.packages() == {"helper": "1.0"}
    sync(shell, "--no-editable", cwd=folder)
    assert origin(shell)["dir_info"] == {}
    assert value(shell) == "1.0"
    sync(shell, cwd=folder)
    assert value(shell) == "source"
    lock(shell, "helper")
    assert "no project in its own folder" in sync(shell, "--no-install-project", code=1)


def test_a_project_that_needs_more_by_now(shell: Shell, tmp_path: Path) -> None:
    folder = depends_on(tmp_path / "app", "app", "helper")
    lock(shell, cwd=folder)
    assert "by now" not in sync(shell, cwd=folder)
    text = (folder / "pyproject.toml").read_text()
    more = '"helper", "extra ; python_version > \'3\'", "nowhere ; python_version < \'3\'"'
    (folder / "pyproject.toml").write_text(text.replace('"helper"', more))
    said = sync(shell, cwd=folder)
    assert "app needs 'extra ; python_version > '3'' by now" in said
    assert "needs 'nowhere" not in said
    lock(shell, cwd=folder)
    assert "by now" not in sync(shell, cwd=folder)


def test_extras_of_the_project(shell: Shell, tmp_path: Path) -> None:
    folder = project(tmp_path / "src")
    text = (folder / "pyproject.toml").read_text()
    described = (
        '[project]\nname = "thing"\nversion = "1.0"\n[project.optional-dependencies]\nmore = ["extra"]\n'
    )
    (folder / "pyproject.toml").write_text(text + described)
    lock(shell, cwd=folder)
    assert set(entries(folder)) == {"thing"}
    for words in (["--extra", "more"], ["--all-extras"]):
        lock(shell, *words, cwd=folder)
        assert set(entries(folder)) == {"thing", "extra"}


def test_a_project_that_is_not_built(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    table = '[project]\nname = "notes"\nversion = "1"\ndependencies = ["helper"]\n'
    (tmp_path / "src/pyproject.toml").write_text(table)
    lock(shell, cwd=tmp_path / "src")
    assert set(entries(tmp_path / "src")) == {"helper"}
    assert "no pyproject.toml here" in lock(shell, code=2)


# --- what may not be built, and locks that are wrong ---


def test_what_may_not_be_built(shell: Shell, tmp_path: Path) -> None:
    add_sdist(shell.world.wheels, "1.0")
    assert "has no wheels" in lock(shell, "thing", "--no-build", code=1)
    lock(shell, "thing")
    said = sync(shell, "--no-build", code=1)
    assert "no wheel of thing 1.0, only its source code (thing-1.0.tar.gz)" in said
    assert shell.packages() == {}
    sync(shell, "--no-build", "--build", "thing")
    assert shell.packages() == {"thing": "1.0", "helper": "1.0"}


def test_a_wheel_of_another_tools_lock_that_does_not_fit(shell: Shell, tmp_path: Path) -> None:
    """uv lists the sdist beside the wheels: it is built where none fits, or where that is asked for."""
    add_sdist(shell.world.wheels, "1.0")
    lock(shell, "thing")
    text = (tmp_path / "pylock.toml").read_text()
    head, _, rest = text.partition("sdist = ")
    wheel = build_wheel(tmp_path / "w", name="thing", version="1.0", files={"thing.py": b"VALUE = 'wheel'\n"})
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()

    def with_wheel(name: str) -> None:
        table = (
            f'wheels = [{{ name = "{name}", path = "w/{wheel.name}", hashes = {{ sha256 = "{digest}" }} }}]\n'
        )
        (tmp_path / "pylock.toml").write_text(f"{head}{table}sdist = {rest}")

    with_wheel("thing-1.0-cp27-none-win32.whl")
    assert "no wheel of thing 1.0 that fits" in sync(shell, "--no-build", code=1)
    assert "building" in sync(shell)
    assert value(shell) == "1.0"
    with_wheel(wheel.name)
    sync(shell)
    assert value(shell) == "wheel"
    sync(shell, "--no-binary", "thing", "--reinstall")
    assert value(shell) == "1.0"


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ('directory = { path = "gone" }', "which is not there"),
        ('directory = { path = "other" }', "is the source of other, not of thing"),
        ('directory = { path = "src", subdirectory = "../other" }', "outside of the source"),
        ('vcs = { type = "hg", path = "src", commit-id = "ab" }', "only git"),
        ('vcs = { type = "git", url = "ext::sh -c x", commit-id = "ab" }', "git+"),
        ('archive = { path = "a.zip", hashes = { md5 = "ab" } }', "only md5"),
    ],
)
def test_a_lock_that_is_wrong(shell: Shell, tmp_path: Path, instead: str, said: str) -> None:
    project(tmp_path / "src")
    project(tmp_path / "other", "other")
    lock(shell, "./src")
    text = (tmp_path / "pylock.toml").read_text()
    before = 'directory = { path = "src" }'
    assert before in text
    (tmp_path / "pylock.toml").write_text(text.replace(before, instead))
    assert said in sync(shell, code=1)
    assert shell.packages() == {}


# --- URLs in dependencies ---


def depends_on(folder: Path, name: str, requirement: str) -> Path:
    """A project that needs something by its URL."""
    project(folder, name)
    text = (folder / "pyproject.toml").read_text()
    needs = f'[project]\nname = "{name}"\nversion = "1.0"\ndependencies = ["{requirement}"]\n'
    (folder / "pyproject.toml").write_text(text + needs)
    return folder


def test_a_project_needs_a_commit(shell: Shell, tmp_path: Path, repository: Path) -> None:
    needed = f"thing @ git+{repository.as_uri()}@v1#subdirectory=python/thing"
    depends_on(tmp_path / "app", "app", needed)
    lock(shell, "./app")
    assert entries(tmp_path)["thing"]["vcs"]["commit-id"] == git(repository, "rev-parse", "v1")
    sync(shell)
    assert shell.packages() == {"app": "1.0", "thing": "1.0", "helper": "1.0"}
    shell.run("uninstall", "-p", "env", "app", "thing")
    shell.install("./app")
    assert shell.packages() == {"app": "1.0", "thing": "1.0", "helper": "1.0"}
    # What is installed from the very place stays, and is not cloned again.
    before = origin(shell)
    (repository / ".git").rename(tmp_path / "away")
    shell.install("app", "extra")
    assert origin(shell) == before
    (tmp_path / "away").rename(repository / ".git")
    shell.world.add("wheel", requires=(needed,))
    assert "and that is forbidden" in shell.install("wheel", "--no-build", "--reinstall", code=1).stderr
    for command in ("download", "export", "matrix"):
        done = shell.run(command, "-r", "app/pyproject.toml", *_PLACE, cwd=tmp_path)
        assert "thing" in done.stdout + done.stderr


def test_a_package_of_an_index_may_name_no_source(shell: Shell, tmp_path: Path, repository: Path) -> None:
    needed = f"thing @ git+{repository.as_uri()}@v1#subdirectory=python/thing"
    shell.world.add("app", requires=(needed,))
    build_index(shell.world.wheels, tmp_path / "site")
    with LoopbackServer(tmp_path / "site") as server:
        place = ("-p", "env", "-i", f"{server.url}/simple/")
        said = shell.run("install", "app", *place, code=1).stderr
        assert "a package of an index may not ask for" in said
        assert shell.packages() == {}
        # Who trusts it names it.
        shell.run("install", "app", needed, *place)
    assert shell.packages() == {"app": "1.0", "thing": "1.0", "helper": "1.0"}


def test_two_that_name_two_commits(shell: Shell, tmp_path: Path, repository: Path) -> None:
    place = f"thing @ git+{repository.as_uri()}"
    inside = "#subdirectory=python/thing"
    depends_on(tmp_path / "app", "app", f"{place}@v1{inside}")
    commit = git(repository, "rev-parse", "v1")
    shell.install("./app", f"{place}@{commit}{inside}", "--dry-run")
    assert "app" in shell.install("./app", f"{place}{inside}", "--dry-run", code=1).stderr
