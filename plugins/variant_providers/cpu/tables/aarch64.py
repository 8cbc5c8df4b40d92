"""64-bit Arm architecture versions and extensions.

Sources: the names are Linux's HWCAPs as ``/proc/cpuinfo`` prints them (``hwcap_str`` in
``arch/arm64/kernel/cpuinfo.c``; "ARM64 ELF hwcaps" in the kernel's documentation), of which archspec 0.2.7
and ``provider-variant-aarch64`` 0.0.1 use a subset; which version makes which feature mandatory is in the
Arm Architecture Reference Manual (DDI 0487, "Armv8-A architecture extensions") and in LLVM.
"""

from __future__ import annotations

MANDATORY: dict[str, tuple[str, ...]] = {
    "8a": ("asimd", "fp"),
    "8.1a": ("asimdrdm", "atomics", "crc32"),
    "8.2a": ("dcpop",),
    "8.3a": ("fcma", "jscvt", "lrcpc"),
    "8.4a": ("asimddp", "flagm", "ilrcpc", "uscat"),
    "8.5a": ("dcpodp", "flagm2", "frint", "sb"),
    "9.0a": ("sve", "sve2"),
}
"""Version -> the features it adds that any program can use and that prove it, oldest first.

Only these follow from a version: 8.2a does not prove ``asimddp`` (SDOT is optional until 8.4a). Pointer
authentication (8.3), ``dit`` (8.4) and branch targets (8.5) are left out: kernels and hypervisors hide them,
and no compiler emits an instruction of theirs that would fail where they are hidden.
"""

PROVES_85 = "bti"
"""Mandatory in 8.5 and missing in cores that have the rest of it (Apple M1); 9.0 needs no such proof."""

EXTENSIONS: tuple[tuple[str, str], ...] = (
    ("smef8f32", "9.5"), ("smef8f16", "9.5"), ("smesf8fma", "9.5"), ("smesf8dp4", "9.5"),
    ("smesf8dp2", "9.5"), ("smelutv2", "9.5"), ("f8fma", "9.5"), ("f8dp4", "9.5"), ("f8dp2", "9.5"),
    ("f8cvt", "9.5"), ("f8e4m3", "9.5"), ("f8e5m2", "9.5"), ("faminmax", "9.5"), ("lut", "9.5"),
    ("fpmr", "9.5"),
    ("sme2p1", "9.4"), ("sve2p1", "9.4"), ("smef16f16", "9.4"), ("smeb16b16", "9.4"), ("sveb16b16", "9.4"),
    ("gcs", "9.4"), ("lse128", "9.4"), ("lrcpc3", "9.4"), ("poe", "9.4"),
    ("sme2", "9.3"), ("smei16i32", "9.3"), ("smebi32i32", "9.3"), ("mops", "9.3"), ("hbc", "9.3"),
    ("cssc", "9.3"), ("rprfm", "9.3"),
    ("sme", "9.2"), ("smefa64", "9.2"), ("smei16i64", "9.2"), ("smef64f64", "9.2"), ("smei8i32", "9.2"),
    ("smef16f32", "9.2"), ("smeb16f32", "9.2"), ("smef32f32", "9.2"), ("ebf16", "9.2"), ("sveebf16", "9.2"),
    ("ls64", "9.2"), ("wfxt", "9.2"), ("afp", "9.2"), ("rpres", "9.2"), ("mte3", "9.2"),
    ("sve2", "9.0"), ("sveaes", "9.0"), ("svepmull", "9.0"), ("svebitperm", "9.0"), ("svesha3", "9.0"),
    ("svesm4", "9.0"),
    ("svei8mm", "8.6"), ("svef64mm", "8.6"), ("svef32mm", "8.6"), ("svebf16", "8.6"), ("i8mm", "8.6"),
    ("bf16", "8.6"), ("dgh", "8.6"), ("ecv", "8.6"),
    ("bti", "8.5"), ("mte", "8.5"), ("rng", "8.5"), ("frint", "8.5"), ("flagm2", "8.5"), ("sb", "8.5"),
    ("ssbs", "8.5"), ("dcpodp", "8.5"),
    ("asimddp", "8.4"), ("asimdfhm", "8.4"), ("flagm", "8.4"), ("dit", "8.4"), ("uscat", "8.4"),
    ("ilrcpc", "8.4"), ("sha512", "8.4"), ("sha3", "8.4"), ("sm4", "8.4"), ("sm3", "8.4"),
    ("fcma", "8.3"), ("jscvt", "8.3"), ("lrcpc", "8.3"), ("paca", "8.3"), ("pacg", "8.3"),
    ("sve", "8.2"), ("asimdhp", "8.2"), ("fphp", "8.2"), ("dcpop", "8.2"),
    ("asimdrdm", "8.1"), ("atomics", "8.1"),
    ("crc32", "8.0"), ("sha2", "8.0"), ("sha1", "8.0"), ("pmull", "8.0"), ("aes", "8.0"), ("asimd", "8.0"),
    ("fp", "8.0"), ("cpuid", "8.0"), ("evtstrm", "8.0"),
)  # fmt: skip
"""(feature, architecture version that introduced it), newest first: the order after ``version``."""
