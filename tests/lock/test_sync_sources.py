"""``sync`` goes by hashes and sizes, and fetches from where the command line says."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from variant_index.build import build_index

from tests.install.support import Place, target_place
from tests.lock.bench import counted
from variantctl.cli import app
from variantctl.target.installed import installed_packages
from variantctl.wheels.build import build_wheel

WHEEL = "lib-1-py3-none-any.whl"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    place = target_place(tmp_path)
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(place.cache))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", "/dev/null")
    monkeypatch.chdir(tmp_path)
    for name, content in (("old", b"old"), ("new", b"new!")):
        build_wheel(tmp_path / name, name="lib", version="1", files={"lib.py": content})
    return place


@pytest.fixture
def served(target: Place, tmp_path: Path) -> Iterator[str]:
    build_index(tmp_path / "new", tmp_path / "site")
    with counted(tmp_path / "site") as (url, _):
        yield f"{url}/simple/"


def run(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    found = app.run(list(words))
    captured = capsys.readouterr()
    assert found == code, captured.err
    return captured.out + captured.err


def sync(
    target: Place, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0, json: bool = False
) -> str:
    return run(capsys, "sync", "--target", str(target.environment.prefix), *words, code=code)


def content(target: Place) -> bytes:
    return (target.site / "lib.py").read_bytes()


def change_lock(**changes: Any) -> None:
    """Change keys of the one wheel in pylock.toml."""
    text = Path("pylock.toml").read_text()
    for key, value in changes.items():
        before, _, after = text.partition(f"{key} = ")
        assert after, text
        rest = after[after.index(",") if "," in after.partition("\n")[0] else after.index(" }") :]
        text = f"{before}{key} = {value}{rest}"
    Path("pylock.toml").write_text(text)


@pytest.mark.parametrize("by", ["variantctl", "pip"])
def test_another_wheel_of_the_same_version(
    by: str, target: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--no-index", "--target", str(target.environment.prefix))
    if by == "variantctl":
        run(capsys, "install", *where, "-f", "old", "lib")
    else:
        pip = [sys.executable, "-m", "pip", "install", "-q", *where, "-f", "old", "lib"]
        subprocess.run(pip, check=True, timeout=120)
    run(capsys, "lock", "--no-index", "-f", "new", "lib")
    assert "+ lib 1" in sync(target, capsys)
    assert content(target) == b"new!"
    assert "Nothing to do" in sync(target, capsys)


def test_the_same_wheel_of_another_tool(target: Place, capsys: pytest.CaptureFixture[str]) -> None:
    pip = ["--no-index", "--target", str(target.environment.prefix), "-f", "new", "lib"]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *pip], check=True, timeout=120)
    run(capsys, "lock", "--no-index", "-f", "new", "lib")
    said = sync(target, capsys)
    assert "Nothing to do" in said and "by the version alone" not in said


def test_what_is_not_known_is_said(served: str, target: Place, capsys: pytest.CaptureFixture[str]) -> None:
    pip = ["--no-index", "--target", str(target.environment.prefix), "-f", "old", "lib"]
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", *pip], check=True, timeout=120)
    run(capsys, "lock", "-i", served, "lib")
    said = sync(target, capsys)
    assert "Nothing to do" in said and "lib: kept by the version alone" in said
    assert "+ lib 1" in sync(target, capsys, "--reinstall")
    assert "by the version alone" not in sync(target, capsys)
    assert content(target) == b"new!"


def test_the_hash_is_recorded(served: str, target: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """PEP 710, without the password of the index; direct references have direct_url.json instead."""
    where = ("--target", str(target.environment.prefix))
    with_password = served.replace("://", "://user:secret@")
    run(capsys, "install", *where, "-i", with_password, "lib")
    (package,) = installed_packages(target.environment).values()
    record = json.loads((package.dist_info / "provenance_url.json").read_text())
    assert record["url"].startswith(served) and "secret" not in str(record)
    assert package.wheel_hashes() == record["archive_info"]["hashes"]
    run(capsys, "install", *where, "--no-index", "--reinstall", f"./new/{WHEEL}")
    (package,) = installed_packages(target.environment).values()
    assert not (package.dist_info / "provenance_url.json").exists()
    assert package.wheel_hashes() == record["archive_info"]["hashes"]
    run(capsys, "uninstall", "-y", *where, "lib")
    assert not package.dist_info.exists()


@pytest.mark.parametrize("words", ["-f new", "--no-index -f new", "--no-index -f new -f old"])
def test_find_links_in_place_of_the_lock(
    words: str, target: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_index(tmp_path / "new", tmp_path / "site")
    with counted(tmp_path / "site") as (url, _):
        run(capsys, "lock", "-i", f"{url}/simple/", "lib")
    shutil.rmtree(target.cache)
    # The server is gone: only the folder has it.
    assert "+ lib 1" in sync(target, capsys, *words.split())
    assert content(target) == b"new!"
    assert "Nothing to do" in sync(target, capsys)


def test_no_index_alone(served: str, target: Place, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "lock", "-i", served, "lib")
    shutil.rmtree(target.cache)
    said = sync(target, capsys, "--no-index", code=1)
    assert WHEEL in said and "--find-links" in said
    said = sync(target, capsys, "--no-index", "--dry-run", code=1)
    said = sync(target, capsys, "--no-index", "-f", "old", code=1)
    assert "sha256" in said or "hash" in said
    sync(target, capsys)
    # What is in the cache needs no place.
    shutil.rmtree(target.site)
    assert "+ lib 1" in sync(target, capsys, "--no-index")


def test_a_mirror(served: str, target: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "lock", "-i", served, "lib")
    change_lock(url=f'"{served.replace("simple", "gone")}{WHEEL}"')
    shutil.rmtree(target.cache)
    assert "404" in sync(target, capsys, code=1)
    with counted(tmp_path / "site") as (url, asked):
        assert "+ lib 1" in sync(target, capsys, "-i", f"{url}/simple/")
        assert any(path.endswith(WHEEL) for path in asked)


@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("where", ["path", "url", "cached", "find-links"])
def test_sizes(where: str, size: int, served: str, target: Place, capsys: pytest.CaptureFixture[str]) -> None:
    sources = ("--no-index", "-f", "new") if where == "path" else ("-i", served)
    run(capsys, "lock", *sources, "lib")
    if where == "cached":
        sync(target, capsys)
        shutil.rmtree(target.site)
    else:
        shutil.rmtree(target.cache)
    change_lock(size=size)
    said = sync(target, capsys, *(("-f", "new") if where == "find-links" else ()), code=1)
    assert WHEEL in said and f"{size:,}" in said.replace(f" {size} ", f" {size:,} "), said
    assert not (target.site / "lib.py").exists()
