"""Where an index is: what a local folder and an object store have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from variantctl.values import dataclass


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was read whole.

    Attributes:
        content: its bytes.
        version: what tells it from any other content of the same path; opaque.
        modified: when it was written, in seconds since 1970.
    """

    content: bytes
    version: object
    modified: float


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing has it.

    Attributes:
        path: relative to the destination, with ``/``.
        size: its length in bytes.
        modified: when it was written, in seconds since 1970.
    """

    path: str
    size: int
    modified: float


class Destination(Protocol):
    """A tree of objects, addressed by paths with ``/``; what is written appears whole or not at all.

    Attributes:
        name: the folder or URL, for messages.
        target: by which name it is opened elsewhere: the URL, or the absolute path.
        by_hash: whether published files lie in folders named by their SHA-256, so that what is under a URL
            never changes. A store is written by several at once and read through caches; a folder is
            written under a lock, and its wheels lie beside the page.
        waiting: called once when another writer has the lock.
    """

    name: str
    target: str
    by_hash: bool
    waiting: Callable[[], None]

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other writers out meanwhile, where writes are not conditional by themselves."""

    def read(self, path: str) -> Stored | None:
        """An object, or ``None`` where there is none."""

    def replace(self, path: str, content: bytes, expected: object | None) -> None:
        """Write an object that is still of the version ``expected``; ``None``: that is not there yet.

        Raises:
            Conflict: it is of another version.
        """

    def write(self, path: str, content: bytes) -> None:
        """Write an object whatever is there."""

    def place(self, path: str, source: Path) -> None:
        """Write a file of this machine to where nothing else is, or where it replaces what is there."""

    def delete(self, paths: Iterable[str]) -> None:
        """Delete objects; those that are gone already do not matter."""

    def delete_many(self, paths: Sequence[str]) -> None:
        """The same, in no order, with as few requests as possible."""

    def list(self, folder: str) -> Iterator[Listed]:
        """Every object below a folder (``""``: all)."""

    def digest(self, path: str) -> str | None:
        """The SHA-256 of an object where it is known without reading it, in hexadecimal."""

    def open(self, path: str, size: int | None = None) -> BinaryIO:
        """An object, perhaps of known size, as a seekable file, of which only what is read is fetched."""
