"""NVIDIA GPUs without any driver library: the kernel driver in ``/proc``, PCI ids in ``/sys``, Jetson's tree.

What each id and each driver means is in the tables; nothing here runs anything.
"""

from __future__ import annotations

import re
from pathlib import Path

from variant_providers.nvidia.report import DriverReport, NvidiaGpu, dotted, printable
from variant_providers.nvidia.tables import chips as chips
from variant_providers.nvidia.tables import cuda
from variant_providers.probing.pci import DEVICES, graphics
from variant_providers.probing.tree import Tree

SOURCE = "/proc and /sys"
DRIVER_FILE = "proc/driver/nvidia/version"

_VENDOR = 0x10DE
_GPUS = "proc/driver/nvidia/gpus"
_MODULE_VERSION = "sys/module/nvidia/version"
_COMPATIBLE = "proc/device-tree/compatible"
_MODEL = "proc/device-tree/model"
_L4T = "etc/nv_tegra_release"
_NAMES = Path(__file__).parent / "tables" / "gpus.txt"

_NVRM = re.compile(
    r"Kernel Module(?:\s+for\s+\S{1,32})?\s+([0-9]{1,4}(?:\.[0-9]{1,5}){1,3})(?![0-9.])", re.ASCII
)
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,5}){1,3}", re.ASCII)
_RELEASE = re.compile(r"#?\s*R([0-9]{1,3})\s*\(release\),\s*REVISION:\s*([0-9]{1,3})", re.ASCII)
_ADDRESS = re.compile(r"[0-9a-fA-F]{4,8}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7]", re.ASCII)


def read_files(tree: Tree) -> DriverReport:
    """The kernel driver's version and the GPUs on the bus, or a Jetson's; ``present`` if either is there."""
    jetson = _read_jetson(tree)
    if jetson is not None:
        return jetson
    report = DriverReport(SOURCE)
    driver = kernel_driver(tree)
    if driver is not None:
        report.driver, report.where["driver_version"] = driver
        _take_driver(report)
    running = {name.lower() for name in tree.names(_GPUS) if _ADDRESS.fullmatch(name)}
    for device in graphics(tree, _VENDOR):
        if running and device.address.lower() not in running:
            report.notes.append(f"the GPU at {device.address} is not run by NVIDIA's driver")
            continue
        report.gpus.append(_gpu(len(report.gpus), device.device))
    report.where["compute_capability"] = f"/{DEVICES}/*/device and a table of device ids"
    report.count = len(report.gpus)
    report.present = bool(report.gpus) or driver is not None
    return report


def kernel_driver(tree: Tree) -> tuple[str, str] | None:
    """The version of the loaded kernel driver, and where it was read."""
    text = tree.read_text(DRIVER_FILE)
    if text is not None:
        found = _NVRM.search(text)
        if found is not None:
            return found[1], f"/{DRIVER_FILE}"
    text = tree.read_text(_MODULE_VERSION)
    if text is not None and _VERSION.fullmatch(text.strip()):
        return text.strip(), f"/{_MODULE_VERSION}"
    return None


def cuda_of_driver(version: str) -> tuple[int, int] | None:
    """The newest CUDA version that a driver runs, ``None`` for one older than the table."""
    branch = int(version.partition(".")[0])
    known = [runs for first, runs in cuda.DRIVER_BRANCHES if first <= branch]
    return known[-1] if known else None


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


def _take_driver(report: DriverReport) -> None:
    report.cuda = cuda_of_driver(report.driver)
    report.where["cuda_driver"] = f"driver {report.driver} and a table of driver branches"
    newest = cuda.DRIVER_BRANCHES[-1]
    if int(report.driver.partition(".")[0]) >= cuda.NEWEST_BRANCH_END:
        report.notes.append(
            f"driver {report.driver} is newer than this version's table: it runs at least "
            f"CUDA {dotted(newest[1])}, the newest that is known here"
        )
    elif report.cuda is None:
        report.fail(f"driver {report.driver} is older than this version's table")


def _gpu(index: int, device: int) -> NvidiaGpu:
    name = name_of(device) or f"NVIDIA GPU (PCI id 10de:{device:04x})"
    return NvidiaGpu(index, name, capability_of(device))


def _read_jetson(tree: Tree) -> DriverReport | None:
    """A Jetson's GPU is on no bus: the device tree names the chip, and the release its CUDA version."""
    compatible = (tree.read_text(_COMPATIBLE) or "").split("\0")
    chip = next((chips.TEGRA[name] for name in compatible if name in chips.TEGRA), None)
    if chip is None:
        return None
    report = DriverReport(f"/{_COMPATIBLE}")
    model = printable((tree.read_text(_MODEL) or "").split("\0")[0])
    report.gpus.append(NvidiaGpu(0, model or chip[0], chip[1]))
    report.count = 1
    report.where["compute_capability"] = f"/{_COMPATIBLE} and a table of chips"
    driver = kernel_driver(tree)
    if driver is not None:
        report.driver, report.where["driver_version"] = driver
    release = _RELEASE.search(tree.read_text(_L4T) or "")
    if release is None:
        report.fail(f"this is a Jetson, but /{_L4T} does not say which Jetson Linux it runs")
        return report
    major, minor = int(release[1]), int(release[2])
    report.where["cuda_driver"] = f"/{_L4T} (R{major}.{minor}) and a table of releases"
    report.cuda = chips.L4T_CUDA.get(major)
    if major == 36 and minor >= 4:
        report.cuda = chips.L4T_364
    if report.cuda is None:
        report.fail(f"which CUDA version Jetson Linux R{major}.{minor} runs is not known")
    return report
