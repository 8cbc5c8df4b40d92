"""NVIDIA GPUs without any driver library: the kernel driver in ``/proc``, PCI ids in ``/sys``.

What each id and each driver means is in the tables; nothing here runs anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from variant_providers.nvidia.jetson import read_jetson
from variant_providers.nvidia.kernel_driver import kernel_driver, take_cuda_of_driver
from variant_providers.nvidia.report import DriverReport, NvidiaGpu
from variant_providers.nvidia.tables import chips
from variant_providers.probing.pci import DEVICES, graphics
from variant_providers.probing.tree import Tree

SOURCE = "/proc and /sys"

_VENDOR = 0x10DE
_GPUS = "proc/driver/nvidia/gpus"
_NAMES = Path(__file__).parent / "tables" / "gpus.txt"

_ADDRESS = r"(?a)[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]"


def read_files(tree: Tree) -> DriverReport:
    """The kernel driver's version and the GPUs on the bus, or a Jetson's; ``present`` if either is there."""
    jetson = read_jetson(tree)
    if jetson is not None:
        return jetson
    report = DriverReport(SOURCE)
    driver = kernel_driver(tree)
    if driver is not None:
        report.driver, report.where["driver_version"] = driver
        take_cuda_of_driver(report)
    running = {name.lower() for name in tree.names(_GPUS) if re.fullmatch(_ADDRESS, name)}
    for device in graphics(tree, _VENDOR):
        if running and device.address.lower() not in running:
            report.notes.append(f"the GPU at {device.address} is not run by NVIDIA's driver")
            continue
        report.gpus.append(_gpu(len(report.gpus), device.device))
    report.where["compute_capability"] = f"/{DEVICES}/*/device and a table of device ids"
    report.count = len(report.gpus)
    report.present = bool(report.gpus) or driver is not None
    return report


def capability_of(device: int) -> tuple[int, int] | None:
    """The compute capability of a PCI device id, ``None`` for one that no known chip has."""
    for first, last, chip in chips.BLOCKS:
        if first <= device <= last:
            return chips.CAPABILITIES[chip]
    return None


def name_of(device: int) -> str:
    """The name that a PCI device id is sold under, ``""`` when it is not in the table."""
    wanted = f"{device:04x} "
    with _NAMES.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith(wanted):
                return line[len(wanted) :].strip()
    return ""


def sold_devices() -> Iterator[tuple[int, str]]:
    """Every PCI device id of the table with the name it is sold under (``A or B``: under either)."""
    with _NAMES.open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                device, _space, name = line.partition(" ")
                yield int(device, 16), name.strip()


def _gpu(index: int, device: int) -> NvidiaGpu:
    name = name_of(device) or f"NVIDIA GPU (PCI id 10de:{device:04x})"
    return NvidiaGpu(index, name, capability_of(device))
