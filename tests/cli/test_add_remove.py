"""variantctl add and remove: a file is written where the resolution succeeded, and put back otherwise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.test_install import Shell

TEXT = """\
[project]
name = "thing"
version = "1"
dependencies = [
    "one",  # the first
]

[dependency-groups]
test = ["tester"]
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.add("one", "1.0", ["helper"])
    shell.world.add("one", "2.0", ["helper", "deep"])
    for name in ("helper", "deep", "tester", "speed"):
        shell.world.add(name)
    (tmp_path / "pyproject.toml").write_text(TEXT)
    shell.environ["VARIANTCTL_FIND_LINKS"] = str(shell.world.wheels)
    shell.environ["VARIANTCTL_NO_INDEX"] = "1"
    shell.environ["VIRTUAL_ENV"] = str(shell.env)
    return shell


def text(shell: Shell) -> str:
    return (shell.world.root / "pyproject.toml").read_text()


def test_add(shell: Shell) -> None:
    done = shell.run("add", "speed")
    assert 'dependencies = [\n    "one",  # the first\n    "speed>=1.0",\n]' in text(shell)
    assert "Added speed>=1.0 to the [project] dependencies of pyproject.toml.\n" in done.stdout
    assert shell.packages() == {"one": "2.0", "helper": "1.0", "deep": "1.0", "speed": "1.0"}
    again = shell.run("add", "speed")
    assert "has speed>=1.0 already" in again.stdout and "Nothing to do" in again.stdout


def test_add_elsewhere_and_from_below(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "src/deep").mkdir(parents=True)
    shell.run("add", "--optional", "fast", "speed", "--raw", cwd=tmp_path / "src/deep")
    shell.run("add", "--dev", "tester", "--bounds", "exact")
    assert 'fast = ["speed"]' in text(shell) and 'dev = ["tester==1.0"]' in text(shell)


def test_add_the_newest_of_what_is_new(shell: Shell) -> None:
    (shell.world.root / "pyproject.toml").write_text(TEXT.replace('"one",', '"helper",'))
    shell.install("one==1.0")
    shell.run("add", "one")
    assert shell.packages()["one"] == "2.0" and '"one>=2.0"' in text(shell)


def test_nothing_is_written_where_there_is_no_solution(shell: Shell) -> None:
    for words in (("speed>=9",), ("absent",), ("one>=9", "speed")):
        shell.run("add", *words, code=1)
        assert text(shell) == TEXT and shell.packages() == {}


def test_the_file_is_put_back_where_installing_fails(shell: Shell) -> None:
    wheel = next(shell.world.wheels.glob("speed-*.whl"))
    damaged = bytearray(wheel.read_bytes())
    # The content of a file that no metadata is read from.
    damaged[40:60] = b"\xff" * 20
    wheel.write_bytes(damaged)
    done = shell.run("add", "speed", code=1)
    assert text(shell) == TEXT and shell.packages() == {}, done.stderr


def test_without_an_environment_the_file_alone_is_changed(shell: Shell) -> None:
    shutil.rmtree(shell.env)
    del shell.environ["VIRTUAL_ENV"]
    done = shell.run("add", "speed")
    assert "there is no environment" in done.stderr and '"speed>=1.0"' in text(shell)
    assert "Would install" not in done.stdout


def test_no_install_dry_run_and_json(shell: Shell) -> None:
    found = json.loads(shell.run("add", "speed", "--dry-run", "--json").stdout)
    assert text(shell) == TEXT and found["added"] == ["speed>=1.0"] and found["changed"]
    assert "Would add speed>=1.0" in shell.run("add", "speed", "--dry-run").stdout
    done = shell.run("add", "speed", "--no-sync")
    assert shell.packages() == {} and done.stdout.startswith("Added speed>=1.0")


def test_a_lock_that_is_older_now(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text("")
    assert "`variantctl lock -r pyproject.toml`" in shell.run("add", "speed").stderr
    # The lock of the project itself is made without -r.
    project = '[[packages]]\nname = "mine"\ndirectory = { path = ".", editable = true }\n'
    (tmp_path / "pylock.toml").write_text(f'lock-version = "1.0"\ncreated-by = "a"\n{project}')
    assert "`variantctl lock` makes it anew" in shell.run("remove", "speed").stderr


@pytest.mark.parametrize(
    ("word", "said"), [("./src", "names no project"), ("six=1.17", "six==1.17"), ("-", "-")]
)
def test_what_no_project_can_have(shell: Shell, tmp_path: Path, word: str, said: str) -> None:
    (tmp_path / "src").mkdir()
    done = shell.run("add", "--raw", "--", word, code=2 if word == "./src" else 1)
    assert said in done.stderr and text(shell) == TEXT


def test_remove(shell: Shell) -> None:
    shell.run("add", "speed")
    shell.run("add", "--group", "test", "tester")
    done = shell.run("remove", "one")
    assert 'dependencies = [\n    "speed>=1.0",\n]' in text(shell)
    assert "Removed one from the [project] dependencies of pyproject.toml.\n  - one 2.0\n" in done.stdout
    assert shell.packages() == {"speed": "1.0", "tester": "1.0"}


def test_remove_what_something_else_needs(shell: Shell) -> None:
    shell.run("add", "helper")
    done = shell.run("remove", "helper")
    assert "helper stays installed" in done.stderr and "helper" in shell.packages()
    assert "helper" not in text(shell)


def test_remove_what_is_not_there(shell: Shell) -> None:
    assert "--group test tester" in shell.run("remove", "tester", code=1).stderr
    assert "has no dependency group 'docs'" in shell.run("remove", "--group", "docs", "x", code=1).stderr
    assert text(shell) == TEXT


def test_no_project(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").unlink()
    assert "there is no pyproject.toml" in shell.run("add", "speed", code=1).stderr


def test_links_permissions_and_line_endings_stay(shell: Shell, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_bytes(TEXT.replace("\n", "\r\n").encode())
    real.chmod(0o640)
    (tmp_path / "pyproject.toml").unlink()
    (tmp_path / "pyproject.toml").symlink_to(real)
    shell.run("add", "speed", "--no-install")
    assert (tmp_path / "pyproject.toml").is_symlink() and real.stat().st_mode & 0o777 == 0o640
    content = real.read_bytes()
    assert b'"speed>=1.0",\r\n' in content and content.count(b"\n") == content.count(b"\r\n")
