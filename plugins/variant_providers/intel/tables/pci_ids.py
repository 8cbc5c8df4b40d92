"""Intel GPUs' PCI device ids: the device IP behind each, and the name it is sold under.

Source: the ``device_ids_configs_*.h`` and ``devices_base.inl`` of Intel's compute-runtime (August 2026), with
the IP of each product's last stepping from its ``aot_config_headers``; names it leaves out are from the PCI
ID repository. GPUs before Xe (Gen 12) have no device IP that a wheel could name.
"""

from __future__ import annotations

IDS: dict[str, dict[str, tuple[int, ...]]] = {
    "35.11.0": {
        "Intel Graphics": (
            0x674C,
            0x674D,
            0x674E,
            0x674F,
            0x6750,
        ),
    },
    "35.10.4": {
        "Intel Graphics": (
            0xD74A,
            0xD74B,
            0xD750,
            0xD751,
            0xD752,
            0xD753,
            0xD754,
            0xD755,
            0xD756,
            0xD757,
            0xD75F,
        ),
    },
    "30.5.4": {
        "Intel Graphics": (
            0xD741,
            0xD742,
            0xD745,
        ),
    },
    "30.4.4": {
        "Intel Graphics": (
            0xD740,
            0xD743,
            0xD744,
        ),
    },
    "30.3.1": {
        "Intel Graphics": (
            0xFD80,
            0xFD81,
        ),
    },
    "30.1.0": {
        "Intel Graphics": (0xB090,),
    },
    "30.0.4": {
        "Intel Arc B390 GPU": (
            0xB080,
            0xB082,
        ),
        "Intel Arc B370 GPU": (
            0xB081,
            0xB083,
        ),
        "Intel Arc Pro B390": (
            0xB084,
            0xB086,
        ),
        "Intel Arc Pro B370": (
            0xB085,
            0xB087,
        ),
        "Intel Graphics": (
            0xB08F,
            0xB0A0,
            0xB0B0,
        ),
    },
    "20.4.4": {
        "Intel Graphics": (
            0x6420,
            0x64B0,
        ),
        "Intel Arc Graphics": (0x64A0,),
    },
    "20.2.0": {
        "Intel Graphics": (
            0xE220,
            0xE221,
        ),
        "Intel Arc Pro B65 Graphics": (0xE222,),
        "Intel Arc Pro B70 Graphics": (0xE223,),
    },
    "20.1.0": {
        "Intel Graphics": (
            0xE202,
            0xE20D,
            0xE210,
            0xE215,
            0xE216,
        ),
        "Intel Arc B580 Graphics": (
            0xE209,
            0xE20B,
        ),
        "Intel Arc B570 Graphics": (0xE20C,),
        "Intel Arc Pro B60 Graphics": (0xE211,),
        "Intel Arc Pro B50 Graphics": (0xE212,),
    },
    "12.74.4": {
        "Intel Arc Graphics": (0x7D51,),
        "Intel Graphics": (0x7DD1,),
    },
    "12.71.4": {
        "Intel Arc Graphics": (0x7D55,),
        "Intel Graphics": (0x7DD5,),
    },
    "12.70.4": {
        "Intel Graphics": (
            0x7D40,
            0x7D41,
            0x7D45,
            0x7D67,
        ),
    },
    "12.61.7": {
        "Intel Data Center GPU Max 1550VG": (0x0BD4,),
    },
    "12.60.7": {
        "Intel Data Center GPU Max 1450": (0x0B69,),
        "Intel Data Center GPU Max 1100C": (0x0B6E,),
        "Intel Data Center GPU Max 1550": (
            0x0BD5,
            0x0BD6,
        ),
        "Intel Data Center GPU Max 1350": (
            0x0BD7,
            0x0BD8,
        ),
        "Intel Data Center GPU Max 1100": (
            0x0BD9,
            0x0BDA,
            0x0BDB,
        ),
    },
    "12.60.1": {
        "Intel Graphics": (0x0BD0,),
    },
    "12.57.0": {
        "Intel Graphics": (
            0x4F85,
            0x4F86,
            0x56A3,
            0x56A4,
        ),
        "Intel Arc A570M Graphics": (0x5696,),
        "Intel Arc A530M Graphics": (0x5697,),
        "Intel Arc Pro A60M Graphics": (0x56B2,),
        "Intel Arc Pro A60 Graphics": (0x56B3,),
    },
    "12.56.5": {
        "Intel Graphics": (
            0x4F87,
            0x4F88,
        ),
        "Intel Arc A370M Graphics": (0x5693,),
        "Intel Arc A350M Graphics": (0x5694,),
        "Intel Iris Xe MAX A200M": (0x5695,),
        "Intel Arc A380 Graphics": (0x56A5,),
        "Intel Arc A310 LP Graphics": (0x56A6,),
        "Intel Arc Pro A30M Graphics": (0x56B0,),
        "Intel Arc Pro A40/A50 Graphics": (0x56B1,),
        "Intel Arc A380E Graphics": (0x56BA,),
        "Intel Arc A310E Graphics": (0x56BB,),
        "Intel Arc A370E Graphics": (0x56BC,),
        "Intel Arc A350E Graphics": (0x56BD,),
        "Intel Data Center GPU Flex 140": (0x56C1,),
    },
    "12.55.8": {
        "Intel Graphics": (
            0x4F80,
            0x4F81,
            0x4F82,
            0x4F83,
            0x4F84,
        ),
        "Intel Arc A770M Graphics": (0x5690,),
        "Intel Arc A730M Graphics": (0x5691,),
        "Intel Arc A550M Graphics": (0x5692,),
        "Intel Arc A770 Graphics": (0x56A0,),
        "Intel Arc A750 Graphics": (0x56A1,),
        "Intel Arc A580 Graphics": (0x56A2,),
        "Intel Arc A760A Graphics": (0x56AF,),
        "Intel Arc A750E Graphics": (0x56BE,),
        "Intel Arc A580E Graphics": (0x56BF,),
        "Intel Data Center GPU Flex 170": (0x56C0,),
        "Intel Data Center GPU Flex 170V": (0x56C2,),
    },
    "12.10.0": {
        "Intel Iris Xe MAX Graphics": (0x4905,),
        "Intel Iris Xe Pod": (0x4906,),
        "Intel Server GPU SG-18M": (0x4907,),
        "Intel Iris Xe Graphics": (0x4908,),
        "Intel Iris Xe MAX 100 Graphics": (0x4909,),
    },
    "12.4.0": {
        "Intel UHD Graphics": (
            0x46D0,
            0x46D1,
            0x46D2,
        ),
        "Intel Graphics": (
            0x46D3,
            0x46D4,
        ),
    },
    "12.3.0": {
        "Intel UHD Graphics": (
            0x4626,
            0x4628,
            0x462A,
            0x46A3,
            0x46B3,
            0x46C3,
            0xA720,
            0xA721,
            0xA7A8,
            0xA7A9,
        ),
        "Intel Graphics": (
            0x46A0,
            0x46A1,
            0x46C0,
            0xA7AA,
            0xA7AB,
            0xA7AC,
            0xA7AD,
        ),
        "Intel Iris Xe Graphics": (
            0x46A6,
            0x46A8,
            0x46AA,
            0x46B0,
            0x46B1,
            0x46C1,
            0xA7A0,
            0xA7A1,
        ),
    },
    "12.2.0": {
        "Intel UHD Graphics 770": (
            0x4680,
            0x4690,
            0xA780,
        ),
        "Intel UHD Graphics 730": (
            0x4682,
            0x4692,
            0xA782,
        ),
        "Intel UHD Graphics": (
            0x4688,
            0x468A,
            0x468B,
            0xA788,
            0xA78A,
            0xA78B,
        ),
        "Intel UHD Graphics 710": (0x4693,),
        "Intel Graphics": (
            0xA781,
            0xA783,
            0xA789,
        ),
    },
    "12.1.0": {
        "Intel Graphics": (
            0x4C80,
            0x4C8C,
        ),
        "Intel UHD Graphics 750": (0x4C8A,),
        "Intel UHD Graphics 730": (0x4C8B,),
        "Intel UHD Graphics P750": (0x4C90,),
        "Intel UHD Graphics": (0x4C9A,),
    },
    "12.0.0": {
        "Intel Iris Xe Graphics": (
            0x9A40,
            0x9A49,
        ),
        "Intel Graphics": (0x9A59,),
        "Intel UHD Graphics": (
            0x9A60,
            0x9A68,
            0x9A70,
            0x9A78,
        ),
    },
}
"""Device IP -> name -> PCI device ids."""

DISCRETE_IPS = frozenset(
    (
        "35.11.0",
        "20.2.0",
        "20.1.0",
        "12.61.7",
        "12.60.7",
        "12.60.1",
        "12.57.0",
        "12.56.5",
        "12.55.8",
        "12.10.0",
    )
)
"""The IPs that are cards; all others are part of a processor."""

TWO_TILES = frozenset((0x0B69, 0x0BD0, 0x0BD4, 0x0BD5, 0x0BD6, 0x0BD7, 0x0BD8))
"""Cards that Level Zero counts as two devices unless ``ZE_FLAT_DEVICE_HIERARCHY=COMPOSITE``."""


def look_up(device_id: int) -> tuple[str, str] | None:
    """The device IP and the name of a PCI device id, or ``None`` for one that is not in the table."""
    for device_ip, names in IDS.items():
        for name, ids in names.items():
            if device_id in ids:
                return device_ip, name
    return None
