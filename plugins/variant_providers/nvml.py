"""NVML, seen from outside: where its library is, and what the child process read through it."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from variant_providers.child import ask_child

SONAME = "libnvidia-ml.so.1"
DRIVER_NOT_LOADED = 9

# nvmlReturn_t of nvml.h, those that nvmlInit and the calls made here can return.
ERRORS = {
    1: "not initialised",
    2: "invalid argument",
    3: "not supported",
    4: "no permission",
    6: "not found",
    8: "the GPU's power cables are not attached",
    DRIVER_NOT_LOADED: "the NVIDIA kernel driver is not loaded",
    10: "the kernel has a problem with the GPU's interrupt",
    12: "the library is incomplete",
    13: "the driver is too old for this call",
    15: "the GPU has fallen off the bus",
    16: "the GPU requires a reset",
    17: "the operating system blocks the GPU (a container without the device, or its cgroup)",
    18: "the kernel driver and its libraries are of different versions: restart, or match the container's",
    20: "out of memory",
    999: "unknown error",
}

# Folders that a loader may not know of: WSL2's, GKE's and Bottlerocket's driver mounts, NixOS's.
_EXTRA_FOLDERS = (
    "/usr/lib/wsl/lib",
    "/usr/local/nvidia/lib64",
    "/usr/local/nvidia/lib",
    "/run/opengl-driver/lib",
)
_LOADER_FOLDERS = (
    "/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib",
    "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu/nvidia", "/usr/lib/aarch64-linux-gnu/tegra",
)  # fmt: skip


@dataclass
class NvmlAnswer:
    """What NVML said, checked: only well-formed values are kept.

    Attributes:
        library: the library that was loaded, ``""`` when none could be.
        driver: the driver's version, such as ``570.86.15``.
        cuda: the newest CUDA version that the driver runs, (major, minor).
        count: how many GPUs NVML counts.
        devices: a GPU each: ``index``, ``name``, ``compute_capability`` ("9.0"), ``memory_bytes``; a key is
            missing where NVML would not say.
        errors: (call, error code) of every call that failed.
        unloadable: why each library could not be loaded.
        trouble: how the child ended if it did not end well.
    """

    library: str = ""
    driver: str = ""
    cuda: tuple[int, int] | None = None
    count: int | None = None
    devices: list[dict[str, object]] = field(default_factory=list)
    errors: list[tuple[str, int]] = field(default_factory=list)
    unloadable: list[str] = field(default_factory=list)
    trouble: str | None = None


def find_libraries() -> list[str]:
    """The names to load NVML by, most likely first; empty when there is obviously no library to load."""
    if sys.platform == "win32":
        return _windows_libraries()
    if not sys.platform.startswith("linux"):
        return []
    found = [SONAME] if _loader_knows(SONAME) else []
    for folder in (*_EXTRA_FOLDERS, *_LOADER_FOLDERS):
        path = Path(folder, SONAME)
        if path.exists():
            found.append(str(path))
    return found


def ask_nvml(libraries: list[str]) -> NvmlAnswer:
    """Ask the first of these libraries that can be loaded, in a child process with a time limit."""
    child = ask_child("nvml_child.py", libraries)
    answer = parse_answer(child.lines)
    answer.trouble = child.trouble
    return answer


def parse_answer(lines: list[str]) -> NvmlAnswer:
    """Read the child's lines; anything malformed in them is left out."""
    answer = NvmlAnswer()
    for line in lines:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            _take(answer, said)
    return answer


def describe(call: str, code: int) -> str:
    """An NVML error in words: the call, what the code means, and the code."""
    return f"{call}: {ERRORS.get(code, 'unknown error')} (NVML error {code})"


def _take(answer: NvmlAnswer, said: dict[str, object]) -> None:
    library, driver, cuda, count = (
        said.get("library"),
        said.get("driver"),
        said.get("cuda"),
        said.get("count"),
    )
    if isinstance(library, str):
        answer.library = library
    if isinstance(driver, str):
        answer.driver = _printable(driver)
    # 12080 stands for 12.8 (nvmlSystemGetCudaDriverVersion: major * 1000 + minor * 10).
    if _is_number(cuda, 1000, 999_999):
        answer.cuda = (cuda // 1000, cuda % 1000 // 10)
    if _is_number(count, 0, 2**32):
        answer.count = count
    device, error, unloadable = said.get("device"), said.get("error"), said.get("unloadable")
    if isinstance(device, dict) and _is_number(device.get("index"), 0, 2**16):
        answer.devices.append(_device(device))
    if isinstance(error, dict) and isinstance(error.get("call"), str) and isinstance(error.get("code"), int):
        answer.errors.append((error["call"], error["code"]))
    if isinstance(unloadable, list):
        answer.unloadable = [str(reason) for reason in unloadable]


def _device(said: dict[str, object]) -> dict[str, object]:
    device: dict[str, object] = {"kind": "gpu", "index": said["index"]}
    name, capability, memory = said.get("name"), said.get("capability"), said.get("memory")
    if isinstance(name, str) and _printable(name):
        device["name"] = _printable(name)
    if isinstance(capability, list) and len(capability) == 2:
        major, minor = capability
        if _is_number(major, 1, 99) and _is_number(minor, 0, 99):
            device["compute_capability"] = f"{major}.{minor}"
    if _is_number(memory, 1, 2**50):
        device["memory_bytes"] = memory
    return device


def _is_number(value: object, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _printable(text: str) -> str:
    return "".join(
        char for char in text if char.isprintable() and char != "\N{REPLACEMENT CHARACTER}"
    ).strip()[:96]


def _loader_knows(soname: str) -> bool:
    """Whether ``dlopen`` by this name can succeed by LD_LIBRARY_PATH or the loader's cache."""
    folders = os.environ.get("LD_LIBRARY_PATH", "").replace(";", ":").split(":")
    if any(folder and Path(folder, soname).exists() for folder in folders):
        return True
    try:
        return soname.encode() + b"\0" in Path("/etc/ld.so.cache").read_bytes()
    except OSError:
        return False


def _windows_libraries() -> list[str]:
    candidates = [Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", "nvml.dll")]
    programs = os.environ.get("PROGRAMFILES", "")
    if programs:
        candidates.append(Path(programs, "NVIDIA Corporation", "NVSMI", "nvml.dll"))
    return [str(path) for path in candidates if path.exists()]
