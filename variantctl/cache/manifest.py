"""What the store knows of an unpacked wheel: its files folder by folder, in columns.

A wheel may have tens of thousands of files, and an installation reads all of this: lists of strings and
numbers are parsed at once, where an object for each file would take longer than linking it does.
``columns`` says how they are written down.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cache.manifest_format import head_of, join, rows_of, stamps_of
from variantctl.values import dataclass, field

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.cache.manifest_format import Row
    from variantctl.variants.filenames import WheelFilename

#: What csv puts into quotes, or may: a name with it is left to csv.
_QUOTED = r"(?a)[^\w./+@~=!#$%&()\[\]{}<>:;^-]"


@dataclass(frozen=True, slots=True)
class UnpackedFile:
    """One file of an unpacked wheel.

    Attributes:
        path: relative to the wheel's root, with ``/``.
        digest: the hash column of RECORD (``sha256=...``), ``""`` for RECORD and its signatures.
        size: in bytes.
        executable: its mode in the archive had an executable bit.
        mtime_ns: its modification time when it was written, by which a later change is noticed; 0 where that
            was not read.
    """

    path: str
    digest: str
    size: int
    executable: bool
    mtime_ns: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StoredFolder:
    """The files of an unpacked wheel that lie in one folder (not those in folders below it).

    Attributes:
        path: relative to the wheel's root, with ``/``; ``""`` is the root.
        names: the files.
        executables: those with an executable bit.
        record: a row for each file, as RECORD has it: path, hash (empty for RECORD and its signatures), size.
        times: when each was last modified as it was written, in nanoseconds; empty where that was not read.
    """

    path: str
    names: list[str]
    executables: list[str]
    record: str = field(repr=False)
    times: Sequence[int] = field(default=(), compare=False, repr=False)

    def files(self) -> Iterator[UnpackedFile]:
        """Each file as a value."""
        times = self.times or (0,) * len(self.names)
        rows = csv.reader(io.StringIO(self.record))
        for name, (path, digest, size), time in zip(self.names, rows, times, strict=True):
            yield UnpackedFile(path, digest, int(size), name in self.executables, time)

    def row(self) -> Row:
        """As the manifest has it."""
        return self.path, self.names, self.executables, self.record

    def sizes(self) -> list[int]:
        """Of each file, in bytes."""
        return [file.size for file in self.files()]


@dataclass(frozen=True, slots=True)
class UnpackedWheel:
    """A wheel in the store, verified.

    Attributes:
        filename: the wheel's.
        name: the project's normalized name.
        version: the project's version, normalized.
        sha256: of the wheel file, in hexadecimal.
        root: the folder of its files.
        dist_info: the name of its ``*.dist-info`` folder.
        folders: its files, by the folder they are in.
        umask: the umask its files were made under.
        untidy: what the format does not allow and what harms nobody, in sentences.
        size: of the wheel file, in bytes; 0 where an older variantctl unpacked it.
    """

    filename: str
    name: NormalizedName
    version: str
    sha256: str
    root: Path
    dist_info: str
    folders: tuple[StoredFolder, ...] = field(repr=False)
    umask: int
    untidy: tuple[str, ...] = ()
    size: int = 0

    def has_size(self, size: int | None) -> bool:
        """Whether the wheel file had the size that a source promises, as far as both are known."""
        return size is None or self.size in (0, size)

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


def unpacked_wheel(
    filename: WheelFilename,
    sha256: str,
    root: Path,
    dist_info: str,
    files: Iterable[UnpackedFile],
    umask: int,
    untidy: Sequence[str] = (),
    size: int = 0,
) -> UnpackedWheel:
    """The value of a wheel whose files were just written."""
    folders: dict[str, list[UnpackedFile]] = {}
    for file in files:
        folders.setdefault(file.path.rpartition("/")[0], []).append(file)
    return UnpackedWheel(
        filename.filename,
        filename.name,
        str(filename.version),
        sha256,
        root,
        dist_info,
        tuple(_stored_folder(path, inside) for path, inside in folders.items()),
        umask,
        tuple(untidy),
        size,
    )


def _stored_folder(path: str, files: Sequence[UnpackedFile]) -> StoredFolder:
    skip = len(path) + 1 if path else 0
    names = [file.path[skip:] for file in files]
    if re.search(_QUOTED, "".join(names)) or re.search(_QUOTED, path):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows((file.path, file.digest, file.size) for file in files)
        record = text.getvalue()
    else:
        # A large wheel is almost nothing but this, and the writer would take longer for it than links do.
        record = "".join([f"{file.path},{file.digest},{file.size}\n" for file in files])
    executables = [name for name, file in zip(names, files, strict=True) if file.executable]
    return StoredFolder(path, names, executables, record, [file.mtime_ns for file in files])


def dump(wheel: UnpackedWheel, files: Iterable[UnpackedFile]) -> bytes:
    """The manifest of a wheel that was unpacked.

    Args:
        wheel: the wheel.
        files: what ``unpacked_wheel`` was given.
    """
    sizes = {file.path: file.size for file in files}
    head = {
        "filename": wheel.filename,
        "name": wheel.name,
        "version": wheel.version,
        "sha256": wheel.sha256,
        "dist_info": wheel.dist_info,
        "umask": wheel.umask,
        "untidy": wheel.untidy,
        "size": wheel.size,
    }
    stamps = [
        ([sizes[f"{folder.path}/{name}" if folder.path else name] for name in folder.names], folder.times)
        for folder in wheel.folders
    ]
    return join(head, [folder.row() for folder in wheel.folders], stamps)


def load(data: bytes, root: Path) -> UnpackedWheel:
    """What ``dump`` was given, but for the times.

    Args:
        data: the manifest.
        root: the folder of the wheel's files.

    Raises:
        ValueError, LookupError, TypeError: it is damaged, or of another format.
    """
    return _wheel(data, root)


def read(data: bytes, root: Path) -> UnpackedWheel:
    """What ``dump`` was given.

    Raises:
        ValueError, LookupError, TypeError: it is damaged, or of another format.
    """
    return _wheel(data, root, [times for _, times in stamps_of(data)])


def _wheel(data: bytes, root: Path, times: Sequence[Sequence[int]] | None = None) -> UnpackedWheel:
    head = head_of(data)
    rows = list(rows_of(data, head))
    each = [()] * len(rows) if times is None else times
    return UnpackedWheel(
        head["filename"],
        head["name"],
        head["version"],
        head["sha256"],
        root,
        head["dist_info"],
        tuple(StoredFolder(*row, when) for row, when in zip(rows, each, strict=True)),
        head["umask"],
        # Older variantctl refused such wheels.
        tuple(head.get("untidy", ())),
        head.get("size", 0),
    )
