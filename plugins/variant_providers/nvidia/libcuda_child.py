"""Asks libcuda, in a process of its own: ``python -I -S libcuda_child.py LIBRARY ORDER``.

Prints the same lines as ``nvml_child.py``. ORDER is a value of ``CUDA_DEVICE_ORDER``. All GPUs are asked
about: which of them programs are meant to see is decided by the parent.

Source: NVIDIA's CUDA driver API reference (cuda.h).
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from variant_providers.probing.driver_library import DriverLibrary, Say, run

_NAME_BYTES = 256
_CAPABILITY_MAJOR = 75  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR
_CAPABILITY_MINOR = 76
_NOT_FOUND = 500  # CUDA_ERROR_NOT_FOUND
_MOST_DEVICES = 256


def ask(library: ctypes.CDLL, say: Say) -> None:
    """Print what the library says about the driver, then about each GPU."""
    cuda = DriverLibrary(library, say, _NOT_FOUND)
    version = ctypes.c_int(0)
    # Works before cuInit, and says something even where there is no GPU.
    if cuda.call(("cuDriverGetVersion",), ctypes.byref(version)):
        say(cuda=version.value)
    if cuda.call(("cuInit",), ctypes.c_uint(0)):
        _devices(cuda, say)


def _devices(cuda: DriverLibrary, say: Say) -> None:
    count = ctypes.c_int(0)
    if not cuda.call(("cuDeviceGetCount",), ctypes.byref(count)):
        return
    say(count=count.value)
    for index in range(min(count.value, _MOST_DEVICES)):
        handle = ctypes.c_int(0)
        if not cuda.call(("cuDeviceGet",), ctypes.byref(handle), ctypes.c_int(index)):
            continue
        device: dict[str, object] = {"index": index, "name": _name(cuda, handle)}
        major, minor = (
            _attribute(cuda, handle, _CAPABILITY_MAJOR),
            _attribute(cuda, handle, _CAPABILITY_MINOR),
        )
        if major is not None and minor is not None:
            device["capability"] = [major, minor]
        memory = ctypes.c_size_t(0)
        if cuda.call(("cuDeviceTotalMem_v2", "cuDeviceTotalMem"), ctypes.byref(memory), handle):
            device["memory"] = memory.value
        say(device=device)
        uuid = (ctypes.c_ubyte * 16)()
        if cuda.quietly("cuDeviceGetUuid", ctypes.byref(uuid), handle):
            text = bytes(uuid).hex()
            parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
            say(uuid={"index": index, "uuid": "GPU-" + "-".join(parts)})


def _attribute(cuda: DriverLibrary, handle: ctypes.c_int, attribute: int) -> int | None:
    value = ctypes.c_int(0)
    called = cuda.call(("cuDeviceGetAttribute",), ctypes.byref(value), ctypes.c_int(attribute), handle)
    return value.value if called else None


def _name(cuda: DriverLibrary, handle: ctypes.c_int) -> str | None:
    buffer = ctypes.create_string_buffer(_NAME_BYTES + 1)
    if not cuda.call(("cuDeviceGetName",), buffer, ctypes.c_int(_NAME_BYTES), handle):
        return None
    return buffer.value.decode("utf-8", "replace")


if __name__ == "__main__":
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    os.environ["CUDA_DEVICE_ORDER"] = sys.argv[2]
    sys.exit(run(ask, sys.argv[1]))
