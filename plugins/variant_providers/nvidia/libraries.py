"""Where NVIDIA's driver libraries and tools lie: Linux, containers, WSL2, Jetson, Windows."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from variant_providers.probing.dynamic_loader import files_in, loader_knows
from variant_providers.probing.tree import Tree

NVML = ("libnvidia-ml.so.1", "nvml.dll")
LIBCUDA = ("libcuda.so.1", "nvcuda.dll")
"""A library's names on Linux and on Windows."""

WSL_FOLDER = "usr/lib/wsl/lib"

# Folders that a loader may not know of: WSL2's, GKE's and Bottlerocket's driver mounts, NixOS's.
_EXTRA_FOLDERS = (
    WSL_FOLDER,
    "usr/local/nvidia/lib64",
    "usr/local/nvidia/lib",
    "run/opengl-driver/lib",
)
_LOADER_FOLDERS = (
    "lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib",
    "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu",
    "usr/lib/aarch64-linux-gnu/nvidia", "usr/lib/aarch64-linux-gnu/tegra",
)  # fmt: skip


def find_libraries(names: tuple[str, str]) -> list[str]:
    """What to load a library by, most likely first; empty when there is obviously no library to load."""
    soname, dll = names
    if sys.platform == "win32":
        return _windows_libraries(dll)
    if not sys.platform.startswith("linux"):
        return []
    found = [soname] if loader_knows(soname) else []
    return found + files_in((*_EXTRA_FOLDERS, *_LOADER_FOLDERS), soname)


def tree_has_library(tree: Tree, names: tuple[str, str]) -> bool:
    """Whether a Linux tree has a library in one of the usual folders."""
    return any(tree.exists(f"{folder}/{names[0]}") for folder in (*_EXTRA_FOLDERS, *_LOADER_FOLDERS))


def find_nvidia_smi() -> str | None:
    """The path of ``nvidia-smi``, by PATH or where the driver puts it on WSL2 and Windows."""
    import shutil

    found = shutil.which("nvidia-smi")
    if found is not None:
        return found
    if sys.platform == "win32":
        programs = os.environ.get("PROGRAMFILES", "C:/Program Files")
        candidates = [_system32("nvidia-smi.exe"), Path(programs, "NVIDIA Corporation/NVSMI/nvidia-smi.exe")]
    else:
        candidates = [Path("/", WSL_FOLDER, "nvidia-smi"), Path("/usr/local/nvidia/bin/nvidia-smi")]
    return next((str(path) for path in candidates if path.exists()), None)


def _windows_libraries(dll: str) -> list[str]:
    # The whole path, so that no other folder's file of this name can be loaded.
    candidates = [_system32(dll)]
    programs = os.environ.get("PROGRAMFILES", "")
    if programs:
        candidates.append(Path(programs, "NVIDIA Corporation", "NVSMI", dll))
    return [str(path) for path in candidates if path.exists()]


def _system32(name: str) -> Path:
    return Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", name)
