"""NVIDIA chips: which PCI device ids are whose, and which compute capability each has.

Sources: the ids that each chip was given, from the PCI ID Repository and (Turing and newer) NVIDIA's open
kernel modules 595.45.04, both in ``nvidia_gpus.txt``, where each chip's ids lie in a block of their own; the
capabilities from NVIDIA's pages "CUDA GPU Compute Capability" and "Legacy CUDA GPU Compute Capability".
"""

from __future__ import annotations

CAPABILITIES: dict[str, tuple[int, int]] = {
    "GK104": (3, 0), "GK106": (3, 0), "GK107": (3, 0), "GK110": (3, 5), "GK208": (3, 5), "GK210": (3, 7),
    "GM107": (5, 0), "GM108": (5, 0), "GM200": (5, 2), "GM204": (5, 2), "GM206": (5, 2),
    "GP100": (6, 0), "GP102": (6, 1), "GP104": (6, 1), "GP106": (6, 1), "GP107": (6, 1), "GP108": (6, 1),
    "GV100": (7, 0),
    "TU102": (7, 5), "TU104": (7, 5), "TU106": (7, 5), "TU116": (7, 5), "TU117": (7, 5),
    "GA100": (8, 0), "GA102": (8, 6), "GA103": (8, 6), "GA104": (8, 6), "GA106": (8, 6), "GA107": (8, 6),
    "AD102": (8, 9), "AD103": (8, 9), "AD104": (8, 9), "AD106": (8, 9), "AD107": (8, 9),
    "GH100": (9, 0),
    "GB100": (10, 0), "GB110": (10, 3),
    "GB202": (12, 0), "GB203": (12, 0), "GB205": (12, 0), "GB206": (12, 0), "GB207": (12, 0),
    "GB20B": (12, 1),
}  # fmt: skip
"""Chip -> compute capability."""

BLOCKS: tuple[tuple[int, int, str], ...] = (
    (0x0FC0, 0x0FFF, "GK107"), (0x1001, 0x102C, "GK110"), (0x102D, 0x102D, "GK210"),
    (0x102E, 0x103F, "GK110"), (0x1180, 0x11BF, "GK104"), (0x11C0, 0x11FF, "GK106"),
    (0x1280, 0x12BF, "GK208"),
    (0x1340, 0x137F, "GM108"), (0x1380, 0x13BF, "GM107"), (0x13C0, 0x13FF, "GM204"),
    (0x1400, 0x143F, "GM206"), (0x15F0, 0x15FF, "GP100"), (0x1617, 0x1667, "GM204"),
    (0x174D, 0x174E, "GM108"), (0x1789, 0x179C, "GM107"), (0x17C0, 0x17FF, "GM200"),
    (0x1B00, 0x1B7F, "GP102"), (0x1B80, 0x1BFF, "GP104"), (0x1C00, 0x1C7F, "GP106"),
    (0x1C80, 0x1CFF, "GP107"), (0x1D00, 0x1D7F, "GP108"), (0x1D80, 0x1DFF, "GV100"),
    (0x1E00, 0x1E7F, "TU102"), (0x1E80, 0x1EFF, "TU104"), (0x1F00, 0x1F7F, "TU106"),
    (0x1F80, 0x1FFF, "TU117"), (0x2080, 0x20FF, "GA100"), (0x2180, 0x21FF, "TU116"),
    (0x2200, 0x227F, "GA102"), (0x2300, 0x237F, "GH100"), (0x2400, 0x247F, "GA103"),
    (0x2480, 0x24FF, "GA104"), (0x2500, 0x257F, "GA106"), (0x2580, 0x25FF, "GA107"),
    (0x2680, 0x26FF, "AD102"), (0x2700, 0x277F, "AD103"), (0x2780, 0x27FF, "AD104"),
    (0x2800, 0x287F, "AD106"), (0x2880, 0x28FF, "AD107"),
    (0x2900, 0x297F, "GB100"), (0x2B80, 0x2BFF, "GB202"), (0x2C00, 0x2C7F, "GB203"),
    (0x2D00, 0x2D7F, "GB206"), (0x2D80, 0x2DFF, "GB207"), (0x2E00, 0x2E7F, "GB20B"),
    (0x2F00, 0x2F7F, "GB205"), (0x3180, 0x31FF, "GB110"),
)  # fmt: skip
"""(first id, last id, chip), ascending: a new board with a known chip is told by its block."""

TEGRA: dict[str, tuple[str, tuple[int, int]]] = {
    "nvidia,tegra210": ("Jetson Nano or TX1 (Tegra X1)", (5, 3)),
    "nvidia,tegra186": ("Jetson TX2 (Tegra X2)", (6, 2)),
    "nvidia,tegra194": ("Jetson Xavier", (7, 2)),
    "nvidia,tegra234": ("Jetson Orin", (8, 7)),
    "nvidia,tegra264": ("Jetson Thor", (11, 0)),
}
"""``compatible`` in the device tree -> what it is called, and its GPU's compute capability.

Thor's GPU is 11.0 since CUDA 13.0 (it was 10.1 before). Source: the two pages above, "Jetson" rows.
"""

TEGRA_CAPABILITIES = frozenset(((5, 3), (6, 2), (7, 2), (8, 7), (8, 8), (10, 1), (11, 0)))
"""Compute capabilities of Tegra GPUs, on which a binary for a lower minor version need not run.

Source: CUDA C++ Programming Guide, "Binary Compatibility" (3.1.2 of the editions of CUDA 11 and 12): a cubin
for X.y runs on X.z with z >= y on desktop GPUs only; neither among Tegra GPUs nor between Tegra and desktop.
Measured on an Orin in jax-ml/jax 40492: sm_80 has no kernel image there, PTX for 8.0 and sm_87 run; so in
pytorch/pytorch 145560. (8.8 and 10.1, Thor before CUDA 13, are of no Jetson that is in the table above.)
"""

JETSON_LINUX: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = (
    ((32, 0), (10, 2)), ((34, 0), (11, 4)), ((36, 0), (12, 2)), ((36, 4), (12, 6)), ((38, 0), (13, 0)),
    ((39, 0), (13, 2)),
)  # fmt: skip
"""(Jetson Linux release, the CUDA version of its driver), ascending; those between go with the older.

JetPack 4 is R32, 5 is R34 and R35, 6 is R36 (6.1 and 6.2 from R36.4 on), 7.0 and 7.1 are R38, 7.2 is R39.
Source: NVIDIA's JetPack archive; for R39 OE4T/meta-tegra 2224.
"""

TEGRA_KERNELS: dict[tuple[int, int], int] = {(4, 9): 32, (5, 10): 34, (5, 15): 36, (6, 8): 38}
"""Kernel of Jetson Linux (``...-tegra``) -> the oldest release that has it. Source: the same archive."""
