"""The NVIDIA kernel driver that is loaded, and which CUDA version a driver runs."""

from __future__ import annotations

import re

from variant_providers.nvidia.report import DriverReport, dotted
from variant_providers.nvidia.tables import cuda
from variant_providers.probing.tree import Tree

DRIVER_FILE = "proc/driver/nvidia/version"

_MODULE_VERSION = "sys/module/nvidia/version"
_NVRM = r"(?a)Kernel Module(?:\s+for\s+\S{1,32})?\s+([0-9]{1,4}(?:\.[0-9]{1,5}){1,3})(?![0-9.])"
_VERSION = r"(?a)[0-9]{1,4}(?:\.[0-9]{1,5}){1,3}"


def kernel_driver(tree: Tree) -> tuple[str, str] | None:
    """The version of the loaded kernel driver, and where it was read."""
    text = tree.read_text(DRIVER_FILE)
    if text is not None:
        found = re.search(_NVRM, text)
        if found is not None:
            return found[1], f"/{DRIVER_FILE}"
    text = tree.read_text(_MODULE_VERSION)
    if text is not None and re.fullmatch(_VERSION, text.strip()):
        return text.strip(), f"/{_MODULE_VERSION}"
    return None


def cuda_of_driver(version: str) -> tuple[int, int] | None:
    """The newest CUDA version that a driver runs, ``None`` for one older than the table."""
    branch = int(version.partition(".")[0])
    known = [runs for first, runs in cuda.DRIVER_BRANCHES if first <= branch]
    return known[-1] if known else None


def take_cuda_of_driver(report: DriverReport) -> None:
    """What the table of branches says of a report's driver; a newer one runs at least the newest CUDA."""
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
