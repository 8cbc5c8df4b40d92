"""What a child process read through a driver library of NVIDIA's: its lines, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeGuard

from variant_providers.nvidia.report import DriverReport, NvidiaGpu
from variant_providers.probing.text import printable


def take_lines(lines: Sequence[dict[str, object]], report: DriverReport) -> None:
    """Read a child's objects into ``report``; only well-formed values are kept."""
    report.present = False
    for said in lines:
        _take_system(report, said)
        _take_gpu(report, said)
        _take_troubles(report, said)


def _take_system(report: DriverReport, said: dict[str, object]) -> None:
    report.present = report.present or isinstance(said.get("library"), str)
    driver, cuda, count = said.get("driver"), said.get("cuda"), said.get("count")
    if isinstance(driver, str):
        report.driver = printable(driver)
    # 12080 stands for 12.8 (major * 1000 + minor * 10, in NVML and in libcuda).
    if _is_number(cuda, 1000, 999_999):
        report.cuda = (cuda // 1000, cuda % 1000 // 10)
    if _is_number(count, 0, 2**32):
        report.count = count


def _take_gpu(report: DriverReport, said: dict[str, object]) -> None:
    device, identity, mig = said.get("device"), said.get("uuid"), said.get("mig")
    if isinstance(device, dict) and _is_number(device.get("index"), 0, 2**16):
        report.gpus.append(_gpu(device))
    if isinstance(identity, dict) and isinstance(identity.get("uuid"), str):
        _change(report, identity.get("index"), uuid=printable(identity["uuid"]))
    if isinstance(mig, dict) and isinstance(mig.get("instances"), list):
        instances = tuple(printable(one) for one in mig["instances"] if isinstance(one, str))
        _change(report, mig.get("index"), mig=True, mig_uuids=instances)


def _change(report: DriverReport, index: object, **said: Any) -> None:
    report.gpus = [replace(gpu, **said) if gpu.index == index else gpu for gpu in report.gpus]


def _take_troubles(report: DriverReport, said: dict[str, object]) -> None:
    error, unloadable = said.get("error"), said.get("unloadable")
    if isinstance(error, dict) and isinstance(error.get("call"), str) and isinstance(error.get("code"), int):
        report.errors.append((printable(error["call"]), int(error["code"])))
    if isinstance(unloadable, str):
        report.unloadable = printable(unloadable, 400)


def _gpu(said: dict[str, object]) -> NvidiaGpu:
    index, name, capability, memory = (said.get(key) for key in ("index", "name", "capability", "memory"))
    return NvidiaGpu(
        int(index) if isinstance(index, int) else 0,
        printable(name) if isinstance(name, str) else "",
        _capability(capability),
        memory if _is_number(memory, 1, 2**50) else None,
    )


def _capability(said: object) -> tuple[int, int] | None:
    if not isinstance(said, list) or len(said) != 2:
        return None
    major, minor = said
    return (major, minor) if _is_number(major, 1, 99) and _is_number(minor, 0, 99) else None


def _is_number(value: object, low: int, high: int) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
