"""What the two processor detectors share: reading ``/proc/cpuinfo`` of a fitting machine."""

from __future__ import annotations

import sys

from variant_providers.cpu import darwin, windows
from variant_providers.cpu.cpuinfo import CpuInfo, parse_cpuinfo
from variant_providers.finding import Finding
from variant_providers.probing.tree import Tree

_BASELINE = "only what every such processor has is offered"
_WINDOWS_LIMITS = {
    "x86_64": "Windows tells of few extensions: BMI, FMA, F16C, LZCNT and MOVBE are taken to be there with "
    "AVX2, POPCNT with SSE4.2, and AVX-512 beyond its foundation is not seen",
    "aarch64": "Windows tells of few extensions: no version beyond 8.2 can be proved there",
}
_OTHER_KEYS = {"flags": "Features", "Features": "flags"}


def fits(tree: Tree, finding: Finding, machine: str) -> bool:
    """Whether the machine is of this architecture and this Python can use it; says so when it is not."""
    found = tree.machine()
    source = "uname -m" if tree.is_local else "the tree's machine file or proc/cpuinfo"
    if found != machine:
        finding.note(f"this is {_named(found)} machine, not {machine}")
        return False
    finding.saw("machine", found, source)
    if tree.pointer_bits() != 64:
        finding.note(f"this Python is a 32-bit program and cannot load {machine} libraries")
        return False
    return True


def read_cpuinfo(tree: Tree, finding: Finding, flags_key: str) -> CpuInfo | None:
    """The processors as Linux lists them, or ``None`` (with a note) where nothing lists their flags."""
    text = tree.read_text("proc/cpuinfo")
    if text is None:
        system = "this tree" if not tree.is_local else sys.platform
        finding.note(f"/proc/cpuinfo cannot be read on {system}: {_BASELINE}")
        return None
    info = parse_cpuinfo(text, flags_key)
    finding.source = "/proc/cpuinfo"
    device: dict[str, object] = {"kind": "cpu", "processors": info.processors}
    if info.model:
        device["name"] = info.model
    finding.devices.append(device)
    if not info.kinds:
        other = _OTHER_KEYS[flags_key]
        if parse_cpuinfo(text, other).kinds:
            finding.note(
                f"/proc/cpuinfo lists another architecture's processor, so this is emulated: {_BASELINE}"
            )
        else:
            finding.note(f"/proc/cpuinfo has no {flags_key!r} line: {_BASELINE}")
        return None
    finding.saw(
        "flags", f"{len(info.common)} flags on {info.processors} processors", f"/proc/cpuinfo {flags_key}"
    )
    if info.kinds > 1:
        finding.note(f"the processors differ ({info.kinds} sets of flags): only what all have is offered")
    return info


def read_elsewhere(tree: Tree, finding: Finding, machine: str) -> set[str] | None:
    """The extensions as macOS or Windows tells of them; ``None`` on Linux, where ``/proc/cpuinfo`` does."""
    is_x86 = machine == "x86_64"
    system = tree.system()
    if system == "Darwin":
        values = darwin.read_sysctl(tree, finding)
        darwin.describe(values, finding)
        found = darwin.x86_extensions(values) if is_x86 else darwin.arm_extensions(values)
        if is_x86 and darwin.is_translated(values):
            finding.saw("translated", "Rosetta 2", "sysctl sysctl.proc_translated")
            finding.note("this program runs under Rosetta 2: offered is what Rosetta says it runs")
    elif system == "Windows":
        features = windows.read_features(tree, finding)
        found = windows.x86_extensions(features) if is_x86 else windows.arm_extensions(features)
        finding.note(_WINDOWS_LIMITS[machine])
    else:
        return None
    finding.saw("flags", f"{len(found)} extensions", finding.source)
    return found


def _named(machine: str) -> str:
    if not machine:
        return "an unknown"
    return f"{'an' if machine[0] in 'aeioux' else 'a'} {machine}"
