"""The units of a change, made complete beside the environment, where they only have to be renamed.

Threads share the folders, and each makes a folder and links its files: both are some ten microseconds of the
kernel's time and more, outside the interpreter lock. Single files come last.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from threading import Lock, Thread

from variantctl.filesystem.links import Linker, copy, write
from variantctl.install.file_changes import RenameUnit
from variantctl.install.layout import NewFile
from variantctl.values import dataclass

#: More threads than that would wait for each other: for the interpreter, or for the file system's journal.
THREADS = min(4, os.cpu_count() or 1)
#: Files that a thread takes on at once, roughly: few enough to share the work well.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class _Folder:
    """One folder's files: where they come from, where they go, their names, and which are executable."""

    source: str
    staged: str
    names: Sequence[str]
    executables: Sequence[str]


def stage(units: Sequence[RenameUnit], folder: str, linker: Linker) -> None:
    """Make the N-th unit as ``folder/N``.

    Args:
        units: what to make.
        folder: exists, and is empty.
        linker: makes the files of it that come from the store.

    Raises:
        OSError: something could not be written. No thread is at work any more then.
    """
    made = {folder}
    _Threads(_batches(units, folder), linker, made).run()
    for number, unit in enumerate(units):
        staged, skip = f"{folder}{os.sep}{number}", len(unit.destination)
        for file in unit.files:
            path = staged + file.destination[skip:]
            _make_folder(path.rpartition(os.sep)[0], made)
            _put(file, path, linker)


class _Threads:
    """Threads that take portion after portion, until there is none left or one of them fails.

    Not a pool of ``concurrent.futures``: to import that takes as long as linking a thousand files.
    """

    def __init__(self, batches: Iterator[list[_Folder]], linker: Linker, made: set[str]) -> None:
        self._batches, self._linker, self._made = batches, linker, made
        self._lock = Lock()
        self._failures: list[BaseException] = []

    def run(self) -> None:
        """Do it all; raises what a thread raised, when none is at work any more."""
        threads = [Thread(target=self._work, daemon=True) for _ in range(THREADS - 1)]
        for thread in threads:
            thread.start()
        self._work()
        for thread in threads:
            self._wait_for(thread)
        if self._failures:
            raise self._failures[0]

    def _work(self) -> None:
        try:
            while (batch := self._next()) is not None:
                _link(batch, self._linker, self._made)
        except BaseException as error:  # noqa: BLE001 - raised again by run()
            self._failures.append(error)

    def _next(self) -> list[_Folder] | None:
        with self._lock:
            return None if self._failures else next(self._batches, None)

    def _wait_for(self, thread: Thread) -> None:
        while thread.is_alive():
            try:
                thread.join()
            except KeyboardInterrupt as interrupt:
                self._failures.append(interrupt)


def _batches(units: Iterable[RenameUnit], folder: str) -> Iterator[list[_Folder]]:
    """The files of whole folders, in portions."""
    batch: list[_Folder] = []
    count = 0
    for number, unit in enumerate(units):
        staged, skip = f"{folder}{os.sep}{number}", len(unit.destination)
        for new in unit.folders:
            stored = new.stored
            batch.append(
                _Folder(new.source, staged + new.destination[skip:], stored.names, stored.executables)
            )
            count += len(stored.names)
            if count >= _BATCH:
                yield batch
                batch, count = [], 0
    if batch:
        yield batch


def _make_folder(path: str, made: set[str]) -> None:
    """Make a folder and those above it that are not ``made`` yet; another thread may be at it, too."""
    if path not in made:
        _make_folder(path.rpartition(os.sep)[0], made)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)  # strings all the way, for speed
        made.add(path)


def _link(batch: Sequence[_Folder], linker: Linker, made: set[str]) -> None:
    for folder in batch:
        _make_folder(folder.staged, made)
        linker.place_all(folder.source, folder.staged, folder.names, folder.executables)


def _put(file: NewFile, path: str, linker: Linker) -> None:
    if file.source is None:
        write(file.content or b"", path, executable=file.executable)
    elif file.linkable:
        linker.place(file.source, path, executable=file.executable)
    else:
        copy(file.source, path, executable=file.executable)
