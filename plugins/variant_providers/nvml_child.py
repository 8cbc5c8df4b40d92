"""Asks NVML, in a process of its own: ``python -I -S nvml_child.py LIBRARY...``.

Prints one JSON object a line, each as soon as it is known, so that a driver that hangs half-way has still
said something: ``{"library": str}``, ``{"driver": str}``, ``{"cuda": int}``, ``{"count": int}``,
``{"device": {...}}``, ``{"uuid": {...}}``, ``{"mig": {...}}``, ``{"error": {"call": str, "code": int}}`` and
``{"unloadable": [str]}``.

Source: NVIDIA's NVML API reference (nvml.h); the ``_v2`` names are what the unversioned macros stand for.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable
from typing import Any

_NAME_BYTES = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE
_UUID_BYTES = 96  # NVML_DEVICE_UUID_V2_BUFFER_SIZE
_VERSION_BYTES = 80  # NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
_FUNCTION_NOT_FOUND = 13
_MOST_DEVICES = 256
_MOST_INSTANCES = 64


class _Memory(ctypes.Structure):
    """``nvmlMemory_t``: bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class DriverLibrary:
    """A driver's library, with every call checked and reported.

    Its functions return 0 for success, as those of NVML (``nvmlReturn_t``) and libcuda (``CUresult``) do.
    """

    def __init__(self, library: ctypes.CDLL, say: Callable[..., None]) -> None:
        self._library = library
        self._say = say

    def call(self, names: tuple[str, ...], *arguments: Any) -> bool:
        """Call the first of ``names`` that the library has; whether it returned success."""
        for name in names:
            function = getattr(self._library, name, None)
            if function is None:
                continue
            function.restype = ctypes.c_int
            code = function(*arguments)
            if code != 0:
                self._say(error={"call": name, "code": code})
            return bool(code == 0)
        self._say(error={"call": names[0], "code": _FUNCTION_NOT_FOUND})
        return False

    def quietly(self, name: str, *arguments: Any) -> bool:
        """Call a function that may well be missing or not be supported; whether it returned success."""
        function = getattr(self._library, name, None)
        if function is None:
            return False
        function.restype = ctypes.c_int
        return bool(function(*arguments) == 0)

    def text(self, name: str, size: int, *arguments: Any) -> str | None:
        """Call a function that fills a buffer of ``size`` bytes."""
        buffer = ctypes.create_string_buffer(size + 1)
        if not self.call((name,), *arguments, buffer, ctypes.c_uint(size)):
            return None
        return buffer.value.decode("utf-8", "replace")


def main(libraries: list[str]) -> int:
    """Load the first library that can be loaded and print what it says."""
    say = speaker()
    library = load_first(libraries, say)
    if library is None:
        return 0
    nvml = DriverLibrary(library, say)
    if not nvml.call(("nvmlInit_v2", "nvmlInit")):
        return 0
    _system(nvml, say)
    _devices(nvml, say)
    return 0


def speaker() -> Callable[..., None]:
    """A private way to the parent: whatever a driver prints to standard output goes nowhere."""
    private = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)

    def say(**thing: object) -> None:
        os.write(private, json.dumps(thing).encode("ascii") + b"\n")

    return say


def load_first(libraries: list[str], say: Callable[..., None]) -> ctypes.CDLL | None:
    """The first library that can be loaded; says which, or why none can."""
    failures = []
    for name in libraries:
        try:
            library = ctypes.CDLL(name)
        except OSError as error:
            failures.append(f"{name}: {error}")
            continue
        say(library=name)
        return library
    say(unloadable=failures)
    return None


def _system(nvml: DriverLibrary, say: Callable[..., None]) -> None:
    driver = nvml.text("nvmlSystemGetDriverVersion", _VERSION_BYTES)
    if driver is not None:
        say(driver=driver)
    cuda = ctypes.c_int(0)
    names = ("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion")
    if nvml.call(names, ctypes.byref(cuda)):
        say(cuda=cuda.value)


def _devices(nvml: DriverLibrary, say: Callable[..., None]) -> None:
    count = ctypes.c_uint(0)
    if not nvml.call(("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"), ctypes.byref(count)):
        return
    say(count=count.value)
    for index in range(min(count.value, _MOST_DEVICES)):
        handle = ctypes.c_void_p()
        names = ("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex")
        if not nvml.call(names, ctypes.c_uint(index), ctypes.byref(handle)):
            continue
        device: dict[str, object] = {
            "index": index,
            "name": nvml.text("nvmlDeviceGetName", _NAME_BYTES, handle),
        }
        major, minor = ctypes.c_int(0), ctypes.c_int(0)
        capability = ("nvmlDeviceGetCudaComputeCapability",)
        if nvml.call(capability, handle, ctypes.byref(major), ctypes.byref(minor)):
            device["capability"] = [major.value, minor.value]
        memory = _Memory()
        if nvml.call(("nvmlDeviceGetMemoryInfo",), handle, ctypes.byref(memory)):
            device["memory"] = memory.total
        say(device=device)
        _identity(nvml, index, handle, say)


def _identity(nvml: DriverLibrary, index: int, handle: ctypes.c_void_p, say: Callable[..., None]) -> None:
    """What only matters where the environment picks GPUs; said last, since it matters least."""
    uuid = _uuid(nvml, handle)
    if uuid is not None:
        say(uuid={"index": index, "uuid": uuid})
    current, pending, most = ctypes.c_uint(0), ctypes.c_uint(0), ctypes.c_uint(0)
    if not nvml.quietly("nvmlDeviceGetMigMode", handle, ctypes.byref(current), ctypes.byref(pending)):
        return
    if current.value != 1:
        return
    nvml.quietly("nvmlDeviceGetMaxMigDeviceCount", handle, ctypes.byref(most))
    instances = []
    for position in range(min(most.value, _MOST_INSTANCES)):
        instance = ctypes.c_void_p()
        place = (handle, ctypes.c_uint(position), ctypes.byref(instance))
        if nvml.quietly("nvmlDeviceGetMigDeviceHandleByIndex", *place):
            instances.append(_uuid(nvml, instance) or "")
    say(mig={"index": index, "instances": instances})


def _uuid(nvml: DriverLibrary, handle: ctypes.c_void_p) -> str | None:
    buffer = ctypes.create_string_buffer(_UUID_BYTES + 1)
    if not nvml.quietly("nvmlDeviceGetUUID", handle, buffer, ctypes.c_uint(_UUID_BYTES)):
        return None
    return buffer.value.decode("ascii", "replace")


def without_core_dumps() -> None:
    """A crashing driver should leave no core file in the user's folder."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    without_core_dumps()
    sys.exit(main(sys.argv[1:]))
