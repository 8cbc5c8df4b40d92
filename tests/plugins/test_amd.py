"""AMD GPUs: KFD's topology, AMD's tools (scripts that stand for them), visibility, and the ROCm version."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from variant_providers.amd import AmdPlugin, kfd, rocm_tools
from variant_providers.amd.kfd import arch_of, parse_properties, pci_address, read_topology
from variant_providers.amd.rocm import amdgpu_driver, driver_release, installed_rocm, rocm_between
from variant_providers.amd.rocm_tools import ToolGpu, parse_agent_enumerator, parse_amd_smi, parse_rocminfo
from variant_providers.amd.tables.amdgpu import DRIVERS, GFX_ARCHS, INTEGRATED_ARCHS, OLD_DEVICES
from variant_providers.amd.tables.amdgpu_names import NAMES, name_of
from variant_providers.amd.visible import overridden, visible
from variant_providers.finding import Finding
from variant_providers.probing.tree import Tree

from tests.plugins.here import MACHINES, Here, detect_here, in_tree, values

ROCMINFO = """\
ROCk module version 6.16.6 is loaded
=====================
HSA System Attributes
=====================
Runtime Version:         1.18
==========
HSA Agents
==========
*******
Agent 1
*******
  Name:                    AMD Ryzen 7 7800X3D 8-Core Processor
  Uuid:                    CPU-XX
  Marketing Name:          AMD Ryzen 7 7800X3D 8-Core Processor
  Vendor Name:             CPU
  Device Type:             CPU
*******
Agent 2
*******
  Name:                    gfx1100
  Uuid:                    GPU-0000000000000000
  Marketing Name:          Radeon RX 7900 XTX
  Vendor Name:             AMD
  Device Type:             GPU
  Cache Info:
    L1:                      32(0x20) KB
  ISA Info:
    ISA 1
      Name:                    amdgcn-amd-amdhsa--gfx1100
    ISA 2
      Name:                    amdgcn-amd-amdhsa--gfx11-generic
*******
Agent 3
*******
  Name:                    gfx1036
  Marketing Name:          AMD Radeon Graphics
  Vendor Name:             AMD
  Device Type:             GPU
*******
Agent 4
*******
  Name:                    aie2
  Marketing Name:          AIE-ML
  Device Type:             DSP
*** Done ***
"""
SMI_OLD = json.dumps(
    [{"gpu": 0, "asic": {"market_name": "AMD Instinct MI300X", "target_graphics_version": "gfx942"}}]
)
SMI_NEW = json.dumps(
    {
        "gpu_data": [
            {
                "gpu": 0,
                "asic": {"market_name": "AMD Radeon RX 7900 XTX", "target_graphics_version": "gfx1100"},
            },
            {"gpu": 1, "asic": {"market_name": "N/A", "target_graphics_version": "gfx1201"}},
            {"gpu": 2, "asic": {"target_graphics_version": "N/A"}},
        ]
    }
)
SMI_TEXT = """\
GPU: 0
    ASIC:
        MARKET_NAME: AMD Instinct MI250X
        VENDOR_ID: 0x1002
        TARGET_GRAPHICS_VERSION: gfx90a

GPU: 1
    ASIC:
        TARGET_GRAPHICS_VERSION: gfx90a
"""


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("HSA_OVERRIDE", "ROCR_", "HIP_", "ROCM_")):
            monkeypatch.delenv(name)


def detected(patch: pytest.MonkeyPatch, machine: str | Path) -> dict[str, Any]:
    report = detect_here(AmdPlugin, machine, patch)
    json.dumps(report)
    return report


@pytest.mark.parametrize(
    ("version", "arch"),
    [
        (90010, "gfx90a"), (90402, "gfx942"), (90500, "gfx950"), (90012, "gfx90c"), (100300, "gfx1030"),
        (110000, "gfx1100"), (110501, "gfx1151"), (120001, "gfx1201"), (80003, "gfx803"),
        (0, None), (99, None), (110099, None), (10**9, None),
    ],
)  # fmt: skip
def test_the_target_of_a_version(version: int, arch: str | None) -> None:
    assert arch_of(version) == arch
    assert arch is None or arch in GFX_ARCHS


def test_every_target_of_llvm_can_be_told() -> None:
    # gfx1250 is 12.5.0: the last two digits are minor and stepping, in hexadecimal.
    for arch in GFX_ARCHS:
        version = int(arch[3:-2]) * 10000 + int(arch[-2], 16) * 100 + int(arch[-1], 16)
        assert arch_of(version) == arch
    assert set(GFX_ARCHS) >= INTEGRATED_ARCHS


def test_names() -> None:
    assert name_of(0x744C, 0xC8) == "AMD Radeon RX 7900 XTX"
    assert name_of(0x744C, None) is None and name_of(0x744C, 0x01) is None
    assert name_of(0x74A1, None) == "AMD Instinct MI300X"
    assert name_of(0x1234, 0) is None
    assert all(
        names and all(name.startswith(("AMD", "Radeon")) for name in names) for names in NAMES.values()
    )
    assert pci_address(0, 0x0300) == "0000:03:00.0" and pci_address(1, 0x050B) == "0001:05:01.3"


def test_discrete_comes_first_wherever_it_is_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    report = detected(monkeypatch, "rx7900xtx")
    assert [device["kind"] for device in report["devices"]] == ["integrated", "discrete"]
    assert report["facts"]["gfx_archs"] == ["gfx1100", "gfx1036"]


def _gpus(root: Path, *gpus: str) -> list[kfd.KfdGpu]:
    """Nodes 2, 4, 6 ...; a GPU is written "version device_id memory [heap_type [vendor]]"."""
    for position, gpu in enumerate(gpus):
        version, device, memory, heap, vendor = (*gpu.split(), *("1", "4098")[len(gpu.split()) - 3 :])
        node = f"{kfd.NODES}/{2 * position + 2}"
        text = f"simd_count 8\ngfx_target_version {version}\ndevice_id {device}\nvendor_id {vendor}\n"
        bank = f"heap_type {heap}\nsize_in_bytes {memory}\n"
        _write(root, {f"{node}/properties": text, f"{node}/mem_banks/0/properties": bank})
    return list(read_topology(Tree(str(root))).gpus)


def test_nodes_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    found = _gpus(tmp_path, *(f"{version} 0 1" for version in (90010, 90402, 90006, 90008, 100300)))
    assert [gpu.node for gpu in found] == [2, 4, 6, 8, 10]


def test_what_counts_as_a_gpus_own_memory(tmp_path: Path) -> None:
    found = _gpus(tmp_path, "90402 0 1000", "90402 0 1000 2", "90402 0 1000 0", f"90402 0 {2**60}")
    assert [gpu.memory_bytes for gpu in found] == [1000, 1000, None, None]


def test_other_vendors_nodes_are_not_gpus(tmp_path: Path) -> None:
    assert [gpu.arch for gpu in _gpus(tmp_path, "90402 0 1 1 4318", "90010 0 1")] == ["gfx90a"]


def test_an_integrated_gpu_with_more_memory_is_second_best(tmp_path: Path) -> None:
    # Strix Halo with 96 GB for its GPU, and a card of 16 GB; MI300A has a card's target, and is a processor.
    _gpus(tmp_path, f"110501 5510 {96 * 2**30}", f"120001 30032 {16 * 2**30}", f"90402 {0x74A0} {2**37}")
    report = AmdPlugin.detect(str(tmp_path))
    assert report["facts"]["gfx_archs"] == ["gfx1201", "gfx942", "gfx1151"]  # type: ignore[index]
    assert [device["kind"] for device in report["devices"]] == [  # type: ignore[attr-defined]
        "integrated", "discrete", "integrated",
    ]  # fmt: skip


def test_this_environment_says_nothing_about_a_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "-1")
    monkeypatch.setenv("HSA_OVERRIDE_GFX_VERSION", "9.0.0")
    report = in_tree(AmdPlugin, "strix-halo")
    assert report["facts"] == {"gfx_archs": ["gfx1151"], "amdgpu": "6.18.9"}


# The four GPUs and the examples are those of AMD's amd_filter_device.h.
IDS = (0xBABABABABABABABA, 0xABBAABBAABBAABBA, 0xBABAABBAABBABABA, 0xABBABABABABAABBA)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("", []),
        ("-1", []),
        ("GPU-XX", []),
        ("3,GPU-BABABABABABABABA,4", [3, 0]),
        ("1,GPU-ABBAABBAABBAABBA,GPU-XX", [1]),
        ("3,GPU-BABAABBA,GPU-XX", [3, 2]),
        ("GPU-baba", []),
        ("0x2, 1", [2, 1]),
        ("0,zero,1", [0]),
        ("0,1,2,3", [0, 1, 2, 3]),
    ],
)
def test_rocr_visible_devices(written: str, left: list[int]) -> None:
    found, notes = visible(IDS, {"ROCR_VISIBLE_DEVICES": written})
    assert found == left
    assert notes == (
        [] if len(left) == 4 else [f"ROCR_VISIBLE_DEVICES leaves {len(left)} of 4 AMD GPUs visible"]
    )


def test_hip_counts_what_the_runtime_left() -> None:
    environ = {"ROCR_VISIBLE_DEVICES": "3,1,0", "HIP_VISIBLE_DEVICES": "2,0"}
    assert visible(IDS, environ)[0] == [0, 3]
    assert visible(IDS, environ, by_runtime=False)[0] == [2, 0]
    assert visible((0,), {"ROCR_VISIBLE_DEVICES": "GPU-0"})[0] == []


@pytest.mark.parametrize(
    ("written", "left"),
    # Each follows from Device::init in rocdevice.cpp of ROCm's clr.
    [
        ("2,0", [2, 0]), ("0,0,1", [0, 1]), ("1,", [1]), ("1,,0", [1]), (",1", []), ("-1", []),
        ("0,-1,1", [0]), (" 1", []), ("0, 1", [0]), ("01", []), ("0x1", []), ("4", []),
        ("1,4,0", [1]), ("all", []),
        ("GPU-abbaabbaabbaabba,0", [1, 0]), ("GPU-ABBA", []), ("GPU-1", []),
        ("GPU-abba", [1]), ("GPU-", [0]), ("GPU-12", []),
    ],
)  # fmt: skip
def test_hip_visible_devices(written: str, left: list[int]) -> None:
    assert visible(IDS, {"HIP_VISIBLE_DEVICES": written})[0] == left
    # CUDA's variable is read in the same way where HIP's is empty or not set, and not at all where it is.
    assert visible(IDS, {"CUDA_VISIBLE_DEVICES": written})[0] == left
    assert visible(IDS, {"HIP_VISIBLE_DEVICES": "", "CUDA_VISIBLE_DEVICES": written})[0] == left
    assert visible(IDS, {"HIP_VISIBLE_DEVICES": written, "CUDA_VISIBLE_DEVICES": "3"})[0] == left


@pytest.mark.parametrize("empty", [{"HIP_VISIBLE_DEVICES": ""}, {"CUDA_VISIBLE_DEVICES": ""}, {}])
def test_an_empty_list_for_hip_hides_nothing(empty: dict[str, str]) -> None:
    """Unlike one for ROCm's runtime, and unlike CUDA's on NVIDIA GPUs."""
    assert visible(IDS, empty) == ([0, 1, 2, 3], [])


def test_cudas_variable_counts_on_amd_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    report = detected(monkeypatch, "rx7900xtx")
    assert report["facts"]["gfx_archs"] == ["gfx1036"]
    assert "CUDA_VISIBLE_DEVICES leaves 1 of 2 AMD GPUs visible" in report["notes"]


def test_the_driver_decides_and_not_the_installed_rocm() -> None:
    """gfx1151 with an old ROCm in /opt/rocm: wheels bring their own."""
    report = in_tree(AmdPlugin, "strix-halo-old-rocm")
    without = in_tree(AmdPlugin, "strix-halo")
    assert report["facts"] == {"gfx_archs": ["gfx1151"], "rocm": "6.4", "amdgpu": "6.18.9"}
    assert values(report) == values(without) and values(report)["rocm_version"][0] == "10.0"
    assert "ROCm 6.4 is installed, and wheels bring their own" in report["notes"][-1]


@pytest.mark.parametrize(
    ("rocm", "newest", "oldest"),
    [("10.3", "10.3", "7.0"), ("10.0", "10.0", "7.0"), ("7.14", "10.0", "6.3"), ("7.1", "10.0", "6.3"),
     ("7.0", "10.0", "6.2"), ("6.4", "7.2", "6.1"), ("6.2.4", "7.0", "6.0"), ("5.4", "5.5", "5.2"),
     ("5.1", "5.1", "5.0")],
)  # fmt: skip
def test_without_a_driver_its_release_follows_from_the_rocm(rocm: str, newest: str, oldest: str) -> None:
    derived = AmdPlugin.derive({"gfx_archs": ["gfx942"], "rocm": rocm})
    offered = next(config.values for config in derived.configs if config.name == "rocm_version")
    assert (offered[0], offered[-1]) == (newest, oldest)
    assert rocm.split(".")[:2] in [version.split(".") for version in offered]


def test_a_card_that_a_guest_has_is_named() -> None:
    report = in_tree(AmdPlugin, "amd-card-for-a-guest")
    assert report["status"] == "ok" and report["facts"]["gfx_archs"] == ["gfx1036"]
    assert any("744c at 0000:03:00.0) does not count: it is set aside" in note for note in report["notes"])


def test_an_old_chip_is_no_gpu_and_no_error() -> None:
    report = in_tree(AmdPlugin, "es1000-server")
    assert report["status"] == "absent" and report["facts"] is None
    assert "515e at 0000:01:05.0) are older than any that ROCm runs on" in report["notes"][-1]


def test_no_target_of_ours_is_called_old() -> None:
    assert not [device for device in NAMES if any(first <= device <= last for first, last in OLD_DEVICES)]
    assert [first for first, _last in OLD_DEVICES] == sorted(first for first, _last in OLD_DEVICES)
    for device in (0x5046, 0x5159, 0x515E, 0x5969, 0x4752, 0x67B0, 0x6798, 0x68F9, 0x9616):
        assert any(first <= device <= last for first, last in OLD_DEVICES), hex(device)


def test_targets_that_are_reported_to_abort_are_noted() -> None:
    report = in_tree(AmdPlugin, "vega-56")
    assert report["status"] == "ok" and report["facts"]["gfx_archs"] == ["gfx900"]
    assert "pytorch/pytorch issue 179865" in report["notes"][-1]
    assert AmdPlugin.notes_from_facts({"gfx_archs": ["gfx908"], "amdgpu": "6.16"})[1:] == []


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=5),
    st.dictionaries(st.sampled_from(["ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"]), st.text(max_size=30)),
)
def test_any_visibility(unique_ids: list[int], environ: dict[str, str]) -> None:
    left, notes = visible(unique_ids, environ)
    assert len(left) == len(set(left)) and set(left) <= set(range(len(unique_ids)))
    assert not any("GPU-" in note for note in notes)


def test_hidden_gpus_are_shown_and_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "0")
    report = detected(monkeypatch, "rx7900xtx")
    assert report["facts"]["gfx_archs"] == ["gfx1036"]
    assert [device.get("visible", True) for device in report["devices"]] == [True, False]
    monkeypatch.setenv("ROCR_VISIBLE_DEVICES", "")
    report = detected(monkeypatch, "rx7900xtx")
    assert report["status"] == "absent" and report["facts"] is None and len(report["devices"]) == 2
    assert "ROCm 6.4 is installed (/opt/rocm/.info/version), but no AMD GPU can be used" in report["notes"]


def test_the_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HSA_OVERRIDE_GFX_VERSION", "11.0.0")
    report = detected(monkeypatch, "amd-laptop")
    assert report["facts"]["gfx_archs"] == ["gfx1100"]
    assert [device["arch"] for device in report["devices"]] == ["gfx1102", "gfx1103"]
    assert "GPU 0 is gfx1102, and HSA_OVERRIDE_GFX_VERSION has ROCm take it for gfx1100" in report["notes"]
    assert overridden(2, {"HSA_OVERRIDE_GFX_VERSION_2": "9.0.10"}) == ("gfx90a", None)
    assert overridden(1, {"HSA_OVERRIDE_GFX_VERSION_2": "9.0.10"}) == (None, None)
    assert overridden(1, {"HSA_OVERRIDE_GFX_VERSION": "10.99.0"})[0] is None
    monkeypatch.setenv("HSA_OVERRIDE_GFX_VERSION", "11")
    report = detected(monkeypatch, "amd-laptop")
    assert report["facts"]["gfx_archs"] == ["gfx1102", "gfx1103"]
    assert sum("is not a version such as 10.3.0" in note for note in report["notes"]) == 1


@given(st.text(max_size=20))
def test_any_override(written: str) -> None:
    arch, problem = overridden(0, {"HSA_OVERRIDE_GFX_VERSION": written})
    assert (arch is None) != (problem is None)


def test_a_device_that_this_user_may_not_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "kfd").touch()
    (tmp_path / "sys").symlink_to(MACHINES / "strix-halo" / "tree" / "sys")

    class Inside(Here):
        def _resolve(self, path: str) -> Path:
            return tmp_path / path

    monkeypatch.setattr(os, "access", lambda *_arguments: False)
    finding = Finding()
    AmdPlugin.probe(Inside(str(tmp_path)), finding)
    assert finding.notes == ['/dev/kfd cannot be opened by this user, who must be in the group "render"']


@pytest.mark.parametrize(
    ("parse", "text", "gpus"),
    [
        (parse_agent_enumerator, "gfx000\ngfx90a\ngfx90a\n", [ToolGpu("gfx90a")] * 2),
        (parse_agent_enumerator, "gfx000\n", []),
        (parse_agent_enumerator, "Timeout querying rocminfo.  Are you ...\n", []),
        (
            parse_rocminfo,
            ROCMINFO,
            [ToolGpu("gfx1100", "Radeon RX 7900 XTX"), ToolGpu("gfx1036", "AMD Radeon Graphics")],
        ),
        (parse_rocminfo, "ROCk module is NOT loaded, possibly no GPU devices\n", []),
        (parse_amd_smi, SMI_OLD, [ToolGpu("gfx942", "AMD Instinct MI300X")]),
        (parse_amd_smi, SMI_NEW, [ToolGpu("gfx1100", "AMD Radeon RX 7900 XTX"), ToolGpu("gfx1201")]),
        (parse_amd_smi, "WARNING: no render group\n" + SMI_OLD, [ToolGpu("gfx942", "AMD Instinct MI300X")]),
        (parse_amd_smi, SMI_TEXT, [ToolGpu("gfx90a", "AMD Instinct MI250X"), ToolGpu("gfx90a")]),
        (parse_amd_smi, "[" * 100_000, []),
    ],
)  # fmt: skip
def test_the_tools_output(parse: Any, text: str, gpus: list[ToolGpu]) -> None:
    assert parse(text) == gpus


_WORDS = st.sampled_from(
    ["gfx90a", "gfx000", "gfx", "Agent 1", "Agent 2\n", "  Name:   ", "Device Type: GPU", "\n", " ", ":", "{",
     "[", '"gpu_data"', '"asic"', '"target_graphics_version": "gfx942"', "MARKET_NAME: ", "\0", "\u202e"]
)  # fmt: skip


@given(st.lists(_WORDS | st.text(max_size=10), max_size=30).map("".join) | st.text())
def test_any_output_of_the_tools(text: str) -> None:
    for parse in (parse_agent_enumerator, parse_rocminfo, parse_amd_smi):
        for gpu in parse(text):
            assert type(gpu) is ToolGpu and gpu.arch.startswith("gfx") and gpu.name.isprintable()
            # What a tool names, a profile must accept.
            AmdPlugin.derive({"gfx_archs": [gpu.arch]})


_SMI_KEYS = st.sampled_from(["gpu_data", "asic", "market_name", "target_graphics_version", "x"])
_SMI_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=6) | st.just("gfx942"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_SMI_KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(_SMI_JSON)
def test_any_json_of_amd_smi(said: object) -> None:
    assert all(type(gpu) is ToolGpu for gpu in parse_amd_smi(json.dumps(said)))


def _tool(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that PATH begins with."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    return tmp_path


def _until_gone(process: int) -> None:
    """Raise ProcessLookupError as soon as there is no such process, within a second."""
    for _attempt in range(100):
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            raise ProcessLookupError
        time.sleep(0.01)


posix_only = pytest.mark.skipif(sys.platform == "win32", reason="the tools are shell scripts here")


@posix_only
def test_the_tools_are_asked_where_kfd_is_not_seen(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tools, "rocm_agent_enumerator", "echo gfx000; exit 1")
    _tool(tools, "rocminfo", f"cat <<'END'\n{ROCMINFO}END")
    report = detected(monkeypatch, "amdgpu-not-loaded")
    assert report["status"] == "ok" and report["source"] == "rocminfo"
    assert report["facts"]["gfx_archs"] == ["gfx1100", "gfx1036"]
    assert report["devices"][0] == {
        "kind": "discrete", "index": 0, "name": "Radeon RX 7900 XTX", "arch": "gfx1100",
    }  # fmt: skip
    assert "rocm_agent_enumerator ended with exit status 1" in report["notes"]


@posix_only
def test_what_a_tool_names_is_put_in_order_too(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tools, "rocm_agent_enumerator", "printf 'gfx000\\ngfx1036\\ngfx1100\\n'")
    report = detected(monkeypatch, "amdgpu-not-loaded")
    assert report["source"] == "rocm_agent_enumerator"
    assert report["facts"]["gfx_archs"] == ["gfx1100", "gfx1036"]


@posix_only
def test_what_a_tool_has_not_yet_applied_is_applied(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tools, "amd-smi", f"cat <<'END'\n{SMI_NEW}\nEND")
    monkeypatch.setenv("HSA_OVERRIDE_GFX_VERSION", "10.3.0")
    monkeypatch.setenv("ROCR_VISIBLE_DEVICES", "1")
    report = detected(monkeypatch, "amdgpu-not-loaded")
    assert report["source"] == "amd-smi" and report["facts"]["gfx_archs"] == ["gfx1030"]
    _tool(tools, "rocminfo", f"cat <<'END'\n{ROCMINFO}END")
    # rocminfo is ROCm's own, so it has applied both already.
    assert detected(monkeypatch, "amdgpu-not-loaded")["facts"]["gfx_archs"] == ["gfx1100", "gfx1036"]


@posix_only
@pytest.mark.parametrize("chosen", [None, "1", "0"])
def test_wsl2(tools: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None) -> None:
    """ROCm before 7.13 looks for WSL2's GPU only where it is told to."""
    monkeypatch.delenv("HSA_ENABLE_DXG_DETECTION", raising=False)
    if chosen is not None:
        monkeypatch.setenv("HSA_ENABLE_DXG_DETECTION", chosen)
    _tool(tools, "rocminfo", f"[ \"$HSA_ENABLE_DXG_DETECTION\" = 1 ] && cat <<'END'\n{ROCMINFO}END")
    report = detected(monkeypatch, "wsl2-amd")
    if chosen == "0":
        assert report["status"] == "absent" and "rocminfo ended with exit status 1" in report["notes"]
        return
    assert report["status"] == "ok"
    # The kernel is Microsoft's: its version says nothing about amdgpu.
    assert report["facts"] == {"gfx_archs": ["gfx1100", "gfx1036"], "rocm": "7.2"}
    assert values(report)["rocm_version"][0] == "10.0"
    said = any("set HSA_ENABLE_DXG_DETECTION=1 for your programs" in note for note in report["notes"])
    assert said == (chosen is None)


@posix_only
def test_hanging_tools_share_one_limit(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rocm_agent_enumerator", "rocminfo", "amd-smi"):
        # The sleeper is a grandchild, as rocminfo is when rocm_agent_enumerator runs it.
        _tool(tools, name, f"sleep 60 & echo $! >> {tools}/sleepers; wait")
    start = time.perf_counter()
    report = detected(monkeypatch, "amdgpu-not-loaded")
    assert 1.9 < time.perf_counter() - start < 3
    for sleeper in (tools / "sleepers").read_text().split():
        with pytest.raises(ProcessLookupError):
            _until_gone(int(sleeper))
    assert report["status"] == "error"
    assert "rocm_agent_enumerator did not answer within 2 s" in report["notes"][1]
    assert "rocminfo was not asked: the tools before it took all the time" in report["notes"]


@posix_only
def test_a_crashing_tool_costs_a_note(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _tool(tools, "rocminfo", "kill -SEGV $$")
    report = detected(monkeypatch, "amdgpu-not-loaded")
    assert "rocminfo crashed (SIGSEGV)" in report["notes"] and report["status"] == "error"


@posix_only
@pytest.mark.parametrize("machine", ["rocm-without-gpu", "mi300x-8", "xeon-no-gpu"])
def test_no_tool_is_run_where_it_cannot_help(
    tools: Path, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    for name in ("rocm_agent_enumerator", "rocminfo", "amd-smi"):
        _tool(tools, name, f"touch {tools}/ran; echo gfx942")
    detected(monkeypatch, machine)
    # A tree stands for another machine, whatever is installed here.
    in_tree(AmdPlugin, "amdgpu-not-loaded")
    assert not (tools / "ran").exists()


def test_a_folder_of_rocm_is_not_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    report = detected(monkeypatch, "rocm-without-gpu")
    assert report["status"] == "absent" and report["facts"] is None
    assert report["notes"][1:] == ["ROCm 6.3 is installed (/opt/rocm/.info/version), but there is no AMD GPU"]


def _write(root: Path, files: dict[str, str]) -> Tree:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Tree(str(root))


@pytest.mark.parametrize(
    ("files", "environ", "found"),
    [
        ({}, {}, None),
        ({"opt/rocm/.info/version": "7.0.0-38\n"}, {}, ("7.0", "/opt/rocm/.info/version")),
        ({"opt/rocm/.info/version": "nonsense", "opt/rocm-6.2.0/.info/version": "6.2.0-66"}, {},
         ("6.2", "/opt/rocm-6.2.0/.info/version")),
        ({"opt/rocm-6.10.0/.info/version": "6.10.0", "opt/rocm-6.9.0/.info/version": "6.9.0"}, {},
         ("6.10", "/opt/rocm-6.10.0/.info/version")),
        ({"opt/rocm/core-10.0/.info/version": "10.0.0\n"}, {}, ("10.0", "/opt/rocm/core-10.0/.info/version")),
        ({"opt/rocm/.info/version": "7.0.0", "usr/local/rocm/.info/version": "6.4.1"},
         {"ROCM_PATH": "/usr/local/rocm"}, ("6.4", "/usr/local/rocm/.info/version")),
    ],
)  # fmt: skip
def test_the_installed_rocm(
    tmp_path: Path, files: dict[str, str], environ: dict[str, str], found: tuple[str, str] | None
) -> None:
    assert installed_rocm(_write(tmp_path, files), environ) == found


@pytest.mark.parametrize(
    ("driver", "oldest", "newest"),
    [
        ("6.19.14", "7.0", "10.0"), ("7.0.0", "7.0", "10.0"), ("6.16.13", "6.3", "10.0"),
        ("6.16.6", "6.3", "10.0"), ("6.14.14", "6.2", "10.0"), ("6.12.12", "6.1", "7.2"),
        ("6.10.5", "6.1", "7.0"), ("6.8.5", "6.0", "7.0"), ("6.7.0", "5.7", "6.4"), ("6.3.6", "5.6", "6.2"),
        ("6.2.4", "5.5", "6.1"), ("6.1.5", "5.4", "6.0"), ("5.18.13", "5.2", "5.5"), ("6.5.0", "5.6", "6.2"),
    ],
)  # fmt: skip
def test_what_a_driver_runs(driver: str, oldest: str, newest: str) -> None:
    known = driver_release(driver)
    assert known is not None and (known.oldest, known.newest) == (oldest, newest)
    offered = values({"features": [
        config.as_json() for config in AmdPlugin.derive({"gfx_archs": ["gfx942"], "amdgpu": driver}).configs
    ]})["rocm_version"]  # fmt: skip
    assert offered[0] == newest and offered[-1] == oldest


def test_what_is_between_two_known_versions_runs_too() -> None:
    """ROCm 7.15, of which no table knows yet, on a driver that runs 7.14 and 10.0."""
    assert {"10.0", "7.15", "7.14"} <= set(rocm_between("6.3", "10.0"))
    assert "7.3" not in rocm_between("6.1", "7.2") and "10.1" not in rocm_between("7.0", "10.0")


def test_the_drivers_table() -> None:
    assert [row[0] for row in DRIVERS] == sorted((row[0] for row in DRIVERS), reverse=True)
    assert rocm_between("6.3", "7.1") == ["7.1", "7.0", "6.4", "6.3"]
    every = {config.name: config.values for config in AmdPlugin.get_all_configs()}
    for _base, _name, oldest, newest in DRIVERS:
        assert set(rocm_between(oldest, newest)) <= set(every["rocm_version"])


def test_a_driver_that_is_too_old_runs_nothing_known() -> None:
    derived = AmdPlugin.derive({"gfx_archs": ["gfx90a"], "amdgpu": "5.15.0"})
    assert [config.name for config in derived.configs] == ["gfx_arch"]
    assert derived.notes == [
        "what amdgpu 5.15.0 runs is not known, so builds that name a ROCm version are not offered"
    ]


def test_the_driver(tmp_path: Path) -> None:
    tree = _write(tmp_path, {"proc/version": "Linux version 6.8.0-90-generic (gcc) #1 SMP\n"})
    assert amdgpu_driver(tree) is None  # a kernel, and no amdgpu in it
    _write(tmp_path, {"sys/module/amdgpu/refcnt": "1\n"})
    assert amdgpu_driver(tree) == ("6.8.0", "/proc/version (the kernel's own driver)")
    _write(tmp_path, {"proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n"})
    assert amdgpu_driver(tree) == ("6.8.0", "/proc/version (the kernel's own driver)")
    _write(tmp_path, {"proc/version": "Linux version 6.6.87.2-microsoft-standard-WSL2 (gcc)\n"})
    assert amdgpu_driver(tree) is None
    _write(tmp_path, {"proc/sys/kernel/osrelease": "6.14.11-arch1\n"})
    assert amdgpu_driver(tree) == ("6.14.11", "/proc/sys/kernel/osrelease (the kernel's own driver)")
    _write(tmp_path, {"sys/module/amdgpu/version": "6.16.6\n"})
    assert amdgpu_driver(tree) == ("6.16.6", "/sys/module/amdgpu/version")


def test_a_forced_rocm_stands_over_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION", "7.1")
    report = detected(monkeypatch, "kfd-without-rocm")
    assert values(report)["rocm_version"] == ["7.1", "7.0"] and report["source"] == "KFD and environment"


@given(
    st.text() | st.lists(st.sampled_from(["simd_count", "9", " ", "\n", "-1", "9" * 30, "x"])).map("".join)
)
def test_any_properties(text: str) -> None:
    for name, value in parse_properties(text).items():
        assert type(name) is str and type(value) is int and value >= 0
    assert parse_properties("simd_count 4\nbad\nunique_id 18446744073709551615\n") == {
        "simd_count": 4, "unique_id": 2**64 - 1,
    }  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "simd_count",
                "gfx_target_version",
                "vendor_id",
                "device_id",
                "location_id",
                "domain",
                "unique_id",
            ]
        ),
        st.integers(-1, 2**70) | st.sampled_from([4098, 90402, 110000]),
    ),
    st.binary(max_size=60),
)
def test_any_topology(
    tmp_path_factory: pytest.TempPathFactory, properties: dict[str, int], bank: bytes
) -> None:
    root = tmp_path_factory.mktemp("kfd")
    text = "".join(f"{name} {value}\n" for name, value in properties.items())
    tree = _write(root, {f"{kfd.NODES}/1/properties": text, f"{kfd.NODES}/nonsense/properties": text})
    (root / kfd.NODES / "1/mem_banks/0").mkdir(parents=True)
    (root / kfd.NODES / "1/mem_banks/0/properties").write_bytes(bank)
    assert len(read_topology(tree).gpus) <= 1
    finding = Finding()
    AmdPlugin.probe(tree, finding)
    if finding.facts is not None:
        AmdPlugin.derive(finding.facts)
    json.dumps(finding.devices)


def test_a_kernel_that_does_not_say_the_target(tmp_path: Path) -> None:
    _write(tmp_path, {f"{kfd.NODES}/1/properties": "simd_count 256\nvendor_id 4098\n"})
    report = AmdPlugin.detect(str(tmp_path))
    assert report["status"] == "absent"
    assert report["notes"] == ["KFD shows no GPU's target (0 nodes cannot be read, 1 have none)"]


def test_no_unique_id_is_shown(tmp_path: Path) -> None:
    text = "simd_count 4\nvendor_id 4098\ngfx_target_version 90402\nunique_id 81985529216486895\n"
    _write(tmp_path, {f"{kfd.NODES}/1/properties": text})
    report = AmdPlugin.detect(str(tmp_path))
    assert report["status"] == "ok"
    assert "81985529216486895" not in json.dumps(report) and "123456789abcdef" not in json.dumps(report)


def test_the_tools_are_found_in_rocms_folder(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    _tool(tmp_path / "bin", "rocminfo", "true")
    assert rocm_tools._find("rocminfo", {"PATH": "", "ROCM_PATH": str(tmp_path)}) == str(
        tmp_path / "bin" / "rocminfo"
    )
