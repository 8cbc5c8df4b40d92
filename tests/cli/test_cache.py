"""``variantctl cache``: looked into, shrunk and checked, while others install from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from variantctl.cache.folder import Cache
from variantctl.cache.prune import enforce_limit
from variantctl.cli import main
from variantctl.config.cache import cache_limit
from variantctl.net.errors import SettingsError
from variantctl.wheels.build import build_wheel


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in ("one", "two"):
        build_wheel(folder, name=name, version="1", files={f"{name}/data.bin": os.urandom(200_000)})
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def install(cache: Path, wheels: Path, target: Path, *names: str) -> None:
    command = ["install", "--quiet", *names, "--target", str(target), "--cache-dir", str(cache)]
    assert main([*command, "--no-index", "--find-links", str(wheels)]) == 0


def ask(capsys: pytest.CaptureFixture[str], cache: Path, *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert main(["cache", *arguments, "--cache-dir", str(cache), "--json"]) == code
    answer = json.loads(capsys.readouterr().out)
    assert answer["format"] == 1
    return answer


def unpacked(cache: Path, name: str) -> Path:
    (found,) = cache.glob(f"install/wheels-v*/*/files/{name}/data.bin")
    return found


def test_an_empty_cache(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(capsys, cache, "dir") == {"format": 1, "path": str(cache)}
    assert ask(capsys, cache, "info")["buckets"] == []
    assert ask(capsys, cache, "list")["wheels"] == []
    for action in ("prune", "clean"):
        assert ask(capsys, cache, action)["removed"] == []
    assert ask(capsys, cache, "verify")["damaged"] == []
    assert not cache.exists()
    cache.mkdir()
    (cache / "letter.txt").write_text("not ours")
    for action in ("prune", "clean", "verify"):
        ask(capsys, cache, action)
    assert [path.name for path in cache.iterdir()] == ["letter.txt"]


def test_what_is_in_it(cache: Path, wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(cache, wheels, tmp_path / "target", "one", "two")
    info = ask(capsys, cache, "info")
    sizes = {bucket["name"]: bucket for bucket in info["buckets"]}
    (name,) = (name for name in sizes if name.startswith("install/wheels"))
    assert (sizes[name]["entries"], sizes[name]["current"]) == (2, True)
    assert sum(bucket["bytes"] for bucket in info["buckets"]) == info["bytes"]
    listed = ask(capsys, cache, "list", "Two")["wheels"]
    assert [(wheel["name"], wheel["version"], wheel["label"]) for wheel in listed] == [("two", "1", None)]
    assert listed[0]["unpacked"] and listed[0]["bytes"] > 200_000
    main(["cache", "list", "--cache-dir", str(cache)])
    main(["cache", "info", "--cache-dir", str(cache)])
    said = capsys.readouterr().out
    assert "unpacked" in said and "wheels unpacked, which environments link to" in said


def test_the_least_recently_used_goes_first(
    cache: Path, wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(cache, wheels, tmp_path / "a", "one", "two")
    for manifest in cache.glob("install/wheels-v*/*/manifest.json"):
        os.utime(manifest, (1, 1))
    install(cache, wheels, tmp_path / "b", "one")
    cleared = ask(capsys, cache, "prune", "--max-size", "300kB")
    assert [(gone["why"], gone["name"]) for gone in cleared["removed"]] == [
        ("least-recently-used", "two-1-py3-none-any.whl")
    ]
    assert cleared["bytes"] <= 300_000 and cleared["freed_bytes"] > 200_000
    assert [wheel["name"] for wheel in ask(capsys, cache, "list")["wheels"]] == ["one"]
    # What was linked from it stays where it was installed.
    assert len((tmp_path / "a/two/data.bin").read_bytes()) == 200_000


def test_prune_drops_what_nobody_reads(
    cache: Path, wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(cache, wheels, tmp_path / "a", "one")
    (cache / "pages-v0").mkdir()
    (cache / "photos-v1").mkdir()
    (cache / "notes.txt").write_text("mine")
    store = next(cache.glob("install/wheels-v*"))
    (store / ".new-abc/files").mkdir(parents=True)
    (store / ".new-abc/files/big").write_bytes(bytes(1000))
    (cache / ".trash-abc").mkdir()
    fresh, stale = cache / "pages-v1/ab/.tmp-fresh", cache / "pages-v1/ab/.tmp-stale"
    for path in (fresh, stale):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    os.utime(stale, (1, 1))
    removed = {gone["name"]: gone["why"] for gone in ask(capsys, cache, "prune")["removed"]}
    assert removed == {
        ".trash-abc": "leftover",
        f"install/{store.name}/.new-abc": "leftover",
        "pages-v1/ab/.tmp-stale": "leftover",
        "pages-v0": "old-format",
    }
    assert fresh.exists() and unpacked(cache, "one").exists() and (cache / "photos-v1").exists()
    assert ask(capsys, cache, "prune")["removed"] == []
    ask(capsys, cache, "clean")
    assert {path.name for path in cache.iterdir() if path.name[0] != "."} >= {"photos-v1", "notes.txt"}
    assert not list(cache.glob("install/wheels-v*"))


def test_clean_by_name(cache: Path, wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(cache, wheels, tmp_path / "a", "one", "two")
    removed = ask(capsys, cache, "clean", "ONE")["removed"]
    assert [gone["name"] for gone in removed] == ["one-1-py3-none-any.whl"]
    assert [wheel["name"] for wheel in ask(capsys, cache, "list")["wheels"]] == ["two"]


@pytest.mark.parametrize("harm", ["edit", "grow", "lose", "add", "garble"])
def test_verify_finds_damage(
    cache: Path, wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    install(cache, wheels, tmp_path / "a", "one", "two")
    assert ask(capsys, cache, "verify")["damaged"] == []
    file = unpacked(cache, "one")
    found = file.stat()
    file.chmod(0o644)
    if harm == "edit":
        data = bytearray(file.read_bytes())
        data[1000] ^= 1
        file.write_bytes(data)
        # Nothing but its hash gives it away.
        os.utime(file, ns=(found.st_atime_ns, found.st_mtime_ns))
    elif harm == "grow":
        file.write_bytes(bytes(300_000))
    elif harm == "lose":
        file.unlink()
    elif harm == "add":
        (file.parent / "more").write_bytes(b"x")
    else:
        (file.parents[2] / "manifest.json").write_text("{")
    answer = ask(capsys, cache, "verify", code=1)
    assert len(answer["damaged"]) == len(answer["removed"]) == 1
    assert harm == "garble" or answer["damaged"][0]["name"] == "one-1-py3-none-any.whl"
    assert ask(capsys, cache, "verify")["damaged"] == []
    install(cache, wheels, tmp_path / "b", "one")
    assert (tmp_path / "b/one/data.bin").stat().st_size == 200_000


def test_the_configured_limit(
    cache: Path,
    wheels: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VARIANTCTL_CACHE_MAX_SIZE", "300kB")
    install(cache, wheels, tmp_path / "a", "one")
    install(cache, wheels, tmp_path / "b", "two")
    assert [wheel["name"] for wheel in ask(capsys, cache, "list")["wheels"]] == ["two"]
    assert ask(capsys, cache, "info")["max_bytes"] == 300_000
    monkeypatch.setenv("VARIANTCTL_CACHE_MAX_SIZE", "large")
    with pytest.raises(SettingsError, match="not a size"):
        cache_limit()


def test_the_limit_in_the_configuration_file(tmp_path: Path) -> None:
    file = tmp_path / "variantctl.toml"
    environ = {"VARIANTCTL_CONFIG_FILE": str(file)}
    file.write_text('[cache]\nmax-size = "2GiB"\n')
    assert cache_limit(environ) == 2 << 30
    file.write_text("[cache]\nsize = 3\n")
    with pytest.raises(SettingsError, match=r"cache\.size: unknown key"):
        cache_limit(environ)


def test_nothing_goes_while_it_is_used(cache: Path, wheels: Path, tmp_path: Path) -> None:
    install(cache, wheels, tmp_path / "a", "one")
    with ExitStack() as stack:
        using = stack.enter_context(ExitStack())
        using.enter_context(Cache(cache).in_use())
        assert enforce_limit(Cache(cache), 0) is None
        command = [sys.executable, "-m", "variantctl.cli", "cache", "clean", "--cache-dir", str(cache)]
        cleaning = stack.enter_context(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        assert cleaning.stderr is not None
        assert "waiting for other variantctl" in cleaning.stderr.readline()
        assert unpacked(cache, "one").exists() and cleaning.poll() is None
        using.close()
        assert cleaning.wait(timeout=20) == 0
    assert not list(cache.glob("install/wheels-v*"))


_INSTALL = """
import sys
from variantctl.cli import main

cache, wheels, target = sys.argv[1:]
common = ["--quiet", "--cache-dir", cache, "--no-index", "--find-links", wheels]
sys.exit(max(main(["install", *common, "one", "two", "--target", f"{target}{n}"]) for n in range(8)))
"""


def test_installs_beside_removals(
    cache: Path, wheels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An install never sees its unpacked wheel vanish, however often the cache is emptied."""
    command = [sys.executable, "-c", _INSTALL, str(cache), str(wheels)]
    running = [
        subprocess.Popen([*command, str(tmp_path / f"t{number}-")], stderr=subprocess.PIPE, text=True)
        for number in range(2)
    ]
    rounds = 0
    while any(process.poll() is None for process in running):
        ask(capsys, cache, *(("clean",) if rounds % 2 else ("prune", "--max-size", "0")))
        rounds += 1
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert rounds > 4
    assert len(list(tmp_path.glob("t*-*/two/data.bin"))) == 16
    assert ask(capsys, cache, "verify")["damaged"] == []
    assert list(cache.glob(".trash-*")) == []
