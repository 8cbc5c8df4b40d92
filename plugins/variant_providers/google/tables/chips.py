"""TPUs by their PCI ids.

Sources: ``hardware_utils.py`` of JAX (the ids that count as a TPU; uv 0.13 has the same seven), and
``device.py`` of Google's tpu-info (which tells v2 and v3 apart, the memory, and the devices of a chip).
"""

from __future__ import annotations

from typing import NamedTuple


class Chip(NamedTuple):
    """A kind of TPU.

    Attributes:
        generation: as Google calls it, in lower case; ``""`` where it has no public name.
        memory_gib: a chip's memory; 0 where it is not known.
        node: the kind of device node that programs open.
    """

    generation: str
    memory_gib: int
    node: str


ACCEL, VFIO = "dev/accel", "dev/vfio/"

V2_OR_V3 = 0x0027
V2_SUBSYSTEM = 0x004E

CHIPS = {
    V2_OR_V3: Chip("v3", 16, ACCEL),
    0x0056: Chip("", 0, ACCEL),
    0x005E: Chip("v4", 32, ACCEL),
    0x0062: Chip("v5p", 95, VFIO),
    0x0063: Chip("v5e", 16, VFIO),
    0x006F: Chip("v6e", 32, VFIO),
    0x0076: Chip("v7x", 192, VFIO),
}
"""PCI device id of Google's (vendor 1ae0) -> the TPU."""

V2 = Chip("v2", 8, ACCEL)

GENERATIONS = ("v7x", "v6e", "v5p", "v5e", "v4", "v3", "v2")
"""Newest first."""

TYPE_PREFIXES = {"v5litepod": "v5e", "tpu7x": "v7x"}
"""How ``TPU_ACCELERATOR_TYPE`` (``v5litepod-8``, ``v6e-8``) calls a generation, where that differs."""
