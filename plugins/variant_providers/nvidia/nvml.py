"""NVML (``libnvidia-ml``), the driver's management library: asked in a child process, checked here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from variant_providers.nvidia.library_reports import DriverLibraryKind, ask_in_turn
from variant_providers.nvidia.report import DriverReport
from variant_providers.probing.child import ChildAnswer, Deadline

SOURCE = "NVML"
DRIVER_NOT_LOADED = 9
LIBRARY_NOT_FOUND = 12

# nvmlReturn_t of nvml.h, those that nvmlInit and the calls made here can return.
ERRORS = {
    1: "not initialised",
    2: "invalid argument",
    3: "not supported",
    4: "no permission",
    6: "not found",
    8: "the GPU's power cables are not attached",
    DRIVER_NOT_LOADED: "the NVIDIA kernel driver is not loaded",
    10: "the kernel has a problem with the GPU's interrupt",
    LIBRARY_NOT_FOUND: "libcuda cannot be found",
    13: "the driver is too old for this call",
    15: "the GPU has fallen off the bus",
    16: "the GPU requires a reset",
    17: "the operating system blocks the GPU (a container without the device, or its cgroup)",
    18: "the kernel driver and its libraries are of different versions: restart, or match the container's",
    20: "out of memory",
    999: "unknown error",
}

KIND = DriverLibraryKind(
    source=SOURCE,
    title="the NVIDIA driver (NVML)",
    error_name="NVML error",
    errors=ERRORS,
    harmless=frozenset((DRIVER_NOT_LOADED, LIBRARY_NOT_FOUND)),
    where={
        "driver_version": "NVML nvmlSystemGetDriverVersion",
        "cuda_driver": "NVML nvmlSystemGetCudaDriverVersion",
        "compute_capability": "NVML nvmlDeviceGetCudaComputeCapability",
    },
)

_SCRIPT = Path(__file__).with_name("nvml_child.py")


def ask_nvml(libraries: Sequence[str], deadline: Deadline) -> DriverReport:
    """Ask these libraries in turn until one names a GPU."""
    return ask_in_turn(_SCRIPT, read_nvml, libraries, deadline)


def read_nvml(answer: ChildAnswer) -> DriverReport:
    """What NVML said.

    That it cannot find a library (error 12) is said of libcuda, whose version it was asked for (nvml.h,
    ``nvmlSystemGetCudaDriverVersion``).
    """
    report = KIND.report(answer)
    codes = {code for _call, code in report.errors}
    report.driver_loaded = DRIVER_NOT_LOADED not in codes
    report.lacks_libcuda = LIBRARY_NOT_FOUND in codes
    if report.cuda is None and (report.driver or report.gpus) and not report.lacks_libcuda:
        report.fail("NVML did not say which CUDA version the driver runs")
    missing = (report.count or 0) - len(report.gpus)
    if report.gpus and missing > 0:
        report.notes.append(f"{missing} of {report.count} GPUs could not be read")
    return report
