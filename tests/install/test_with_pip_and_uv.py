"""pip and uv see ordinary packages, remove what we installed, and leave what we can remove."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.install.support import Place, Planned, new_place
from tests.install.test_apply import thing
from variantctl.target.installed import installed_packages
from variantctl.wheels.build import build_wheel


def tool(name: str, place: Place, command: str, *arguments: str | Path, check: bool = True) -> str:
    """pip (this interpreter's, about another environment) or uv; what it prints."""
    python = place.environment.python
    if name == "pip":
        start = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), command]
    else:
        start = [sys.executable, "-m", "uv", "pip", command, "--python", str(python), "--offline"]
    if (name, command) == ("pip", "uninstall"):
        start.append("-y")
    environ = {
        key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "VIRTUAL"))
    }
    environ["PIP_CONFIG_FILE"] = os.devnull
    environ["UV_CACHE_DIR"] = str(place.cache / "uv")
    full = [*start, *map(str, arguments)]
    done = subprocess.run(full, capture_output=True, text=True, env=environ, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def wheels(tmp_path: Path) -> tuple[Path, Path]:
    """A package that has something of everything, and the one it needs (it is called pip)."""
    return thing(tmp_path), build_wheel(tmp_path, name="pip", version="99", files={"pip_99.py": b""})


def leftovers(place: Place, before: dict[str, str]) -> set[str]:
    """What is new and no folder (pip leaves those of headers); the lock of an environment is uv's own."""
    found = {path for path, what in place.picture().items() if path not in before and "folder" not in what}
    return found - {str(place.environment.prefix / ".lock")}


@pytest.mark.parametrize("name", ["pip", "uv"])
def test_they_see_and_remove_what_we_installed(name: str, place: Place, wheels: tuple[Path, Path]) -> None:
    before = place.picture()
    # uv leaves compiled top-level modules behind, also those that it compiled itself.
    compile_bytecode = name == "pip"
    place.install(Planned(wheels[0], requested=True), wheels[1], compile_bytecode=compile_bytecode)
    listed = json.loads(tool(name, place, "list", "--format", "json").splitlines()[0])
    assert {(package["name"], package["version"]) for package in listed} == {("thing", "1.0"), ("pip", "99")}
    checked = tool(name, place, "check")
    assert "No broken requirements" in checked or "compatible" in checked
    shown = tool(name, place, "show", "thing")
    assert "Version: 1.0" in shown
    place.uninstall("pip")
    assert "pip" in tool(name, place, "check", check=False)
    tool(name, place, "uninstall", "thing")
    assert leftovers(place, before) == set()
    assert place.names() == {}


@pytest.mark.parametrize("name", ["pip", "uv"])
def test_we_remove_and_replace_what_they_installed(
    name: str, place: Place, wheels: tuple[Path, Path], tmp_path: Path
) -> None:
    before = place.picture()
    tool(name, place, "install", "--no-deps", *wheels)
    found = installed_packages(place.environment)
    assert {package.installer for package in found.values()} == {name}
    assert all(package.direct_url for package in found.values())
    place.install(thing(tmp_path, "2.0"))
    assert place.names() == {"pip": "99", "thing": "2.0"}
    place.uninstall("thing", "pip")
    assert leftovers(place, before) == set()


def test_taking_turns_loses_nothing(place: Place, tmp_path: Path) -> None:
    before = place.picture()
    versions = [thing(tmp_path, f"1.{number}") for number in range(6)]
    for number, wheel in enumerate(versions):
        exclusive_lock = ("us", "pip", "uv")[number % 3]
        if exclusive_lock == "us":
            place.install(wheel)
        else:
            tool(exclusive_lock, place, "install", "--no-deps", wheel)
        assert place.names() == {"thing": f"1.{number}"}
        assert len(list(place.site.glob("*.dist-info"))) == 1
        assert (place.site / "thing/data.txt").read_text() == f"1.{number}"
    place.uninstall("thing")
    assert leftovers(place, before) == set()


@pytest.mark.parametrize("name", ["pip", "uv"])
def test_editable_installs_of_others_can_go(name: str, place: Place, tmp_path: Path) -> None:
    """A wheel as setuptools makes for ``pip install -e``: a .pth file, and direct_url.json says editable."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "ours.py").write_text("x = 1\n")
    wheel = build_wheel(
        tmp_path, name="ours", version="1", files={"__editable__.ours.pth": f"{source}\n".encode()}
    )
    direct_url = {"url": source.as_uri(), "dir_info": {"editable": True}}
    place.install(Planned(wheel, direct_url=direct_url))
    assert [p.editable for p in installed_packages(place.environment).values()] == [True]
    assert str(source) in tool(name, place, "list")
    place.uninstall("ours")
    assert (source / "ours.py").is_file()
    assert list(place.site.iterdir()) == []


def test_header_folder_is_where_pip_puts_it(tmp_path: Path, wheels: tuple[Path, Path]) -> None:
    folders = []
    for number, name in enumerate(("us", "pip", "uv")):
        place = new_place(tmp_path, name=f"env{number}")
        if name == "us":
            place.install(wheels[0])
        else:
            tool(name, place, "install", "--no-deps", wheels[0])
        prefix = place.environment.prefix
        files = {path.relative_to(prefix) for path in prefix.rglob("*") if not path.is_dir()}
        mine = {
            path for path in files if "__pycache__" not in path.parts and "uv_cache.json" not in path.name
        }
        ignored = {
            "direct_url.json",
            "provenance_url.json",
            "REQUESTED",
            "uv_cache.json",
            ".lock",
            "CACHEDIR.TAG",
            ".gitignore",
        }
        folders.append({path for path in mine if path.name not in ignored})
    assert folders[0] == folders[1] == folders[2]
