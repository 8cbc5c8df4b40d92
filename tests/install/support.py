"""Plans made by hand, environments to put them into, and pictures of folders to compare."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from variantctl.filesystem.links import LinkMode
from variantctl.install.apply import Options, Outcome, apply_plan, uninstall
from variantctl.target.environment import Environment, find_environment
from variantctl.target.installed import installed_packages


@dataclass(frozen=True)
class Planned:
    """A wheel on disk as a plan has it."""

    path: Path
    hashes: Mapping[str, str] = field(default_factory=dict)
    requested: bool = False
    direct_url: Mapping[str, Any] | None = None

    @property
    def filename(self) -> str:
        return self.path.name

    @property
    def size(self) -> int | None:
        return None

    @property
    def url(self) -> str:
        return self.path.absolute().as_uri()

    @property
    def provenance(self) -> None:
        return None

    @property
    def stands_in_for(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Gone:
    """A package that a plan removes."""

    name: str


@dataclass(frozen=True)
class ByHand:
    """A plan."""

    install: Sequence[Planned] = ()
    remove: Sequence[Gone] = ()


@dataclass(frozen=True)
class Place:
    """An environment, and the cache it is installed from."""

    environment: Environment
    cache: Path

    @property
    def site(self) -> Path:
        return self.environment.scheme["purelib"]

    def install(self, *wheels: Path | Planned, remove: Sequence[str] = (), **options: Any) -> Outcome:
        planned = [wheel if isinstance(wheel, Planned) else Planned(wheel) for wheel in wheels]
        plan = ByHand(planned, [Gone(name) for name in remove])
        return apply_plan(plan, self.environment, Files(), Options(cache=self.cache, **options))

    def uninstall(self, *names: str) -> Outcome:
        packages = [
            package for package in installed_packages(self.environment).values() if package.name in names
        ]
        return uninstall(packages, self.environment, Options(cache=self.cache))

    def names(self) -> dict[str, str]:
        return {str(name): str(p.version) for name, p in installed_packages(self.environment).items()}

    def picture(self) -> dict[str, str]:
        return picture(self.environment.prefix)


class Files:
    """The wheel files of plans that are made by hand."""

    def fetch(self, planned: Planned, /, *, reader: object = None, cancel: object = None) -> Path:
        return planned.path

    def unpacked(self, planned: Planned, /) -> None:
        pass


def new_place(folder: Path, *, name: str = "env") -> Place:
    """A virtual environment without pip in a folder, with a cache beside it."""
    venv.create(folder / name, with_pip=False, symlinks=os.name != "nt")
    return Place(find_environment(str(folder / name), cache=folder / "cache"), folder / "cache")


def target_place(folder: Path) -> Place:
    """A ``--target`` folder that is not there yet, with a cache beside it: nothing needs to be started."""
    environment = find_environment(sys.executable, target=folder / "target", cache=folder / "cache")
    return Place(environment, folder / "cache")


def picture(*folders: Path) -> dict[str, str]:
    """Every file, link and folder below some folders: kind, mode and content of each."""
    return {str(path): _portrait(path) for folder in folders for path in sorted(folder.rglob("*"))}


def _portrait(path: Path) -> str:
    found = path.lstat()
    mode = f"{stat.S_IMODE(found.st_mode):o}"
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if path.is_dir():
        return f"folder {mode}"
    return f"file {mode} {found.st_size} {hashlib.sha256(path.read_bytes()).hexdigest()}"


__all__ = ["ByHand", "Gone", "LinkMode", "Place", "Planned", "new_place", "picture", "target_place"]
