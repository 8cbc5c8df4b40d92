"""KFD's topology in sysfs: the AMD GPUs that the kernel offers for computing, with no ROCm user land needed.

Source: ``kfd_topology.c`` of Linux (what the files hold) and ``topology.c`` of ROCm's libhsakmt (how they are
meant to be read).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from variant_providers.amd.tables.amdgpu import INTEGRATED_ARCHS, INTEGRATED_DEVICES
from variant_providers.amd.tables.amdgpu_names import name_of
from variant_providers.probing.pci import revision_of
from variant_providers.probing.tree import Tree

NODES = "sys/class/kfd/kfd/topology/nodes"

_AMD = 0x1002
_MOST_NODES = 1024
_PROPERTY = r"(?a)\s*([a-z0-9_]{1,64})\s+([0-9]{1,20})\s*"
# HSA_HEAPTYPE_FRAME_BUFFER_PUBLIC and _PRIVATE: the GPU's own memory, as opposed to the system's.
_OWN_MEMORY = (1, 2)


class KfdGpu(NamedTuple):
    """A GPU node of the topology.

    Attributes:
        node: the node's number, which also names its folder.
        address: its PCI address.
        version: ``gfx_target_version``: major * 10000 + minor * 100 + stepping, in decimal.
        arch: the target's name, ``gfx90a``.
        name: the name it is sold under, or the target's name where the table does not know.
        integrated: whether it is part of a processor.
        simds: how many SIMD units it has.
        memory_bytes: its own memory, ``None`` where the kernel does not say.
        unique_id: 0 where it has none; for matching ``GPU-...`` in the environment, never for showing.
    """

    node: int
    address: str
    version: int
    arch: str
    name: str
    integrated: bool
    simds: int
    memory_bytes: int | None
    unique_id: int


class Topology(NamedTuple):
    """What KFD shows.

    Attributes:
        gpus: in the order of their nodes, which is the order that ROCm counts them in.
        unreadable: how many nodes could not be read, as those of GPUs that a container was not given.
        unnamed: how many GPUs have no target (kernels before 5.14 do not say it).
    """

    gpus: tuple[KfdGpu, ...]
    unreadable: int = 0
    unnamed: int = 0


def read_topology(tree: Tree) -> Topology:
    """Read every node of the topology."""
    gpus: list[KfdGpu] = []
    unreadable = unnamed = 0
    nodes = sorted(int(name) for name in tree.names(NODES) if re.fullmatch(r"[0-9]{1,6}", name, re.ASCII))
    for node in nodes[:_MOST_NODES]:
        text = tree.read_text(f"{NODES}/{node}/properties")
        if text is None:
            unreadable += 1
            continue
        properties = parse_properties(text)
        # A processor's node has cores and no SIMD units; older kernels leave the vendor out.
        if not properties.get("simd_count") or properties.get("vendor_id", _AMD) != _AMD:
            continue
        arch = arch_of(properties.get("gfx_target_version", 0))
        if arch is None:
            unnamed += 1
            continue
        gpus.append(_gpu(tree, node, arch, properties))
    return Topology(tuple(gpus), unreadable, unnamed)


def parse_properties(text: str) -> dict[str, int]:
    """The lines ``name value`` of a properties file; anything that is no such line is left out."""
    found = (re.fullmatch(_PROPERTY, line) for line in text.splitlines())
    return {match[1]: int(match[2]) for match in found if match is not None}


def arch_of(version: int) -> str | None:
    """The target's name: 90010 is gfx90a, 110501 is gfx1151; ``None`` for what cannot be a GPU's."""
    major, minor, stepping = version // 10000, version // 100 % 100, version % 100
    if not 6 <= major <= 99 or minor > 15 or stepping > 15:
        return None
    return f"gfx{major}{minor:x}{stepping:x}"


def pci_address(domain: int, location: int) -> str:
    """The PCI address that ``domain`` and ``location_id`` stand for: ``0000:03:00.0``."""
    return f"{domain & 0xFFFF:04x}:{location >> 8 & 0xFF:02x}:{location >> 3 & 0x1F:02x}.{location & 7}"


def is_integrated(arch: str, device_id: int | None = None) -> bool:
    """Whether a GPU of this target (and PCI device id) is part of a processor."""
    return arch in INTEGRATED_ARCHS or device_id in INTEGRATED_DEVICES


def _gpu(tree: Tree, node: int, arch: str, properties: dict[str, int]) -> KfdGpu:
    device = properties.get("device_id", 0)
    address = pci_address(properties.get("domain", 0), properties.get("location_id", 0))
    return KfdGpu(
        node=node,
        address=address,
        version=properties["gfx_target_version"],
        arch=arch,
        name=name_of(device, revision_of(tree, address)) or arch,
        integrated=is_integrated(arch, device),
        simds=properties["simd_count"],
        memory_bytes=_memory(tree, node),
        unique_id=properties.get("unique_id", 0),
    )


def _memory(tree: Tree, node: int) -> int | None:
    folder = f"{NODES}/{node}/mem_banks"
    total = 0
    for bank in tree.names(folder)[:64]:
        properties = parse_properties(tree.read_text(f"{folder}/{bank}/properties") or "")
        if properties.get("heap_type") in _OWN_MEMORY:
            total += properties.get("size_in_bytes", 0)
    return total if 0 < total < 2**50 else None
