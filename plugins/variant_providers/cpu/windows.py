"""Windows: what ``IsProcessorFeaturePresent`` says about the processor, in Linux's names.

A tree holds it as ``processor-features.txt`` at its top: one line a feature, the number of its ``PF_``
constant in parentheses or at the start, then 1 or 0: ``PF_AVX2_INSTRUCTIONS_AVAILABLE (40): 1``, or
just ``40 1``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection

from variant_providers.cpu.tables import windows
from variant_providers.finding import Finding
from variant_providers.probing.tree import FEATURES_FILE, Tree

_LINE = re.compile(r"(?:\w{1,80}\s*\(\s*)?([0-9]{1,3})(?:\s*\))?\s*[:=]?\s*([01])", re.ASCII)


def read_features(tree: Tree, finding: Finding) -> set[int]:
    """The numbers of the features that are there, on this machine or where the tree was taken."""
    finding.source = "IsProcessorFeaturePresent"
    finding.devices.append({"kind": "cpu"})
    if tree.is_local:
        return _ask()
    return parse_features(tree.read_text(FEATURES_FILE) or "")


def parse_features(text: str) -> set[int]:
    """The numbers that are said to be there; lines that are of another form are left out."""
    found = set()
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is not None and match[2] == "1":
            found.add(int(match[1]))
    return found


def extensions(
    features: Collection[int], table: dict[int, tuple[str, ...]], implied: dict[str, tuple[str, ...]]
) -> set[str]:
    """The extensions that these features mean, and those that only go with them."""
    found = {name for number in features for name in table.get(number, ())}
    return found | {name for sign, names in implied.items() if sign in found for name in names}


def x86_extensions(features: Collection[int]) -> set[str]:
    """The extensions of an x86-64 processor, in archspec's spelling."""
    return {"mmx", "sse", "sse2"} | extensions(features, windows.X86, windows.X86_IMPLIED)


def arm_extensions(features: Collection[int]) -> set[str]:
    """The extensions of a 64-bit Arm processor, by the names of Linux's HWCAPs."""
    return {"fp", "asimd"} | extensions(features, windows.ARM, windows.ARM_IMPLIED)


def _ask() -> set[int]:
    if sys.platform != "win32":
        return set()
    import ctypes

    present = ctypes.windll.kernel32.IsProcessorFeaturePresent
    return {number for number in range(windows.MOST_FEATURES) if present(number)}
