"""Asking every source about NVIDIA GPUs, the most authoritative first, until nothing is missing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping

from variant_providers import libcuda, nvidia_files, nvidia_smi, nvidia_visible, nvml
from variant_providers.child import time_limit
from variant_providers.finding import Finding
from variant_providers.nvidia_libraries import (
    LIBCUDA,
    NVML,
    WSL_FOLDER,
    find_libraries,
    find_nvidia_smi,
    tree_has_library,
)
from variant_providers.nvidia_seen import NvidiaGpu, NvidiaSeen, dotted
from variant_providers.tree import Tree

_SMALLEST_LIMIT_S = 0.1
_GIVE_LIBRARIES = (
    "start the container with --gpus all (or another way to give it the driver), with compute and "
    "utility in NVIDIA_DRIVER_CAPABILITIES; elsewhere install the driver's libraries or set LD_LIBRARY_PATH"
)


class NvidiaProbe:
    """One look at a machine: what has been seen so far, and how much time is left.

    All calls of the driver share one time limit: a driver that hangs in one library hangs in all.
    """

    def __init__(self, tree: Tree, finding: Finding) -> None:
        self._tree = tree
        self._finding = finding
        self._environ: Mapping[str, str] = os.environ if tree.is_local else {}
        self._deadline = time.monotonic() + time_limit()
        self._sightings: list[NvidiaSeen] = []
        self._cuda_libraries: list[str] = []

    def run(self) -> None:
        """Ask, put together what was said, and write it down."""
        if self._tree.pointer_bits() != 64:
            self._finding.note("this Python is a 32-bit program, and CUDA is for 64-bit ones only")
            return
        complete = self._ask_libraries() if self._tree.is_local else self._read_tree()
        if not complete:
            self._read_files()
        self._conclude()

    def _ask_libraries(self) -> bool:
        management = find_libraries(NVML)
        self._cuda_libraries = find_libraries(LIBCUDA)
        if management and self._take(nvml.ask_nvml(management, self._left())):
            if not self._cuda_libraries:
                self._finding.note(
                    "libcuda is missing, which every program that uses CUDA needs: " + _GIVE_LIBRARIES
                )
            return True
        if not self._may_go_on():
            return False
        if self._cuda_libraries and self._take(libcuda.ask_libcuda(self._cuda_libraries, self._left())):
            return True
        has_library = bool(management or self._cuda_libraries)
        program = find_nvidia_smi() if has_library and self._may_go_on() else None
        return program is not None and self._take(nvidia_smi.ask_nvidia_smi(program, self._left()))

    def _read_tree(self) -> bool:
        seen = nvidia_smi.read_nvidia_smi(self._tree)
        return seen is not None and self._take(seen)

    def _read_files(self) -> None:
        """The last resort, unless a driver has said that there is no GPU to be used."""
        if any(seen.count == 0 for seen in self._sightings):
            return
        seen = nvidia_files.read_files(self._tree)
        if seen.present:
            self._take(seen)
            if not seen.driver and seen.cuda is None and seen.gpus:
                seen.notes.append("there is an NVIDIA GPU, but NVIDIA's driver is not loaded")
        if self._lacks_libraries() and seen.driver:
            seen.fail(
                f"the NVIDIA kernel driver {seen.driver} is loaded, but neither {NVML[0]} nor {LIBCUDA[0]} "
                f"can be found: {_GIVE_LIBRARIES}"
            )
            seen.cuda = None

    def _lacks_libraries(self) -> bool:
        if self._tree.is_local:
            return not self._sightings[:-1] and not self._cuda_libraries and not find_libraries(NVML)
        # A mounted image may lie anywhere; a container is what runs, so what it lacks is missing.
        has_any = tree_has_library(self._tree, NVML) or tree_has_library(self._tree, LIBCUDA)
        return nvidia_visible.in_container(self._tree) and not has_any

    def _take(self, seen: NvidiaSeen) -> bool:
        """Keep what a source said; whether nothing is missing any more."""
        self._sightings.append(seen)
        gpus = self._gpus()
        return self._first_cuda() is not None and bool(gpus) and all(gpu.capability for gpu in gpus)

    def _may_go_on(self) -> bool:
        return not any(seen.hung or _without_driver(seen) for seen in self._sightings)

    def _left(self) -> float:
        return max(self._deadline - time.monotonic(), _SMALLEST_LIMIT_S)

    def _first_cuda(self) -> NvidiaSeen | None:
        return next((seen for seen in self._sightings if seen.cuda is not None), None)

    def _gpus(self) -> list[NvidiaGpu]:
        """The first list of GPUs, with what it lacks taken from a later one of the same length."""
        lists = [seen.gpus for seen in self._sightings if seen.gpus]
        if not lists:
            return []
        for later in lists[1:]:
            if len(later) != len(lists[0]):
                continue
            for gpu, other in zip(lists[0], later, strict=True):
                gpu.name = gpu.name or other.name
                gpu.capability = gpu.capability or other.capability
                gpu.memory_bytes = gpu.memory_bytes or other.memory_bytes
                gpu.uuid = gpu.uuid or other.uuid
        return lists[0]

    def _conclude(self) -> None:
        finding, gpus = self._finding, self._gpus()
        told = self._first_cuda()
        self._say_what_happened()
        self._apply_environment(gpus)
        finding.devices.extend(gpu.as_device() for gpu in gpus)
        used = [seen.source for seen in self._sightings if seen is told or (seen.gpus and seen.gpus is gpus)]
        finding.source = " and ".join(dict.fromkeys(used))
        self._show(gpus, told)
        if told is None or told.cuda is None:
            return
        if not gpus:
            if not told.failed:
                finding.note("the NVIDIA driver answers, but shows no GPU")
            return
        shown = [gpu.capability for gpu in gpus if gpu.visible and gpu.capability is not None]
        if any(gpu.visible for gpu in gpus):
            best_first = sorted(set(shown), reverse=True)
            finding.facts = {
                "cuda_driver": dotted(told.cuda),
                "compute_capabilities": [dotted(capability) for capability in best_first],
            }

    def _say_what_happened(self) -> None:
        finding = self._finding
        answered = any(seen.cuda is not None and seen.gpus for seen in self._sightings)
        for seen in self._sightings:
            finding.notes.extend(seen.notes)
            finding.failed = finding.failed or (seen.failed and not answered)
        last = self._sightings[-1] if self._sightings else None
        if last is None:
            finding.note(_why_nothing(self._tree))
        elif len(self._sightings) > 1 and last.gpus and any(seen.failed for seen in self._sightings[:-1]):
            finding.note(f"what was missing was read from {last.source}")

    def _show(self, gpus: list[NvidiaGpu], told: NvidiaSeen | None) -> None:
        driver = next((seen for seen in self._sightings if seen.driver), None)
        if driver is not None:
            place = driver.where.get("driver_version", driver.source)
            self._finding.saw("driver_version", driver.driver, place)
        if told is not None and told.cuda is not None:
            self._finding.saw("cuda_driver", dotted(told.cuda), told.where.get("cuda_driver", told.source))
        for gpu in gpus:
            said = next((seen for seen in self._sightings if _said_capability(seen, gpu)), None)
            if gpu.capability is not None and said is not None:
                place = said.where.get("compute_capability", said.source)
                self._finding.saw("compute_capability", dotted(gpu.capability), place)

    def _apply_environment(self, gpus: list[NvidiaGpu]) -> None:
        if not gpus:
            return
        hidden, note = nvidia_visible.hidden_from_container(self._environ, self._tree)
        if note is not None:
            self._finding.note(note)
        chosen = nvidia_visible.visible(gpus, self._environ, self._order(gpus))
        for position, gpu in enumerate(gpus):
            gpu.visible = not hidden and position in chosen.positions
        self._finding.notes.extend(chosen.notes)
        for gpu in gpus:
            if gpu.mig and gpu.visible and not gpu.mig_uuids and self._sightings[0].source == nvml.SOURCE:
                gpu.visible = False
                self._finding.note(f"GPU {gpu.index} is in MIG mode, but has no instance that CUDA can use")

    def _order(self, gpus: list[NvidiaGpu]) -> list[int]:
        """The order that CUDA numbers the GPUs in: the bus's, or CUDA's own "fastest first"."""
        positions = list(range(len(gpus)))
        if not nvidia_visible.order_matters(gpus, self._environ):
            return positions
        if self._cuda_libraries and self._may_go_on():
            order = self._environ.get(nvidia_visible.CUDA_ORDER) or "FASTEST_FIRST"
            ranked = libcuda.ask_libcuda(self._cuda_libraries, self._left(), order)
            by_uuid = {gpu.uuid: position for position, gpu in enumerate(gpus) if gpu.uuid}
            found = [by_uuid[gpu.uuid] for gpu in ranked.gpus if gpu.uuid in by_uuid]
            if len(found) == len(gpus):
                return found
        self._finding.note(
            "CUDA numbers GPUs from the fastest on: the newest is taken for the fastest; "
            "CUDA_DEVICE_ORDER=PCI_BUS_ID makes their numbers certain"
        )
        key: Callable[[int], tuple[object, ...]] = lambda position: (  # noqa: E731 - read once, right below
            tuple(-number for number in gpus[position].capability or (0, 0)),
            -(gpus[position].memory_bytes or 0),
        )
        return sorted(positions, key=key)


def _said_capability(seen: NvidiaSeen, gpu: NvidiaGpu) -> bool:
    return any(other.index == gpu.index and other.capability == gpu.capability for other in seen.gpus)


def _without_driver(seen: NvidiaSeen) -> bool:
    return seen.source == nvml.SOURCE and any(
        f"error {nvml.DRIVER_NOT_LOADED})" in note for note in seen.notes
    )


def _why_nothing(tree: Tree) -> str:
    if tree.exists("dev/dxg"):
        return (
            f"this is WSL2 with a GPU (/dev/dxg), but there is no NVIDIA library in /{WSL_FOLDER}: "
            "if the GPU is NVIDIA's, install its driver on the Windows side"
        )
    if not tree.is_local:
        return f"no NVIDIA driver (/{nvidia_files.DRIVER_FILE}) in this tree"
    if sys.platform == "win32" or sys.platform.startswith("linux"):
        return "no NVIDIA driver library (NVML) on this machine"
    return "there are no NVIDIA drivers for this operating system"
