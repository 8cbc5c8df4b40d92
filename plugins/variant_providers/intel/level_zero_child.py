"""Asks Level Zero, in a process of its own: ``python -I -S level_zero_child.py LIBRARY``.

Prints, one JSON object a line: ``{"library": str}``, ``{"file": str}``, ``{"drivers": int}``,
``{"device": {...}}``, ``{"error": {"call": str, "code": int}}`` and ``{"unloadable": str}``.

Source: ``ze_api.h`` of the Level Zero loader; ``zeInitDrivers`` came with 1.10, in place of ``zeInit``.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))

from variant_providers.probing.driver_library import DriverLibrary, Say, run

_TOO_OLD = -1  # not a ze_result_t: the library lacks the function
_GPU_ONLY = 1  # ZE_INIT_DRIVER_TYPE_FLAG_GPU, and ZE_INIT_FLAG_GPU_ONLY
_DEVICE_PROPERTIES = 0x3
_DEVICE_MEMORY_PROPERTIES = 0x7
_DEVICE_IP_VERSION_EXT = 0x1000F
_INIT_DRIVER_TYPE_DESC = 0x20021
_MOST_DRIVERS = 16
_MOST_DEVICES = 256
_MOST_MEMORIES = 16


class _InitDescription(ctypes.Structure):
    """``ze_init_driver_type_desc_t``."""

    _fields_ = (("stype", ctypes.c_uint32), ("next", ctypes.c_void_p), ("flags", ctypes.c_uint32))


class _IpVersion(ctypes.Structure):
    """``ze_device_ip_version_ext_t``."""

    _fields_ = (("stype", ctypes.c_uint32), ("next", ctypes.c_void_p), ("ip_version", ctypes.c_uint32))


class _Properties(ctypes.Structure):
    """``ze_device_properties_t``."""

    _fields_ = (
        ("stype", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("type", ctypes.c_uint32),
        ("vendor_id", ctypes.c_uint32),
        ("device_id", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("subdevice_id", ctypes.c_uint32),
        ("core_clock_rate", ctypes.c_uint32),
        ("max_mem_alloc_size", ctypes.c_uint64),
        ("max_hardware_contexts", ctypes.c_uint32),
        ("max_command_queue_priority", ctypes.c_uint32),
        ("threads_per_eu", ctypes.c_uint32),
        ("eu_simd_width", ctypes.c_uint32),
        ("eus_per_subslice", ctypes.c_uint32),
        ("subslices_per_slice", ctypes.c_uint32),
        ("slices", ctypes.c_uint32),
        ("timer_resolution", ctypes.c_uint64),
        ("timestamp_valid_bits", ctypes.c_uint32),
        ("kernel_timestamp_valid_bits", ctypes.c_uint32),
        ("uuid", ctypes.c_uint8 * 16),
        ("name", ctypes.c_char * 256),
    )


class _Memory(ctypes.Structure):
    """``ze_device_memory_properties_t``."""

    _fields_ = (
        ("stype", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("max_clock_rate", ctypes.c_uint32),
        ("max_bus_width", ctypes.c_uint32),
        ("total_size", ctypes.c_uint64),
        ("name", ctypes.c_char * 256),
    )


class _LevelZero(DriverLibrary):
    """Level Zero's loader."""

    def handles(self, name: str, most: int, *arguments: Any, after: tuple[Any, ...] = ()) -> list[int]:
        """Call a function twice, as Level Zero has it: for the count, then for that many handles."""
        count = ctypes.c_uint32(0)
        if not self.call((name,), *arguments, ctypes.byref(count), None, *after) or count.value == 0:
            return []
        # Room for more than is read: a driver that grows between the calls must not write past the end.
        room = (ctypes.c_void_p * (most * 2))()
        count.value = min(count.value, most)
        if not self.call((name,), *arguments, ctypes.byref(count), room, *after):
            return []
        return [handle for handle in room[: min(count.value, most)] if handle]


def ask(library: ctypes.CDLL, say: Say) -> None:
    """Print how many drivers the loader has found, then what each says about its devices."""
    level_zero = _LevelZero(library, say, _TOO_OLD, ctypes.c_uint32)
    drivers = _drivers(level_zero)
    say(drivers=len(drivers))
    for driver in drivers:
        for device in level_zero.handles("zeDeviceGet", _MOST_DEVICES, ctypes.c_void_p(driver)):
            _device(level_zero, ctypes.c_void_p(device), say)


def _drivers(level_zero: _LevelZero) -> list[int]:
    if level_zero.has("zeInitDrivers"):
        description = _InitDescription(_INIT_DRIVER_TYPE_DESC, None, _GPU_ONLY)
        return level_zero.handles("zeInitDrivers", _MOST_DRIVERS, after=(ctypes.byref(description),))
    if not level_zero.call(("zeInit",), ctypes.c_uint32(_GPU_ONLY)):
        return []
    return level_zero.handles("zeDriverGet", _MOST_DRIVERS)


def _device(level_zero: _LevelZero, handle: ctypes.c_void_p, say: Say) -> None:
    ip = _IpVersion(_DEVICE_IP_VERSION_EXT, None, 0)
    properties = _Properties(stype=_DEVICE_PROPERTIES)
    properties.next = ctypes.cast(ctypes.pointer(ip), ctypes.c_void_p)
    if not level_zero.call(("zeDeviceGetProperties",), handle, ctypes.byref(properties)):
        return
    device: dict[str, object] = {
        "type": properties.type,
        "vendor": properties.vendor_id,
        "device_id": properties.device_id,
        "flags": properties.flags,
        "ip": ip.ip_version,
        "name": properties.name.decode("utf-8", "replace"),
    }
    count = ctypes.c_uint32(_MOST_MEMORIES)
    memories = (_Memory * _MOST_MEMORIES)()
    for memory in memories:
        memory.stype = _DEVICE_MEMORY_PROPERTIES
    if level_zero.call(("zeDeviceGetMemoryProperties",), handle, ctypes.byref(count), memories):
        device["memory"] = sum(memory.total_size for memory in memories[: min(count.value, _MOST_MEMORIES)])
    say(device=device)


if __name__ == "__main__":
    sys.exit(run(ask, sys.argv[1]))
