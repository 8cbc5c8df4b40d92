"""What an installed package leaves when it goes: the files of its RECORD, and what was compiled from them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterable, Iterator

from variantctl.filesystem.errors import InstallError
from variantctl.install.roots import Roots
from variantctl.target.installed import InstalledPackage
from variantctl.target.integrity import is_as_recorded
from variantctl.values import dataclass


@dataclass(frozen=True, slots=True)
class Removal:
    """The removal of some packages.

    Attributes:
        packages: the packages.
        files: what is taken away, absolute; all of it exists.
        kept: files that stay, because another package owns them too.
        ours: files that stay, because they are named as variantctl's own; no sound package has any.
        altered: of the kept ones, those that are not as the other package has them, with that package's
            name: one of the removed packages had written over them.
    """

    packages: tuple[InstalledPackage, ...]
    files: tuple[str, ...]
    kept: tuple[str, ...]
    ours: tuple[str, ...] = ()
    altered: tuple[tuple[str, str], ...] = ()


def removal_of(
    packages: Collection[InstalledPackage], installed: Iterable[InstalledPackage], roots: Roots
) -> Removal:
    """Which files go with ``packages``, of the ``installed`` ones.

    Raises:
        InstallError: one of them was not installed from a wheel, so its files are not known.
        BrokenPackageError: one has no RECORD.
        UnsafePathError: a RECORD names a file outside the environment.
    """
    wanted: dict[str, None] = {}
    for package in packages:
        if package.legacy:
            raise InstallError(
                f"{package.name} {package.version} ({package.dist_info}) was not installed "
                "from a wheel, so its files are not known",
                hint=f"Remove it with the tool that installed it, perhaps `pip uninstall {package.name}`.",
            )
        wanted |= dict.fromkeys(_files_of(package, roots))
    going = {package.dist_info for package in packages}
    staying = [package for package in installed if package.dist_info not in going and not package.legacy]
    kept = _owned_by(staying, wanted) if wanted else set()
    ours = tuple(path for path in wanted if roots.is_reserved(path))
    files = tuple(path for path in wanted if path not in kept and path not in ours)
    altered = _altered(staying, kept) if kept else ()
    return Removal(tuple(packages), files, tuple(sorted(kept)), ours, tuple(sorted(altered)))


def _files_of(package: InstalledPackage, roots: Roots) -> list[str]:
    whose = f"{package.name} {package.version}"
    found: dict[str, None] = {}
    compiled = _Compiled()
    for file in package.files():
        path = str(file.path)
        roots.check(path, whose)
        # A folder is never anybody's alone.
        if os.path.lexists(path) and (os.path.islink(path) or not os.path.isdir(path)):
            found[path] = None
        if path.endswith(".py"):
            found |= dict.fromkeys(compiled.of(path))
    # What installers leave beside RECORD without listing it there (uv's cache note, a stray REQUESTED).
    if package.dist_info.is_dir() and not package.dist_info.is_symlink():
        found |= dict.fromkeys(_below(str(package.dist_info)))
    return list(found)


def _below(folder: str) -> Iterator[str]:
    """All that is no folder, links included; without calling itself, however deep it is."""
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    yield entry.path


class _Compiled:
    """The compiled files beside modules, each ``__pycache__`` read once."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, list[str]]] = {}

    def of(self, module: str) -> list[str]:
        folder, name = os.path.split(module)
        cache = f"{folder}{os.sep}__pycache__"
        if cache not in self._names:
            self._names[cache] = self._read(cache)
        return self._names[cache].get(name.removesuffix(".py"), [])

    def _read(self, cache: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        if os.path.islink(cache):
            return found
        try:
            names = os.listdir(cache)
        except (FileNotFoundError, NotADirectoryError):
            return found
        for name in names:
            # PEP 3147: module.tag.pyc (with .opt-N or a tool's own mark in the middle).
            if name.endswith((".pyc", ".pyo")):
                found.setdefault(name.partition(".")[0], []).append(f"{cache}{os.sep}{name}")
        return found


def _owned_by(packages: Iterable[InstalledPackage], paths: Collection[str]) -> set[str]:
    """Which of ``paths`` other packages list in their RECORD."""
    return {path for package in packages for path in owned_paths(package) if path in paths}


def _altered(packages: Iterable[InstalledPackage], paths: Collection[str]) -> Iterator[tuple[str, str]]:
    for package in packages:
        if not any(path in paths for path in owned_paths(package)):
            continue
        for file in package.files():
            if str(file.path) in paths and file.digest and not is_as_recorded(file):
                yield str(file.path), package.name


def owned_paths(package: InstalledPackage) -> Iterable[str]:
    """The absolute paths in a package's RECORD; none where that cannot be read."""
    import csv

    base = os.path.normpath(package.dist_info.parent)
    try:
        text = (package.dist_info / "RECORD").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    rows = csv.reader(text.splitlines())
    for row in _readable(rows):
        path = row[0]
        plain = not path.startswith(("/", ".")) and "/." not in path and os.sep == "/"
        yield f"{base}/{path}" if plain else os.path.normpath(os.path.join(base, path))


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Those up to the first that is no CSV: a package that cannot be read must not keep others from going."""
    import csv

    with contextlib.suppress(csv.Error):
        yield from (row for row in rows if row)


def emptied_folders(files: Iterable[str], roots: Roots) -> list[str]:
    """The folders that may be empty once ``files`` are gone, deepest first; never one of the scheme's own."""
    found: set[str] = set()
    for file in files:
        folder = os.path.dirname(file)
        while folder not in found and not roots.is_root(folder) and len(folder) > 1:
            found.add(folder)
            folder = os.path.dirname(folder)
    return sorted(found, key=lambda folder: (-folder.count(os.sep), folder))


#: It holds something (POSIX allows two answers), is gone already, is no folder, or is a mount point.
_STAYS = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EBUSY)


def remove_emptied(folders: Iterable[str]) -> None:
    """Remove those that are empty; the others stay.

    Raises:
        OSError: one is empty and cannot be removed.
    """
    for folder in folders:
        try:
            os.rmdir(folder)
        except OSError as error:
            if error.errno not in _STAYS:
                raise
