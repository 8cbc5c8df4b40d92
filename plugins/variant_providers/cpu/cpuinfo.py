"""``/proc/cpuinfo``: one block of ``key : value`` lines a processor."""

from __future__ import annotations

from typing import NamedTuple

from variant_providers.probing.text import printable


class CpuInfo(NamedTuple):
    """What a whole machine's ``/proc/cpuinfo`` says.

    Attributes:
        processors: how many processors are listed.
        common: the flags that every processor has; empty when no flags are listed.
        kinds: how many different flag sets there are (more than one on mixed processors).
        model: the first processor's model name, ``""`` where the kernel does not print one (most Arm ones).
    """

    processors: int
    common: frozenset[str]
    kinds: int
    model: str


def parse_cpuinfo(text: str, flags_key: str) -> CpuInfo:
    """Read ``/proc/cpuinfo``.

    Args:
        text: the file; anything at all is accepted.
        flags_key: the key of the line that lists flags: ``flags`` on x86, ``Features`` on Arm.
    """
    processors = 0
    model = ""
    lines: set[str] = set()
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        key = key.strip()
        if not colon:
            continue
        if key == flags_key:
            # Most machines repeat one line hundreds of times; each different one is split once.
            lines.add(value)
        elif key == "processor" and value.isascii() and value.strip().isdigit():
            processors += 1
        elif key == "model name" and not model:
            model = printable(value, 200)
    sets = {frozenset(line.split()) for line in lines}
    common = frozenset.intersection(*sets) if sets else frozenset()
    return CpuInfo(processors, common, len(sets), model)
