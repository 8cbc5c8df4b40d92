"""The folders an installation may touch, and the proof that a path stays in them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from functools import cached_property

from variantctl.install.errors import FileConflictError, UnsafePathError
from variantctl.target.environment import Environment
from variantctl.wheels.names import is_reserved


class Roots:
    """The scheme's folders of one environment. Answers are kept: use it for one change, under its lock."""

    def __init__(self, environment: Environment) -> None:
        self.paths = tuple(dict.fromkeys(os.path.normpath(path) for path in environment.scheme.values()))
        self.scripts = os.path.normpath(environment.scheme["scripts"])
        names = {"purelib": "library", "platlib": "library"}
        # What is one folder (with --target, data and purelib) is first of all that of the modules.
        self._kinds = {
            os.path.normpath(environment.scheme[name]): names.get(name, name)
            for name in ("data", "headers", "scripts", "platlib", "purelib")
        }
        self._real_folders: dict[str, str] = {}
        # Anybody may have made a folder that is named; the interpreter of an environment is run anyway.
        named = environment.kind in ("target", "prefix")
        self._limit = os.path.realpath(environment.prefix) if named else None

    @cached_property
    def _real(self) -> tuple[str, ...]:
        found = (os.path.realpath(path) for path in self.paths)
        if self._limit is None:
            return tuple(found)
        # Its bin/ may be a link to the user's own: what leads out of it is no part of it.
        return tuple(
            real for path, real in zip(self.paths, found, strict=True) if not self._leads_out(path, real)
        )

    def _leads_out(self, path: str, real: str) -> bool:
        assert self._limit is not None
        inside = (self._limit,)
        return _below(path, inside) and real != self._limit and not _below(real, inside)

    def check(self, path: str, whose: str) -> None:
        """Refuse an absolute, normalized path that is outside, or that links in the environment lead outside.

        Raises:
            UnsafePathError: naming ``whose`` file it is.
        """
        if not _below(path, self.paths):
            raise UnsafePathError(
                f"{whose} claims the file {path}, which is outside the environment",
                hint="Its RECORD is damaged or malicious; remove the package by hand.",
            )
        folder = os.path.dirname(path)  # strings: tens of thousands of paths
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        if not _below(f"{self._real_folders[folder]}{os.sep}x", self._real):
            raise UnsafePathError(
                f"{whose}: {path} is outside the environment, "
                f"because a link on the way leads to {self._real_folders[folder]}",
                hint="Remove that link first.",
            )

    def place_of(self, path: str) -> tuple[str, str]:
        """Which folder of the scheme an absolute path is in, and its path in there.

        That is ``library`` (purelib, platlib), ``scripts``, ``headers`` or ``data``: the innermost one, for
        the others are mostly in ``data``; ``""`` for none.
        """
        inside = [(root, kind) for root, kind in self._kinds.items() if _below(path, (root,))]
        if not inside:
            return "", path
        root, kind = max(inside)
        return kind, path[len(root) :].lstrip(os.sep)

    def is_reserved(self, path: str) -> bool:
        """Whether an absolute path has, below the scheme's folders, a part that is variantctl's own name."""
        return any(is_reserved(path[len(root) :]) for root in self.paths if _below(path, (root,)))

    def is_root(self, folder: str) -> bool:
        """Whether a folder is one of the scheme's own, or above one."""
        return folder in self.paths or any(root.startswith(f"{folder}{os.sep}") for root in self.paths)


class Folders:
    """Which folders that will receive files are there already."""

    def __init__(self, roots: Roots, removed: Iterable[str]) -> None:
        self._roots = roots
        self._removed = frozenset(removed)
        self._topmost: dict[str, str | None] = {}

    def topmost_missing(self, folder: str, whose: str) -> str | None:
        """The highest folder on the way to ``folder`` (itself included) that is not there; None if all are.

        Raises:
            FileConflictError: something that is no folder is in the way, and no removal takes it away.
            UnsafePathError: a link on the way leads out of the environment.
        """
        # No recursion: a path of 4,096 characters, as long as Linux takes them, may have 2,000 folders.
        unknown = []
        while folder not in self._topmost:
            unknown.append(folder)
            parent = os.path.dirname(folder)
            if parent == folder:
                break
            folder = parent
        missing = self._topmost.get(folder)
        for each in reversed(unknown):
            if missing is None and not self._is_there(each, whose):
                missing = each
            self._topmost[each] = missing
        return missing

    def _is_there(self, folder: str, whose: str) -> bool:
        try:
            found = os.lstat(folder)
        except FileNotFoundError:
            return False
        above = folder not in self._roots.paths and self._roots.is_root(folder)
        if stat.S_ISDIR(found.st_mode) or above:
            return True
        if folder in self._removed:
            return False
        if stat.S_ISLNK(found.st_mode) and os.path.isdir(folder):
            self._roots.check(f"{folder}{os.sep}x", whose)
            return True
        raise FileConflictError(
            f"{whose} needs the folder {folder}, but that is a file no installed package owns",
            hint="Move the file away, then run the same command again.",
        )


def _below(path: str, roots: Iterable[str]) -> bool:
    return any(path.startswith(root if root.endswith(os.sep) else f"{root}{os.sep}") for root in roots)
