"""Intel GPU device IPs (GMDID: architecture.release.revision) and the base platform each is compatible with.

Sources: the device table of ``intel-variant-provider`` 0.0.3 (Intel), whose names are those of the ``ocloc``
compiler; Level Zero's ``ZE_extension_device_ip_version``; the bit layout is ``hw_ip_version.h`` of Intel's
compute-runtime. Code built for a base platform runs on every device that names it.
"""

from __future__ import annotations

DEVICE_IPS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "35.11.0": (("cri",), None),
    "35.10.4": (("nvl-p",), None),
    "30.5.4": (("nvl-u", "nvl-h"), "30.0.4"),
    "30.4.4": (("nvl-s", "nvl-hx", "nvl-ul"), "30.0.4"),
    "30.3.1": (("wcl",), "30.0.4"),
    "30.1.0": (("ptl-u",), "30.0.4"),
    "30.0.4": (("ptl-h",), None),
    "20.4.4": (("lnl-m",), "20.1.0"),
    "20.2.0": (("bmg-g31",), "20.1.0"),
    "20.1.0": (("bmg-g21",), None),
    "12.74.4": (("arl-h",), None),
    "12.71.4": (("mtl-h",), "12.70.4"),
    "12.70.4": (("mtl-u", "arl-u", "arl-s"), None),
    "12.60.7": (("pvc",), None),
    "12.57.0": (("acm-g12", "dg2-g12"), "12.55.8"),
    "12.56.5": (("acm-g11", "dg2-g11", "ats-m75"), "12.55.8"),
    "12.55.8": (("acm-g10", "dg2-g10", "ats-m150"), None),
    "12.10.0": (("dg1",), None),
    "12.4.0": (("adl-n",), None),
    "12.3.0": (("adl-p", "rpl-p"), None),
    "12.2.0": (("adl-s", "rpl-s"), None),
    "12.1.0": (("rkl",), None),
    "12.0.0": (("tgllp", "tgl"), None),
}
"""IP -> (names of the devices, IP of the compatible base platform or ``None``), newest first."""
