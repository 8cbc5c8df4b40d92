"""AMD GPU targets and ROCm releases.

Source: the processor table of LLVM's "User Guide for AMDGPU Backend" (AMDGCN GFX6 and later), newest
generation first, and ROCm's release history.
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

ROCM_MAJORS = (9, 8, 7, 6, 5)
ROCM_HIGHEST_MINOR = 20
