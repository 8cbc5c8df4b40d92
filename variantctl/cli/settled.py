"""Installations that were found to have nothing to do, so that asking again costs next to nothing.

``install`` of what is there already leaves a note in the cache: what it said, and the state (size, time of
change, inode) of every file and folder that decided it. As long as all of that is the same, so is the answer,
and it is given before a parser, a resolver or a regular expression is imported.
"""

from __future__ import annotations

import os
import time

from variantctl.cache.buckets import SETTLED
from variantctl.cli import notes
from variantctl.filesystem.file_state import TICK_NS, changed_at, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from variantctl.target.environment import Environment

_MARK = "variantctl settled 1"
#: Of an installed package: what an answer is made of.
_READ = ("METADATA", "variant.json", "direct_url.json")


def answer(arguments: Sequence[str]) -> str | None:
    """What the same command said when there was nothing to do, if it would say so again."""
    path = _place(arguments)
    if path is None or (note := notes.read(path)) is None:
        return None
    mark, _, rest = note.partition("\0")
    said, *states = rest.split("\0")
    if mark != _MARK or not states or len(states) % 2:
        return None
    # Pairs: a path, and its state.
    pairs = iter(states)
    return said if all(state(path) == then for path, then in zip(pairs, pairs, strict=True)) else None


class Witnesses:
    """The files and folders that an answer about an environment depends on, as they are now.

    Make it before any of them is read: what changes after that is then noticed.
    """

    def __init__(self, environment: Environment, others: Iterable[Path] = ()) -> None:
        paths = [*notes.ourselves(), *map(str, others)]
        paths += [str(environment.python), os.path.realpath(environment.python)]
        paths.append(f"{environment.prefix}{os.sep}pyvenv.cfg")
        for folder in environment.site_packages:
            paths += _of_packages(str(folder))
        self._states = {path: state(path) for path in paths}
        self._before = time.time_ns()

    def remember(self, arguments: Sequence[str], said: str) -> None:
        """Keep ``said`` as the answer to a command line; where that is not possible, nothing is kept."""
        path = _place(arguments)
        if path is None or any(changed_at(each) > self._before - TICK_NS for each in self._states.values()):
            return
        notes.write(path, "\0".join((_MARK, said, *(part for pair in self._states.items() for part in pair))))


def _of_packages(site_packages: str) -> Iterator[str]:
    yield site_packages
    try:
        names = os.listdir(site_packages)
    except OSError:
        return
    for name in names:
        if name.endswith((".dist-info", ".egg-info", ".egg-link")):
            folder = f"{site_packages}{os.sep}{name}"
            yield folder
            yield from (f"{folder}{os.sep}{each}" for each in _READ)


def _place(arguments: Sequence[str]) -> str | None:
    """Where the note of a command line lies; None where there is to be none."""
    root = notes.cache_folder(arguments, os.environ)
    name = notes.request(arguments, os.environ) if root is not None else None
    return f"{root}{os.sep}{SETTLED}{os.sep}{name}" if name is not None else None
