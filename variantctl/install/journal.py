"""What a change is about to rename, written down so that it can be undone; read again with suspicion.

A journal that is found may have been put there by anybody. Its paths go through the check that those of a
RECORD go through (``Roots.check``: links count), and anything unknown in it is an error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from variantctl.install.errors import StateError, UnsafePathError
from variantctl.install.roots import Roots
from variantctl.install.state import ASIDE, STAGE, check_folder, open_file
from variantctl.values import dataclass
from variantctl.wheels.names import STATE_FOLDER, is_reserved

FORMAT = 1
#: In bytes. Half a million paths; more is no change that anybody makes, and takes memory to read.
LARGEST = 64 << 20
_LONGEST_TITLE = 1000
#: Characters of a RECORD that are looked at together.
_AT_ONCE = 1 << 20
_LISTS = ("aside", "clear", "place", "emptied")


@dataclass(frozen=True, slots=True)
class Journal:
    """One change, as it is undone or finished.

    Attributes:
        title: what the change is, for messages.
        aside: the files that go away, absolute; the N-th one is renamed to ``aside/N``.
        clear: folders that are removed to make place for files, deepest first.
        place: where new files and folders go, absolute; the N-th one comes from ``stage/N``.
        emptied: folders to remove afterwards if nothing is left in them, deepest first.
    """

    title: str
    aside: tuple[str, ...]
    clear: tuple[str, ...]
    place: tuple[str, ...]
    emptied: tuple[str, ...]

    def dump(self) -> bytes:
        """As it is written down."""
        lists = {name: getattr(self, name) for name in _LISTS}
        return json.dumps({"format": FORMAT, "title": self.title, **lists}).encode()

    def paths(self) -> Iterable[str]:
        """All of them."""
        for name in _LISTS:
            yield from getattr(self, name)

    def check(self, roots: Roots, state: Path) -> None:
        """Refuse paths outside the environment, and those that are, hold or lie in the state folder.

        Raises:
            UnsafePathError: naming the first.
        """
        own = os.path.normpath(state)
        for path in self.paths():
            roots.check(path, self.title)
            if f"{own}{os.sep}".startswith(f"{path}{os.sep}") or roots.is_reserved(path):
                raise UnsafePathError(f"{self.title}: {path} is not a package's")


def read(path: Path, roots: Roots) -> Journal | None:
    """The journal at ``path``, in a state folder that was looked at; None where there is none.

    Raises:
        StateError: it cannot be trusted: of another format, broken, too large, with a path that is no
            package's, or a package that is installed has brought it.
        OSError: it cannot be read.
    """
    state = path.parent
    try:
        data = _content(path)
    except FileNotFoundError:
        return None
    journal = _parsed(data, path)
    try:
        journal.check(roots, state)
    except UnsafePathError as error:
        raise StateError(f"{path} cannot be trusted: {error}", state) from error
    if (package := _brought_by(state.parent)) is not None:
        raise StateError(f"{path} may be what {package} brought, whose RECORD has it", state)
    return journal


def check_folders(state: Path) -> None:
    """Both folders that a change can be undone from are there, and real.

    Raises:
        StateError: they are not.
    """
    for name in (STAGE, ASIDE):
        try:
            check_folder(state / name)
        except FileNotFoundError:
            raise StateError(f"{state} has a journal, but not the folder {name}", state) from None


def _content(path: Path) -> bytes:
    handle = open_file(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:  # a handle
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise StateError(f"{path} is larger than {LARGEST:,} bytes", path.parent)
    return data


def _parsed(data: bytes, path: Path) -> Journal:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError, MemoryError) as error:
        # The error itself may quote what is in it.
        raise StateError(f"{path} is no JSON ({type(error).__name__})", path.parent) from error
    problem = _shape_problem(found)
    if problem is not None:
        raise StateError(f"{path}: {problem}", path.parent)
    return Journal(found["title"], *(tuple(found[name]) for name in _LISTS))


def _shape_problem(found: Any) -> str | None:
    """What is not as ``Journal.dump`` writes it."""
    if not isinstance(found, dict):
        return "it is no JSON object"
    written = found.get("format")
    if type(written) is not int or written != FORMAT:
        named = repr(written)[:40] if isinstance(written, (str, int, float, type(None))) else "of no kind"
        return f"format {named} is not known to this version of variantctl, which reads format {FORMAT}"
    keys = {"format", "title", *_LISTS}
    if missing := keys - found.keys():
        return f"it lacks {min(missing)!r}"
    if unknown := found.keys() - keys:
        return f"it has {min(unknown)!r:.60}, which no journal has"
    title = found["title"]
    if not isinstance(title, str) or not title.isprintable() or not 0 < len(title) <= _LONGEST_TITLE:
        return "its title is no line of text"
    for name in _LISTS:
        if not _is_paths(found[name]):
            return f"its {name!r} is no list of absolute paths"
    return None


def _is_paths(found: Any) -> bool:
    return isinstance(found, list) and all(
        # On POSIX two slashes at the start are another root.
        isinstance(path, str) and "\0" not in path and os.path.isabs(path) and os.path.normpath(path) == path
        for path in found
    )


def _brought_by(site_packages: Path) -> str | None:
    """The folder of an installed package whose RECORD has files in a state folder."""
    names: Sequence[str] = os.listdir(site_packages)
    for name in sorted(names):
        if not name.endswith(".dist-info"):
            continue
        try:
            with (site_packages / name / "RECORD").open(encoding="utf-8", errors="replace") as record:
                while lines := record.readlines(_AT_ONCE):
                    # Nearly all are plain, and there may be a hundred thousand: a look at all is a fiftieth.
                    if not _is_plain("".join(lines)) and any(map(_mentions_state, lines)):
                        return name
        except OSError:
            continue
    return None


def _is_plain(text: str) -> bool:
    return text.isascii() and STATE_FOLDER[1:] not in text.lower() and "~" not in text


def _mentions_state(line: str) -> bool:
    if _is_plain(line):
        return False
    path = line.lstrip('"').split(",")[0].rstrip('"')
    # The environment itself may lie in a folder of that name.
    return not path.startswith("/") and is_reserved(path)
