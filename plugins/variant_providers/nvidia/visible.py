"""Which NVIDIA GPUs a program is meant to see: ``NVIDIA_VISIBLE_DEVICES``, then ``CUDA_VISIBLE_DEVICES``.

Sources: "CUDA Environment Variables" in NVIDIA's CUDA programming guide (the first invalid entry ends the
list; a UUID may be shortened while it is unique), "Device Naming" in its MIG user guide, and "Environment
variables" in its container toolkit's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from variant_providers.nvidia.report import NvidiaGpu
from variant_providers.probing.tree import Tree

CUDA_VISIBLE = "CUDA_VISIBLE_DEVICES"
CONTAINER_VISIBLE = "NVIDIA_VISIBLE_DEVICES"
CUDA_ORDER = "CUDA_DEVICE_ORDER"

_INDEX = r"(?a)[0-9]{1,5}"
_GPU_NODE = re.compile(r"nvidia[0-9]{1,5}", re.ASCII)


class Visibility(NamedTuple):
    """What the environment lets programs see.

    Attributes:
        positions: positions in the list of GPUs, in the order that CUDA will number them.
        notes: what was applied, and what could not be.
    """

    positions: tuple[int, ...]
    notes: tuple[str, ...] = ()


def hidden_from_container(
    environ: Mapping[str, str], tree: Tree, *, driver_shows_gpus: bool
) -> tuple[bool, str | None]:
    """Whether ``NVIDIA_VISIBLE_DEVICES`` says that there shall be no GPU, and what to say about it.

    The variable instructs the hook that gives containers their GPUs; the driver does not read it. ``void`` is
    also what CDI, containerd and CRI-O set to keep that hook out, and what WSL2 and Jetson containers have
    (NVIDIA/nvidia-container-toolkit 395 and 1429, NVIDIA/gpu-operator 1994). So the driver's word counts, and
    the variable counts only in a container whose GPUs are known from files, which may be the host's.
    """
    written = environ.get(CONTAINER_VISIBLE, "").strip().lower()
    if written not in ("void", "none"):
        return False, None
    device_nodes = any(map(_GPU_NODE.fullmatch, tree.names("dev")))
    if driver_shows_gpus or device_nodes or not in_container(tree):
        why = "programs can use the GPUs that the driver shows" if driver_shows_gpus else "GPUs can be used"
        return False, f"{CONTAINER_VISIBLE}={written} only instructs container tools: {why}"
    return True, f"{CONTAINER_VISIBLE}={written} hides all NVIDIA GPUs from this container"


def in_container(tree: Tree) -> bool:
    """Whether this is a container, by the marks that Docker, Podman and Kubernetes leave."""
    return tree.exists(".dockerenv") or tree.exists("run/.containerenv")


def order_matters(gpus: Sequence[NvidiaGpu], environ: Mapping[str, str]) -> bool:
    """Whether the list has numbers that mean different GPUs in CUDA's own order than in the bus's."""
    if environ.get(CUDA_ORDER, "").strip() == "PCI_BUS_ID" or len({gpu.capability for gpu in gpus}) < 2:
        return False
    return any(re.fullmatch(_INDEX, entry.strip()) for entry in environ.get(CUDA_VISIBLE, "").split(","))


def visible(gpus: Sequence[NvidiaGpu], environ: Mapping[str, str], order: Sequence[int]) -> Visibility:
    """Apply ``CUDA_VISIBLE_DEVICES``.

    Args:
        gpus: every GPU.
        environ: the environment.
        order: positions in ``gpus`` in the order that CUDA numbers them.
    """
    written = environ.get(CUDA_VISIBLE)
    everything = tuple(order)
    if written is None:
        return Visibility(everything)
    chosen: list[int] = []
    for entry in written.split(","):
        entry = entry.strip()
        if not re.fullmatch(_INDEX, entry) and _by_uuid(entry) and not _uuids_known(entry, gpus):
            note = f"{CUDA_VISIBLE} names GPUs by UUID, which could not be read: all are taken as visible"
            return Visibility(everything, (note,))
        position = _position(entry, gpus, order)
        # Two instances of one GPU may be listed; the same GPU twice is an error to CUDA.
        if position is None or (position in chosen and not entry.startswith("MIG-")):
            break
        if position not in chosen:
            chosen.append(position)
    notes = []
    if len(chosen) < len(gpus):
        hides = "hides all" if not chosen else f"leaves {len(chosen)} of"
        notes.append(f"{CUDA_VISIBLE} {hides} {len(gpus)} NVIDIA GPUs" + (" visible" if chosen else ""))
    return Visibility(tuple(chosen), tuple(notes))


def _by_uuid(entry: str) -> bool:
    return entry.startswith(("GPU-", "MIG-"))


def _uuids_known(entry: str, gpus: Sequence[NvidiaGpu]) -> bool:
    if entry.startswith("MIG-") and not entry.startswith("MIG-GPU-"):
        return all(gpu.mig_uuids for gpu in gpus if gpu.mig)
    return all(gpu.uuid for gpu in gpus)


def _position(entry: str, gpus: Sequence[NvidiaGpu], order: Sequence[int]) -> int | None:
    if re.fullmatch(_INDEX, entry):
        return order[int(entry)] if int(entry) < len(order) else None
    if entry.startswith("MIG-GPU-"):  # the form of drivers before R470: MIG-GPU-<uuid>/<instance>/<instance>
        entry = entry[len("MIG-") :].partition("/")[0]
    if not _by_uuid(entry) or len(entry) <= len("GPU-"):
        return None
    matches = [
        position
        for position, gpu in enumerate(gpus)
        if any(uuid.lower().startswith(entry.lower()) for uuid in (gpu.uuid, *gpu.mig_uuids))
    ]
    return matches[0] if len(matches) == 1 else None
