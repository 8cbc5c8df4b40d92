"""A Jetson's GPU, which is on no bus: the device tree names the chip, and Jetson Linux its CUDA version."""

from __future__ import annotations

import re

from variant_providers.nvidia.kernel_driver import kernel_driver, take_cuda_of_driver
from variant_providers.nvidia.report import DriverReport, NvidiaGpu, dotted
from variant_providers.nvidia.tables import chips
from variant_providers.probing.text import printable
from variant_providers.probing.tree import Tree

_COMPATIBLE = "proc/device-tree/compatible"
_MODEL = "proc/device-tree/model"
_RELEASE_FILE = "etc/nv_tegra_release"
_PACKAGES = "var/lib/dpkg/status"
_KERNEL = "proc/sys/kernel/osrelease"

_RELEASE = re.compile(r"#?\s*R([0-9]{1,3})\s*\(release\),\s*REVISION:\s*([0-9]{1,3})", re.ASCII)
_PACKAGE = re.compile(
    r"^Package: nvidia-l4t-core\n(?:(?!\n\n)[\s\S]){0,4000}?^Version: ([0-9]{1,3})\.([0-9]{1,3})[.-]",
    re.ASCII | re.MULTILINE,
)
_TEGRA_KERNEL = r"(?a)([0-9]{1,3})\.([0-9]{1,3})\.[0-9]{1,5}.*-tegra"
_FIRST_BRANCH = 100
"""Numbers of driver branches are above it, those of Jetson Linux releases below."""


def read_jetson(tree: Tree) -> DriverReport | None:
    """What a Jetson's files say, ``None`` where this is no Jetson."""
    compatible = (tree.read_text(_COMPATIBLE) or "").split("\0")
    chip = next((chips.TEGRA[name] for name in compatible if name in chips.TEGRA), None)
    if chip is None:
        return None
    report = DriverReport(f"/{_COMPATIBLE}", count=1)
    model = printable((tree.read_text(_MODEL) or "").split("\0")[0])
    report.gpus.append(NvidiaGpu(0, model or chip[0], chip[1]))
    report.where["compute_capability"] = f"/{_COMPATIBLE} and a table of chips"
    driver = kernel_driver(tree)
    if driver is not None:
        report.driver, report.where["driver_version"] = driver
    _take_release(tree, report)
    return report


def _take_release(tree: Tree, report: DriverReport) -> None:
    """The CUDA version from the release of Jetson Linux, else the most that driver and kernel prove."""
    release = _written_release(tree) or _release_of_driver(report)
    if release is not None:
        _take_cuda(report, *release)
        return
    by_kernel = _release_of_kernel(tree)
    if report.driver and int(report.driver.partition(".")[0]) >= _FIRST_BRANCH:
        take_cuda_of_driver(report)
    known = None if by_kernel is None else _cuda_of(*by_kernel[:2])
    if by_kernel is not None and known is not None and known > (report.cuda or (0, 0)):
        _take_cuda(report, *by_kernel)
    if report.cuda is None and not report.failed:
        report.fail(f"this is a Jetson, and neither /{_RELEASE_FILE} nor its driver says its Jetson Linux")


def _cuda_of(major: int, minor: int) -> tuple[int, int] | None:
    known = [runs for first, runs in chips.JETSON_LINUX if first <= (major, minor)]
    return known[-1] if known else None


def _take_cuda(report: DriverReport, major: int, minor: int, place: str) -> None:
    report.cuda = _cuda_of(major, minor)
    named = f"Jetson Linux R{major}.{minor}"
    report.where["cuda_driver"] = f"{place} (R{major}.{minor}) and a table of releases"
    if report.cuda is None:
        report.fail(f"which CUDA version {named} runs is not known")
    elif major > chips.JETSON_LINUX[-1][0][0]:
        report.notes.append(
            f"{named} is newer than this version's table: it runs at least CUDA {dotted(report.cuda)}, the "
            "newest that is known here"
        )


def _written_release(tree: Tree) -> tuple[int, int, str] | None:
    """What NVIDIA's own file says, which not every system has (meta-tegra, containers), else the package."""
    for path, pattern in ((_RELEASE_FILE, _RELEASE), (_PACKAGES, _PACKAGE)):
        found = pattern.search(tree.read_text(path) or "")
        if found is not None:
            return int(found[1]), int(found[2]), f"/{path}"
    return None


def _release_of_driver(report: DriverReport) -> tuple[int, int, str] | None:
    """Until R35 the kernel driver is numbered as the release is: 35.3.1 (nix-community/nixGL 139)."""
    numbers = report.driver.split(".")
    if len(numbers) < 2 or int(numbers[0]) >= _FIRST_BRANCH:
        return None
    return int(numbers[0]), int(numbers[1]), report.where["driver_version"]


def _release_of_kernel(tree: Tree) -> tuple[int, int, str] | None:
    """The oldest release with this kernel, where the kernel is Jetson Linux's."""
    found = re.match(_TEGRA_KERNEL, (tree.read_text(_KERNEL) or "").strip())
    version = (0, 0) if found is None else (int(found[1]), int(found[2]))
    known = [release for first, release in chips.TEGRA_KERNELS.items() if first <= version]
    return (known[-1], 0, f"/{_KERNEL}") if known else None
