"""No command shows a password that somebody typed where a path, a package or a URL belongs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import commands

SECRET = "Pa55w0rd"
LOCK = """lock-version = "1.0"
created-by = "x"
[[packages]]
name = "demo"
version = "1"
wheels = [{name = "demo-1-py3-none-any.whl", url = "URL", hashes = {sha256 = "00"}}]
"""
PATHS = (
    "demo @ usr:{}@127.0.0.1:1/f/a.whl",
    "demo@usr:{}@127.0.0.1:1/f/a.whl",
    "demo @ usr:{}@127.0.0.1:1/f/a.tar.gz",
    "usr:{}@127.0.0.1:1/f/a.whl",
    "./usr:{}@127.0.0.1:1/f/a.whl",
    "./:{}@127.0.0.1:1/f/a.whl",
    "./usr:x@{}/y@127.0.0.1:1/f/a.whl",
    "file:usr:{}@127.0.0.1:1/f/a.whl",
    "file://usr:{}@127.0.0.1:1/f/a.whl",
    "file:///usr:{}@127.0.0.1:1/f/a.whl",
    "demo @ file:///usr%3A{}%40127.0.0.1:1/f/a.whl",
)


def said(folder: Path, *words: str) -> str:
    """What a command that fails says, with ``-v`` and with ``--json``; never that it has a bug."""
    environ = {"VARIANTCTL_CONFIG_FILE": os.devnull, "PIP_CONFIG_FILE": os.devnull, **os.environ}
    environ |= {"VARIANTCTL_CACHE_DIR": str(folder / "cache")}
    text = ""
    for flag in ("-v", "--json"):
        done = commands.run(*words, flag, env=environ, cwd=folder)
        assert done.returncode in (1, 2), (words, done.stdout, done.stderr)
        assert "bug" not in done.stderr, done.stderr
        text += done.stdout + done.stderr
    return text


def commands_with(text: str) -> list[tuple[str, ...]]:
    """Every command that takes a requirement."""
    place = ("--target", "t", "--no-index")
    return [
        ("install", "--dry-run", *place, text),
        ("install", "--dry-run", *place, "-e", text),
        ("lock", "--no-index", "-o", "-", text),
        ("explain", "--no-index", text),
        ("matrix", "--no-index", text),
        ("download", "--no-index", "-d", "d", text),
        ("add", text),
    ]


EVERYWHERE = [words for text in PATHS[:5] for words in commands_with(text.format(SECRET))]
REST = [("explain", "--no-index", text.format(SECRET)) for text in PATHS[5:]]


@pytest.mark.parametrize("words", [*EVERYWHERE, *REST], ids=" ".join)
def test_where_a_path_is_named(words: tuple[str, ...], tmp_path: Path) -> None:
    """``there is no file /folder/usr:secret@...`` had it in clear beside a text without it."""
    assert SECRET not in said(tmp_path, *words)


PLACES = (
    "usr:wr@ng:{}/b@127.0.0.1:1",
    "//usr:{}@127.0.0.1:1/simple",
    "usr:{}@127.0.0.1:1/simple",
    "/x/usr:{}@127.0.0.1:1",
    "file:///x/usr:{}@127.0.0.1:1",
    "http://usr:{}[x@127.0.0.1:1/simple",
    "http://usr:x@{}/y@127.0.0.1:1/simple",
    "http://usr:x@y/{}@127.0.0.1:1/simple",
    "https://usr:{}@127.0.0.1:99999/",
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("option", ["-i", "--extra-index-url", "-f", "-r", "-c"])
def test_where_a_source_is_named(place: str, option: str, tmp_path: Path) -> None:
    assert SECRET not in said(tmp_path, "explain", "demo", "--no-backends", option, place.format(SECRET))


@pytest.mark.parametrize(
    "url", ["http://usr:{}[x@h/", "http://usr:a@{}/b@h/", "http://usr:{}@h:x/", "http://usr:{}@[bad/"]
)
def test_where_a_variable_or_a_file_names_a_source(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = url.format(SECRET)
    for suffix in ("whl", "tar.gz", "zip"):
        text = said(tmp_path, "explain", "--no-index", f"demo @ {url}/demo-1-py3-none-any.{suffix}")
        assert SECRET not in text
    assert SECRET not in said(tmp_path, "knowledge", "update", url)
    (tmp_path / "variantctl.toml").write_text(f'[index]\nignore-error-codes = {{"{url}" = [403]}}\n')
    with monkeypatch.context() as patch:
        patch.setenv("VARIANTCTL_CONFIG_FILE", str(tmp_path / "variantctl.toml"))
        assert SECRET not in said(tmp_path, "explain", "demo", "--no-index")
    (tmp_path / "pylock.toml").write_text(LOCK.replace("URL", f"{url}/demo-1-py3-none-any.whl"))
    assert SECRET not in said(tmp_path, "sync", "pylock.toml", "--target", "t")
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "VARIANTCTL_PYTORCH_URL"):
        with monkeypatch.context() as patch:
            patch.setenv(name, url)
            assert SECRET not in said(tmp_path, "explain", "torch")
