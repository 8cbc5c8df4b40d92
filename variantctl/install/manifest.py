"""What the store knows of an unpacked wheel: its files folder by folder, in columns.

A wheel may have tens of thousands of files, and an installation reads all of this: lists of strings and
numbers are parsed at once, where an object for each file would take longer than linking it does.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from variantctl.install.unpack import UnpackedFile
from variantctl.values import dataclass, field
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.wheels.record import encode_digest

FORMAT = 2


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """The files of an unpacked wheel that lie in one folder (not those in folders below it).

    Attributes:
        path: relative to the wheel's root, with ``/``; ``""`` is the root.
        names: the files.
        sizes: of each file, in bytes.
        times: when each was last modified as it was written, in nanoseconds; a later change is noticed by it.
        digests: of each file, the hash column of RECORD; ``""`` for RECORD and its signatures.
        executables: those with an executable bit.
    """

    path: str
    names: list[str]
    sizes: list[int]
    times: list[int]
    digests: list[str]
    executables: list[str]

    def files(self) -> Iterator[UnpackedFile]:
        """Each file as a value."""
        prefix = f"{self.path}/" if self.path else ""
        rows = zip(self.names, self.digests, self.sizes, self.times, strict=True)
        for name, digest, size, time in rows:
            yield UnpackedFile(f"{prefix}{name}", digest, size, name in self.executables, time)


@dataclass(frozen=True, slots=True)
class UnpackedWheel:
    """A wheel in the store, verified.

    Attributes:
        filename: the wheel's.
        sha256: of the wheel file, in hexadecimal.
        root: the folder of its files.
        dist_info: the name of its ``*.dist-info`` folder.
        folders: its files, by the folder they are in.
        umask: the umask its files were made under.
    """

    filename: WheelFilename
    sha256: str
    root: Path
    dist_info: str
    folders: tuple[StoredFolder, ...] = field(repr=False)
    umask: int

    @property
    def files(self) -> tuple[UnpackedFile, ...]:
        """Every file of it."""
        return tuple(file for folder in self.folders for file in folder.files())

    def read(self, path: str) -> bytes:
        """The content of one of its files."""
        return (self.root / path).read_bytes()

    def read_info(self, name: str) -> bytes | None:
        """The content of a file of its ``*.dist-info`` folder, or None."""
        try:
            return self.read(f"{self.dist_info}/{name}")
        except FileNotFoundError:
            return None


def in_folders(files: Iterable[UnpackedFile]) -> tuple[StoredFolder, ...]:
    """Files by the folder they are in."""
    folders: dict[str, StoredFolder] = {}
    for file in files:
        path, _, name = file.path.rpartition("/")
        folder = folders.get(path) or folders.setdefault(path, StoredFolder(path, [], [], [], [], []))
        folder.names.append(name)
        folder.sizes.append(file.size)
        folder.times.append(file.mtime_ns)
        folder.digests.append(file.digest)
        if file.executable:
            folder.executables.append(name)
    return tuple(folders.values())


def dump(wheel: UnpackedWheel) -> bytes:
    """The manifest of a wheel that was unpacked."""
    manifest = {
        "format": FORMAT,
        "filename": wheel.filename.filename,
        "sha256": wheel.sha256,
        "dist_info": wheel.dist_info,
        "umask": wheel.umask,
        "folders": [
            (
                folder.path,
                folder.names,
                folder.sizes,
                folder.times,
                folder.digests,
                folder.executables,
            )
            for folder in wheel.folders
        ],
    }
    return json.dumps(manifest, separators=(",", ":")).encode()


def load(data: bytes, root: Path, filename: WheelFilename, sha256: str) -> UnpackedWheel | None:
    """What ``dump`` was given; None for the manifest of another wheel or format.

    Args:
        data: the manifest.
        root: the folder of the wheel's files.
        filename: of the wheel that is looked for.
        sha256: of that wheel.

    Raises:
        ValueError, KeyError, TypeError: it is damaged.
    """
    manifest: dict[str, Any] = json.loads(data)
    if (manifest["format"], manifest["sha256"], manifest["filename"]) != (FORMAT, sha256, filename.filename):
        return None
    return _wheel(manifest, root, filename)


def read(data: bytes, root: Path) -> UnpackedWheel:
    """What ``dump`` was given, whichever wheel that is.

    Raises:
        ValueError, KeyError, TypeError, InvalidVariantError: it is damaged, or of another format.
    """
    manifest: dict[str, Any] = json.loads(data)
    if manifest["format"] != FORMAT:
        raise ValueError(f"format {manifest['format']!r}")
    return _wheel(manifest, root, parse_wheel_filename(manifest["filename"]))


def _wheel(manifest: dict[str, Any], root: Path, filename: WheelFilename) -> UnpackedWheel:
    folders = tuple(StoredFolder(*columns) for columns in manifest["folders"])
    return UnpackedWheel(
        filename, manifest["sha256"], root, manifest["dist_info"], folders, manifest["umask"]
    )


def is_unchanged(wheel: UnpackedWheel) -> bool:
    """Size and time are as they were written; where not (a link of it was edited, say), the hash decides."""
    return all(_folder_is_unchanged(folder, f"{wheel.root}{os.sep}{folder.path}") for folder in wheel.folders)


def _folder_is_unchanged(folder: StoredFolder, path: str) -> bool:
    # Whoever follows links in the store has put them there: the store itself has none.
    stat = os.stat
    rows = zip(folder.names, folder.sizes, folder.times, folder.digests, strict=True)
    try:
        with _inside(path) as (place, inside):
            for name, size, time, digest in rows:
                found = stat(inside + name, dir_fd=place)
                if found.st_size != size:
                    return False
                if found.st_mtime_ns != time and not _has_digest(f"{path}{os.sep}{name}", digest):
                    return False
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _inside(path: str) -> Iterator[tuple[int | None, str]]:
    """A folder to look from, and what goes before its names: with short names the kernel has less to do."""
    if os.stat not in os.supports_dir_fd:
        yield None, f"{path}{os.sep}"
        return
    place = os.open(path, os.O_RDONLY)
    try:
        yield place, ""
    finally:
        os.close(place)


def _has_digest(path: str, digest: str) -> bool:
    algorithm, _, expected = digest.partition("=")
    if not algorithm:
        return False
    with open(path, "rb") as file:  # noqa: PTH123
        hasher = hashlib.new(algorithm, file.read())
    return encode_digest(hasher.digest()) == expected
