"""libcuda, the CUDA driver API: what there is where NVML is not (Jetson, some WSL2 set-ups, containers)."""

from __future__ import annotations

from collections.abc import Sequence

from variant_providers.child import ask_child
from variant_providers.driver_answer import DriverAnswer, parse_answer
from variant_providers.nvidia_seen import NvidiaSeen

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

_WHERE = {
    "cuda_driver": "libcuda cuDriverGetVersion",
    "compute_capability": "libcuda cuDeviceGetAttribute",
}
PCI_ORDER = "PCI_BUS_ID"


def ask_libcuda(libraries: Sequence[str], limit: float, order: str = PCI_ORDER) -> NvidiaSeen:
    """Ask the first of these libraries that can be loaded, for ``limit`` seconds at most.

    Args:
        libraries: names or paths of libcuda, most likely first.
        limit: seconds.
        order: what CUDA is told to number the GPUs by, a value of ``CUDA_DEVICE_ORDER``.
    """
    child = ask_child("libcuda_child.py", [order, *libraries], limit)
    answer = parse_answer(child.lines)
    answer.trouble, answer.hung = child.trouble, child.hung
    return seen_by_libcuda(answer)


def seen_by_libcuda(answer: DriverAnswer) -> NvidiaSeen:
    """libcuda's answer, with its errors in words."""
    seen = NvidiaSeen(SOURCE, "", answer.cuda, answer.gpus, answer.count, dict(_WHERE), hung=answer.hung)
    seen.present = bool(answer.library)
    if answer.trouble is not None:
        seen.fail(f"the CUDA driver (libcuda) {answer.trouble}")
    for reason in answer.unloadable:
        seen.fail(f"the CUDA driver library cannot be loaded: {reason}")
    for call, code in dict.fromkeys(answer.errors):
        if code == NO_DEVICE:
            seen.count = 0
            seen.notes.append(describe(call, code))
        else:
            seen.fail(describe(call, code))
    return seen


def describe(call: str, code: int) -> str:
    """A CUDA error in words: the call, what the code means, and the code."""
    return f"{call}: {ERRORS.get(code, 'unknown error')} (CUDA error {code})"
