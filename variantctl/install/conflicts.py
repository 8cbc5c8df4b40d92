"""Does what is to be installed fit what is there? Answered before anything is touched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from variantctl.install.errors import FileConflictError
from variantctl.install.layout import Layout, NewFile, NewFolder
from variantctl.install.removal import Removal, owner_of
from variantctl.install.roots import Folders, Roots
from variantctl.install.spelling import EXACT, Spelling
from variantctl.target.installed import InstalledPackage
from variantctl.values import dataclass, field
from variantctl.wheels.record import encode_digest


@dataclass(frozen=True, slots=True)
class Unit:
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
class Change:
    """All that one installation does to an environment.

    Attributes:
        units: what appears, in order.
        removed: files that go away first.
        clear: folders that a file takes the place of once they are empty, deepest first.
    """

    units: tuple[Unit, ...]
    removed: tuple[str, ...]
    clear: tuple[str, ...]


def work_out(
    layouts: Sequence[Layout],
    removal: Removal,
    installed: Iterable[InstalledPackage],
    roots: Roots,
    *,
    overwrite: bool = False,
    spelling: Spelling = EXACT,
) -> Change:
    """Arrange new files into as few renames as possible, and refuse what does not fit.

    A file with the very content that is to be installed is no conflict: packages that share the empty
    ``__init__.py`` of a namespace are common, and so is a file that an interrupted tool left.

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
    whole, owners = _owners(layouts, there)
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
            listings[parent] = {spelling.key(found): found for found in os.listdir(parent)}  # noqa: PTH208
        found = listings[parent].get(spelling.key(name))
        present = f"{parent}{os.sep}{found}"
        if found is not None and spelling.key(present) not in going_files:
            if os.path.isdir(present) and not os.path.islink(present):  # noqa: PTH112, PTH114
                clear += _emptied_by(present, removed, whose)
            elif present == destination and _same_content(present, file):
                continue
            elif overwrite:
                removed[present] = None
            else:
                raise _in_the_way(present, whose, owner_of(present, staying))
        units[destination] = _Parts([file])
    return Change(_in_order(units, layouts, roots), tuple(removed), tuple(clear))


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


def _in_order(units: Mapping[str, _Parts], layouts: Sequence[Layout], roots: Roots) -> tuple[Unit, ...]:
    """Modules, scripts, and what makes a package installed: its metadata folder, and of that RECORD last."""
    metadata = {layout.dist_info for layout in layouts}
    scripts = f"{roots.scripts}{os.sep}"
    arranged = [
        Unit(path, tuple(parts.files), tuple(parts.folders), _is_metadata(path, metadata))
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


def _owners(
    layouts: Sequence[Layout], there: Folders
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
                raise FileConflictError(
                    f"{owner} and {whose} both have {file.destination}, with different content",
                    hint="They cannot be installed together; leave one of them out.",
                )
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


def _in_the_way(destination: str, whose: str, owner: InstalledPackage | None) -> FileConflictError:
    if owner is not None:
        return FileConflictError(
            f"{whose} has the file {destination}, which {owner.name} {owner.version} owns",
            hint=f"They cannot be installed together; uninstall {owner.name} first if you do not need it.",
        )
    return FileConflictError(
        f"{whose} has the file {destination}, but one is there already that no installed package owns",
        hint="Move the file away, then run the same command again.",
    )


def _same_content(path: str, file: NewFile) -> bool:
    algorithm, _, digest = file.digest.partition("=")
    try:
        if os.path.islink(path) or os.path.getsize(path) != file.size or not algorithm:  # noqa: PTH114, PTH202
            return False
        with open(path, "rb") as existing:  # noqa: PTH123
            return encode_digest(hashlib.new(algorithm, existing.read()).digest()) == digest
    except OSError:
        return False


def _is_metadata(path: str, folders: set[str]) -> bool:
    return path in folders or os.path.dirname(path) in folders  # noqa: PTH120
