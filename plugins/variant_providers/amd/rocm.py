"""Which ROCm is installed, and which kernel driver runs: the two things a ROCm version follows from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from variant_providers.amd.kfd import NODES
from variant_providers.amd.tables.amdgpu import DRIVERS, RELEASED_WITH, ROCM_LAST_MINOR
from variant_providers.probing.tree import Tree

ROCM_PATH = "ROCM_PATH"

_MODULE = "sys/module/amdgpu"
_MODULE_VERSION = f"{_MODULE}/version"
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9]{1,6})*", re.ASCII)


class DriverRelease(NamedTuple):
    """A release of AMD's kernel driver.

    Attributes:
        name: what AMD calls it.
        oldest: the oldest ROCm, ``M.N``, that AMD supports on it.
        newest: the newest.
    """

    name: str
    oldest: str
    newest: str


def installed_rocm(tree: Tree, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The version ``M.N`` of the ROCm user land, and the file that says so; ``None`` without one.

    ``ROCM_PATH`` and ``/opt/rocm`` are asked first, then the newest of the folders beside them.
    """
    for folder in _main_folders(environ):
        version = _version_in(tree, folder)
        if version is not None:
            return _dotted(version), f"/{folder}/.info/version"
    beside = [f"opt/{name}" for name in tree.names("opt") if name.startswith("rocm-")]
    inside = [f"opt/rocm/{name}" for name in tree.names("opt/rocm") if name.startswith("core-")]
    versions = [(_version_in(tree, folder), folder) for folder in beside + inside]
    known = [(version, folder) for version, folder in versions if version is not None]
    if not known:
        return None
    newest, folder = max(known)
    return _dotted(newest), f"/{folder}/.info/version"


def amdgpu_driver(tree: Tree) -> tuple[str, str] | None:
    """The version of the driver's code base, and where it was read; ``None`` where amdgpu does not run.

    AMD's own package states its version; the kernel's own driver is as old as the kernel. On WSL2, whose
    kernel is Microsoft's, the driver is on the Windows side.
    """
    text = tree.read_text(_MODULE_VERSION)
    found = None if text is None else _VERSION.match(text.strip())
    if found is not None:
        return found[0], f"/{_MODULE_VERSION}"
    if not tree.exists(_MODULE) and not tree.exists(NODES):
        return None
    for path, before in (("proc/sys/kernel/osrelease", ""), ("proc/version", "Linux version ")):
        text = (tree.read_text(path) or "").strip().removeprefix(before)
        found = _VERSION.match(text)
        if found is not None and "microsoft" not in text.split(" ")[0].lower():
            return found[0], f"/{path} (the kernel's own driver)"
    return None


def driver_release(driver: str) -> DriverRelease | None:
    """The release that a driver of this version is of; ``None`` for one that is older than the table."""
    base = _numbers(driver)
    return next((DriverRelease(*row[1:]) for row in DRIVERS if base is not None and row[0] <= base), None)


def release_with(rocm: str) -> DriverRelease | None:
    """The driver that AMD released with a ROCm; ``None`` for one that is older than the table."""
    version = _numbers(rocm)
    bases = [base for first, base in RELEASED_WITH if version is not None and first <= version]
    return driver_release(_dotted(bases[0])) if bases else None


def newest_first(release: DriverRelease | None, installed: str | None) -> list[str]:
    """The ROCm versions that a driver runs, and an installed one with the older ones of its major, if newer.

    Args:
        release: the driver's; ``None`` if that is not known.
        installed: the installed ROCm, ``M.N``, which runs, whatever a table says.
    """
    known = [] if release is None else rocm_between(release.oldest, release.newest)
    if installed is None:
        return known
    major, minor = _pair(installed)
    own = [_dotted((major, older)) for older in range(minor, -1, -1)]
    if release is None:
        return own
    return [version for version in own if _pair(version) > _pair(release.newest)] + known


def rocm_between(oldest: str, newest: str) -> list[str]:
    """Every ROCm version from ``newest`` down to ``oldest``."""
    first, last = _pair(oldest), _pair(newest)
    every = [(major, minor) for major, top in ROCM_LAST_MINOR.items() for minor in range(top, -1, -1)]
    return [_dotted(version) for version in sorted(every, reverse=True) if first <= version <= last]


def _main_folders(environ: Mapping[str, str]) -> Iterator[str]:
    named = environ.get(ROCM_PATH, "").strip("/")
    if named:
        yield named
    yield from ("opt/rocm", "opt/rocm/core")


def _version_in(tree: Tree, folder: str) -> tuple[int, int] | None:
    found = _VERSION.match((tree.read_text(f"{folder}/.info/version") or "").strip())
    return None if found is None else (int(found[1]), int(found[2]))


def _numbers(version: str) -> tuple[int, int] | None:
    found = _VERSION.match(version)
    return None if found is None else (int(found[1]), int(found[2]))


def _pair(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
