"""The state of a file: as long as it is the same, what was read of it is still right.

This module imports built-in ones alone: commands that find everything as it was import nothing else.
"""

from __future__ import annotations

import os

#: A file may change twice in one tick of the file system's clock; what is so young is not relied on.
TICK_NS = 100_000_000
_ABSENT = "-"


def state(path: str) -> str:
    """Time of change, size and inode of what a path leads to, or that there is nothing."""
    try:
        return state_of(os.stat(path))
    except OSError:
        return _ABSENT


def state_of(found: os.stat_result) -> str:
    """The same of what was looked at already."""
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


def changed_at(state: str) -> int:
    """The time of change in a state, in nanoseconds since the epoch; 0 where there is nothing."""
    return int(state.partition(" ")[0]) if state != _ABSENT else 0
