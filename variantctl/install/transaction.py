"""All of a change, or none of it: stage, journal, swap; roll back on any failure, and after a kill.

In the environment's state folder, under its lock:

- ``stage/N`` is made complete first: the N-th unit (a file, or a whole new folder).
- ``journal.json`` then says what is about to be renamed. From here on a change can be undone from it alone.
- Old files are renamed to ``aside/N``, and units from ``stage/N`` to their places, metadata last.
- Who asked for it may now try what is there, and take it back (``accept``).
- ``journal.json`` becomes ``done.json``: this rename is the moment the change is made.
- What is aside is deleted, then the state folder.

Undoing renames whatever was renamed back, newest first. Its steps may be repeated, so it may be cut short.
It makes no new names, so a full disk does not stop it.

A loss of power is like a kill where the file system keeps the order of renames (ext4, XFS, btrfs, APFS do).
What they may reorder is synced: the journal's content before its name, its name before the first rename, and
``done.json`` before old files are deleted. New files are not synced one by one, as in pip and uv: those of
the last seconds may be empty afterwards, which ``variantctl doctor --verify`` finds by their hashes.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from variantctl.filesystem.errors import InstallError
from variantctl.filesystem.links import Linker
from variantctl.install import journal as journals
from variantctl.install.errors import NotUndoneError
from variantctl.install.file_changes import FileChanges
from variantctl.install.journal import Journal
from variantctl.install.lock import is_held
from variantctl.install.removal import remove_emptied
from variantctl.install.roots import Roots
from variantctl.install.staging import stage
from variantctl.install.state import ASIDE, DONE, HALF, JOURNAL, STAGE, check_folder


class Transaction:
    """One change of one environment.

    Use as a context manager: leaving it without ``swap`` having returned undoes everything.

    Attributes:
        note: what could not be tidied up after the change was made, in words; else None.
    """

    def __init__(self, state: Path, change: FileChanges, roots: Roots, linker: Linker, *, title: str) -> None:
        self._state = state
        self._change = change
        self._roots = roots
        self._linker = linker
        self._title = title
        self._made = False
        self.note: str | None = None

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, _: object, failure: BaseException | None, __: object) -> None:
        try:
            recover(self._state, self._roots)
        except (OSError, InstallError) as error:
            if not self._made:
                raise NotUndoneError(self._title, failure, error) from error
            self.note = f"what {self._title} replaced is not all deleted ({error}); the next command goes on"

    def stage(self) -> None:
        """Make every unit in the state folder; the environment is not touched, so the disk may fill."""
        folder = f"{self._state}{os.sep}{STAGE}"
        os.mkdir(folder)
        stage(self._change.units, folder, self._linker)

    def swap(self, emptied: Sequence[str], accept: Callable[[], None] | None = None) -> None:
        """Rename the old files away and the new ones in; when this returns the change is made.

        Args:
            emptied: folders to remove afterwards if nothing is left in them, deepest first.
            accept: called when everything is in its place; what it raises undoes the change.

        Raises:
            OSError: something could not be renamed.
            InstallError: the journal would not be believed when it is read again.
        """
        change = self._change
        (self._state / ASIDE).mkdir()
        place = tuple(unit.destination for unit in change.units)
        journal = Journal(self._title, change.removed, change.clear, place, tuple(emptied))
        journal.check(self._roots, self._state)
        data = journal.dump()
        if len(data) > journals.LARGEST:
            raise InstallError(
                f"{self._title} changes too many files at once", hint="Do it in several steps."
            )
        _write_durably(self._state / JOURNAL, data)
        for number, path in enumerate(change.removed):
            with contextlib.suppress(FileNotFoundError):
                _set_aside(path, f"{self._state}{os.sep}{ASIDE}{os.sep}{number}")
        for folder in change.clear:
            os.rmdir(folder)
        for number, unit in enumerate(change.units):
            if os.path.lexists(unit.destination):
                raise FileExistsError(errno.EEXIST, "something else has just put it there", unit.destination)
            _place(f"{self._state}{os.sep}{STAGE}{os.sep}{number}", unit.destination)
        if accept is not None:
            accept()
        (self._state / JOURNAL).rename(self._state / DONE)
        self._made = True


def recover(state: Path, roots: Roots) -> str | None:
    """Finish or undo what a change left in the state folder (under the lock).

    Returns:
        What was undone or finished, in words; None where there was nothing.

    Raises:
        StateError: what is there cannot be trusted, and was left as it is.
        OSError: something could not be renamed back; the journal stays, and the next try goes on from there.
    """
    said = None
    if (journal := journals.read(state / JOURNAL, roots)) is not None:
        journals.check_folders(state)
        _undo(state, journal)
        (state / JOURNAL).unlink()
        said = f"undid {journal.title}, which was cut short"
    elif (journal := journals.read(state / DONE, roots)) is not None:
        _finish(state, journal)
        said = f"finished {journal.title}"
    # Nothing of the environment is in these any more; what cannot be deleted now is so by the next change.
    for name in (ASIDE, STAGE):
        with contextlib.suppress(OSError):
            _discard(f"{state}{os.sep}{name}")
    _discard(f"{state}{os.sep}{HALF}")
    return said


def pending(state: Path, roots: Roots) -> str | None:
    """What the next change will do about an earlier one, in words; nothing is written.

    Raises:
        StateError: what is there cannot be trusted.
        OSError: it cannot be read.
    """
    check_folder(state, may_try=False)
    if is_held(state):
        return f"another variantctl is changing {state.parent} at this moment"
    if (journal := journals.read(state / JOURNAL, roots)) is not None:
        journals.check_folders(state)
        return (
            f"{journal.title} was cut short, and what is there may be half of it; "
            "the next install, sync or uninstall here undoes it"
        )
    if (journal := journals.read(state / DONE, roots)) is not None:
        return (
            f"{journal.title} is made, but not tidied up; the next install, sync or uninstall here does that"
        )
    return None


def _finish(state: Path, journal: Journal) -> None:
    """Delete the old files, which may be gigabytes: where that fails it is said, and tried again."""
    if journal.aside:
        _sync_folder(state)
    remove_emptied(journal.emptied)
    _discard(f"{state}{os.sep}{ASIDE}")
    (state / DONE).unlink()


def _undo(state: Path, journal: Journal) -> None:
    for number, destination in reversed(list(enumerate(journal.place))):
        _discard(_half(destination))
        _take_back(destination, f"{state}{os.sep}{STAGE}{os.sep}{number}")
    for folder in reversed(journal.clear):
        os.makedirs(folder, exist_ok=True)
    for number, path in reversed(list(enumerate(journal.aside))):
        aside = f"{state}{os.sep}{ASIDE}{os.sep}{number}"
        if os.path.lexists(aside):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _set_aside(aside, path)


def _place(staged: str, destination: str) -> None:
    """Rename a unit into its place; across file systems it is copied beside that first, to appear at once."""
    try:
        os.rename(staged, destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        import shutil

        half = _half(destination)
        _discard(half)
        if os.path.isdir(staged) and not os.path.islink(staged):
            shutil.copytree(staged, half, symlinks=True)
        else:
            shutil.copy2(staged, half, follow_symlinks=False)
        # No longer staged means placed (or nearly: then there is nothing at the destination to take back).
        os.rename(staged, f"{staged}.moved")
        os.rename(half, destination)


def _take_back(destination: str, staged: str) -> None:
    """Undo ``_place``. What is still staged was never placed: whatever is at its destination is not ours.

    Afterwards it is staged again. That marks it as undone, for an old file may come back to its place before
    the next try.
    """
    if os.path.lexists(staged):
        return
    if os.path.lexists(f"{staged}.moved"):
        _discard(destination)
        os.rename(f"{staged}.moved", staged)
    elif os.path.lexists(destination):
        os.rename(destination, staged)
    else:
        # Somebody else took it away.
        Path(staged).touch()


def _set_aside(path: str, aside: str) -> None:
    """Rename a file; across file systems it is gone from its place only when it is whole in the other."""
    try:
        os.rename(path, aside)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        import shutil

        half = _half(aside)
        _discard(half)
        shutil.copy2(path, half, follow_symlinks=False)
        os.rename(half, aside)
        os.unlink(path)


def _half(destination: str) -> str:
    folder, name = os.path.split(destination)
    return os.path.join(folder, f".variantctl-{name}")


def _discard(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        try:
            # Most are empty, for all that was in them is in its place.
            os.rmdir(path)
        except OSError:
            import shutil

            shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _write_durably(path: Path, data: bytes) -> None:
    """Written under another name, on the disk, and then there: a journal is never half."""
    half = path.with_name(HALF)
    with half.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    half.rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """The names in a folder on the disk; Windows has no such call, and some file systems do without."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
