"""Slurm's way to write many nodes: ``tux[1-16,20],gpu-[001-004]`` (its "hostlist expression")."""

from __future__ import annotations

import re
from collections.abc import Iterator

from variantctl.providers.clusters.errors import ClusterFileError
from variantctl.providers.clusters.nodes import MOST_NODES

#: Slurm itself knows names of five dimensions at most.
_MOST_BRACKETS = 8
_PART = re.compile(r"(?:[^,\[\]]|\[[^\[\]]*\])+")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)


def expanded(written: str, source: str) -> list[str]:
    """The names of the nodes, in order.

    Raises:
        ClusterFileError: brackets that cannot be understood, or more nodes than any cluster has.
    """
    names: list[str] = []
    if written.count("[") != written.count("]"):
        raise ClusterFileError(f"{source}: a bracket is never closed in {written[:80]!r}")
    for part in split_outside(written):
        if part.count("[") > _MOST_BRACKETS:
            raise ClusterFileError(f"{source}: {part[:80]!r} has more than {_MOST_BRACKETS} brackets")
        for name in _names(part, source):
            names.append(name)
            if len(names) > MOST_NODES:
                raise ClusterFileError(f"{source}: {written[:80]!r} means more than {MOST_NODES} nodes")
    return names


def split_outside(written: str) -> list[str]:
    """The parts between commas that are in no brackets."""
    return [part.strip() for part in _PART.findall(written) if part.strip()]


def _names(part: str, source: str) -> Iterator[str]:
    before, bracket, rest = part.partition("[")
    if not bracket:
        yield part
        return
    inside, closed, after = rest.partition("]")
    if not closed:
        raise ClusterFileError(f"{source}: the brackets of {part[:80]!r} are in disorder")
    for piece in inside.split(","):
        found = _RANGE.fullmatch(piece.strip())
        if found is None:
            raise ClusterFileError(f"{source}: {piece[:40]!r} in {part[:80]!r} is no range of numbers")
        first, last = found[1], found[2] or found[1]
        if int(last) < int(first):
            # Else brackets before it would be tried in vain, all of them.
            raise ClusterFileError(f"{source}: {piece[:40]!r} in {part[:80]!r} ends before it begins")
        if int(last) - int(first) > MOST_NODES:
            raise ClusterFileError(f"{source}: {part[:80]!r} means more than {MOST_NODES} nodes")
        for number in range(int(first), int(last) + 1):
            for end in _names(after, source):
                yield f"{before}{number:0{len(first)}d}{end}"
