"""Are stored wheels as they were written? A child process looks, while this one imports what installs them.

A look at each of ten thousand files takes as long as all that is imported to link them. Threads would take the
interpreter from each other; a process of its own has the other processor.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: Exit codes of the child.
_UNCHANGED, _CHANGED = 0, 1


def look_ahead(slots: Iterable[str]) -> LookAhead | None:
    """Begin to look at wheels in the store; None where that would gain nothing, or is not safe.

    Call it before there is another thread: a child of ``fork`` has only the one that called it.

    Args:
        slots: their folders.
    """
    # On macOS a child of fork may not use much of the system.
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        return None
    slots = frozenset(slots)
    try:
        child = os.fork()
    except OSError:
        return None
    if child == 0:
        _be_the_child(slots)
    return LookAhead(slots, child)


class LookAhead:
    """A child at work. Leave its block in any case: it is waited for then."""

    def __init__(self, slots: frozenset[str], child: int) -> None:
        self._slots = slots
        self._child = child
        self._unchanged: bool | None = None

    def __enter__(self) -> LookAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self.unchanged()

    def covers(self, slot: Path) -> bool:
        """Whether this wheel is among those that are looked at."""
        return str(slot) in self._slots

    def unchanged(self) -> bool:
        """Whether all of them are as they were written; waits for the child."""
        if self._unchanged is None:
            _, status = os.waitpid(self._child, 0)
            self._unchanged = os.waitstatus_to_exitcode(status) == _UNCHANGED
        return self._unchanged


def _be_the_child(slots: Iterable[str]) -> None:
    """Look, and end without a word: everything else belongs to the parent."""
    code = _CHANGED
    try:
        from pathlib import Path

        from variantctl.install.manifest import is_unchanged, load, stamps

        for slot in map(Path, sorted(slots)):
            data = (slot / "manifest.json").read_bytes()
            if not is_unchanged(load(data, slot / "files"), stamps(data)):
                break
        else:
            code = _UNCHANGED
    finally:
        os._exit(code)
