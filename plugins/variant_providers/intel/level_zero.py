"""Level Zero, seen from outside: where its loader is, and what the child process read through it."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from variant_providers.probing.child import ChildAnswer, Deadline, ask_libraries, time_limit
from variant_providers.probing.dynamic_loader import files_in, loader_knows
from variant_providers.probing.text import printable

SONAME = "libze_loader.so.1"
NO_DRIVER = 0x78000001

# ze_result_t of ze_api.h, those that the calls made here can return; -1 is ours.
ERRORS = {
    -1: "the library is too old for this call",
    1: "not ready",
    0x70000001: "the device is lost",
    0x70000002: "out of host memory",
    0x70000003: "out of device memory",
    0x70000006: "the device requires a reset",
    0x70000007: "the device is in a low power state",
    0x70010000: "no permission",
    0x70010001: "not available",
    0x70020000: "a library that it needs is missing",
    NO_DRIVER: "no driver can be used",
    0x78000002: "unsupported version",
    0x78000003: "unsupported feature",
    0x78000004: "invalid argument",
    0x78000005: "invalid handle",
    0x78000007: "invalid pointer",
    0x7800000C: "invalid enumeration",
    0x7800000D: "unsupported enumeration",
    0x7FFFFFFE: "unknown error",
}

_GPU = 1
_INTEL = 0x8086
_INTEGRATED = 1 << 0
_SCRIPT = Path(__file__).with_name("level_zero_child.py")
_LOADER_FOLDERS = ("lib", "usr/lib", "lib64", "usr/lib64", "usr/local/lib", "usr/lib/x86_64-linux-gnu")


class ZeDevice(NamedTuple):
    """A GPU as Level Zero describes it.

    Attributes:
        device_ip: ``20.1.0``, ``""`` where the driver lacks the device-IP extension.
        device_id: its PCI device id.
        name: ``""`` where the driver says none.
        integrated: whether it is part of a processor.
        memory_bytes: ``None`` where the driver does not say.
    """

    device_ip: str
    device_id: int
    name: str
    integrated: bool
    memory_bytes: int | None


@dataclass
class ZeAnswer:
    """What Level Zero said, checked: only well-formed values are kept.

    Attributes:
        library: the library that was loaded, ``""`` when it could not be.
        drivers: how many drivers there are, ``None`` when it did not come so far.
        devices: Intel's GPUs, in Level Zero's order; NPUs and other vendors' devices are left out.
        errors: (call, error code) of every call that failed.
        unloadable: why libraries could not be loaded.
        trouble: how the child ended if it did not end well.
    """

    library: str = ""
    drivers: int | None = None
    devices: list[ZeDevice] = field(default_factory=list)
    errors: list[tuple[str, int]] = field(default_factory=list)
    unloadable: list[str] = field(default_factory=list)
    trouble: str | None = None

    @property
    def denies(self) -> bool:
        """Whether it answered to the end, and there is no driver, or no GPU, that programs could use."""
        only_no_driver = all(code == NO_DRIVER for _call, code in self.errors)
        return self.drivers is not None and not self.devices and only_no_driver and self.trouble is None


def find_libraries() -> list[str]:
    """The names to load Level Zero's loader by; empty when there is obviously none to load."""
    if sys.platform == "win32":
        path = Path(os.environ.get("SYSTEMROOT", "C:/Windows"), "System32", "ze_loader.dll")
        return [str(path)] if path.exists() else []
    if not sys.platform.startswith("linux"):
        return []
    found = [SONAME] if loader_knows(SONAME) else []
    return found + files_in(_LOADER_FOLDERS, SONAME)


def ask_level_zero(libraries: list[str]) -> ZeAnswer:
    """Ask these libraries in turn until one names a GPU, in child processes that share a time limit.

    Returns:
        The answer with a GPU, else the first of a library that could be loaded, else all that went wrong.
    """
    deadline = Deadline(time_limit())
    asked = ask_libraries(_SCRIPT, libraries, lambda answer: bool(read_answer(answer).devices), deadline)
    answers = [read_answer(answer) for answer in asked]
    best = max(answers, key=lambda answer: (bool(answer.devices), answer.drivers or 0, bool(answer.library)))
    if not best.library:
        best.unloadable = [reason for answer in answers for reason in answer.unloadable]
    return best


def read_answer(said: ChildAnswer) -> ZeAnswer:
    """Read what a child said; anything malformed in it is left out."""
    answer = ZeAnswer(trouble=said.trouble)
    for one in said.objects():
        _take(answer, one)
    return answer


def describe(call: str, code: int) -> str:
    """A Level Zero error in words: the call, what the code means, and the code."""
    return f"{call}: {ERRORS.get(code, 'unknown error')} (Level Zero error {code:#x})"


def decode_ip(version: int) -> str:
    """``architecture.release.revision`` of a device IP version: its bits 31-22, 21-14 and 5-0."""
    return f"{version >> 22 & 0x3FF}.{version >> 14 & 0xFF}.{version & 0x3F}"


def _take(answer: ZeAnswer, said: dict[str, object]) -> None:
    library, drivers, unloadable = said.get("library"), said.get("drivers"), said.get("unloadable")
    if isinstance(library, str):
        answer.library = library
    if isinstance(drivers, int) and 0 <= drivers < 2**16:
        answer.drivers = int(drivers)
    if isinstance(unloadable, str):
        answer.unloadable.append(unloadable)
    device, error = said.get("device"), said.get("error")
    if isinstance(device, dict):
        found = _device(device)
        if found is not None:
            answer.devices.append(found)
    if isinstance(error, dict) and isinstance(error.get("call"), str) and isinstance(error.get("code"), int):
        answer.errors.append((error["call"], error["code"]))


def _device(said: dict[str, object]) -> ZeDevice | None:
    numbers = {
        key: _number(said.get(key)) for key in ("type", "vendor", "device_id", "flags", "ip", "memory")
    }
    if numbers["type"] != _GPU or numbers["vendor"] != _INTEL:
        return None
    name, ip, memory = said.get("name"), numbers["ip"] or 0, numbers["memory"] or 0
    return ZeDevice(
        device_ip=decode_ip(ip) if 0 < ip < 2**32 else "",
        device_id=numbers["device_id"] or 0,
        name=_named(name) if isinstance(name, str) else "",
        integrated=bool((numbers["flags"] or 0) & _INTEGRATED),
        memory_bytes=memory if 0 < memory < 2**50 else None,
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _named(text: str) -> str:
    return printable(text.replace("(R)", "").replace("(TM)", ""))
