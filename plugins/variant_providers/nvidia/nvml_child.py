"""Asks NVML, in a process of its own: ``python -I -S nvml_child.py LIBRARY``.

Prints, one JSON object a line: ``{"library": str}``, ``{"file": str}``, ``{"driver": str}``,
``{"cuda": int}``, ``{"count": int}``, ``{"device": {...}}``, ``{"uuid": {...}}``, ``{"mig": {...}}``,
``{"error": {"call": str, "code": int}}`` and ``{"unloadable": str}``.

Source: NVIDIA's NVML API reference (nvml.h); the ``_v2`` names are what the unversioned macros stand for.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from variant_providers.probing.driver_library import DriverLibrary, Say, run

_NAME_BYTES = 96  # NVML_DEVICE_NAME_V2_BUFFER_SIZE
_UUID_BYTES = 96  # NVML_DEVICE_UUID_V2_BUFFER_SIZE
_VERSION_BYTES = 80  # NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
_FUNCTION_NOT_FOUND = 13
_MOST_DEVICES = 256
_MOST_INSTANCES = 64


class _Memory(ctypes.Structure):
    """``nvmlMemory_t``: bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def ask(library: ctypes.CDLL, say: Say) -> None:
    """Print what the library says about the driver, then about each GPU."""
    nvml = DriverLibrary(library, say, _FUNCTION_NOT_FOUND)
    if nvml.call(("nvmlInit_v2", "nvmlInit")):
        _system(nvml, say)
        _devices(nvml, say)


def _system(nvml: DriverLibrary, say: Say) -> None:
    driver = nvml.text("nvmlSystemGetDriverVersion", _VERSION_BYTES)
    if driver is not None:
        say(driver=driver)
    cuda = ctypes.c_int(0)
    names = ("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion")
    if nvml.call(names, ctypes.byref(cuda)):
        say(cuda=cuda.value)


def _devices(nvml: DriverLibrary, say: Say) -> None:
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


def _identity(nvml: DriverLibrary, index: int, handle: ctypes.c_void_p, say: Say) -> None:
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


if __name__ == "__main__":
    sys.exit(run(ask, sys.argv[1]))
