"""variantctl, pip and uv change one environment in turn, by their commands: nothing is lost or left over."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns.faults import clean_environ
from tests.install.support import new_place, picture
from variantctl.target.installed import installed_packages
from variantctl.target.integrity import changed_files, missing_files
from variantctl.wheels.build import build_wheel

SEED = 5
NAMES = ("app", "lib", "base")


def make_wheels(folder: Path) -> None:
    """Three packages that need each other, in three versions that differ in their files; and a namespace."""
    for number in (1, 2, 3):
        text = str(number).encode()
        for name, needed in zip(NAMES, (*NAMES[1:], None), strict=True):
            build_wheel(
                folder,
                name=name,
                version=str(number),
                files={
                    f"{name}/__init__.py": b"version = " + text + b"\ndef main():\n    print(version)\n",
                    f"{name}/only_{number}/deep/x.py": b"",
                    f"{name}/same.txt": b"same",
                    f"shared_space/{name}.py": text,
                },
                data={f"scripts/{name}-script": b"#!python\nprint(1)\n", f"data/share/{name}.txt": text},
                entry_points={"console_scripts": {name: f"{name}:main"}},
                requires=(f"{needed}>={number}",) if needed else (),
            )


class Turns:
    """One environment, and three tools that change it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = new_place(folder)
        self.python = str(self.place.environment.python)
        self.empty = picture(self.place.environment.prefix)
        self.log: list[str] = []
        make_wheels(folder / "wheels")

    def run(self, *command: str, cwd: Path | None = None) -> str:
        settings = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "UV_CACHE_DIR": str(self.folder / "uv-cache"),
            "UV_NO_CONFIG": "1",
            "VARIANTCTL_CONFIG_FILE": os.devnull,
            "VARIANTCTL_CACHE_DIR": str(self.folder / "cache"),
        }
        done = subprocess.run(
            command,
            env=clean_environ() | settings,
            cwd=cwd or self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (self.log, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def change(self, tool: str, command: str, *arguments: str) -> None:
        """Let a tool install or uninstall."""
        self.log.append(f"{tool} {command} {' '.join(arguments)}")
        sources = ("--no-index", "-f", "wheels") if command == "install" else ()
        yes = ("-y",) if command == "uninstall" and tool != "uv" else ()
        start = {
            "variantctl": ("-m", "variantctl", command, "-p", self.python),
            "pip": ("-m", "pip", "--python", self.python, command),
            "uv": ("-m", "uv", "pip", command, "--python", self.python, "--offline"),
        }[tool]
        self.run(sys.executable, *start, *sources, *yes, *arguments)

    def versions(self) -> dict[str, str]:
        found = installed_packages(self.place.environment)
        return {str(name): str(package.version) for name, package in found.items()}

    def check(self) -> None:
        """Everything there is as RECORD has it, once, and nothing else is there."""
        packages = installed_packages(self.place.environment).values()
        assert len(list(self.place.site.glob("*.dist-info"))) == len(packages), self.log
        listed: set[str] = set()
        for package in packages:
            assert not missing_files(package) and not changed_files(package), (self.log, package.name)
            listed |= {str(file.path) for file in package.files()}
            assert (self.place.site / str(package.name) / f"only_{package.version}").is_dir(), self.log
        found = picture(self.place.environment.prefix)
        extra = (
            {path for path, what in found.items() if not what.startswith("folder")} - set(self.empty) - listed
        )
        # What Python and uv themselves put beside: byte code, uv's lock and its note about its cache.
        own = (".pyc", "/.lock", "/uv_cache.json", "/CACHEDIR.TAG", "/.gitignore")
        assert {path for path in extra if not path.endswith(own)} == set(), self.log
        assert not list(self.place.site.glob(".variantctl*")) and not list(self.place.site.glob("~*"))

    def agree(self) -> None:
        """pip and uv find nothing broken, and every module compiles."""
        self.run(sys.executable, "-m", "pip", "--python", self.python, "check")
        self.run(sys.executable, "-m", "uv", "pip", "check", "--python", self.python)
        self.run(self.python, "-m", "compileall", "-q", str(self.place.site))


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(tmp_path)


def test_each_goes_on_from_the_others(turns: Turns) -> None:
    turns.change("variantctl", "install", "app==1", "lib==1", "base==1")
    turns.check()
    turns.agree()
    turns.change("pip", "install", "--upgrade", "lib==2", "base==2")
    turns.check()
    turns.change("uv", "uninstall", "app", "base")
    turns.check()
    assert turns.versions() == {"lib": "2"}
    turns.change("variantctl", "install", "-U", "app==3")
    assert turns.versions() == {"app": "3", "lib": "3", "base": "3"}
    turns.check()
    turns.agree()
    for name in NAMES:
        assert turns.run(str(turns.place.environment.scheme["scripts"] / name)) == "3\n"
    turns.change("uv", "install", "--upgrade", "app==3", "--reinstall")
    turns.change("variantctl", "uninstall", "lib", "app", "base")
    turns.check()
    assert turns.versions() == {}
    left = set(picture(turns.place.environment.prefix)) - set(turns.empty)
    assert {Path(path).name for path in left} <= {"share", ".lock", "CACHEDIR.TAG", ".gitignore"}


def test_in_any_order(turns: Turns) -> None:
    chance = random.Random(SEED)
    for _ in range(6):
        tool, name = chance.choice(("variantctl", "variantctl", "pip", "uv")), chance.choice(NAMES)
        if name in turns.versions() and chance.random() < 0.4:
            turns.change(tool, "uninstall", name)
            assert name not in turns.versions()
        else:
            version = str(chance.randint(1, 3))
            turns.change(tool, "install", "--no-deps", f"{name}=={version}")
            assert turns.versions()[name] == version
        turns.check()
    present = turns.versions()
    if present:
        turns.change("variantctl", "uninstall", *present)
    turns.check()
