"""NVML (``libnvidia-ml``), the driver's management library: asked in a child process, checked here."""

from __future__ import annotations

from collections.abc import Sequence

from variant_providers.child import ask_child
from variant_providers.driver_answer import DriverAnswer, parse_answer
from variant_providers.nvidia_seen import NvidiaSeen

SOURCE = "NVML"
DRIVER_NOT_LOADED = 9

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
    12: "the library is incomplete",
    13: "the driver is too old for this call",
    15: "the GPU has fallen off the bus",
    16: "the GPU requires a reset",
    17: "the operating system blocks the GPU (a container without the device, or its cgroup)",
    18: "the kernel driver and its libraries are of different versions: restart, or match the container's",
    20: "out of memory",
    999: "unknown error",
}

_WHERE = {
    "driver_version": "NVML nvmlSystemGetDriverVersion",
    "cuda_driver": "NVML nvmlSystemGetCudaDriverVersion",
    "compute_capability": "NVML nvmlDeviceGetCudaComputeCapability",
}


def ask_nvml(libraries: Sequence[str], limit: float) -> NvidiaSeen:
    """Ask the first of these libraries that can be loaded, for ``limit`` seconds at most."""
    child = ask_child("nvml_child.py", libraries, limit)
    answer = parse_answer(child.lines)
    answer.trouble, answer.hung = child.trouble, child.hung
    return seen_by_nvml(answer)


def seen_by_nvml(answer: DriverAnswer) -> NvidiaSeen:
    """NVML's answer, with its errors in words."""
    seen = NvidiaSeen(
        SOURCE, answer.driver, answer.cuda, answer.gpus, answer.count, dict(_WHERE), hung=answer.hung
    )
    seen.present = bool(answer.library)
    if answer.trouble is not None:
        seen.fail(f"the NVIDIA driver (NVML) {answer.trouble}")
    for reason in answer.unloadable:
        seen.fail(f"the NVIDIA driver library cannot be loaded: {reason}")
    for call, code in dict.fromkeys(answer.errors):
        if code == DRIVER_NOT_LOADED:
            seen.notes.append(describe(call, code))
        else:
            seen.fail(describe(call, code))
    if answer.cuda is None and (answer.driver or answer.gpus):
        seen.fail("NVML did not say which CUDA version the driver runs")
    missing = (answer.count or 0) - len(answer.gpus)
    if answer.gpus and missing > 0:
        seen.notes.append(f"{missing} of {answer.count} GPUs could not be read")
    return seen


def describe(call: str, code: int) -> str:
    """An NVML error in words: the call, what the code means, and the code."""
    return f"{call}: {ERRORS.get(code, 'unknown error')} (NVML error {code})"
