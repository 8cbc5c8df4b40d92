"""Which ROCm is installed, and which kernel driver runs: the two things a ROCm version follows from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from variant_providers.amd.tables.amdgpu import DRIVERS, ROCM_LAST_MINOR
from variant_providers.probing.tree import Tree

ROCM_PATH = "ROCM_PATH"

_MODULE_VERSION = "sys/module/amdgpu/version"
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9]{1,6})*", re.ASCII)


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
    """The version of the driver's code base, and where it was read.

    AMD's own package states its version; the kernel's own driver is as old as the kernel.
    """
    text = tree.read_text(_MODULE_VERSION)
    found = None if text is None else _VERSION.match(text.strip())
    if found is not None:
        return found[0], f"/{_MODULE_VERSION}"
    for path, before in (("proc/sys/kernel/osrelease", ""), ("proc/version", "Linux version ")):
        found = _VERSION.match((tree.read_text(path) or "").strip().removeprefix(before))
        if found is not None:
            return found[0], f"/{path} (the kernel's own driver)"
    return None


def driver_range(driver: str) -> tuple[str, str, str] | None:
    """The name of the driver's release, and the oldest and newest ROCm that AMD supports on it."""
    found = _VERSION.match(driver)
    if found is None:
        return None
    base = (int(found[1]), int(found[2]))
    return next((row[1:] for row in DRIVERS if row[0] <= base), None)


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


def _pair(version: str) -> tuple[int, int]:
    major, _dot, minor = version.partition(".")
    return int(major), int(minor)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
