"""The features that Windows' ``IsProcessorFeaturePresent`` tells of.

Sources: the ``PF_`` constants of ``winnt.h`` (Windows SDK) and Microsoft's page on the function. It knows few
of x86's extensions; what goes with what is from Intel's and AMD's manuals and the Arm Architecture Reference
Manual.
"""

from __future__ import annotations

MOST_FEATURES = 128

X86: dict[int, tuple[str, ...]] = {
    3: ("mmx",), 6: ("sse",), 7: ("3dnow",), 10: ("sse2",), 13: ("sse3",), 14: ("cx16",), 17: ("xsave",),
    22: ("fsgsbase",), 28: ("rdrand",), 33: ("rdpid",), 36: ("ssse3",), 37: ("sse4_1",), 38: ("sse4_2",),
    39: ("avx",), 40: ("avx2",), 41: ("avx512f",), 60: ("bmi2",), 61: ("movdir64b",),
}  # fmt: skip
"""Number -> extensions, in archspec's spelling."""

X86_IMPLIED: dict[str, tuple[str, ...]] = {
    "sse4_2": ("popcnt", "lahf_lm"),
    "avx2": ("abm", "bmi1", "bmi2", "f16c", "fma", "movbe"),
}
"""Extension -> those that Windows does not tell of, and that all processors with it have.

POPCNT came with SSE4.2 (Nehalem, Bulldozer), and 64-bit Windows does not start without LAHF; AVX2 came with
or after the others in Haswell, Excavator and Zen.
"""

ARM: dict[int, tuple[str, ...]] = {
    30: ("aes", "pmull", "sha1", "sha2"), 31: ("crc32",), 34: ("atomics",), 43: ("asimddp",),
    44: ("jscvt",), 45: ("lrcpc",), 46: ("sve",), 47: ("sve2",), 48: ("sve2p1",), 49: ("sveaes",),
    50: ("svepmull",), 51: ("svebitperm",), 52: ("svebf16",), 53: ("sveebf16",), 54: ("sveb16b16",),
    55: ("svesha3",), 56: ("svesm4",), 57: ("svei8mm",), 58: ("svef32mm",), 59: ("svef64mm",),
    62: ("uscat",), 64: ("sha3",), 65: ("sha512",), 66: ("i8mm",), 67: ("fphp", "asimdhp"),
    68: ("bf16",), 69: ("ebf16",), 70: ("sme",), 71: ("sme2",), 72: ("sme2p1",), 83: ("smef16f16",),
    84: ("smeb16b16",), 85: ("smef64f64",), 86: ("smei16i64",),
}  # fmt: skip
"""Number -> HWCAPs."""

ARM_IMPLIED: dict[str, tuple[str, ...]] = {
    "lrcpc": ("asimdrdm", "dcpop"),
    "jscvt": ("asimdrdm", "dcpop"),
}
"""HWCAP -> those that Windows does not tell of: both signs are allowed from Armv8.2 on, where these are
mandatory. Nothing proves FCMA (8.3) or FlagM (8.4) there, so Windows shows no version beyond 8.2.
"""
