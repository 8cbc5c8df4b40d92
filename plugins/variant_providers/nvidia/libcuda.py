"""libcuda, the CUDA driver API: what there is where NVML is not (Jetson, some WSL2 set-ups, containers)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from variant_providers.nvidia.library_reports import DriverLibraryKind, ask_in_turn
from variant_providers.nvidia.report import DriverReport
from variant_providers.probing.child import ChildAnswer, Deadline

SOURCE = "libcuda"
NO_DEVICE = 100

# CUresult of cuda.h, those that cuInit and the calls made here can return.
ERRORS = {
    1: "invalid value",
    2: "out of memory",
    3: "not initialised",
    4: "the driver is shutting down",
    34: "this is the toolkit's stub of libcuda, not the driver's: take its folder out of LD_LIBRARY_PATH",
    46: "the GPU is busy or not available",
    NO_DEVICE: "no GPU that CUDA can use",
    101: "invalid device",
    304: "the operating system refused a call (a container without the device, or its cgroup)",
    500: "not found",
    801: "not supported",
    802: "the system is not ready yet (on HGX and DGX: is the fabric manager running?)",
    803: "libcuda and the kernel driver are of different versions: restart, or match the container's",
    804: "this libcuda (cuda-compat) does not support forward compatibility on this GPU",
    999: "unknown error",
}

KIND = DriverLibraryKind(
    source=SOURCE,
    title="the CUDA driver (libcuda)",
    error_name="CUDA error",
    errors=ERRORS,
    harmless=frozenset((NO_DEVICE,)),
    where={
        "cuda_driver": "libcuda cuDriverGetVersion",
        "compute_capability": "libcuda cuDeviceGetAttribute",
    },
)
PCI_ORDER = "PCI_BUS_ID"

_SCRIPT = Path(__file__).with_name("libcuda_child.py")


def ask_libcuda(libraries: Sequence[str], deadline: Deadline, order: str = PCI_ORDER) -> DriverReport:
    """Ask these libraries in turn until one names a GPU.

    Args:
        libraries: names or paths of libcuda, most likely first.
        deadline: until when.
        order: what CUDA is told to number the GPUs by, a value of ``CUDA_DEVICE_ORDER``.
    """
    return ask_in_turn(_SCRIPT, read_libcuda, libraries, deadline, order)


def read_libcuda(answer: ChildAnswer) -> DriverReport:
    """What libcuda said; "no device" counts as a count of 0."""
    report = KIND.report(answer)
    if any(code == NO_DEVICE for _call, code in report.errors):
        report.count = 0
    return report
