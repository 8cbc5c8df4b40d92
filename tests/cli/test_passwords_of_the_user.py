"""No command shows a password that somebody typed where a path, a package or a URL belongs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import commands

SECRET = "Pa55w0rd"
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
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "VARIANT"))}
    environ |= {"VARIANTCTL_CONFIG_FILE": os.devnull, "PIP_CONFIG_FILE": os.devnull}
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
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("option", ["-i", "--extra-index-url", "-f", "-r", "-c"])
def test_where_a_source_is_named(place: str, option: str, tmp_path: Path) -> None:
    assert SECRET not in said(tmp_path, "explain", "demo", "--no-backends", option, place.format(SECRET))
