"""Are the files of a stored wheel as they were written?

Looking at each of ten thousand files takes as long as importing all that links them. A child process looks
while this one imports; threads would take the interpreter from each other. So this module imports little.
"""

from __future__ import annotations

import contextlib
import os
import sys

from variantctl.cache.manifest_format import head_of, rows_of, stamps_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from variantctl.cache.manifest_format import Row, Stamps

#: Exit codes of the child.
_UNCHANGED, _CHANGED = 0, 1


def is_unchanged(rows: Iterable[Row], stamps: Stamps, root: str) -> bool:
    """Size and time are as they were written; where not (a link of it was edited, say), the hash decides.

    Args:
        rows: the folders of a manifest.
        stamps: of the same manifest.
        root: the folder of the wheel's files.

    Raises:
        ValueError, LookupError, TypeError: the manifest is damaged.
    """
    for (path, names, _, record), (sizes, times) in zip(rows, stamps, strict=True):
        folder = f"{root}{os.sep}{path}"
        for name in _changed(folder, names, sizes, times):
            if name is None or not _has_digest(f"{folder}{os.sep}{name}", record, names.index(name)):
                return False
    return True


def _changed(folder: str, names: list[str], sizes: list[int], times: Sequence[int]) -> Iterator[str | None]:
    """The files with another time of change; ``None`` for one that certainly is another one."""
    # Whoever follows links in the store has put them there: the store itself has none.
    stat = os.stat
    try:
        with _inside(folder) as (place, inside):
            for name, size, time in zip(names, sizes, times, strict=True):
                found = stat(inside + name, dir_fd=place)
                if found.st_size != size:
                    yield None
                elif found.st_mtime_ns != time:
                    yield name
    except OSError:
        yield None


@contextlib.contextmanager
def _inside(path: str) -> Iterator[tuple[int | None, str]]:
    """A folder to look from, and what goes before its names: with short names the kernel has less to do."""
    if os.stat not in os.supports_dir_fd:
        yield None, f"{path}{os.sep}"
        return
    place = os.open(path, os.O_RDONLY)
    try:
        yield place, ""
    finally:
        os.close(place)


def _has_digest(path: str, rows: str, place: int) -> bool:
    """Whether a file has the hash that its row says, the one at ``place`` among those of its folder."""
    import csv
    import hashlib
    import io

    from variantctl.wheels.record import encode_digest

    algorithm, _, expected = list(csv.reader(io.StringIO(rows)))[place][1].partition("=")
    if not algorithm:
        return False
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            hasher = hashlib.new(algorithm, file.read())
    except OSError:
        return False
    return encode_digest(hasher.digest()) == expected


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
        for slot in sorted(slots):
            with open(f"{slot}{os.sep}manifest.json", "rb") as file:  # noqa: PTH123
                manifest = file.read()
            rows = rows_of(manifest, head_of(manifest))
            if not is_unchanged(rows, stamps_of(manifest), f"{slot}{os.sep}files"):
                break
        else:
            code = _UNCHANGED
    finally:
        os._exit(code)
