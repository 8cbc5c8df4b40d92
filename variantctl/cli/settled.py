"""Installations that were found to have nothing to do, so that asking again costs next to nothing.

``install`` of what is there already leaves a note in the cache: what it said, and the state (size, time of
change, inode) of every file and folder that decided it. It is found by the command line, the folder, the
environment variables and the system. As long as all of that is the same, so is the answer, and it is given
before a parser, a resolver or a regular expression is imported: this module imports built-in ones alone.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from variantctl.target.environment import Environment

_FOLDER = "settled-v1"
_MARK = "variantctl settled 1"
#: What differs from one shell or call to the next, and changes nothing.
_NEVER_MIND = frozenset({"_", "OLDPWD", "PWD", "SHLVL"})
#: Of an installed package: what an answer is made of.
_READ = ("METADATA", "variant.json", "direct_url.json")
#: A file may change twice in one tick of the file system's clock; what is so young is not relied on.
_TICK_NS = 100_000_000
_MOST_NOTES = 256


def answer(arguments: Sequence[str]) -> str | None:
    """What the same command said when there was nothing to do, if it would say so again."""
    path = _place(arguments, os.environ)
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:  # noqa: PTH123
            note = file.read()
    except OSError:
        return None
    mark, _, rest = note.partition("\0")
    said, *states = rest.split("\0")
    if mark != _MARK or not states or len(states) % 2:
        return None
    # Pairs: a path, and its state.
    pairs = iter(states)
    return said if all(_state(path) == state for path, state in zip(pairs, pairs, strict=True)) else None


class Witnesses:
    """The files and folders that an answer about an environment depends on, as they are now.

    Make it before any of them is read: what changes after that is then noticed.
    """

    def __init__(self, environment: Environment, others: Iterable[Path] = ()) -> None:
        paths = [*_of_ourselves(), *map(str, others)]
        paths += [str(environment.python), os.path.realpath(environment.python)]
        paths.append(f"{environment.prefix}{os.sep}pyvenv.cfg")
        for folder in environment.site_packages:
            paths += _of_packages(str(folder))
        self._states = {path: _state(path) for path in paths}
        self._before = time.time_ns()

    def remember(self, arguments: Sequence[str], said: str) -> None:
        """Keep ``said`` as the answer to a command line; where that is not possible, nothing is kept."""
        path = _place(arguments, os.environ)
        if path is None or any(_youngest(state) > self._before - _TICK_NS for state in self._states.values()):
            return
        note = "\0".join((_MARK, said, *(part for pair in self._states.items() for part in pair)))
        folder = os.path.dirname(path)  # noqa: PTH120
        half = f"{path}.{os.getpid()}"
        try:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103
            if len(names := os.listdir(folder)) >= _MOST_NOTES:  # noqa: PTH208
                for name in names:
                    os.unlink(f"{folder}{os.sep}{name}")  # noqa: PTH108
            with open(half, "x", encoding="utf-8", errors="surrogateescape", newline="") as file:  # noqa: PTH123
                file.write(note)
            os.replace(half, path)  # noqa: PTH105
        except OSError:
            # A cache that cannot be written costs time on the next run, nothing else.
            return


def _of_ourselves() -> Iterator[str]:
    """Another version of this program may answer otherwise."""
    package = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120
    yield from (package, f"{package}{os.sep}resolve", f"{package}{os.sep}target")


def _of_packages(site_packages: str) -> Iterator[str]:
    yield site_packages
    try:
        names = os.listdir(site_packages)  # noqa: PTH208
    except OSError:
        return
    for name in names:
        if name.endswith((".dist-info", ".egg-info", ".egg-link")):
            folder = f"{site_packages}{os.sep}{name}"
            yield folder
            yield from (f"{folder}{os.sep}{each}" for each in _READ)


def _state(path: str) -> str:
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return "-"
    return f"{found.st_mtime_ns} {found.st_size} {found.st_ino}"


def _youngest(state: str) -> int:
    return int(state.partition(" ")[0]) if state != "-" else 0


def _place(arguments: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Where the note of a command line lies; None where there is to be none."""
    if sys.platform == "win32" or "--no-cache" in arguments:
        return None
    root = _named(arguments) or environ.get("VARIANTCTL_CACHE_DIR") or _users(environ)
    try:
        # platform.version() and the like are markers.
        parts = [os.getcwd(), *os.uname(), sys.version, *arguments]  # noqa: PTH109
    except OSError:
        return None
    parts += sorted(f"{name}={value}" for name, value in environ.items() if name not in _NEVER_MIND)
    # The variables may hold secrets: all that is kept of them is in this digest.
    return f"{os.path.expanduser(root)}{os.sep}{_FOLDER}{os.sep}{_digest(parts)}"  # noqa: PTH111


def _digest(parts: Iterable[str]) -> str:
    try:
        # hashlib itself takes longer to import than everything else here takes.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=20).hexdigest()


def _named(arguments: Sequence[str]) -> str | None:
    """The value of ``--cache-dir``."""
    named = None
    for place, argument in enumerate(arguments):
        if argument == "--cache-dir":
            named = arguments[place + 1] if place + 1 < len(arguments) else None
        elif argument.startswith("--cache-dir="):
            named = argument.partition("=")[2]
    return named


def _users(environ: Mapping[str, str]) -> str:
    """The user's cache folder: what platformdirs says, which would take longer to import than to ask."""
    if sys.platform == "darwin":
        return "~/Library/Caches/variantctl"
    given = environ.get("XDG_CACHE_HOME", "")
    return f"{given.strip() or '~/.cache'}/variantctl"
