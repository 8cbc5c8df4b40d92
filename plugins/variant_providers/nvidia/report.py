"""What one source says about a machine's NVIDIA driver and GPUs: the value that every source answers with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class NvidiaGpu:
    """A GPU.

    Attributes:
        index: its number in the source, from 0 in the order of the PCI bus.
        name: the name it is sold under, ``""`` when the source does not say.
        capability: its compute capability, (major, minor), ``None`` when the source does not say.
        memory_bytes: its memory.
        uuid: for matching ``CUDA_VISIBLE_DEVICES``; never shown and never saved.
        mig: whether it is divided into MIG instances.
        mig_uuids: the instances, as far as they are known; like ``uuid``.
        visible: whether the environment lets programs see it.
    """

    index: int
    name: str = ""
    capability: tuple[int, int] | None = None
    memory_bytes: int | None = None
    uuid: str = ""
    mig: bool = False
    mig_uuids: tuple[str, ...] = ()
    visible: bool = True

    def as_device(self) -> dict[str, object]:
        """The JSON-able object of a report, without the UUIDs."""
        device: dict[str, object] = {"kind": "gpu", "index": self.index}
        if self.name:
            device["name"] = self.name
        if self.capability is not None:
            device["compute_capability"] = dotted(self.capability)
        if self.memory_bytes is not None:
            device["memory_bytes"] = self.memory_bytes
        if self.mig:
            device["mig"] = True
            if self.mig_uuids:
                device["mig_instances"] = len(self.mig_uuids)
        if not self.visible:
            device["visible"] = False
        return device


@dataclass
class DriverReport:
    """What one source said about the driver and the GPUs.

    Attributes:
        source: its name: ``NVML``, ``libcuda``, ``nvidia-smi``, ``/proc and /sys``.
        driver: the driver's version, such as ``570.86.15``.
        cuda: the newest CUDA version that the driver runs, (major, minor).
        gpus: the GPUs it names.
        count: how many GPUs it counts; ``None`` when it could not count.
        where: fact (``driver_version``, ``cuda_driver``, ``compute_capability``) -> the exact place.
        errors: (call, error code) of every call of a library that failed.
        unloadable: why a library could not be loaded, ``""`` where it could.
        notes: what went wrong or is worth knowing.
        failed: whether something that is there could not be read.
        hung: whether the driver did not answer in time, so that it should not be asked again.
        present: whether there was anything to ask.
        driver_loaded: ``False`` where the source says that the kernel driver is not loaded.
        lacks_libcuda: whether the source looked for libcuda, which every CUDA program needs, and missed it.
    """

    source: str
    driver: str = ""
    cuda: tuple[int, int] | None = None
    gpus: list[NvidiaGpu] = field(default_factory=list)
    count: int | None = None
    where: dict[str, str] = field(default_factory=dict)
    errors: list[tuple[str, int]] = field(default_factory=list)
    unloadable: str = ""
    notes: list[str] = field(default_factory=list)
    failed: bool = False
    hung: bool = False
    present: bool = True
    driver_loaded: bool = True
    lacks_libcuda: bool = False

    def fail(self, message: str) -> None:
        """Say that what is there could not be read."""
        self.failed = True
        self.notes.append(message)

    @property
    def answered(self) -> bool:
        """Whether it said anything of use: a version, a GPU, or that there is none."""
        return self.cuda is not None or bool(self.gpus) or self.count is not None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing: the CUDA version, and the capability of every GPU."""
        return self.cuda is not None and bool(self.gpus) and all(gpu.capability for gpu in self.gpus)


def merged_gpus(reports: Sequence[DriverReport]) -> list[NvidiaGpu]:
    """The first report's GPUs, with what they lack taken from later lists of the same length."""
    lists = [report.gpus for report in reports if report.gpus]
    merged = lists[0] if lists else []
    for later in lists[1:]:
        if len(later) == len(merged):
            merged = [_filled_up(gpu, other) for gpu, other in zip(merged, later, strict=True)]
    return list(merged)


def _filled_up(gpu: NvidiaGpu, other: NvidiaGpu) -> NvidiaGpu:
    return replace(
        gpu,
        name=gpu.name or other.name,
        capability=gpu.capability or other.capability,
        memory_bytes=gpu.memory_bytes or other.memory_bytes,
        uuid=gpu.uuid or other.uuid,
    )


def dotted(version: tuple[int, int]) -> str:
    """``(12, 8)`` as ``"12.8"``."""
    return f"{version[0]}.{version[1]}"
