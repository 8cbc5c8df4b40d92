"""What the cache holds: its buckets, and its wheels with when each was last used.

A use is recorded as the modification time of the small file beside a wheel (its record, its manifest): the
access times of the system are mostly turned off.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from variantctl.cache.buckets import (
    BUCKETS,
    BUILT,
    INTERPRETERS,
    PROVIDER_ENVIRONMENTS,
    SCRIPT_ENVIRONMENTS,
    WHEELS,
)
from variantctl.cache.manifest_format import head_of
from variantctl.cache.unpacked import FOLDER
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename

INSTALL = "install"
"""The folder of the cache below which wheels are unpacked."""

ALL_BUCKETS = {
    **BUCKETS,
    f"{INSTALL}/{FOLDER}": "wheels unpacked, which environments link to",
    INTERPRETERS: "facts about interpreters",
    PROVIDER_ENVIRONMENTS: "environments of provider plugins",
    SCRIPT_ENVIRONMENTS: "environments of scripts",
}
"""Every bucket that this version reads -> what is in it."""

_VERSIONED = re.compile(r"(.+)-v\d+")
_STEMS = {match[1] for name in ALL_BUCKETS if (match := _VERSIONED.fullmatch(name))}
_TEMPORARY = (".tmp-", ".new-", ".lock-")


@dataclass(frozen=True)
class Bucket:
    """One folder of the cache.

    Attributes:
        name: relative to the cache.
        what: what is in it, in words.
        current: whether this version of variantctl reads it.
        entries: how many things it holds (wheels for wheels, files for the rest).
        size: in bytes.
    """

    name: str
    what: str
    current: bool
    entries: int
    size: int


@dataclass(frozen=True)
class CachedWheel:
    """One wheel, as a file or unpacked.

    Attributes:
        filename: the wheel's.
        sha256: of the wheel file; ``None`` for one that was built here.
        path: the folder to take away to be rid of it: the entry of the file, or the unpacked wheel.
        unpacked: which of the two it is.
        size: in bytes.
        used: when it was last used, in seconds since the epoch.
    """

    filename: WheelFilename
    sha256: str | None
    path: Path
    unpacked: bool
    size: int
    used: float


class CacheUsage:
    """The content of one cache folder, as it is when it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def is_empty(self) -> bool:
        """Whether nothing of ours is there; the folder itself may be, and be somebody else's."""
        return not self._bucket_names() and not any(self.root.glob(".trash-*"))

    def buckets(self) -> list[Bucket]:
        """Every bucket that is there, those of other versions of variantctl too."""
        found = []
        for name in self._bucket_names():
            entries, size = tree_size(self.root / name)
            if name == f"{INSTALL}/{FOLDER}":
                entries = sum(1 for _ in self._unpacked_folders())
            elif name in (WHEELS, BUILT):
                entries = sum(1 for _ in (self.root / name).glob("*/*/*.whl"))
            what = ALL_BUCKETS.get(name, "of another version of variantctl")
            found.append(Bucket(name, what, name in ALL_BUCKETS, entries, size))
        return found

    def wheels(self) -> list[CachedWheel]:
        """Every wheel, those most recently used last."""
        return sorted(
            [*self._packed(), *self._unpacked()], key=lambda held: (held.used, held.unpacked, held.path)
        )

    def leftovers(self) -> Iterator[Path]:
        """What an interrupted command left: temporary files and folders, and what was being removed."""
        yield from sorted(self.root.glob(".trash-*"))
        for name in self._bucket_names():
            # Wheels and environments are deep, and have nothing temporary in them.
            shallow = name in (f"{INSTALL}/{FOLDER}", PROVIDER_ENVIRONMENTS, SCRIPT_ENVIRONMENTS)
            for level in ("", "*/", "*/*/")[: 1 if shallow else 3]:
                for prefix in _TEMPORARY:
                    yield from sorted((self.root / name).glob(f"{level}{prefix}*"))

    def _bucket_names(self) -> list[str]:
        places = [self.root, self.root / INSTALL]
        names = [
            f"{prefix}{entry.name}"
            for place, prefix in zip(places, ("", f"{INSTALL}/"), strict=True)
            if place.is_dir()
            for entry in place.iterdir()
            if entry.is_dir()
        ]
        # Only what is certainly ours: the folder may have been named by mistake.
        return sorted(name for name in names if (match := _VERSIONED.fullmatch(name)) and match[1] in _STEMS)

    def _packed(self) -> Iterator[CachedWheel]:
        for bucket in (WHEELS, BUILT):
            for path in (self.root / bucket).glob("*/*/*.whl"):
                filename = _parsed(path.name)
                record = path.with_name(f"{path.name}.json")
                try:
                    used = (record if bucket == WHEELS and record.exists() else path).stat().st_mtime
                    size = path.stat().st_size
                except OSError:
                    continue
                if filename is not None:
                    sha256 = path.parent.name if bucket == WHEELS else None
                    yield CachedWheel(filename, sha256, path.parent, False, size, used)

    def _unpacked(self) -> Iterator[CachedWheel]:
        for folder in self._unpacked_folders():
            try:
                manifest = head_of((folder / "manifest.json").read_bytes())
                filename, sha256 = _parsed(manifest["filename"]), str(manifest["sha256"])
                used = (folder / "manifest.json").stat().st_mtime
            except (OSError, ValueError, LookupError, TypeError):
                continue
            if filename is not None:
                yield CachedWheel(filename, sha256, folder, True, tree_size(folder)[1], used)

    def _unpacked_folders(self) -> Iterator[Path]:
        folder = self.root / INSTALL / FOLDER
        if folder.is_dir():
            yield from (path for path in folder.iterdir() if not path.name.startswith("."))


def tree_size(path: Path) -> tuple[int, int]:
    """The files below a path (or the one file there), and their bytes; links are not followed."""
    try:
        found = path.lstat()
    except OSError:
        return 0, 0
    if not path.is_dir() or path.is_symlink():
        return 1, found.st_size
    files = size = 0
    waiting = [os.fspath(path)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        files += 1
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            # Another process took it away meanwhile.
            continue
    return files, size


def _parsed(name: str) -> WheelFilename | None:
    try:
        return parse_wheel_filename(name)
    except InvalidVariantError:
        return None
