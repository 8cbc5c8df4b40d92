"""``lock`` and ``sync`` as a user types them: renewing, checking, bad input, other tools' markers."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from variant_index.build import build_index

from tests.cli.test_bad_input import picture
from tests.lock.bench import Bench, counted
from variantctl.wheels.build import build_wheel


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Two packages, of which one needs the other."""
    wheels = tmp_path / "wheels"
    build_wheel(wheels, name="app", version="1.0", requires=["lib>=1"], files={"app.py": b"import lib\n"})
    build_wheel(wheels, name="lib", version="1.0", files={"lib.py": b"version = 1\n"})
    build_index(wheels, tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def small(tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Bench]:
    with counted(site) as (url, asked):
        yield Bench(tmp_path, f"{url}/simple/", capsys, asked)


def publish(bench: Bench, name: str, version: str, requires: list[str] | None = None) -> None:
    build_wheel(bench.root / "wheels", name=name, version=version, requires=requires or [])
    build_index(bench.root / "wheels", bench.root / "site")


def versions(bench: Bench) -> dict[str, str]:
    return {package["name"]: package["version"] for package in bench.read()["packages"]}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    path = tmp_path / "around" / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
    return path


# --- renewing ---


def test_a_lock_stays_as_it_is_until_told_otherwise(small: Bench) -> None:
    small.locked("app")
    before = small.lock.read_bytes()
    publish(small, "app", "2.0", ["lib>=1"])
    publish(small, "lib", "2.0")
    assert "up to date" in small.locked("app", "--refresh").out
    assert small.lock.read_bytes() == before
    renewed = small.locked("app", "--upgrade-package", "Lib", "--refresh")
    assert versions(small) == {"app": "1.0", "lib": "2.0"}
    assert "changed lib: 1.0 -> 2.0" in renewed.out and "app" not in renewed.out.partition("\n")[2]
    small.locked("app", "-U", "--refresh")
    assert versions(small) == {"app": "2.0", "lib": "2.0"}


def test_a_new_requirement_changes_no_more_than_it_must(small: Bench) -> None:
    small.locked("app")
    publish(small, "lib", "2.0")
    publish(small, "more", "1.0", ["lib"])
    outcome = small.locked("app", "more", "--refresh", "--json").json
    assert outcome["changes"] == ["added more 1.0", "asked for: app -> app, more"]
    assert versions(small) == {"app": "1.0", "lib": "1.0", "more": "1.0"}


def test_check_says_what_would_change(small: Bench) -> None:
    missing = small.run("lock", "app", "-i", small.index, "-o", small.lock, "--check", *small.cache)
    assert (missing.code, "does not exist" in missing.err) == (1, True)
    small.locked("app")
    assert small.locked("app", "--check").code == 0
    before = small.lock.read_bytes()
    outcome = small.run("lock", "app<1", "-i", small.index, "-o", small.lock, "--check", *small.cache)
    assert outcome.code == 1
    outcome = small.run(
        "lock", "app", "lib==1", "-i", small.index, "-o", small.lock, "--check", "--json", *small.cache
    )
    assert outcome.code == 1
    assert outcome.json["error"]["kind"] == "lock-outdated"
    assert "asked for: app -> app, lib==1" in outcome.json["error"]["message"]
    small.lock.write_bytes(before + b"\n# hand-made\n")
    outcome = small.run("lock", "app", "-i", small.index, "-o", small.lock, "--check", *small.cache)
    assert (outcome.code, "only its layout" in outcome.err) == (1, True)
    assert small.lock.read_bytes() == before + b"\n# hand-made\n"


def test_a_damaged_lock_is_written_anew_with_a_warning(small: Bench) -> None:
    small.lock.write_text("no lock")
    outcome = small.locked("app")
    assert "is not valid TOML" in outcome.err
    assert versions(small) == {"app": "1.0", "lib": "1.0"}


def test_constraints_and_requirements_files(small: Bench) -> None:
    publish(small, "lib", "2.0")
    (small.root / "limits.txt").write_text("lib<2\n")
    (small.root / "wanted.txt").write_text("app\n")
    small.locked("-r", small.root / "wanted.txt", "-c", small.root / "limits.txt")
    assert versions(small) == {"app": "1.0", "lib": "1.0"}


def test_standard_output(small: Bench) -> None:
    small.locked("app")
    outcome = small.run("lock", "app", "-i", small.index, "-o", "-", *small.cache)
    assert outcome.out == small.lock.read_text("utf-8")


@pytest.mark.parametrize("name", ["lock.toml", "pylock.a.b.toml"])
def test_a_wrong_name_is_a_usage_error(small: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.root)
    outcome = small.run("lock", "app", "-i", small.index, "-o", small.root / name)
    assert (outcome.code, "PEP 751" in outcome.err) == (2, True)
    assert small.run("lock", "-i", small.index).code == 2


def test_a_folder_that_is_not_there_is_named_before_anything_is_asked(small: Bench) -> None:
    outcome = small.run("lock", "app", "-i", small.index, "-o", small.root / "nowhere" / "pylock.toml")
    assert (outcome.code, "there is no folder" in outcome.err, small.asked) == (2, True, [])


def test_python_and_environments_are_written_where_given_and_hold(small: Bench) -> None:
    small.locked("app", "--requires-python", ">=3.8", "--environment", "sys_platform == 'nowhere'")
    table = small.read()
    assert (table["requires-python"], table["environments"]) == (">=3.8", ['sys_platform == "nowhere"'])
    outcome = small.sync("--target", small.root / "there")
    assert (outcome.code, 'environments where (sys_platform == "nowhere")' in outcome.err) == (1, True)
    small.locked("app", "--requires-python", "<3.8")
    outcome = small.sync("--target", small.root / "there")
    assert (outcome.code, "the lock is for Python <3.8" in outcome.err) == (1, True)
    assert small.run("lock", "app", "--requires-python", "new", "-o", small.lock).code == 2


# --- an environment ---


def test_an_environment_becomes_exactly_what_the_lock_says(small: Bench, venv: Path) -> None:
    publish(small, "other", "1.0")
    small.locked("app")
    installed = small.run("install", "other", "-i", small.index, "-p", venv, *small.cache)
    assert installed.code == 0, installed.err
    dry = small.sync("-p", venv, "--dry-run", "--json").json
    assert [removal["name"] for removal in dry["remove"]] == ["other"]
    done = small.sync("-p", venv, "--json").json
    assert done == dry
    listed = small.run("list", "-p", venv, "--json").json
    assert "app" in json.dumps(listed) and "other" not in json.dumps(listed)
    python = next(path for path in (venv / "bin/python", venv / "Scripts/python.exe") if path.exists())
    subprocess.run([python, "-c", "import app"], check=True)
    requested = sorted(path.parent.name for path in venv.rglob("REQUESTED"))
    assert requested == ["app-1.0.dist-info"]


def test_local_files_are_named_relative_to_the_lock(small: Bench, venv: Path) -> None:
    folder = small.root / "project"
    folder.mkdir()
    lock = folder / "pylock.toml"
    outcome = small.run("lock", "app", "--no-index", "-f", small.root / "wheels", "-o", lock, *small.cache)
    assert outcome.code == 0, outcome.err
    assert 'path = "../wheels/app-1.0-py3-none-any.whl"' in lock.read_text()
    assert str(small.root) not in lock.read_text()
    moved = small.root / "moved"
    moved.mkdir()
    folder.rename(moved / "project")
    (small.root / "wheels").rename(moved / "wheels")
    outcome = small.sync("-p", venv, lock=moved / "project" / "pylock.toml")
    assert outcome.code == 0, outcome.err


@pytest.mark.parametrize(
    ("old", "new", "kind", "says"),
    [
        ("app-1.0-py3", "gone-1.0-py3", "invalid-lock", "not consistent with package name"),
        ("/simple/app/app", "/simple/nowhere/app", "network", "404"),
        ('sha256 = "', 'sha256 = "00', "hash-mismatch", "sha256"),
        ('name = "lib"\nversion', 'name = "lib2"\nversion', "invalid-lock", "not consistent"),
        ('requires = ["lib>=1"]', 'requires = ["lib>=2"]', "lock-does-not-fit", "it has lib 1.0"),
        ("[[packages]]", "[packages]", "invalid-lock", "pylock.toml"),
    ],
)
def test_bad_locks_leave_the_environment_as_it_was(
    small: Bench, venv: Path, old: str, new: str, kind: str, says: str
) -> None:
    small.locked("app")
    text = small.lock.read_text("utf-8")
    assert old in text
    small.lock.write_text(text.replace(old, new), "utf-8")
    before = picture(venv.parent)
    outcome = small.sync("-p", venv, "--json")
    assert outcome.code == 1
    assert says in outcome.json["error"]["message"]
    assert outcome.json["error"]["kind"] == kind
    assert picture(venv.parent) == before


def test_no_lock_there(small: Bench, venv: Path) -> None:
    outcome = small.sync("-p", venv)
    assert (outcome.code, "there is no file" in outcome.err) == (1, True)


# --- locks of other tools ---

FOREIGN = """lock-version = "1.0"
created-by = "somebody"
extras = ["more"]
dependency-groups = ["dev"]
default-groups = ["usual"]

[[packages]]
name = "app"
version = "1.0"
{app}

[[packages]]
name = "lib"
version = "1.0"
marker = "{marker}"
{lib}
"""


def foreign(bench: Bench, marker: str) -> Path:
    path = bench.root / "pylock.foreign.toml"
    tables = {}
    for name in ("app", "lib"):
        wheel = bench.root / "wheels" / f"{name}-1.0-py3-none-any.whl"
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        tables[name] = f'wheels = [{{ path = "wheels/{wheel.name}", hashes = {{ sha256 = "{digest}" }} }}]'
    path.write_text(FOREIGN.format(marker=marker, **tables))
    return path


@pytest.mark.parametrize(
    ("marker", "options", "installed"),
    [
        ("python_version >= '3'", (), True),
        ("sys_platform == 'nowhere'", (), False),
        ("'more' in extras", (), False),
        ("'more' in extras", ("--extra", "More"), True),
        ("'dev' in dependency_groups", (), False),
        ("'dev' in dependency_groups", ("--group", "dev"), True),
        ("'usual' in dependency_groups", (), True),
        ("'usual' in dependency_groups and 'dev' not in dependency_groups", ("--group", "dev"), False),
    ],
)
def test_markers_extras_and_groups_decide(
    small: Bench, marker: str, options: tuple[str, ...], installed: bool
) -> None:
    lock = foreign(small, marker)
    names = [planned["name"] for planned in small.plan("sync", lock, *options)]
    assert names == (["app", "lib"] if installed else ["app"])


def test_an_unknown_extra_or_group_is_an_error(small: Bench) -> None:
    lock = foreign(small, "python_version >= '3'")
    outcome = small.sync("--extra", "less", "--target", small.root / "there", lock=lock)
    assert (outcome.code, "no extra 'less'; it has more" in outcome.err) == (1, True)
    outcome = small.sync("--group", "usual", "--target", small.root / "there", lock=lock)
    assert (outcome.code, "no dependency group 'usual'; it has dev" in outcome.err) == (1, True)


def test_two_entries_that_both_apply_are_refused(small: Bench) -> None:
    lock = foreign(small, "python_version >= '3'")
    table = lock.read_text()
    lock.write_text(table + table[table.index("[[packages]]") : table.rindex("[[packages]]")])
    outcome = small.sync("--target", small.root / "there", lock=lock)
    assert (outcome.code, "two entries for app" in outcome.err) == (1, True)


def test_a_source_alone_must_be_there(small: Bench) -> None:
    lock = foreign(small, "python_version >= '3'")
    text = lock.read_text()
    start = text.rindex("wheels = ")
    lock.write_text(text[:start] + 'directory = { path = "src" }\n')
    outcome = small.sync("--target", small.root / "there", lock=lock)
    assert (outcome.code, "lib 1.0 in the folder" in outcome.err) == (1, True)
