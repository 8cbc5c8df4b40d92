"""Does what is to be installed fit what is there? Answered before anything is touched."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from variantctl.install.clashes import Clashes
from variantctl.install.errors import FileConflictError
from variantctl.install.layout import Layout, NewFile, NewFolder
from variantctl.install.removal import Removal
from variantctl.install.roots import Folders, Roots
from variantctl.install.spelling import EXACT, Spelling
from variantctl.target.installed import InstalledPackage
from variantctl.values import dataclass, field, replace
from variantctl.wheels.record import encode_digest


@dataclass(frozen=True, slots=True)
class RenameUnit:
    """Something that appears in the environment by one rename.

    Attributes:
        destination: a file, or the topmost folder that is not there yet.
        files: what it consists of.
        folders: more of what it consists of, a folder's files at once; never of a unit that is a file.
        last: belongs to a package's metadata folder, which comes after everything else.
    """

    destination: str
    files: tuple[NewFile, ...]
    folders: tuple[NewFolder, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class FileChanges:
    """All that one installation does to an environment.

    Attributes:
        units: what appears, in order.
        removed: files that go away first.
        clear: folders that a file takes the place of once they are empty, deepest first.
        warnings: what was decided about files that two packages have, in words.
    """

    units: tuple[RenameUnit, ...]
    removed: tuple[str, ...]
    clear: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def plan_file_changes(
    layouts: Sequence[Layout],
    removal: Removal,
    installed: Iterable[InstalledPackage],
    roots: Roots,
    *,
    overwrite: bool = False,
    spelling: Spelling = EXACT,
) -> FileChanges:
    """Arrange new files into as few renames as possible, and refuse what does not fit.

    A file with the very content that is to be installed is no conflict: packages that share the empty
    ``__init__.py`` of a namespace are common, and so is a file that an interrupted tool left. Where the
    content differs, ``clashes`` says what is harmless; the RECORD of each package then has the hash of what
    is really there.

    Args:
        overwrite: take away what is in the way instead of refusing (files only).
        spelling: which names are one in this environment.

    Raises:
        FileConflictError: two packages have different files of one path, two paths are one in this
            environment, or something is in the way.
        UnsafePathError: a link in the environment leads a path out of it.
    """
    going = {package.dist_info for package in removal.packages}
    staying = [package for package in installed if package.dist_info not in going]
    removed = dict.fromkeys(removal.files)
    there = Folders(roots, removed)
    replaced = {package.name: package for package in removal.packages}
    clashes = Clashes(roots, overwrite, replaced, staying)
    by_name = {layout.name: layout for layout in layouts}
    shared = _Shared(layouts)
    whole, owners = _owners(layouts, there, clashes, shared)
    _check_files_against_folders(whole, owners)
    if spelling != EXACT:
        _check_spelling(layouts, spelling)
    going_files = removed if spelling == EXACT else {spelling.key(path) for path in removed}
    listings: dict[str, dict[str, str]] = {}
    units: dict[str, _Parts] = {}
    for new in whole.values():
        units.setdefault(new.topmost, _Parts()).folders.append(new.folder)
    clear: list[str] = []
    for destination, (file, whose) in owners.items():
        parent, _, name = destination.rpartition(os.sep)
        topmost_missing = there.topmost_missing(parent, whose)
        if topmost_missing is not None:
            units.setdefault(topmost_missing, _Parts()).files.append(file)
            continue
        if parent not in listings:
            listings[parent] = {spelling.key(found): found for found in os.listdir(parent)}
        found = listings[parent].get(spelling.key(name))
        present = f"{parent}{os.sep}{found}"
        if found is not None and spelling.key(present) not in going_files:
            if os.path.isdir(present) and not os.path.islink(present):
                clear += _emptied_by(present, removed, whose)
            elif present == destination and _same_content(present, file):
                continue
            elif clashes.with_installed(present, file, by_name[whose]):
                removed[present] = None
            else:
                shared.is_left(present, destination, whose)
                continue
        units[destination] = _Parts([file])
    shared.correct(units.values(), owners)
    in_order = _in_order(units, layouts, roots)
    return FileChanges(in_order, tuple(removed), tuple(clear), tuple(clashes.warnings()))


@dataclass(frozen=True, slots=True)
class _Whole:
    """A folder that comes as a whole, the topmost that is made for it, and the package it is of, in words."""

    folder: NewFolder
    topmost: str
    whose: str


@dataclass(slots=True)
class _Parts:
    files: list[NewFile] = field(default_factory=list)
    folders: list[NewFolder] = field(default_factory=list)


def _in_order(units: Mapping[str, _Parts], layouts: Sequence[Layout], roots: Roots) -> tuple[RenameUnit, ...]:
    """Modules, scripts, and what makes a package installed: its metadata folder, and of that RECORD last."""
    metadata = {layout.dist_info for layout in layouts}
    scripts = f"{roots.scripts}{os.sep}"
    arranged = [
        RenameUnit(path, tuple(parts.files), tuple(parts.folders), _is_metadata(path, metadata))
        for path, parts in units.items()
    ]
    arranged.sort(
        key=lambda unit: (
            unit.last,
            f"{unit.destination}{os.sep}".startswith(scripts),
            unit.destination.endswith("RECORD"),
        )
    )
    return tuple(arranged)


class _Shared:
    """Which files the packages of a change have that come, or stay, as another package has them."""

    def __init__(self, layouts: Sequence[Layout]) -> None:
        self._records = {layout.name: f"{layout.dist_info}{os.sep}RECORD" for layout in layouts}
        self._root = {layout.name: os.path.dirname(layout.dist_info) for layout in layouts}
        self._files: dict[str, set[str]] = {}
        self._left: dict[str, tuple[str, int]] = {}

    def is_another(self, destination: str, *whose: str) -> None:
        """The file there is not, or need not be, the one that these packages have."""
        for name in whose:
            self._files.setdefault(name, set()).add(destination)

    def is_left(self, present: str, destination: str, whose: str) -> None:
        """An installed package's file stays where one of this change would have been."""
        with open(present, "rb") as file:
            content = file.read()
        self._left[destination] = f"sha256={encode_digest(hashlib.sha256(content).digest())}", len(content)
        self.is_another(destination, whose)

    def correct(self, units: Iterable[_Parts], owners: Mapping[str, tuple[NewFile, str]]) -> None:
        """Put into each package's RECORD what is there."""
        if not self._files:
            return
        records = {self._records[whose]: whose for whose in self._files}
        for parts in units:
            parts.files[:] = [
                self._corrected(file, records[file.destination], owners)
                if file.destination in records
                else file
                for file in parts.files
            ]

    def _corrected(self, record: NewFile, whose: str, owners: Mapping[str, tuple[NewFile, str]]) -> NewFile:
        assert record.content is not None
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for row in csv.reader(io.StringIO(record.content.decode())):
            path = os.path.normpath(os.path.join(self._root[whose], row[0]))
            if path in self._files[whose]:
                file = owners[path][0]
                digest, size = self._left.get(path, (file.digest, file.size))
                row[1:] = digest, str(size)
            writer.writerow(row)
        content = text.getvalue().encode("utf-8", "surrogateescape")
        return replace(record, content=content, size=len(content))


def _owners(
    layouts: Sequence[Layout], there: Folders, clashes: Clashes, shared_files: _Shared
) -> tuple[dict[str, _Whole], dict[str, tuple[NewFile, str]]]:
    """Whole new folders and every other file, each once by its place, with the package (in words) it is of.

    A folder appears as a whole where none is there yet and nothing else comes into it: then there is nothing
    to compare its files with. All other files are looked at one by one.
    """
    shared = _shared_folders(layouts)
    whole: dict[str, _Whole] = {}
    owners: dict[str, tuple[NewFile, str]] = {}
    for layout in layouts:
        whose = layout.name
        single: list[Iterable[NewFile]] = []
        for folder in layout.folders:
            topmost = there.topmost_missing(folder.destination, whose)
            if topmost is None or folder.destination in shared:
                single.append(folder.files())
            else:
                whole[folder.destination] = _Whole(folder, topmost, whose)
        for file in chain(*single, layout.files):
            other, owner = owners.setdefault(file.destination, (file, whose))
            if other is not file and (other.digest, other.size) != (file.digest, file.size):
                shared_files.is_another(file.destination, owner, whose)
                if clashes.between_new(owner, other, whose, file):
                    owners[file.destination] = file, whose
    return whole, owners


def _shared_folders(layouts: Sequence[Layout]) -> set[str]:
    """The folders that get files from two places."""
    seen: set[str] = set()
    shared: set[str] = set()
    for layout in layouts:
        single = {file.destination.rpartition(os.sep)[0] for file in layout.files}
        for folder in (*single, *(folder.destination for folder in layout.folders)):
            (shared if folder in seen else seen).add(folder)
    return shared


def _check_files_against_folders(
    whole: Mapping[str, _Whole], owners: Mapping[str, tuple[NewFile, str]]
) -> None:
    names: dict[str, frozenset[str]] = {}

    def owner_of_file(path: str) -> str | None:
        if path in owners:
            return owners[path][1]
        parent, _, name = path.rpartition(os.sep)
        if parent in whole:
            if parent not in names:
                names[parent] = frozenset(whole[parent].folder.stored.names)
            if name in names[parent]:
                return whole[parent].whose
        return None

    needed = {path: new.whose for path, new in whole.items()}
    needed |= {path.rpartition(os.sep)[0]: whose for path, (_, whose) in owners.items()}
    seen: set[str] = set()
    for path, whose in needed.items():
        folder = path
        while folder not in seen:
            seen.add(folder)
            if owner := owner_of_file(folder):
                raise FileConflictError(
                    f"{folder} is a file of {owner} and a folder of {whose}",
                    hint="They cannot be installed together; leave one of them out.",
                )
            folder = folder.rpartition(os.sep)[0]


def _check_spelling(layouts: Sequence[Layout], spelling: Spelling) -> None:
    """Refuse paths, of files or of the folders they are in, that the file system would take for one."""
    seen: dict[str, tuple[str, str]] = {}
    spelled: set[str] = set()
    for layout in layouts:
        for path in layout.destinations():
            while path and path not in spelled:
                spelled.add(path)
                other, owner = seen.setdefault(spelling.key(path), (path, layout.name))
                if other != path:
                    raise FileConflictError(
                        f"{owner} has {other} and {layout.name} has {path}, "
                        f"which are one in this environment: it does not tell {spelling.ignores} apart",
                        hint="Use an environment on another file system.",
                    )
                path = path.rpartition(os.sep)[0]


def _emptied_by(folder: str, removed: Mapping[str, None], whose: str) -> list[str]:
    """The folder and those in it, deepest first, if nothing but files that go away is in them."""
    found = []
    for parent, _, names in os.walk(folder, topdown=False):
        left = next((name for name in names if f"{parent}{os.sep}{name}" not in removed), None)
        if left is not None:
            raise FileConflictError(
                f"{whose} has the file {folder}, but that is a folder which holds {left}",
                hint="Move the folder away, then run the same command again.",
            )
        found.append(parent)
    return found


def _same_content(path: str, file: NewFile) -> bool:
    algorithm, _, digest = file.digest.partition("=")
    try:
        if os.path.islink(path) or os.path.getsize(path) != file.size or not algorithm:
            return False
        with open(path, "rb") as existing:
            return encode_digest(hashlib.new(algorithm, existing.read()).digest()) == digest
    except OSError:
        return False


def _is_metadata(path: str, folders: set[str]) -> bool:
    return path in folders or os.path.dirname(path) in folders
