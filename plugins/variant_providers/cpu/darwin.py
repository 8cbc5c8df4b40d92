"""macOS: what ``sysctl`` says about the processor, in the names that Linux gives the same extensions.

A tree holds it as ``sysctl.txt`` at its top: what ``sysctl -a`` printed, or just the lines of :data:`NAMES`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from variant_providers.cpu.tables import darwin
from variant_providers.finding import Finding
from variant_providers.probing.child import ask_command
from variant_providers.probing.text import printable
from variant_providers.probing.tree import SYSCTL_FILE, Tree

NAMES = ("machdep.cpu", "hw.optional", "hw.logicalcpu", "sysctl.proc_translated")

_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_.]{1,80})\s*[:=]\s*(.*)", re.ASCII)
_SYSCTL = "/usr/sbin/sysctl"


def read_sysctl(tree: Tree, finding: Finding) -> dict[str, str]:
    """The values that ``sysctl`` prints, here or where the tree was taken; empty when it cannot be had."""
    if tree.is_local:
        said = ask_command([_SYSCTL, *NAMES])
        # It exits with 1 when it does not know one of the names, as older systems do not; the rest counts.
        values = parse_sysctl("\n".join(said.lines))
        if not values and said.trouble is not None:
            finding.note(f"sysctl {said.trouble}: only what every such processor has is offered")
        return values
    return parse_sysctl(tree.read_text(SYSCTL_FILE) or "")


def parse_sysctl(text: str) -> dict[str, str]:
    """Read ``name: value`` lines; what is not one is left out; of a name said twice the first counts."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        if found is not None:
            values.setdefault(found[1], found[2].strip())
    return values


def is_translated(values: Mapping[str, str]) -> bool:
    """Whether the program runs under Rosetta 2 (and ``sysctl``, which it started, with it)."""
    return values.get("sysctl.proc_translated") == "1"


def describe(values: Mapping[str, str], finding: Finding) -> None:
    """Record the processor as a device."""
    finding.source = "sysctl"
    device: dict[str, object] = {"kind": "cpu"}
    count = values.get("hw.logicalcpu", values.get("hw.ncpu", ""))
    if re.fullmatch(r"[0-9]{1,5}", count, re.ASCII):
        device["processors"] = int(count)
    name = printable(values.get("machdep.cpu.brand_string", ""), 200)
    if name:
        device["name"] = name
    finding.devices.append(device)


def arm_extensions(values: Mapping[str, str]) -> set[str]:
    """The extensions of an Apple processor, by the names of Linux's HWCAPs."""
    found = {"fp", "asimd"}
    for name, extensions in darwin.ARM.items():
        if values.get(f"hw.optional.{name}") == "1":
            found.update(extensions)
    return found


def x86_extensions(values: Mapping[str, str]) -> set[str]:
    """The extensions of an Intel processor, or of what Rosetta 2 presents, in archspec's spelling."""
    found: set[str] = set()
    for key in ("machdep.cpu.features", "machdep.cpu.leaf7_features", "machdep.cpu.extfeatures"):
        for word in values.get(key, "").split():
            found.update(darwin.X86_WORDS.get(word.upper(), ()))
    for name, extensions in darwin.X86_OPTIONAL.items():
        if values.get(f"hw.optional.{name}") == "1":
            found.update(extensions)
    if is_translated(values):
        found.update(darwin.ROSETTA)
    return found
