"""pyproject.toml and inline metadata with a value of any kind in any place: an error that names the file."""

from __future__ import annotations

import copy
import datetime
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from variantctl.cli import app
from variantctl.wheels.build import build_wheel

#: How many of the some 1,300 cases are tried: all of them take minutes.
CASES = int(os.environ.get("VARIANTCTL_HOSTILE_PROJECTS", "60"))
GOOD: dict[str, Any] = {
    "build-system": {"requires": [], "build-backend": "b", "backend-path": ["."]},
    "project": {
        "name": "proj",
        "version": "1",
        "dependencies": ["fine"],
        "optional-dependencies": {"x": ["fine"]},
        "dynamic": [],
        "requires-python": ">=3.8",
        "scripts": {"a": "b:c"},
    },
    "dependency-groups": {"dev": ["fine", {"include-group": "t"}], "t": ["fine"]},
    "tool": {
        "variantctl": {
            "accelerator": "any",
            "accelerator-of": "best",
            "profiles": ["cpu"],
            "exclude-newer": "7 days",
            "exclude-newer-package": {"fine": False},
            "constraint-dependencies": ["fine<3"],
            "override-dependencies": ["fine"],
            "default-extras": ["x"],
            "default-groups": ["dev"],
            "variants": {"fine": "null"},
            "sources": {"fine": "pytorch"},
            "index": {
                "index-url": "wheels",
                "extra-index-url": ["wheels"],
                "find-links": ["wheels"],
                "no-index": True,
                "index-strategy": "first-match",
            },
        }
    },
    "variant": {
        "default-priorities": {"namespace": ["n"], "feature": {"n": ["f"]}, "property": {"n": {"f": ["v"]}}},
        "providers": {"n": {"requires": ["p"], "plugin-api": "p:q", "optional": True}},
        "variants": {"l": ["n :: f :: v"]},
    },
}
MISSING = object()
VALUES: tuple[Any, ...] = (
    MISSING,
    *(5, -1.5, float("nan"), 10**18, True, "x", "", "²", "\x1b[31m\u202e", "9" * 5000),
    *([], {}, [5], [[]], [{}], {"": 5}, {"a": {"b": []}}, ["\0"], ["x" * 100_000]),
    *(["fine>=" + "9" * 6000], ["fine; " + "(" * 500]),
    *(datetime.date(2020, 1, 1), datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23)),
)
SOURCES = ("--no-index", "-f", "wheels")
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "build-system": (("install", "--dry-run", "--only-deps", ".", *SOURCES, "--target", "t"),),
    "project": (
        ("install", "--dry-run", "--only-deps", ".", *SOURCES, "--target", "t"),
        ("lock", *SOURCES, "-r", "pyproject.toml"),
        ("export", *SOURCES, "-r", "pyproject.toml"),
        ("add", "--dry-run", "fine"),
        ("remove", "--dry-run", "fine"),
    ),
    "dependency-groups": (
        ("lock", *SOURCES, "-r", "pyproject.toml", "--group", "dev"),
        ("add", "--dry-run", "--group", "dev", "fine"),
    ),
    "tool": (
        ("lock", *SOURCES, "fine"),
        ("sync", "--dry-run", "--target", "t"),
        ("matrix", *SOURCES, "fine"),
    ),
    "variant": (
        (
            *("wheel", "make", "-f", "wheels/fine-1-py3-none-any.whl", "-o", "made", "--label", "l"),
            *("--pyproject", "pyproject.toml"),
        ),
    ),
}
#: Each was "this is a bug".
FOUND: tuple[tuple[tuple[str | int, ...], Any], ...] = (
    (("project", "name"), MISSING),
    (("project", "dynamic"), 5),
    (("project", "dynamic"), True),
    (("project", "dynamic"), [[]]),
    (("tool", "variantctl", "exclude-newer"), datetime.datetime(1, 1, 1)),
    (("tool", "variantctl", "exclude-newer"), datetime.datetime(9999, 12, 31, 23)),
)


def places(value: Any, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    for key in value if isinstance(value, dict) else range(len(value)):
        yield (*before, key)
        if isinstance(value[key], (dict, list)):
            yield from places(value[key], (*before, key))


def changed(place: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    table = copy.deepcopy(GOOD)
    inner: Any = table
    for key in place[:-1]:
        inner = inner[key]
    if value is MISSING:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return table


def drawn() -> list[tuple[tuple[str | int, ...], Any]]:
    every = [(place, value) for place in places(GOOD) for value in VALUES]
    return random.Random(14).sample(every, min(CASES, len(every)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    build_wheel(tmp_path / "wheels", name="fine", version="1", files={"fine.py": b""})
    (tmp_path / "b.py").write_text("def build_wheel(*a, **k): raise SystemExit('x')\n")
    return tmp_path


def test_any_value_in_any_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place, value in (*FOUND, *drawn()):
        (folder / "pyproject.toml").write_text(tomli_w.dumps(changed(place, value)))
        for words in COMMANDS[str(place[0])]:
            code = app.run(list(words))
            captured = capsys.readouterr()
            said = captured.out + captured.err
            about = f"{place} = {value!r:.80}: {' '.join(words)}: {said[-1000:]}"
            assert code in (0, 1, 2), about
            assert "this is a bug" not in said, about
            assert "Traceback" not in said, about
            assert "\x1b" not in said, about


@pytest.mark.parametrize("place", ["dependencies", "dynamic"])
def test_what_is_wrong_is_said(place: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pyproject.toml").write_text(tomli_w.dumps(changed(("project", place), 5)))
    assert app.run(["lock", *SOURCES, "-r", "pyproject.toml"]) == 1
    assert f"[project] {place} is no list of" in capsys.readouterr().err
