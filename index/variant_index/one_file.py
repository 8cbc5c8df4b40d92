"""The work of one wheel or sdist: its hash, its metadata, what its code is for.

It is one function from value to value. It runs in this process, in another one, or on another machine, and
notes what it found (``journal``). A wheel in a store of which the SHA-256 is known is read by ranges: its
directory, METADATA, WHEEL, RECORD and variant.json. Where all of it is wanted, it is fetched once, in ranges
of 8 MB, and then read from here.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from variant_index.destinations import Destination
from variant_index.errors import Conflict, DestinationError
from variant_index.folder import LocalFolder
from variant_index.indexed_file import IndexedFile, upload_time
from variant_index.inside import Inside
from variant_index.journal import FileRead, Journal, key_of
from variant_index.layout import folder_of, sidecar
from variant_index.locations import open_destination
from variant_index.state import SDIST_SUFFIXES, parse_filename
from variantctl.values import dataclass, replace
from variantctl.variants.errors import VariantctlError
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.audit import WheelAudit, audit_archive
from variantctl.wheels.errors import WheelError
from variantctl.wheels.limits import Limits
from variantctl.wheels.variant import read_variant
from variantctl.wheels.verify import check_claims, check_identity, verify_archive

#: Whether code is looked into: in any case; where the wheel is read whole anyway; not at all.
ALWAYS, IF_READ, NEVER = "always", "if-read", "never"
#: Bytes of one request to a store; and how large a wheel may be to be kept in memory, not in a file.
RANGE, IN_MEMORY = 8 << 20, 8 << 20
_PIECE = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")

Report = Callable[[int], None]
"""Called with the bytes that were done since it was called last."""


@dataclass(frozen=True, slots=True)
class FileAt:
    """A wheel or sdist that is to be read.

    Attributes:
        place: a folder, or the URL of an object store.
        path: where it is there.
        size: its length in bytes, as it was listed.
        modified: when it was last modified, as PEP 700 writes it, as it was listed.
        stays: whether an index at this place is to link to it where it is.
        verify: whether every file in it is inflated and compared with RECORD.
        audit: ``ALWAYS``, ``IF_READ`` or ``NEVER``.
        journal: the folder or URL where it is noted; ``""``: nowhere.
        noted: whether something was noted under its key when this began.
        has_digest: whether there may be a file ``{path}.sha256`` beside it.
    """

    place: str
    path: str
    size: int
    modified: str
    stays: bool = False
    verify: bool = False
    audit: str = NEVER
    journal: str = ""
    noted: bool = False
    has_digest: bool = False

    @property
    def key(self) -> str:
        """The name of its note."""
        asked = (self.stays, self.verify, self.audit)
        return key_of([self.place, self.path, self.size, self.modified, *asked])


def read_file(task: FileAt, report: Report = lambda _size: None) -> FileRead:
    """Read one wheel or sdist. What is wrong with it is in what is given back.

    Raises:
        DestinationError: the place cannot be read: nothing is said about the file.
    """
    journal = Journal(place_of(task.journal)) if task.journal else None
    if journal is not None and task.noted and (noted := journal.read(task.key)) is not None:
        report(task.size)
        return _at(noted, task)
    try:
        read = _read(task, place_of(task.place), report)
    except DestinationError:
        raise
    except VariantctlError as error:
        return FileRead(None, error)
    except OSError as error:
        return FileRead(None, WheelError(posixpath.basename(task.path), f"cannot be read: {error.strerror}"))
    if journal is not None:
        journal.write(task.key, read)
    return read


def read_wheel(
    archive: WheelArchive, *, verify: bool = False
) -> tuple[bytes, str, VariantMetadata | None, tuple[str, ...]]:
    """METADATA, Requires-Python, variant metadata and notes of a wheel that claims to be sound.

    Raises:
        WheelError, InvalidVariantError: it is not.
    """
    notes = verify_archive(archive) if verify else check_claims(archive).notes
    requires_python = check_identity(archive).requires_python_text
    return archive.metadata_bytes(), requires_python, read_variant(archive), notes


def place_of(target: str) -> Destination:
    """The place that somebody else calls so (``Destination.target``), opened once in a process."""
    if target not in _PLACES:
        _PLACES[target] = open_destination(target)
    return _PLACES[target]


def remember(place: Destination) -> None:
    """A place that is open: who reads it in this process need not open it again."""
    _PLACES[place.target] = place


_PLACES: dict[str, Destination] = {}


@contextmanager
def fetched(
    destination: Destination, path: str, size: int, report: Report = lambda _size: None
) -> Iterator[tuple[BinaryIO, str]]:
    """A file that can be read at any place as often as is wanted, and its SHA-256.

    From a store it is fetched once: into memory, or into a file that has no name.

    Raises:
        DestinationError: it cannot be read from a store, or there is no room for it.
        OSError: it cannot be read from a folder.
    """
    if isinstance(destination, LocalFolder):
        with Path(destination.root, path).open("rb") as file:
            yield file, _hashed(file, None, _PIECE, report)
        return
    try:
        with destination.open(path, size) as source, _place_for(size) as copy:
            sha256 = _hashed(source, copy, RANGE, report)
            copy.seek(0)
            yield copy, sha256
    except OSError as error:
        raise DestinationError(
            f"{destination.name}/{path}: there is no room for {size:,} bytes: {error.strerror}",
            hint="Make room in the folder for temporary files, or name another one in TMPDIR.",
        ) from error


def audit_open(archive: WheelArchive, where: Path | str) -> WheelAudit:
    """Look into a wheel that is open, unless it is a bomb.

    Raises:
        WheelError: it would be larger than it may be.
    """
    Limits().check(archive)
    return audit_archive(archive, where)


def _at(noted: FileRead, task: FileAt) -> FileRead:
    """What was noted has no path of this machine."""
    assert noted.file is not None
    return replace(noted, file=replace(noted.file, path=_path_of(task)))


def _path_of(task: FileAt) -> Path | None:
    return None if task.stays else Path(task.place, task.path)


def _read(task: FileAt, destination: Destination, report: Report) -> FileRead:
    is_wheel = not task.path.endswith(SDIST_SUFFIXES)
    digest = None
    if not isinstance(destination, LocalFolder):
        digest = destination.digest(task.path)
        if digest is None and task.has_digest:
            digest = _digest_beside(destination, task.path)
    if digest is not None and not (is_wheel and (task.verify or task.audit == ALWAYS)):
        report(task.size)
        if not is_wheel:
            return FileRead(_file(task, digest, task.size, task.modified))
        with destination.open(task.path, task.size) as file:
            return _of_wheel(task, file, digest, look=False)
    with fetched(destination, task.path, task.size, report) as (file, sha256):
        if digest is not None and digest != sha256:
            raise WheelError(
                posixpath.basename(task.path),
                f"its SHA-256 is {sha256}, and the store says that it is {digest}",
                hint="Somebody replaced the file, or what the store says of it: upload it again.",
            )
        streamed = digest is None and task.stays
        if not is_wheel:
            return FileRead(_file(task, sha256, *_size_and_date(task, file)), streamed=streamed)
        read = _of_wheel(task, file, sha256, look=task.audit != NEVER)
        return replace(read, streamed=streamed)


def _of_wheel(task: FileAt, file: BinaryIO, sha256: str, *, look: bool) -> FileRead:
    size, modified = _size_and_date(task, file)
    with WheelArchive.from_file(file, posixpath.basename(task.path)) as archive:
        metadata, requires_python, variant, notes = read_wheel(archive, verify=task.verify)
        raw = archive.variant_json_bytes() if variant is not None else None
        inside = None
        if look:
            try:
                inside = Inside.of(audit_open(archive, task.path))
            except VariantctlError as error:
                notes = (*notes, f"{error.message}; what is inside is not known")
    read = replace(
        _file(task, sha256, size, modified),
        metadata=metadata,
        requires_python=requires_python,
        variant=variant,
        notes=notes,
        inside=inside,
    )
    if task.stays:
        _write_beside(place_of(task.place), task.path, metadata)
        read = replace(read, beside=True)
    return FileRead(read, variant_json=raw)


def _file(task: FileAt, sha256: str, size: int, modified: str) -> IndexedFile:
    filename = posixpath.basename(task.path)
    names = parse_filename(filename)
    url = quote(posixpath.relpath(task.path, folder_of(names.name))) if task.stays else ""
    path = _path_of(task)
    return IndexedFile(filename, names.name, names.version, names.label, size, sha256, modified, path, url)


def _write_beside(destination: Destination, path: str, metadata: bytes) -> None:
    """Write a wheel's METADATA beside it, where it is not there yet."""
    try:
        destination.replace(sidecar(path), metadata, None)
    except Conflict:
        stored = destination.read(sidecar(path))
        if stored is None or stored.content != metadata:
            destination.write(sidecar(path), metadata)


def _size_and_date(task: FileAt, file: BinaryIO) -> tuple[int, str]:
    """Of a file of this machine those of what was opened; of an object what was listed."""
    if task.stays:
        return task.size, task.modified
    found = os.fstat(file.fileno())
    return found.st_size, upload_time(found.st_mtime_ns)


def _hashed(source: BinaryIO, copy: BinaryIO | None, size: int, report: Report) -> str:
    hasher = hashlib.sha256()
    while piece := source.read(size):
        hasher.update(piece)
        if copy is not None:
            copy.write(piece)
        report(len(piece))
    return hasher.hexdigest()


@contextmanager
def _place_for(size: int) -> Iterator[BinaryIO]:
    if size <= IN_MEMORY:
        yield io.BytesIO()
        return
    with tempfile.TemporaryFile() as file:
        yield file


def _digest_beside(destination: Destination, path: str) -> str | None:
    stored = destination.read(f"{path}.sha256")
    match = _SHA256.match(stored.content.decode("ascii", "replace").lower()) if stored else None
    return match[0] if match else None
