"""Asking every source about NVIDIA GPUs, the most authoritative first, until nothing is missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from variant_providers.finding import Finding
from variant_providers.nvidia import kernel_files, libcuda, nvidia_smi, nvml, visible
from variant_providers.nvidia.jetson import read_jetson
from variant_providers.nvidia.kernel_driver import DRIVER_FILE
from variant_providers.nvidia.libraries import (
    LIBCUDA,
    NVML,
    WSL_FOLDER,
    find_libraries,
    find_nvidia_smi,
    tree_has_library,
)
from variant_providers.nvidia.report import DriverReport, NvidiaGpu, dotted, merged_gpus
from variant_providers.probing.child import TIME_LIMIT_S, Deadline, time_limit
from variant_providers.probing.tree import Tree

PATIENT_LIMIT_S = 10.0
"""Seconds for a driver that is there and whose answer no file can replace.

Without a persistence daemon the driver sets each GPU up anew for every program: one to three seconds a GPU
("Driver Persistence", NVIDIA's documentation).
"""

_GIVE_LIBRARIES = (
    "start the container with --gpus all (or another way to give it the driver), with compute and "
    "utility in NVIDIA_DRIVER_CAPABILITIES; elsewhere install the driver's libraries or set LD_LIBRARY_PATH"
)
_NEEDS_LIBCUDA = f"libcuda is missing, which every program that uses CUDA needs: {_GIVE_LIBRARIES}"
_DRIVER_SOURCES = (nvml.SOURCE, libcuda.SOURCE, nvidia_smi.SOURCE)


class NvidiaProbe:
    """One look at a machine: what each source has reported so far, and how much time is left.

    All calls of the driver share one time limit: a driver that hangs in one library hangs in all.
    """

    def __init__(self, tree: Tree, finding: Finding) -> None:
        self._tree = tree
        self._finding = finding
        self._environ: Mapping[str, str] = os.environ if tree.is_local else {}
        self._reports: list[DriverReport] = []
        self._management: list[str] = []
        self._cuda_libraries: list[str] = []
        self._deadline = Deadline(TIME_LIMIT_S)

    def run(self) -> None:
        """Ask, put together what was said, and write it down."""
        if self._tree.pointer_bits() != 64:
            self._finding.note("this Python is a 32-bit program, and CUDA is for 64-bit ones only")
            return
        if self._tree.is_local:
            self._ask_driver()
        else:
            self._read_tree()
        if not self._complete():
            self._read_files()
        self._conclude()

    def _ask_driver(self) -> None:
        """NVML, then libcuda, then nvidia-smi, as long as something is missing and the driver answers."""
        self._management = find_libraries(NVML)
        self._cuda_libraries = find_libraries(LIBCUDA)
        if not self._management and not self._cuda_libraries:
            return
        self._deadline = Deadline(time_limit(self._patience()))
        if self._management:
            self._reports.append(nvml.ask_nvml(self._management, self._deadline))
        if self._cuda_libraries and self._may_ask_more():
            self._reports.append(libcuda.ask_libcuda(self._cuda_libraries, self._deadline))
        program = find_nvidia_smi() if self._may_ask_more() else None
        if program is not None:
            self._reports.append(nvidia_smi.ask_nvidia_smi(program, self._deadline))
        if self._complete() and not self._cuda_libraries:
            self._finding.note(_NEEDS_LIBCUDA)

    def _patience(self) -> float:
        """Longer where there is a GPU that the kernel's files do not tell enough about."""
        known = kernel_files.read_files(self._tree)
        nodes = any(self._tree.exists(f"dev/{node}") for node in ("nvidiactl", "dxg"))
        # On Windows the library comes with the driver, and no file tells of GPUs.
        there = known.present or nodes or sys.platform == "win32"
        return PATIENT_LIMIT_S if there and not known.complete else TIME_LIMIT_S

    def _read_tree(self) -> None:
        report = nvidia_smi.read_nvidia_smi(self._tree)
        if report is not None:
            self._reports.append(report)

    def _read_files(self) -> None:
        """The last resort, unless a driver has said that there is no GPU to be used."""
        if any(report.count == 0 for report in self._reports):
            return
        report = kernel_files.read_files(self._tree)
        if report.present and not report.driver and report.cuda is None and report.gpus:
            report.notes.append("there is an NVIDIA GPU, but NVIDIA's driver is not loaded")
        if report.driver and self._lacks_libraries():
            report.fail(
                f"the NVIDIA kernel driver {report.driver} is loaded, but neither {NVML[0]} nor {LIBCUDA[0]} "
                f"can be found: {_GIVE_LIBRARIES}"
            )
            report.cuda = None
        if report.present or report.failed:
            self._reports.append(report)

    def _lacks_libraries(self) -> bool:
        if self._tree.is_local:
            return not self._management and not self._cuda_libraries
        # A mounted image may lie anywhere; a container is what runs, so what it lacks is missing.
        has_any = tree_has_library(self._tree, NVML) or tree_has_library(self._tree, LIBCUDA)
        return not self._reports and visible.in_container(self._tree) and not has_any

    def _complete(self) -> bool:
        gpus = merged_gpus(self._reports)
        return self._telling_cuda() is not None and bool(gpus) and all(gpu.capability for gpu in gpus)

    def _may_ask_more(self) -> bool:
        return not self._complete() and self._driver_answers()

    def _driver_answers(self) -> bool:
        """Whether there is sense in asking more: on WSL2 and Jetson another driver than NVML's is loaded."""
        loaded = all(report.driver_loaded for report in self._reports) or self._has_other_driver()
        return loaded and not any(report.hung for report in self._reports)

    def _has_other_driver(self) -> bool:
        return self._tree.exists("dev/dxg") or read_jetson(self._tree) is not None

    def _lacks_libcuda(self) -> bool:
        """Whether a source missed libcuda, and no other source has found it."""
        found = any(report.source == libcuda.SOURCE and report.answered for report in self._reports)
        return not found and any(report.lacks_libcuda for report in self._reports)

    def _telling_cuda(self) -> DriverReport | None:
        return next((report for report in self._reports if report.cuda is not None), None)

    def _conclude(self) -> None:
        finding = self._finding
        told = self._telling_cuda()
        self._say_what_happened()
        gpus = self._as_visible(merged_gpus(self._reports))
        finding.devices.extend(gpu.as_device() for gpu in gpus)
        finding.source = " and ".join(dict.fromkeys(report.source for report in self._used(told)))
        self._show(gpus, told)
        if self._lacks_libcuda():
            finding.fail(_NEEDS_LIBCUDA)
        elif told is not None and told.cuda is not None and not gpus and not told.failed:
            finding.note("the NVIDIA driver answers, but shows no GPU")
        elif told is not None and told.cuda is not None and any(gpu.visible for gpu in gpus):
            shown = {gpu.capability for gpu in gpus if gpu.visible and gpu.capability is not None}
            finding.facts = {
                "cuda_driver": dotted(told.cuda),
                "compute_capabilities": [dotted(capability) for capability in sorted(shown, reverse=True)],
            }

    def _used(self, told: DriverReport | None) -> list[DriverReport]:
        """The reports that the answer is made of: of the GPUs, and of the CUDA version."""
        named = next((report for report in self._reports if report.gpus), None)
        return [report for report in self._reports if report is told or report is named]

    def _say_what_happened(self) -> None:
        finding = self._finding
        answered = any(report.cuda is not None and report.gpus for report in self._reports)
        for report in self._reports:
            finding.notes.extend(report.notes)
            finding.failed = finding.failed or (report.failed and not answered)
        last = self._reports[-1] if self._reports else None
        if last is None:
            finding.note(_why_nothing(self._tree))
        elif last.gpus and any(report.failed for report in self._reports[:-1]):
            finding.note(f"what was missing was read from {last.source}")

    def _show(self, gpus: Sequence[NvidiaGpu], told: DriverReport | None) -> None:
        driver = next((report for report in self._reports if report.driver), None)
        if driver is not None:
            place = driver.where.get("driver_version", driver.source)
            self._finding.saw("driver_version", driver.driver, place)
        if told is not None and told.cuda is not None and not self._lacks_libcuda():
            self._finding.saw("cuda_driver", dotted(told.cuda), told.where.get("cuda_driver", told.source))
        for gpu in gpus:
            said = next((report for report in self._reports if _said_capability(report, gpu)), None)
            if gpu.capability is not None and said is not None:
                place = said.where.get("compute_capability", said.source)
                self._finding.saw("compute_capability", dotted(gpu.capability), place)

    def _as_visible(self, gpus: Sequence[NvidiaGpu]) -> list[NvidiaGpu]:
        """The GPUs, with what the environment hides marked."""
        if not gpus:
            return []
        by_driver = any(report.gpus and report.source in _DRIVER_SOURCES for report in self._reports)
        hidden, note = visible.hidden_from_container(self._environ, self._tree, driver_shows_gpus=by_driver)
        if note is not None:
            self._finding.note(note)
        chosen = visible.visible(gpus, self._environ, self._order(gpus))
        self._finding.notes.extend(chosen.notes)
        shown = [not hidden and position in chosen.positions for position in range(len(gpus))]
        return [
            replace(gpu, visible=shows and not self._without_instance(gpu, shows))
            for gpu, shows in zip(gpus, shown, strict=True)
        ]

    def _without_instance(self, gpu: NvidiaGpu, shows: bool) -> bool:
        """Whether a GPU is in MIG mode and NVML, which knows its instances, names none; says so."""
        empty = shows and gpu.mig and not gpu.mig_uuids and self._reports[0].source == nvml.SOURCE
        if empty:
            self._finding.note(f"GPU {gpu.index} is in MIG mode, but has no instance that CUDA can use")
        return empty

    def _order(self, gpus: Sequence[NvidiaGpu]) -> list[int]:
        """The order that CUDA numbers the GPUs in: the bus's, or CUDA's own "fastest first"."""
        positions = list(range(len(gpus)))
        if not visible.order_matters(gpus, self._environ):
            return positions
        if self._cuda_libraries and self._driver_answers():
            order = self._environ.get(visible.CUDA_ORDER) or "FASTEST_FIRST"
            ranked = libcuda.ask_libcuda(self._cuda_libraries, self._deadline, order)
            by_uuid = {gpu.uuid: position for position, gpu in enumerate(gpus) if gpu.uuid}
            found = [by_uuid[gpu.uuid] for gpu in ranked.gpus if gpu.uuid in by_uuid]
            if len(found) == len(gpus):
                return found
        self._finding.note(
            "CUDA numbers GPUs from the fastest on: the newest is taken for the fastest; "
            "CUDA_DEVICE_ORDER=PCI_BUS_ID makes their numbers certain"
        )
        return sorted(positions, key=lambda position: _speed(gpus[position]), reverse=True)


def _speed(gpu: NvidiaGpu) -> tuple[tuple[int, int], int]:
    return gpu.capability or (0, 0), gpu.memory_bytes or 0


def _said_capability(report: DriverReport, gpu: NvidiaGpu) -> bool:
    return any(other.index == gpu.index and other.capability == gpu.capability for other in report.gpus)


def _why_nothing(tree: Tree) -> str:
    if tree.exists("dev/dxg"):
        return (
            f"this is WSL2 with a GPU (/dev/dxg), but there is no NVIDIA library in /{WSL_FOLDER}: "
            "if the GPU is NVIDIA's, install its driver on the Windows side"
        )
    if not tree.is_local:
        return f"no NVIDIA driver (/{DRIVER_FILE}) in this tree"
    if sys.platform == "win32" or sys.platform.startswith("linux"):
        return "no NVIDIA driver library (NVML) on this machine"
    return "there are no NVIDIA drivers for this operating system"
