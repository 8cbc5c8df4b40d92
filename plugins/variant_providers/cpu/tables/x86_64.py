"""x86-64 levels and extensions.

Sources: the levels are table 3.1 of the x86-64 psABI ("Micro-Architecture Levels"); the names are Linux's
(``arch/x86/include/asm/cpufeatures.h``) in archspec's spelling (``microarchitectures.json`` of archspec
0.2.7, of whose x86-64 vocabulary this is a superset, as it is of ``provider-variant-x86-64`` 0.0.1); the
years are those of the first processor sold with the extension, from the vendors' manuals.
"""

from __future__ import annotations

LEVELS: dict[str, tuple[str, ...]] = {
    "v1": ("mmx", "sse", "sse2"),
    "v2": ("cx16", "lahf_lm", "popcnt", "sse3", "sse4_1", "sse4_2", "ssse3"),
    "v3": ("abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"),
    "v4": ("avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"),
}
"""Level -> what it adds. LZCNT is Linux's ``abm``, SSE3 its ``pni``, OSXSAVE its ``xsave``."""

EXTENSIONS: tuple[tuple[str, int, str], ...] = (
    ("amx_complex", 2025, "Granite Rapids D"),
    ("amx_fp16", 2024, "Granite Rapids"),
    ("avx_vnni_int16", 2024, "Lunar Lake"),
    ("sha512", 2024, "Lunar Lake"),
    ("sm4", 2024, "Lunar Lake"),
    ("sm3", 2024, "Lunar Lake"),
    ("avx_vnni_int8", 2024, "Sierra Forest"),
    ("avx_ifma", 2024, "Sierra Forest"),
    ("avx_ne_convert", 2024, "Sierra Forest"),
    ("cmpccxadd", 2024, "Sierra Forest"),
    ("amx_bf16", 2023, "Sapphire Rapids"),
    ("amx_int8", 2023, "Sapphire Rapids"),
    ("amx_tile", 2023, "Sapphire Rapids"),
    ("avx512_fp16", 2023, "Sapphire Rapids"),
    ("avx_vnni", 2021, "Alder Lake"),
    ("serialize", 2021, "Alder Lake"),
    ("avx512_vp2intersect", 2020, "Tiger Lake"),
    ("movdir64b", 2020, "Tremont"),
    ("movdiri", 2020, "Tremont"),
    ("waitpkg", 2020, "Tremont"),
    ("cldemote", 2020, "Tremont"),
    ("avx512_bf16", 2020, "Cooper Lake"),
    ("avx512_bitalg", 2019, "Ice Lake"),
    ("avx512_vbmi2", 2019, "Ice Lake"),
    ("vaes", 2019, "Ice Lake"),
    ("vpclmulqdq", 2019, "Ice Lake"),
    ("gfni", 2019, "Ice Lake"),
    ("avx512_vnni", 2019, "Cascade Lake"),
    ("avx512ifma", 2018, "Cannon Lake"),
    ("avx512vbmi", 2018, "Cannon Lake"),
    ("avx512_vpopcntdq", 2017, "Knights Mill"),
    ("rdpid", 2017, "Goldmont Plus"),
    ("avx512bw", 2017, "Skylake-SP"),
    ("avx512dq", 2017, "Skylake-SP"),
    ("avx512vl", 2017, "Skylake-SP"),
    ("clwb", 2017, "Skylake-SP"),
    ("pku", 2017, "Skylake-SP"),
    ("clzero", 2017, "Zen"),
    ("sha_ni", 2016, "Goldmont"),
    ("avx512er", 2016, "Knights Landing"),
    ("avx512pf", 2016, "Knights Landing"),
    ("avx512cd", 2016, "Knights Landing"),
    ("avx512f", 2016, "Knights Landing"),
    ("clflushopt", 2015, "Skylake"),
    ("xsavec", 2015, "Skylake"),
    ("adx", 2014, "Broadwell"),
    ("rdseed", 2014, "Broadwell"),
    ("avx2", 2013, "Haswell"),
    ("bmi2", 2013, "Haswell"),
    ("fma", 2012, "Piledriver"),
    ("bmi1", 2012, "Piledriver"),
    ("tbm", 2012, "Piledriver"),
    ("f16c", 2012, "Ivy Bridge"),
    ("rdrand", 2012, "Ivy Bridge"),
    ("fsgsbase", 2012, "Ivy Bridge"),
    ("fma4", 2011, "Bulldozer"),
    ("xop", 2011, "Bulldozer"),
    ("avx", 2011, "Sandy Bridge"),
    ("xsaveopt", 2011, "Sandy Bridge"),
    ("aes", 2010, "Westmere"),
    ("pclmulqdq", 2010, "Westmere"),
    ("sse4_2", 2008, "Nehalem"),
    ("movbe", 2008, "Bonnell"),
    ("xsave", 2008, "Penryn"),
    ("sse4_1", 2007, "Penryn"),
    ("sse4a", 2007, "K10"),
    ("abm", 2007, "K10"),
    ("popcnt", 2007, "K10"),
    ("ssse3", 2006, "Core 2"),
    ("lahf_lm", 2005, "K8 revision D"),
    ("cx16", 2004, "Prescott"),
    ("sse3", 2004, "Prescott"),
    ("sse2", 2000, "Pentium 4"),
    ("sse", 1999, "Pentium III"),
    ("3dnowext", 1999, "Athlon"),
    ("3dnow", 1998, "K6-2"),
    ("mmx", 1997, "Pentium MMX"),
    # No instructions, but published plugins offer these names as features; below everything else.
    ("ibrs_enhanced", 2019, "Cascade Lake"),
    ("cppc", 2020, "Zen 3"),
    ("flush_l1d", 2018, "microcode"),
    ("tsc_adjust", 2013, "Haswell"),
)
"""(feature, year, first processor), newest first: the order of preference after ``level``."""

LINUX_SPELLINGS: dict[str, tuple[str, ...]] = {
    "sse3": ("pni", "sse3"),
    "abm": ("abm", "lzcnt"),
}
"""Feature -> the ``/proc/cpuinfo`` flags that mean it, where they are not just the feature's own name."""

SPELLINGS: dict[str, tuple[str, ...]] = {
    "abm": ("lzcnt",),
    "aes": ("aesni",),
    "cx16": ("cmpxchg16b",),
    "fma": ("fma3",),
    "lahf_lm": ("lahf",),
    "pclmulqdq": ("clmul",),
    "sha_ni": ("sha",),
    "sse4_1": ("sse4",),
    "xsaveopt": ("xsaveopt",),
}
"""Feature -> what else than its own name (letters and digits alone) Node Feature Discovery's labels call it.

Source: the names of ``klauspost/cpuid``, which Node Feature Discovery writes (its "Feature labels" page).
"""

PROOFS: dict[str, tuple[str, ...]] = {"v3": ("avx2", "fma"), "v4": LEVELS["v4"]}
"""Level -> the flags that prove it where the others are not told.

Node Feature Discovery leaves out BMI, LZCNT, F16C and POPCNT unless it is told otherwise (``sources.cpu`` in
its worker's configuration).
"""
