"""Commands import what they use: no HTTP where nothing is fetched, no rich where nothing is drawn."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.indexes.server import LoopbackServer
from tests.install.support import new_place
from variantctl.wheels.build import build_wheel

PROGRAM = """
import re, sys
compiled = []
compiler = re._compiler if hasattr(re, "_compiler") else re.sre_compile
compile_ = compiler.compile
compiler.compile = lambda pattern, flags=0: compiled.append(pattern) or compile_(pattern, flags)
from variantctl.cli import main
code = main(sys.argv[1:])
imported = sorted(sys.modules)
import json
print("\\n" + json.dumps([code, imported, len(compiled)]))
"""
#: What a warm install may import, and how many regular expressions it may compile: at most a tenth more than
#: it does (each module takes 0.2 ms, each expression 0.13). The interpreter and packaging have half of both.
MOST_MODULES, MOST_PATTERNS = 400, 160

HTTP = {"httpx", "httpcore", "h11", "ssl", "http.client"}
DRAWING = {"rich", "rich_argparse", "jinja2"}
#: What reads METADATA, or makes launchers for Windows, and what only explains failures.
NOT_WHEN_WARM = {"email", "packaging.metadata", "installer", "variantctl.resolve.failure"}


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    build_wheel(folder, name="one", version="1", files={"one/__init__.py": b""}, requires=["two"])
    scripts = {"console_scripts": {"two": "two:main"}}
    build_wheel(folder, name="two", version="1", files={"two/__init__.py": b""}, entry_points=scripts)
    return folder


class Imported(set[str]):
    """The names of modules, and how many regular expressions were compiled."""

    def __init__(self, modules: Iterable[str], patterns: int) -> None:
        super().__init__(modules)
        self.patterns = patterns


def imported(tmp_path: Path, *arguments: object) -> Imported:
    """Every module there is when the command is done, which must succeed."""
    environ = {
        **os.environ,
        "VARIANTCTL_CACHE_DIR": str(tmp_path / "cache"),
        "VARIANTCTL_CONFIG_FILE": os.devnull,
        "PIP_CONFIG_FILE": os.devnull,
    }
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environ, cwd=tmp_path, timeout=60, check=True
    )
    code, modules, patterns = json.loads(done.stdout.splitlines()[-1])
    assert code == 0, done.stderr
    return Imported(modules, patterns)


def test_a_warm_installation_touches_neither_network_nor_http(tmp_path: Path, wheels: Path) -> None:
    for name in ("one", "two"):
        folder = tmp_path / "site/simple" / name
        folder.mkdir(parents=True)
        (wheel,) = wheels.glob(f"{name}-*.whl")
        wheel.rename(folder / wheel.name)
        (folder / "index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')
    with LoopbackServer(tmp_path / "site") as server:
        install = ("install", "one", "-i", f"{server.url}/simple/")
        cold = imported(tmp_path, *install, "-p", new_place(tmp_path, name="first").environment.prefix)
        assert "httpx" in cold and server.connections > 0
        server.clear()
        # An index that gives no hashes is asked whether the wheels are still the same; this one does not
        # say for how long its pages hold either, which are kept for ten minutes.
        imported(tmp_path, *install, "-p", new_place(tmp_path, name="second").environment.prefix)
        assert not [path for path in server.paths if path.endswith("/")]
        for folder in (tmp_path / "site/simple").iterdir():
            (wheel,) = folder.glob("*.whl")
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            page = f'<!DOCTYPE html><a href="{wheel.name}#sha256={digest}">{wheel.name}</a>'
            (folder / "index.html").write_text(page)
        imported(tmp_path, *install, "--refresh", "-p", tmp_path / "second", "--reinstall")
        server.clear()
        connections = server.connections
        warm = imported(tmp_path, *install, "-p", new_place(tmp_path, name="third").environment.prefix)
        assert server.requests == [] and server.connections == connections
        assert not warm & (HTTP | DRAWING | NOT_WHEN_WARM)
        assert len(warm) <= MOST_MODULES and warm.patterns <= MOST_PATTERNS, (len(warm), warm.patterns)
        imported(tmp_path, *install, "--refresh", "--reinstall", "-p", tmp_path / "third")
        assert {path for path in server.paths if path.endswith("/")} == {"/simple/one/", "/simple/two/"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("install", "one"),
        ("install", "one", "--dry-run"),
        ("install", "one", "--json"),
        ("explain", "one", "--json"),
        ("lock", "one", "-o", "pylock.toml"),
    ],
    ids=" ".join,
)
def test_from_a_folder(arguments: tuple[str, ...], tmp_path: Path, wheels: Path) -> None:
    place = new_place(tmp_path)
    found = imported(tmp_path, *arguments, "--no-index", "-f", wheels, "-p", place.environment.prefix)
    assert not found & (HTTP | DRAWING)


@pytest.mark.parametrize("arguments", [("list",), ("uninstall", "two"), ("doctor", "--json")], ids=" ".join)
def test_of_what_is_installed(arguments: tuple[str, ...], tmp_path: Path, wheels: Path) -> None:
    place = new_place(tmp_path)
    place.install(next(wheels.glob("two-*")))
    found = imported(tmp_path, *arguments, "-p", place.environment.prefix)
    assert not found & (HTTP | DRAWING)
    assert not {name for name in found if name.startswith("variant_index")}


def test_of_this_machine(tmp_path: Path) -> None:
    found = imported(tmp_path, "detect", "--json")
    assert not found & (HTTP | DRAWING | {"resolvelib", "installer"})
