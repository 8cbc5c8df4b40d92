"""What one source says about a machine's NVIDIA driver and GPUs: the value that every source answers with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
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
class NvidiaSeen:
    """What one source said.

    Attributes:
        source: its name: ``NVML``, ``libcuda``, ``nvidia-smi``, ``/proc and /sys``.
        driver: the driver's version, such as ``570.86.15``.
        cuda: the newest CUDA version that the driver runs, (major, minor).
        gpus: the GPUs it names.
        count: how many GPUs it counts; ``None`` when it could not count.
        where: fact (``driver_version``, ``cuda_driver``, ``compute_capability``) -> the exact place.
        notes: what went wrong or is worth knowing.
        failed: whether something that is there could not be read.
        hung: whether the driver did not answer in time, so that it should not be asked again.
        present: whether there was anything to ask.
    """

    source: str
    driver: str = ""
    cuda: tuple[int, int] | None = None
    gpus: list[NvidiaGpu] = field(default_factory=list)
    count: int | None = None
    where: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failed: bool = False
    hung: bool = False
    present: bool = True

    def fail(self, message: str) -> None:
        """Say that what is there could not be read."""
        self.failed = True
        self.notes.append(message)


def dotted(version: tuple[int, int]) -> str:
    """``(12, 8)`` as ``"12.8"``."""
    return f"{version[0]}.{version[1]}"


def printable(text: str) -> str:
    """A driver's text without control characters, at most 96 characters long."""
    kept = (char for char in text if char.isprintable() and char != "\N{REPLACEMENT CHARACTER}")
    return "".join(kept).strip()[:96]
