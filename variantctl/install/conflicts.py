"""Does what is to be installed fit what is there? Answered before anything is touched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from variantctl.install.errors import FileConflictError
from variantctl.install.layout import Layout, NewFile
from variantctl.install.removal import Removal, owner_of
from variantctl.install.roots import Folders, Roots
from variantctl.target.installed import InstalledPackage
from variantctl.wheels.record import encode_digest


@dataclass(frozen=True, slots=True)
class Unit:
    """Something that appears in the environment by one rename.

    Attributes:
        destination: a file, or the topmost folder that is not there yet.
        files: what it consists of.
        last: belongs to a package's metadata folder, which comes after everything else.
    """

    destination: str
    files: tuple[NewFile, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Change:
    """All that one installation does to an environment.

    Attributes:
        units: what appears, in order.
        removed: files that go away first.
        clear: folders that a file takes the place of once they are empty, deepest first.
        size: the bytes of all new files.
    """

    units: tuple[Unit, ...]
    removed: tuple[str, ...]
    clear: tuple[str, ...]
    size: int


def work_out(
    layouts: Sequence[Layout],
    removal: Removal,
    installed: Iterable[InstalledPackage],
    roots: Roots,
    *,
    overwrite: bool = False,
) -> Change:
    """Arrange new files into as few renames as possible, and refuse what does not fit.

    A file with the very content that is to be installed is no conflict: packages that share the empty
    ``__init__.py`` of a namespace are common, and so is a file that an interrupted tool left.

    Args:
        overwrite: take away what is in the way instead of refusing (files only).

    Raises:
        FileConflictError: two packages have different files of one path, or something is in the way.
        UnsafePathError: a link in the environment leads a path out of it.
    """
    going = {package.dist_info for package in removal.packages}
    staying = [package for package in installed if package.dist_info not in going]
    removed = dict.fromkeys(removal.files)
    folders = Folders(roots, removed)
    owners = _owners(layouts)
    _check_files_against_folders(owners)
    listings: dict[str, frozenset[str]] = {}
    units: dict[str, list[NewFile]] = {}
    clear: list[str] = []
    for destination, (file, whose) in owners.items():
        folder, _, name = destination.rpartition(os.sep)
        topmost = folders.topmost_missing(folder, whose)
        if topmost is not None:
            units.setdefault(topmost, []).append(file)
            continue
        if folder not in listings:
            listings[folder] = frozenset(os.listdir(folder))  # noqa: PTH208
        if name in listings[folder] and destination not in removed:
            if os.path.isdir(destination) and not os.path.islink(destination):  # noqa: PTH112, PTH114
                clear += _emptied_by(destination, removed, whose)
            elif _same_content(destination, file):
                continue
            elif overwrite:
                removed[destination] = None
            else:
                raise _in_the_way(destination, whose, owner_of(destination, staying))
        units[destination] = [file]
    metadata = {layout.dist_info for layout in layouts}
    arranged = [Unit(path, tuple(files), _is_metadata(path, metadata)) for path, files in units.items()]
    # RECORD is what makes a package installed: it comes last, and with it the rest of its folder.
    arranged.sort(key=lambda unit: (unit.last, unit.destination.endswith("RECORD")))
    size = sum(file.size for file, _ in owners.values())
    return Change(tuple(arranged), tuple(removed), tuple(clear), size)


def _owners(layouts: Sequence[Layout]) -> dict[str, tuple[NewFile, str]]:
    """Every new file by its place, each once, with the package (in words) that it is of."""
    owners: dict[str, tuple[NewFile, str]] = {}
    for layout in layouts:
        whose = layout.name
        for file in layout.files:
            other, owner = owners.setdefault(file.destination, (file, whose))
            if other is not file and (other.digest, other.size) != (file.digest, file.size):
                raise FileConflictError(
                    f"{owner} and {whose} both have {file.destination}, with different content",
                    hint="They cannot be installed together; leave one of them out.",
                )
    return owners


def _check_files_against_folders(owners: Mapping[str, tuple[NewFile, str]]) -> None:
    seen: set[str] = set()
    for destination, (_, whose) in owners.items():
        folder = destination.rpartition(os.sep)[0]
        while folder not in seen:
            seen.add(folder)
            if folder in owners:
                raise FileConflictError(
                    f"{folder} is a file of {owners[folder][1]} and a folder of {whose}",
                    hint="They cannot be installed together; leave one of them out.",
                )
            folder = folder.rpartition(os.sep)[0]


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
