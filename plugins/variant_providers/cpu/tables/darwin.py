"""What macOS calls the extensions of processors.

Sources: ``bsd/kern/kern_mib.c`` of Apple's xnu and Apple's page "Determining instruction set characteristics"
(``hw.optional``); ``osfmk/i386/cpuid.c`` of xnu (``machdep.cpu``: ``features``, ``leaf7_features``,
``extfeatures``); Apple's page "About the Rosetta translation environment".
"""

from __future__ import annotations

ARM: dict[str, tuple[str, ...]] = {
    "arm.FEAT_FlagM": ("flagm",), "arm.FEAT_FlagM2": ("flagm2",), "arm.FEAT_FHM": ("asimdfhm",),
    "arm.FEAT_DotProd": ("asimddp",), "arm.FEAT_SHA3": ("sha3",), "arm.FEAT_RDM": ("asimdrdm",),
    "arm.FEAT_LSE": ("atomics",), "arm.FEAT_SHA256": ("sha2",), "arm.FEAT_SHA512": ("sha512",),
    "arm.FEAT_SHA1": ("sha1",), "arm.FEAT_AES": ("aes",), "arm.FEAT_PMULL": ("pmull",),
    "arm.FEAT_SB": ("sb",), "arm.FEAT_FRINTTS": ("frint",), "arm.FEAT_LRCPC": ("lrcpc",),
    "arm.FEAT_LRCPC2": ("ilrcpc",), "arm.FEAT_LRCPC3": ("lrcpc3",), "arm.FEAT_FCMA": ("fcma",),
    "arm.FEAT_JSCVT": ("jscvt",), "arm.FEAT_PAuth": ("paca", "pacg"), "arm.FEAT_DPB": ("dcpop",),
    "arm.FEAT_DPB2": ("dcpodp",), "arm.FEAT_BF16": ("bf16",), "arm.FEAT_EBF16": ("ebf16",),
    "arm.FEAT_I8MM": ("i8mm",), "arm.FEAT_WFxT": ("wfxt",), "arm.FEAT_RPRES": ("rpres",),
    "arm.FEAT_CSSC": ("cssc",), "arm.FEAT_HBC": ("hbc",), "arm.FEAT_ECV": ("ecv",),
    "arm.FEAT_AFP": ("afp",), "arm.FEAT_LSE2": ("uscat",), "arm.FEAT_DIT": ("dit",),
    "arm.FEAT_FP16": ("fphp", "asimdhp"), "arm.FEAT_SSBS": ("ssbs",), "arm.FEAT_BTI": ("bti",),
    "arm.FEAT_CRC32": ("crc32",), "arm.FEAT_SME": ("sme",), "arm.FEAT_SME2": ("sme2",),
    "arm.FEAT_SME2p1": ("sme2p1",), "arm.FEAT_SME_F64F64": ("smef64f64",),
    "arm.FEAT_SME_I16I64": ("smei16i64",), "arm.FEAT_SME_B16B16": ("smeb16b16",),
    "arm.FEAT_SME_F16F16": ("smef16f16",),
    "arm.SME_F32F32": ("smef32f32",), "arm.SME_BI32I32": ("smebi32i32",), "arm.SME_B16F32": ("smeb16f32",),
    "arm.SME_F16F32": ("smef16f32",), "arm.SME_I8I32": ("smei8i32",), "arm.SME_I16I32": ("smei16i32",),
    # The names of macOS 11, which has no others.
    "armv8_1_atomics": ("atomics",), "armv8_crc32": ("crc32",), "armv8_2_fhm": ("asimdfhm",),
    "armv8_2_sha512": ("sha512",), "armv8_2_sha3": ("sha3",), "armv8_3_compnum": ("fcma",),
    "neon_fp16": ("fphp", "asimdhp"),
}  # fmt: skip
"""Name below ``hw.optional`` -> HWCAPs."""

X86_WORDS: dict[str, tuple[str, ...]] = {
    "MMX": ("mmx",), "SSE": ("sse",), "SSE2": ("sse2",), "SSE3": ("sse3",), "SSSE3": ("ssse3",),
    "SSE4.1": ("sse4_1",), "SSE4.2": ("sse4_2",), "CX16": ("cx16",), "POPCNT": ("popcnt",),
    "LAHF": ("lahf_lm",), "LZCNT": ("abm",), "AVX1.0": ("avx",), "AVX2": ("avx2",), "FMA": ("fma",),
    "F16C": ("f16c",), "BMI1": ("bmi1",), "BMI2": ("bmi2",), "MOVBE": ("movbe",), "OSXSAVE": ("xsave",),
    "AES": ("aes",), "PCLMULQDQ": ("pclmulqdq",), "RDRAND": ("rdrand",), "RDSEED": ("rdseed",),
    "ADX": ("adx",), "SHA": ("sha_ni",), "RDWRFSGS": ("fsgsbase",), "CLFSOPT": ("clflushopt",),
    "CLWB": ("clwb",), "AVX512F": ("avx512f",), "AVX512CD": ("avx512cd",), "AVX512DQ": ("avx512dq",),
    "AVX512BW": ("avx512bw",), "AVX512VL": ("avx512vl",), "AVX512IFMA": ("avx512ifma",),
    "AVX512VBMI": ("avx512vbmi",), "AVX512VNNI": ("avx512_vnni",), "AVX512BITALG": ("avx512_bitalg",),
    "AVX512VPCDQ": ("avx512_vpopcntdq",), "GFNI": ("gfni",), "VAES": ("vaes",),
    "VPCLMULQDQ": ("vpclmulqdq",), "RDPID": ("rdpid",), "WAITPKG": ("waitpkg",),
    "CLDEMOTE": ("cldemote",), "MOVDIRI": ("movdiri",), "MOVDIR64B": ("movdir64b",),
}  # fmt: skip
"""Word of the three lists of ``machdep.cpu`` -> extensions, in archspec's spelling."""

X86_OPTIONAL: dict[str, tuple[str, ...]] = {
    "mmx": ("mmx",), "sse": ("sse",), "sse2": ("sse2",), "sse3": ("sse3",),
    "supplementalsse3": ("ssse3",), "sse4_1": ("sse4_1",), "sse4_2": ("sse4_2",), "aes": ("aes",),
    "avx1_0": ("avx", "xsave"), "avx2_0": ("avx2",), "bmi1": ("bmi1",), "bmi2": ("bmi2",),
    "f16c": ("f16c",), "fma": ("fma",), "rdrand": ("rdrand",), "adx": ("adx",),
    "avx512f": ("avx512f",), "avx512cd": ("avx512cd",), "avx512dq": ("avx512dq",),
    "avx512bw": ("avx512bw",), "avx512vl": ("avx512vl",), "avx512ifma": ("avx512ifma",),
    "avx512vbmi": ("avx512vbmi",),
}  # fmt: skip
"""Name below ``hw.optional`` -> extensions, in archspec's spelling."""

ROSETTA = ("mmx", "sse", "sse2", "cx16", "lahf_lm", "popcnt", "sse3", "sse4_1", "sse4_2", "ssse3")
"""What every Rosetta 2 runs, listed or not: all of x86-64-v2. AVX (macOS 15) is advertised where it is."""
