"""The names that AMD sells its GPUs under, by PCI device id and revision.

Source: ``data/amdgpu.ids`` of libdrm (AMD, July 2026), the GPUs of gfx9 and later; a few server parts that it
leaves out are from the PCI ID repository (pci.ids, August 2026).
"""

from __future__ import annotations

NAMES: dict[int, dict[str, str]] = {
    0x1114: {
        "AMD Radeon 860M Graphics": "c2 d2 e2 e4 e9 ed f2 f9 fc",
        "AMD Radeon 840M Graphics": "c3 d3 e5 ea ee f3 fa fd",
    },
    0x1506: {"AMD Radeon 610M": ""},
    0x150E: {
        "AMD Radeon 890M Graphics": "c1 c5 c6 c7 d1 d3 e1 e3 e4 f1 f3",
        "AMD Radeon 880M Graphics": "c4 d2",
    },
    0x1586: {
        "AMD Radeon 8060S Graphics": "c1 c3 c6 d1",
        "AMD Radeon 8050S Graphics": "c2 c4 d2 d4",
        "AMD Radeon 8040S Graphics": "d5",
    },
    0x15BF: {
        "AMD Radeon 780M Graphics": "00 02 06 c1 c2 c4 c6 c7 c9 cf d0 d1 d2 d3 d4 d7 d9 da dd",
        "AMD Radeon 760M Graphics": "01 03 05 c3 c8 cb cd d5 d6 db dc df f0",
        "AMD Radeon 740M Graphics": "07 08 c5 ca cc ce d8 de",
    },
    0x15C8: {"AMD Radeon 740M Graphics": ""},
    0x15D8: {
        "AMD Radeon RX Vega 8 Graphics WS": "00",
        "AMD Radeon Vega 3 Graphics": "91 92 a4 b4 c4 c5 cc ce d4 db dc dd de df e3",
        "AMD Ryzen Embedded R1606G with Radeon Vega Gfx": "91",
        "AMD Ryzen Embedded R1505G with Radeon Vega Gfx": "92",
        "AMD Radeon Vega 1 Graphics": "93",
        "AMD Radeon Vega 10 Graphics": "a1 b1 c1 d1",
        "AMD Radeon Vega 8 Graphics": "a2 b2 c2 c9 cb d2 d9 db",
        "AMD Radeon Vega 6 Graphics": "a3 b3 c3 d3",
        "AMD Radeon Vega 11 Graphics": "c8 ca d8 da",
        "AMD Ryzen Embedded R1305G with Radeon Vega Gfx": "cf",
        "AMD Ryzen Embedded R1102G with Radeon Vega Gfx": "e4",
    },
    0x15DD: {
        "AMD Ryzen Embedded V1807B with Radeon Vega Gfx": "81",
        "AMD Ryzen Embedded V1756B with Radeon Vega Gfx": "82",
        "AMD Ryzen Embedded V1605B with Radeon Vega Gfx": "83",
        "AMD Radeon Vega 6 Graphics": "84 cc d9",
        "AMD Ryzen Embedded V1202B with Radeon Vega Gfx": "85",
        "AMD Radeon Vega 11 Graphics": "86 c1 c6 c9 d3 d6",
        "AMD Radeon Vega 8 Graphics": "88 c2 c4 c8 ca d1 d5 d7",
        "AMD Radeon Vega 3 / 10 Graphics": "c3",
        "AMD Radeon Vega 3 Graphics": "c5 cb ce cf d8 e1 e2",
        "AMD Radeon Vega 10 Graphics": "d0",
    },
    0x163F: {"AMD Custom GPU 0405": ""},
    0x164E: {"AMD Radeon 610M": ""},
    0x1681: {"AMD Radeon 680M": "06 0a c7 c8", "AMD Radeon 660M": "07 0b c9"},
    0x1900: {
        "AMD Radeon 780M Graphics": "01 03 05 06 b0 b1 b2 b3 "
        "b4 b5 b6 b9 ba bb c0 c2 c4 c5 c7 c9 cb cc ce d0 d2 d4 d5 d7 d9 db dc de f0 f1 f2",
        "AMD Radeon 760M Graphics": "02 04 07 b7 b8 c1 c3 c6 c8 ca cd cf d1 d3 d6 d8 da dd df",
    },
    0x1901: {"AMD Radeon 740M Graphics": ""},
    0x1902: {
        "AMD Radeon 840M Graphics": "c0 c1 c3 c7 c8 ca d1 d3 d7 d8",
        "AMD Radeon 820M Graphics": "c2 c6 c9",
    },
    0x66A1: {"AMD Instinct MI60 / MI50": "02", "AMD Radeon Pro VII": "06"},
    0x66AF: {"AMD Radeon VII": ""},
    0x6860: {
        "AMD Radeon Instinct MI25": "00 01 02",
        "AMD Radeon Pro V340": "03",
        "AMD Radeon Instinct MI25x2": "04",
        "AMD Radeon Pro V320": "07",
    },
    0x6861: {"AMD Radeon Pro WX 9100": ""},
    0x6862: {"AMD Radeon Pro SSG": ""},
    0x6863: {"AMD Radeon Vega Frontier Edition": ""},
    0x6864: {"AMD Radeon Pro V340": "03 05", "AMD Radeon Instinct MI25x2": "04"},
    0x6868: {"AMD Radeon Pro WX 8200": ""},
    0x686C: {
        "AMD Radeon Instinct MI25 MxGPU": "00 01 02 06",
        "AMD Radeon Pro V340 MxGPU": "03",
        "AMD Radeon Instinct MI25x2 MxGPU": "04",
        "AMD Radeon Pro V340L MxGPU": "05",
    },
    0x687F: {"AMD Radeon RX Vega": ""},
    0x7312: {"AMD Radeon Pro W5700": ""},
    0x731E: {"AMD Radeon RX 5700XTB": "c6", "AMD Radeon RX 5700B": "c7"},
    0x731F: {
        "AMD Radeon RX 5700 XT 50th Anniversary": "c0",
        "AMD Radeon RX 5700 XT": "c1 c5",
        "AMD Radeon RX 5600M": "c2",
        "AMD Radeon RX 5700M": "c3",
        "AMD Radeon RX 5700": "c4",
        "AMD Radeon RX 5600 XT": "ca",
        "AMD Radeon RX 5600 OEM": "cb",
    },
    0x7340: {
        "AMD Radeon RX 5500M": "c1",
        "AMD Radeon RX 5300M": "c3",
        "AMD Radeon RX 5500 XT": "c5",
        "AMD Radeon RX 5500": "c7",
        "AMD Radeon RX 5500XTB": "c9",
        "AMD Radeon RX 5300": "cf",
    },
    0x7341: {"AMD Radeon Pro W5500": ""},
    0x7347: {"AMD Radeon Pro W5500M": ""},
    0x7360: {"AMD Radeon Pro 5600M": "41", "AMD Radeon Pro V520": "c3"},
    0x7362: {"AMD Radeon Pro V540": "c1", "AMD Radeon Pro V520": "c3"},
    0x7388: {"AMD Instinct MI100": ""},
    0x738C: {"AMD Instinct MI100": ""},
    0x738E: {"AMD Instinct MI100": ""},
    0x73A1: {"AMD Radeon Pro V620": ""},
    0x73A3: {"AMD Radeon Pro W6800": ""},
    0x73A5: {"AMD Radeon RX 6950 XT": ""},
    0x73AE: {"AMD Radeon Pro V620 MxGPU": ""},
    0x73AF: {"AMD Radeon RX 6900 XT": ""},
    0x73BF: {"AMD Radeon RX 6900 XT": "c0", "AMD Radeon RX 6800 XT": "c1", "AMD Radeon RX 6800": "c3"},
    0x73DF: {
        "AMD Radeon RX 6750 XT": "c0",
        "AMD Radeon RX 6700 XT": "c1 c5",
        "AMD Radeon RX 6800M": "c2 c3",
        "AMD Radeon RX 6700M": "cf",
        "AMD Radeon RX 6750 GRE 12GB": "d5 e5",
        "AMD TDC-235": "d7",
        "AMD Radeon RX 6700": "df ff",
    },
    0x73E0: {"AMD Radeon RX 6600M": ""},
    0x73E1: {"AMD Radeon Pro W6600M": ""},
    0x73E3: {"AMD Radeon Pro W6600": ""},
    0x73EF: {
        "AMD Radeon RX 6800S": "c0",
        "AMD Radeon RX 6650 XT": "c1",
        "AMD Radeon RX 6700S": "c2",
        "AMD Radeon RX 6650M": "c3",
        "AMD Radeon RX 6650M XT": "c4",
    },
    0x73FF: {
        "AMD Radeon RX 6600 XT": "c1",
        "AMD Radeon RX 6600M": "c3",
        "AMD Radeon RX 6600": "c7",
        "AMD Radeon RX 6600S": "cb",
        "AMD Radeon RX 6600 LE": "cf",
        "AMD Radeon RX 6750 GRE 10GB": "df",
    },
    0x7408: {"AMD Instinct MI250X": ""},
    0x740C: {"AMD Instinct MI250X / MI250": ""},
    0x740F: {"AMD Instinct MI210": ""},
    0x7421: {"AMD Radeon Pro W6500M": ""},
    0x7422: {"AMD Radeon Pro W6400": ""},
    0x7423: {"AMD Radeon Pro W6300M": "00", "AMD Radeon Pro W6300": "01"},
    0x7424: {"AMD Radeon RX 6300": ""},
    0x743F: {
        "AMD Radeon RX 6500 XT": "c1",
        "AMD Radeon RX 6500": "c3",
        "AMD Radeon RX 6500M": "c3 c8",
        "AMD Radeon RX 6400": "c7 d7",
        "AMD Radeon 6550S": "cc",
        "AMD Radeon RX 6450M": "ce",
        "AMD Radeon RX 6300M": "cf",
        "AMD Radeon RX 6550M": "d3",
    },
    0x7448: {"AMD Radeon Pro W7900": ""},
    0x7449: {"AMD Radeon Pro W7800 48GB": ""},
    0x744A: {"AMD Radeon Pro W7900 Dual Slot": ""},
    0x744B: {"AMD Radeon Pro W7900D": ""},
    0x744C: {
        "AMD Radeon RX 7900 XTX": "c8",
        "AMD Radeon RX 7900 XT": "cc",
        "AMD Radeon RX 7900 GRE": "ce",
        "AMD Radeon RX 7900M": "cf",
    },
    0x745E: {"AMD Radeon Pro W7800": ""},
    0x7460: {"AMD Radeon Pro V710": ""},
    0x7461: {"AMD Radeon Pro V710 MxGPU": ""},
    0x7470: {"AMD Radeon Pro W7700": ""},
    0x747E: {
        "AMD Radeon RX 7800 XT": "c8",
        "AMD Radeon RX 7800M": "d8",
        "AMD Radeon RX 7700": "db",
        "AMD Radeon RX 7700 XT": "ff",
    },
    0x7480: {
        "AMD Radeon Pro W7600": "00",
        "AMD Radeon RX 7600 XT": "c0",
        "AMD Radeon RX 7700S": "c1",
        "AMD Radeon RX 7650 GRE": "c2",
        "AMD Radeon RX 7600S": "c3",
        "AMD Radeon RX 7600M XT": "c7",
        "AMD Radeon RX 7600": "cf",
    },
    0x7481: {"AMD Steam Machine": ""},
    0x7483: {"AMD Radeon RX 7600M": ""},
    0x7489: {"AMD Radeon Pro W7500": ""},
    0x7499: {"AMD Radeon Pro W7400": "00", "AMD Radeon RX 7400": "c0", "AMD Radeon RX 7300": "c1"},
    0x74A0: {"AMD Instinct MI300A": ""},
    0x74A1: {"AMD Instinct MI300X": ""},
    0x74A2: {"AMD Instinct MI308X": ""},
    0x74A5: {"AMD Instinct MI325X": ""},
    0x74A8: {"AMD Instinct MI308X HF": ""},
    0x74A9: {"AMD Instinct MI300X HF": ""},
    0x74B5: {"AMD Instinct MI300X VF": ""},
    0x74B6: {"AMD Instinct MI308X": ""},
    0x74B9: {"AMD Instinct MI325X VF": ""},
    0x74BD: {"AMD Instinct MI300X HF": ""},
    0x7550: {"AMD Radeon RX 9070 XT": "c0", "AMD Radeon RX 9070 GRE": "c2", "AMD Radeon RX 9070": "c3"},
    0x7551: {"AMD Radeon AI PRO R9700": "c0", "AMD Radeon AI PRO R9600D": "c8"},
    0x7590: {"AMD Radeon RX 9060 XT": "c0", "AMD Radeon RX 9060 XT LP": "c1", "AMD Radeon RX 9060": "c7"},
    0x75A0: {"AMD Instinct MI350X": ""},
    0x75A3: {"AMD Instinct MI355X": ""},
    0x75A8: {"AMD Instinct MI350P": ""},
    0x75B0: {"AMD Instinct MI350X VF": ""},
    0x75B3: {"AMD Instinct MI355X VF": ""},
}
"""PCI device id -> name -> the revisions (two hex digits each) sold under it; none listed means all."""


def name_of(device_id: int, revision: int | None) -> str | None:
    """The name of a GPU, or ``None`` when it is not in the table or its revision does not tell.

    Args:
        device_id: the PCI device id, such as ``0x744C``.
        revision: the PCI revision, ``None`` when it is not known.
    """
    names = NAMES.get(device_id, {})
    if len(names) == 1:
        return next(iter(names))
    if revision is None:
        return None
    wanted = f"{revision:02x}"
    return next((name for name, revisions in names.items() if wanted in revisions.split()), None)
