"""GPUs by the names that clusters call them, and by PCI device ids."""

from __future__ import annotations

from itertools import pairwise

import pytest
from variant_providers.amd.plugin import AmdPlugin
from variant_providers.amd.tables.amdgpu import GFX_ARCHS
from variant_providers.amd.tables.amdgpu_names import NAMES
from variant_providers.amd.tables.device_archs import BLOCKS, arch_of_device
from variant_providers.cpu.aarch64 import Aarch64Plugin
from variant_providers.cpu.x86_64 import X8664Plugin
from variant_providers.intel.plugin import IntelPlugin
from variant_providers.nvidia.plugin import NvidiaPlugin

NVIDIA = {
    "NVIDIA-H100-80GB-HBM3": ["9.0"],
    "nvidia_h100_80gb_hbm3": ["9.0"],
    "h100": ["9.0"],
    "Tesla-V100-SXM2-16GB": ["7.0"],
    "nvidia_a100-pcie-40gb": ["8.0"],
    "A100-SXM4-40GB-MIG-1g.5gb": ["8.0"],
    "a100_3g.20gb": ["8.0"],
    "a100_1g.10gb": ["8.0"],
    "gtx1080": ["6.1"],
    "geforce_rtx_2060": ["7.5"],
    "rtx_6000_ada": ["8.9"],
    "nvidia-tesla-t4": ["7.5"],
    "titan_v": ["7.0"],
    "NVIDIA-GB300": ["10.3"],
    "Jetson-Orin": ["8.7"],
    "rtx_6000": ["7.5", "8.9"],
    "tesla": [],
    "gpu": [],
    "10gb": [],
    "mi300x": [],
    "": [],
    "-" * 10_000: [],
}
AMD = {
    "AMD_Instinct_MI300X_OAM": ["gfx942"],
    "mi300": ["gfx942"],
    "mi250": ["gfx90a"],
    "radeon_vii": ["gfx906"],
    "rx7900xtx": ["gfx1100"],
    "a100_1g.10gb": [],
    "h100": [],
}
INTEL = {"Flex_170": ["12.55.8"], "Max_1550": ["12.60.7"], "max1100": ["12.60.7"], "h100": [], "mi300x": []}


@pytest.mark.parametrize(("name", "values"), NVIDIA.items())
def test_nvidia(name: str, values: list[str]) -> None:
    assert NvidiaPlugin.values_of_name(name) == values


@pytest.mark.parametrize(("name", "values"), AMD.items())
def test_amd(name: str, values: list[str]) -> None:
    assert AmdPlugin.values_of_name(name) == values


@pytest.mark.parametrize(("name", "values"), INTEL.items())
def test_intel(name: str, values: list[str]) -> None:
    assert IntelPlugin.values_of_name(name) == values


def test_every_amd_gpu_that_is_sold_has_a_target() -> None:
    # The Radeon 610M of Mendocino is gfx1037 in Linux, which LLVM's table does not have.
    assert [hex(device) for device in NAMES if arch_of_device(device) is None] == ["0x1506"]
    assert {arch for _first, _last, arch in BLOCKS} <= set(GFX_ARCHS)
    assert list(BLOCKS) == sorted(BLOCKS)
    assert all(last < first for (_, last, _), (first, _, _) in pairwise(BLOCKS))


def test_ids() -> None:
    assert NvidiaPlugin.values_of_id(0x2330) == ["9.0"]
    assert AmdPlugin.values_of_id(0x74B5) == ["gfx942"]
    assert IntelPlugin.values_of_id(0x56C0) == ["12.55.8"]
    assert all(plugin.values_of_id(0xFFFF) == [] for plugin in (NvidiaPlugin, AmdPlugin, IntelPlugin))


def test_drivers() -> None:
    assert NvidiaPlugin.facts_of_driver("550.107.02") == {"cuda_driver": "12.4"}
    assert AmdPlugin.facts_of_driver("5.15.0-91-generic") == {"amdgpu": "5.15.0"}
    for wrong in ("", "new", "1e9", "550.x", "-1"):
        assert NvidiaPlugin.facts_of_driver(wrong) == {}
    assert AmdPlugin.facts_of_driver("none") == IntelPlugin.facts_of_driver("1.2") == {}


def test_flags_in_other_spellings() -> None:
    v4 = ("AVX512F", "AVX512BW", "AVX512CD", "AVX512DQ", "AVX512VL")
    assert X8664Plugin.facts_of_flags(v4)["level"] == "v4"
    assert X8664Plugin.facts_of_flags(v4[1:])["level"] == "v1"
    assert X8664Plugin.facts_of_flags(("AVX2", "FMA3", "AESNI")) == {"level": "v3", "features": ["aes"]}
    assert X8664Plugin.facts_of_flags(("AVX2",))["level"] == "v1"
    assert X8664Plugin.facts_of_flags(("X86_64_V1", "X86_64_V2"))["level"] == "v2"
    assert Aarch64Plugin.facts_of_flags(("ASIMDRDM", "ATOMICS", "CRC32", "I8MM")) == {
        "version": "8.1a",
        "features": ["i8mm"],
    }
