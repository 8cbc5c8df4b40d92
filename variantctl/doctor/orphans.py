"""What nothing needs and nobody asked for. Pure.

An installer writes REQUESTED beside what a user named ("Recording installed projects"). What has none came
with something else, and is left over once that is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=str)


def orphans(
    needed: Mapping[Name, Collection[Name]], requested: Collection[Name], leaving: Collection[Name] = ()
) -> list[Name]:
    """The packages that nothing needs which stays and was asked for, by name.

    Packages that only need each other are left over, too.

    Args:
        needed: installed package -> what it needs, by name.
        requested: those that somebody asked for.
        leaving: those that are about to be removed; they are not listed.
    """
    reached: set[Name] = set()
    pending = [name for name in needed if name in requested and name not in leaving]
    while pending:
        name = pending.pop()
        if name in reached or name in leaving or name not in needed:
            continue
        reached.add(name)
        pending += needed[name]
    return sorted(name for name in needed if name not in reached and name not in leaving)


def left_over(needed: Mapping[Name, Collection[Name]], candidates: Collection[Name]) -> list[Name]:
    """Those of *candidates* that nothing needs but others of them, by name.

    Args:
        needed: installed package -> what it needs, by name.
        candidates: packages that are of no use by themselves.
    """
    needing: dict[Name, set[Name]] = {name: set() for name in candidates}
    for name, others in needed.items():
        for other in others:
            if other in needing and other != name:
                needing[other].add(name)
    kept = {name for name, by in needing.items() if by - needing.keys()}
    while more := {name for name, by in needing.items() if name not in kept and by & kept}:
        kept |= more
    return sorted(name for name in needing if name not in kept)
