"""An index in a folder of this machine. Writers exclude each other by a lock on its ``simple`` folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from variant_index.destinations import Listed, Stored
from variant_index.errors import Conflict, DestinationError
from variantctl.filesystem.atomic import written_whole
from variantctl.filesystem.locks import release, try_lock

_PART = ".part"
_POLL = 0.05


class LocalFolder:
    """A folder as a destination.

    Attributes:
        root: the folder; it is made when something is written.
        name: the same, for messages.
        target: its absolute path.
        by_hash: no: its wheels lie beside the page.
        waiting: called once when another process has the lock.
    """

    by_hash = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = str(root)
        self.target = str(root.absolute())
        self.waiting: Callable[[], None] = lambda: None
        self._made: Path | None = None

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock. It is on the folder itself (flock), so that it leaves no file to be served.

        Raises:
            DestinationError: the folder cannot be made or locked.
        """
        simple = self.root / "simple"
        try:
            simple.mkdir(parents=True, exist_ok=True)
            handle = _open_lock(simple)
        except OSError as error:
            raise _refusal(simple, "cannot be written", error) from error
        try:
            if not try_lock(handle):
                self.waiting()
                while not try_lock(handle):
                    time.sleep(_POLL)
            yield
        finally:
            release(handle)

    def read(self, path: str) -> Stored | None:
        target = self._at(path)
        try:
            with target.open("rb") as file:
                content = file.read()
                return Stored(content, _digest(content), os.fstat(file.fileno()).st_mtime)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _refusal(target, "cannot be read", error) from error

    def replace(self, path: str, content: bytes, expected: object | None) -> None:
        found = self.read(path)
        if (found.version if found else None) != expected:
            raise Conflict
        self.write(path, content)

    def write(self, path: str, content: bytes) -> None:
        target = self._at(path)
        try:
            self._make_parent(target)
            with written_whole(target) as file:
                file.write(content)
        except OSError as error:
            raise _refusal(target, "cannot be written", error) from error

    def place(self, path: str, source: Path) -> None:
        """Link the file; copy it, with its date, where links cannot reach (another disk, other owners)."""
        target = self._at(path)
        try:
            # A link to a symbolic link would be one, and mean another file elsewhere.
            source = source.resolve()
            if target.exists() and target.samefile(source):
                return
            self._make_parent(target)
            partial = target.with_name(f".{target.name}.{os.getpid()}{_PART}")
            try:
                os.link(source, partial)
            except OSError:
                _copy(source, target)
                return
            partial.replace(target)
        except OSError as error:
            raise _refusal(target, "cannot be written", error) from error

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files, and the folders that are empty then."""
        simple = self.root / "simple"
        for path in paths:
            target = self._at(path)
            try:
                target.unlink(missing_ok=True)
                for folder in target.parents:
                    if folder in (simple, self.root) or any(folder.iterdir()):
                        break
                    folder.rmdir()
                    self._made = None
            except OSError as error:
                raise _refusal(target, "cannot be deleted", error) from error

    def delete_many(self, paths: Sequence[str]) -> None:
        self.delete(paths)

    def drop_empty_folders(self, folder: str) -> None:
        """Delete the folders below one that have no file in them."""
        for parent, _, _ in os.walk(self._at(folder), topdown=False):
            if Path(parent) != self._at(folder) and not any(Path(parent).iterdir()):
                Path(parent).rmdir()
                self._made = None

    def list(self, folder: str) -> Iterator[Listed]:
        top = self._at(folder) if folder else self.root
        for parent, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                target = Path(parent, name)
                try:
                    found = target.stat()
                except FileNotFoundError:  # gone meanwhile, or a link to nowhere
                    continue
                yield Listed(target.relative_to(self.root).as_posix(), found.st_size, found.st_mtime)

    def digest(self, path: str) -> str | None:
        return None

    def open(self, path: str, size: int | None = None) -> BinaryIO:
        target = self._at(path)
        try:
            return target.open("rb")
        except OSError as error:
            raise _refusal(target, "cannot be read", error) from error

    def _make_parent(self, target: Path) -> None:
        if target.parent != self._made:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._made = target.parent

    def _at(self, path: str) -> Path:
        return Path(self.root, path)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as original, written_whole(target) as copy:
        shutil.copyfileobj(original, copy, 1 << 20)
    found = source.stat()
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refusal(path: Path, what: str, error: OSError) -> DestinationError:
    hint = {28: "Free some space and run it again: what is published so far stays readable."}
    return DestinationError(f"{path}: {what}: {error.strerror}", hint=hint.get(error.errno or 0))


def _open_lock(folder: Path) -> int:
    if sys.platform == "win32":
        return os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
    return os.open(folder, os.O_RDONLY)
