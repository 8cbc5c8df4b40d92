"""AMD GPU targets, and which ROCm releases each kernel driver runs.

Source of the targets: the processor table of LLVM's "User Guide for AMDGPU Backend" (AMDGCN GFX6 and later),
newest generation first. The sources of the drivers' table are with it.
"""

from __future__ import annotations

GFX_ARCHS = (
    "gfx1250", "gfx1201", "gfx1200",
    "gfx1153", "gfx1152", "gfx1151", "gfx1150",
    "gfx1103", "gfx1102", "gfx1101", "gfx1100",
    "gfx1036", "gfx1035", "gfx1034", "gfx1033", "gfx1032", "gfx1031", "gfx1030",
    "gfx1013", "gfx1012", "gfx1011", "gfx1010",
    "gfx950", "gfx942", "gfx90c", "gfx90a", "gfx909", "gfx908", "gfx906", "gfx904", "gfx902", "gfx900",
    "gfx810", "gfx805", "gfx803", "gfx802", "gfx801",
    "gfx705", "gfx704", "gfx703", "gfx702", "gfx701", "gfx700",
    "gfx602", "gfx601", "gfx600",
)  # fmt: skip

INTEGRATED_ARCHS = frozenset(
    ("gfx1153", "gfx1152", "gfx1151", "gfx1150", "gfx1103", "gfx1036", "gfx1035", "gfx1033", "gfx1013",
     "gfx90c", "gfx909", "gfx902", "gfx810", "gfx801", "gfx700")
)  # fmt: skip
"""Targets of GPUs that are part of a processor ("APU" in LLVM's table)."""

INTEGRATED_DEVICES = frozenset((0x74A0,))
"""PCI device ids of such GPUs whose target is a discrete one's too: MI300A."""

ROCM_MAJORS = (10, 9, 8, 7, 6, 5)
ROCM_HIGHEST_MINOR = 20

ROCM_LAST_MINOR = {10: 0, 7: ROCM_HIGHEST_MINOR, 6: 4, 5: 7}
"""The last minor release of each ROCm major that :data:`DRIVERS` speaks of.

7.14 of July 2026 is the last ROCm 7 that is known; one that follows it is older than 10.0 and runs where that
does.
"""

DRIVERS: tuple[tuple[tuple[int, int], str, str, str], ...] = (
    ((6, 19), "31.40 or newer", "7.0", "10.0"),
    ((6, 16), "30.20 or 30.30", "6.3", "10.0"),
    ((6, 14), "30.10", "6.2", "10.0"),
    ((6, 12), "ROCm 6.4's", "6.1", "7.2"),
    ((6, 10), "ROCm 6.3's", "6.1", "7.0"),
    ((6, 8), "ROCm 6.2's", "6.0", "7.0"),
    ((6, 7), "ROCm 6.1's", "5.7", "6.4"),
    ((6, 3), "ROCm 6.0's", "5.6", "6.2"),
    ((6, 2), "ROCm 5.7's", "5.5", "6.1"),
    ((6, 1), "ROCm 5.6's", "5.4", "6.0"),
    ((6, 0), "ROCm 5.5's", "5.3", "5.7"),
    ((5, 18), "ROCm 5.3's or 5.4's", "5.2", "5.5"),
)
"""Driver code base -> (AMD's name of that driver release, oldest and newest ROCm that AMD supports on it).

The code base is that of the Linux kernel that the driver's source was taken from: the first two numbers of
``/sys/module/amdgpu/version`` where AMD's own package (amdgpu-dkms) is loaded, the kernel's own version where
the driver is the kernel's ("5.18.13 is code base 5.18": AMD in ROCm/amdgpu issue 148). A driver between two
rows is taken for the older one; one that is older than all is not known to run anything.

Sources: AMD's compatibility matrix (amdgpu-docs, "Supported ROCm versions", 2026), whose rule is that driver
and user land may be a year apart from ROCm 6.4 on, and two releases before; the module versions of the
releases are those of AMD's packages (6.16.13 is 30.30, 6.16.6 is 30.20, 6.14.14 is 30.10, 6.12.12 is 6.4,
6.10.5 is 6.3, 6.8.5 is 6.2, 6.7.0 is 6.1, 6.3.6 is 6.0, 6.2.4 is 5.7, 6.1.5 is 5.6, 6.0.5 is 5.5, 5.18.13 is
5.4). Where two releases share a code base, the row holds what both run. The row of 6.19 stands for all newer.
"""

RELEASED_WITH: tuple[tuple[tuple[int, int], tuple[int, int]], ...] = (
    ((10, 0), (6, 19)), ((7, 1), (6, 16)), ((7, 0), (6, 14)), ((6, 4), (6, 12)), ((6, 3), (6, 10)),
    ((6, 2), (6, 8)), ((6, 1), (6, 7)), ((6, 0), (6, 3)), ((5, 7), (6, 2)), ((5, 6), (6, 1)),
    ((5, 5), (6, 0)), ((5, 3), (5, 18)),
)  # fmt: skip
"""(ROCm, code base of the driver that AMD released with it), newest first; those between go with the older.

Sources: as for :data:`DRIVERS`.
"""

OLD_DEVICES: tuple[tuple[int, int], ...] = (
    (0x1304, 0x131D), (0x3000, 0x5FFF), (0x6600, 0x666F), (0x6700, 0x67BF), (0x6800, 0x685F),
    (0x6880, 0x68FF), (0x7100, 0x72FF), (0x7800, 0x79FF), (0x9400, 0x97FF), (0x9800, 0x985F),
    (0x9900, 0x99FF),
)  # fmt: skip
"""(first, last) PCI device id of the chips before GCN 3 (gfx8), the ES1000 and Rage 128 among them.

No build for ROCm is made for any of them. Source: the ids of Linux's older driver, radeon
(``include/drm/drm_pciids.h``), which knows no chip of GCN 3 or later, in blocks that no later chip shares.
"""

UNSURE_ARCHS = frozenset(("gfx900", "gfx906"))
"""Targets that PyTorch's wheels declare and whose matrix products are reported to abort.

Their rocBLAS has kernels for gfx908 and later only (pytorch/pytorch issue 179865, ROCm 7.2).
"""
