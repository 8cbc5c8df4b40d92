"""What a child process read through a driver library of NVIDIA's: its lines, checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from variant_providers.nvidia_seen import NvidiaGpu, printable

_MOST_UNLOADABLE = 8


@dataclass
class DriverAnswer:
    """What NVML or libcuda said; only well-formed values are kept.

    Attributes:
        library: the library that was loaded, ``""`` when none could be.
        driver: the driver's version, such as ``570.86.15``.
        cuda: the newest CUDA version that the driver runs, (major, minor).
        count: how many GPUs the library counts.
        gpus: those that it described.
        errors: (call, error code) of every call that failed.
        unloadable: why each library could not be loaded.
        trouble: how the child ended if it did not end well.
        hung: whether it was still silent when its time was up.
    """

    library: str = ""
    driver: str = ""
    cuda: tuple[int, int] | None = None
    count: int | None = None
    gpus: list[NvidiaGpu] = field(default_factory=list)
    errors: list[tuple[str, int]] = field(default_factory=list)
    unloadable: list[str] = field(default_factory=list)
    trouble: str | None = None
    hung: bool = False


def parse_answer(lines: Sequence[str]) -> DriverAnswer:
    """Read the child's lines; anything malformed in them is left out."""
    answer = DriverAnswer()
    for line in lines:
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(said, dict):
            _take_system(answer, said)
            _take_gpu(answer, said)
            _take_troubles(answer, said)
    return answer


def _take_system(answer: DriverAnswer, said: dict[str, object]) -> None:
    library, driver = said.get("library"), said.get("driver")
    if isinstance(library, str):
        answer.library = library
    if isinstance(driver, str):
        answer.driver = printable(driver)
    cuda, count = said.get("cuda"), said.get("count")
    # 12080 stands for 12.8 (major * 1000 + minor * 10, in NVML and in libcuda).
    if _is_number(cuda, 1000, 999_999):
        answer.cuda = (cuda // 1000, cuda % 1000 // 10)
    if _is_number(count, 0, 2**32):
        answer.count = count


def _take_gpu(answer: DriverAnswer, said: dict[str, object]) -> None:
    device, identity, mig = said.get("device"), said.get("uuid"), said.get("mig")
    if isinstance(device, dict) and _is_number(device.get("index"), 0, 2**16):
        answer.gpus.append(_gpu(device))
    if isinstance(identity, dict) and isinstance(identity.get("uuid"), str):
        for gpu in answer.gpus:
            if gpu.index == identity.get("index"):
                gpu.uuid = printable(identity["uuid"])
    if isinstance(mig, dict) and isinstance(mig.get("instances"), list):
        for gpu in answer.gpus:
            if gpu.index == mig.get("index"):
                gpu.mig = True
                gpu.mig_uuids = tuple(printable(one) for one in mig["instances"] if isinstance(one, str))


def _take_troubles(answer: DriverAnswer, said: dict[str, object]) -> None:
    error, unloadable = said.get("error"), said.get("unloadable")
    if isinstance(error, dict) and isinstance(error.get("call"), str) and isinstance(error.get("code"), int):
        answer.errors.append((printable(error["call"]), int(error["code"])))
    if isinstance(unloadable, list):
        reasons = [reason for reason in unloadable if isinstance(reason, str)]
        answer.unloadable = ["".join(char for char in reason if char.isprintable()) for reason in reasons]
        del answer.unloadable[_MOST_UNLOADABLE:]


def _gpu(said: dict[str, object]) -> NvidiaGpu:
    index, name, capability, memory = (said.get(key) for key in ("index", "name", "capability", "memory"))
    gpu = NvidiaGpu(int(index) if isinstance(index, int) else 0)
    if isinstance(name, str):
        gpu.name = printable(name)
    if isinstance(capability, list) and len(capability) == 2:
        major, minor = capability
        if _is_number(major, 1, 99) and _is_number(minor, 0, 99):
            gpu.capability = (major, minor)
    if _is_number(memory, 1, 2**50):
        gpu.memory_bytes = memory
    return gpu


def _is_number(value: object, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
