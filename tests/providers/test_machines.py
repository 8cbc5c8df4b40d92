"""What matters of each recorded machine, worked out by hand from its SOURCE.md and the vendors' tables.

``expected.json`` holds all that ``detect`` prints, and can be refreshed by a script; this table cannot.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import archspec.cpu
import pytest

from variantctl.providers.detect import Detection, detect

MACHINES = Path(__file__).parents[2] / "fixtures" / "machines"
ALL = sorted(path.parent.name for path in MACHINES.glob("*/tree"))

# machine: best level or version; extensions it has; extensions it lacks.
PROCESSORS: dict[str, tuple[str, str, str]] = {
    "alder-lake": ("v3", "avx_vnni sha_ni gfni vaes", "avx512f amx_tile"),
    "zen4": ("v4", "avx512_bf16 avx512_vnni clzero sse4a", "avx_vnni amx_tile avx512_fp16"),
    "zen5-vm": ("v4", "avx_vnni avx512_vp2intersect avx512_bf16", "amx_tile movdiri pku"),
    "sapphire-rapids": ("v4", "amx_tile amx_int8 amx_bf16 avx512_fp16 avx_vnni", "amx_fp16 sse4a"),
    "goldmont": ("v2", "sha_ni aes movbe", "avx bmi1 fma abm"),
    "haswell-vm": ("v3", "avx2 bmi2", "avx512f"),
    "qemu64": ("v1", "sse3 cx16", "ssse3 popcnt"),
    "epyc-vm-hidden-flags": ("v4", "avx512f", "amx_tile"),
    "gtx-1650-laptop": ("v3", "avx2 adx", "avx512f sha_ni"),
    "tesla-k80": ("v3", "adx rdseed", "avx512f"),
    "intel-mac": ("v3", "avx2 fma bmi2 abm movbe f16c rdseed", "avx512f sha_ni"),
    "rosetta": ("v2", "sse4_2 popcnt aes pclmulqdq", "avx fma"),
    "windows-x86-64": ("v3", "avx2 fma rdrand movdir64b", "avx512f sha_ni"),
    "qemu-user-x86-64": ("v1", "sse2", "sse3"),
    "graviton2": ("8.2a", "asimddp lrcpc", "i8mm bf16 sve"),
    "graviton3": ("8.4a", "i8mm bf16 sve asimddp", "sve2 sme"),
    "graviton4": ("9.0a", "sve2 svei8mm bf16", "sme"),
    "grace-hopper": ("9.0a", "sve2 i8mm bf16 asimddp", "sme"),
    "dgx-spark": ("9.0a", "sve2 i8mm bf16", "sme"),
    "raspberry-pi-4": ("8a", "crc32", "aes asimddp atomics"),
    "raspberry-pi-5": ("8.2a", "asimddp aes", "i8mm sve"),
    "rk3588": ("8.2a", "asimddp atomics", "i8mm sve"),
    "ampere-altra": ("8.2a", "asimddp ssbs", "i8mm sve jscvt"),
    "jetson-orin": ("8.2a", "asimddp uscat flagm", "i8mm bf16 sve"),
    "jetson-nano": ("8a", "aes crc32", "atomics"),
    "apple-m1": ("8.4a", "asimddp sha3 asimdhp", "i8mm bf16 sme bti"),
    "apple-m4": ("8.5a", "i8mm bf16 sme sme2 bti", "sve sve2"),
    "windows-arm": ("8.2a", "asimddp i8mm bf16 jscvt", "sve sme fcma"),
    "big-little-mixed": ("8a", "aes", "asimddp"),
    "armv7-userland": ("", "", ""),
}

# machine: the newest CUDA version it runs; the best sm_arch; how many GPUs. None: nothing is supported.
NVIDIA: dict[str, tuple[str | None, str, int]] = {
    "two-nvidia-gpus": ("12.8", "89_real", 2),
    "wsl2": ("12.7", "89_real", 1),
    "wsl2-without-driver": (None, "", 0),
    "jetson-orin": ("12.6", "87_real", 1),
    "jetson-libcuda-only": ("12.2", "87_real", 1),
    "jetson-orin-r39": ("13.2", "87_real", 1),
    "jetson-yocto": ("12.2", "87_real", 1),
    "t4-without-libcuda": (None, "", 1),
    "jetson-nano": (None, "", 1),
    "a100-mig": ("12.2", "80_real", 2),
    "t4-old-nvidia-smi": ("11.4", "75_real", 1),
    "container-driver-no-tools": ("12.6", "90_real", 1),
    "container-without-driver": (None, "", 1),
    "driver-newer-than-table": ("13.3", "120_real", 1),
    "gtx-1650-laptop": ("12.2", "75_real", 1),
    "dgx-h100": ("12.4", "90_real", 8),
    "grace-hopper": ("12.5", "90_real", 1),
    "dgx-spark": ("13.0", "121_real", 1),
    "tesla-k80": (None, "", 2),
    "nvidia-without-driver": (None, "", 1),
    "rocm-without-gpu": (None, "", 1),
}

# machine: a part of a note that has to be there.
NOTES = {
    "two-nvidia-gpus": "does not run on the GPUs of 8.6",
    "wsl2-without-driver": "install its driver on the Windows side",
    "t4-without-libcuda": "libcuda is missing",
    "jetson-nano": "CUDA 10.2 is outside the known range",
    "container-without-driver": "start the container with --gpus all",
    "driver-newer-than-table": "newer than this version's table",
    "tesla-k80": "compute capability 3.7 is below 5.0",
    "nvidia-without-driver": "NVIDIA's driver is not loaded",
}


def found(name: str) -> Detection:
    return detect(root=str(MACHINES / name / "tree"))


def report(name: str, namespace: str) -> Any:
    reports = {one.namespace: one for one in found(name).providers}
    return reports[namespace]


def test_there_are_enough_machines() -> None:
    assert len(ALL) >= 30
    assert set(PROCESSORS) | set(NVIDIA) <= set(ALL)
    for name in ALL:
        assert (MACHINES / name / "SOURCE.md").read_text().startswith("# ")


@pytest.mark.parametrize("name", sorted(PROCESSORS))
def test_the_processor(name: str) -> None:
    best, has, lacks = PROCESSORS[name]
    lists: dict[str, tuple[str, ...]] = {}
    for namespace in ("x86_64", "aarch64"):
        lists |= {feature.name: feature.values for feature in report(name, namespace).features}
    ladder = lists.get("level") or lists.get("version") or ("",)
    assert ladder[0] == best
    assert [extension for extension in has.split() if extension not in lists] == []
    assert [extension for extension in lacks.split() if extension in lists] == []


@pytest.mark.parametrize("name", sorted(NVIDIA))
def test_the_nvidia_gpus(name: str) -> None:
    cuda, sm_arch, count = NVIDIA[name]
    said = report(name, "nvidia")
    lists = {feature.name: feature.values for feature in said.features}
    assert len(said.devices) == count
    assert all(device["name"] for device in said.devices)
    if cuda is None:
        assert lists == {} and said.status in ("absent", "error")
    else:
        assert said.status == "ok"
        assert lists["cuda_version_lower_bound"][0] == cuda and lists["sm_arch"][0] == sm_arch


@pytest.mark.parametrize("name", sorted(NOTES))
def test_what_is_said(name: str) -> None:
    assert any(NOTES[name] in note for note in report(name, "nvidia").notes)


@pytest.mark.parametrize("name", [name for name in ALL if name not in NVIDIA])
def test_no_other_machine_is_nvidias(name: str) -> None:
    said = report(name, "nvidia")
    assert said.status == "absent" and not said.devices and not said.features


@pytest.mark.parametrize("name", ["apple-m1", "apple-m4", "intel-mac", "rosetta"])
def test_a_mac_is_told(name: str) -> None:
    assert found(name).platform.system == "Darwin"


def test_windows_is_told() -> None:
    assert found("windows-arm").platform.system == "Windows"
    assert found("zen4").platform.system == "Linux"


def linux_processors() -> list[tuple[str, str, set[str]]]:
    """(machine, namespace, flags) of every Linux tree whose flags its own kind of Python reads."""
    chosen = []
    for name in ALL:
        cpuinfo = MACHINES / name / "tree" / "proc" / "cpuinfo"
        if not cpuinfo.exists():
            continue
        sets: dict[str, list[set[str]]] = {"flags": [], "Features": []}
        for line in cpuinfo.read_text().splitlines():
            key, _colon, value = line.partition(":")
            if key.strip() in sets:
                sets[key.strip()].append(set(value.split()))
        machine = (MACHINES / name / "tree" / "machine").read_text().strip()
        key = {"x86_64": "flags", "aarch64": "Features"}.get(machine, "")
        if sets.get(key):
            chosen.append((name, machine, set.intersection(*sets[key])))
    return chosen


@pytest.mark.parametrize(
    ("name", "namespace", "flags"), [pytest.param(*row, id=row[0]) for row in linux_processors()]
)
def test_levels_and_extensions_as_archspec_has_them(name: str, namespace: str, flags: set[str]) -> None:
    """What archspec knows by name and would see on this machine we offer, and no more of what it knows."""
    targets = archspec.cpu.TARGETS
    lists = {feature.name: feature.values for feature in report(name, namespace).features}
    linux = flags | ({"sse3"} if "pni" in flags else set())
    if namespace == "x86_64":
        levels = [level for level in ("v2", "v3", "v4") if targets[f"x86_64_{level}"].features <= linux]
        assert lists["level"][0] == max(levels, default="v1")
    known: set[str] = set()
    for target in targets.values():
        if target.family.name == namespace:
            known |= target.features
    implied = {"mmx", "sse", "sse2"} if namespace == "x86_64" else set()
    assert (set(lists) & known) - implied == (linux & known) - implied


def test_expected_files_are_what_the_refresh_script_writes() -> None:
    for name in ALL:
        text = (MACHINES / name / "expected.json").read_text()
        assert text == json.dumps(json.loads(text), indent=1) + "\n"
