"""Which target an AMD GPU has, by its PCI device id: for machines of which the id is all that is known.

Sources: ``gfxip_lookup_table`` of ROCm's libhsakmt (``src/topology.c`` of ROCT-Thunk-Interface 06a9b94) up to
RDNA 2; for newer GPUs the processor table of LLVM's "User Guide for AMDGPU Backend" and AMD's "GPU hardware
specifications" (ROCm 7.13), which name the products, whose ids are libdrm's (``amdgpu_names.py``).
"""

from __future__ import annotations

BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x1114, 0x1114, "gfx1152"), (0x13F9, 0x13FE, "gfx1013"), (0x143F, 0x143F, "gfx1013"),
    (0x150E, 0x150E, "gfx1150"), (0x1586, 0x1586, "gfx1151"), (0x15BF, 0x15C8, "gfx1103"),
    (0x15D8, 0x15D8, "gfx902"), (0x15DD, 0x15DD, "gfx902"), (0x15E7, 0x15E7, "gfx90c"),
    (0x1636, 0x1638, "gfx90c"), (0x163F, 0x163F, "gfx1033"), (0x164C, 0x164C, "gfx90c"),
    (0x164D, 0x164D, "gfx1035"), (0x164E, 0x164E, "gfx1036"), (0x1681, 0x1681, "gfx1035"),
    (0x1900, 0x1901, "gfx1103"), (0x1902, 0x1902, "gfx1153"),
    (0x66A0, 0x66AF, "gfx906"), (0x6860, 0x687F, "gfx900"), (0x69A0, 0x69AF, "gfx904"),
    (0x7310, 0x731F, "gfx1010"), (0x7340, 0x734F, "gfx1012"), (0x7360, 0x7362, "gfx1011"),
    (0x7388, 0x7390, "gfx908"), (0x73A0, 0x73BF, "gfx1030"), (0x73C0, 0x73DF, "gfx1031"),
    (0x73E0, 0x73FF, "gfx1032"), (0x7408, 0x7410, "gfx90a"), (0x7420, 0x743F, "gfx1034"),
    (0x7448, 0x745E, "gfx1100"), (0x7460, 0x747E, "gfx1101"), (0x7480, 0x7499, "gfx1102"),
    (0x74A0, 0x74BD, "gfx942"), (0x7550, 0x7551, "gfx1201"), (0x7590, 0x7590, "gfx1200"),
    (0x75A0, 0x75B3, "gfx950"),
)  # fmt: skip
"""(first id, last id, target), ascending."""


def arch_of_device(device_id: int) -> str | None:
    """The target of a PCI device id, ``None`` for one that is in no block."""
    return next((arch for first, last, arch in BLOCKS if first <= device_id <= last), None)
