"""What the two processor detectors share: reading ``/proc/cpuinfo`` of a fitting machine."""

from __future__ import annotations

import sys

from variant_providers.cpuinfo import CpuInfo, parse_cpuinfo
from variant_providers.finding import Finding
from variant_providers.tree import Tree

_BASELINE = "only what every such processor has is offered"


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
        finding.note(
            f"/proc/cpuinfo cannot be read on {system}: only what every such processor has is offered"
        )
        return None
    info = parse_cpuinfo(text, flags_key)
    finding.source = "/proc/cpuinfo"
    device: dict[str, object] = {"kind": "cpu", "processors": info.processors}
    if info.model:
        device["name"] = info.model
    finding.devices.append(device)
    if not info.kinds:
        finding.note(
            f"/proc/cpuinfo has no {flags_key!r} line: only what every such processor has is offered"
        )
        return None
    finding.saw(
        "flags", f"{len(info.common)} flags on {info.processors} processors", f"/proc/cpuinfo {flags_key}"
    )
    if info.kinds > 1:
        finding.note(f"the processors differ ({info.kinds} sets of flags): only what all have is offered")
    return info


def _named(machine: str) -> str:
    if not machine:
        return "an unknown"
    return f"{'an' if machine[0] in 'aeioux' else 'a'} {machine}"
