"""Wheels and sdists, read once: what of them can be published, and all that pages will say of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock

from packaging.utils import NormalizedName
from packaging.version import Version

from variant_index.errors import FolderError, refuse
from variant_index.state import SDIST_SUFFIXES, parse_filename
from variantctl.indexes.page_writer import PageFile
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.errors import WheelError
from variantctl.wheels.variant import read_variant
from variantctl.wheels.verify import check_claims, check_identity, verify_archive

Progress = Callable[[int, int], None]
"""Called with the bytes hashed so far and the bytes in all, from several threads in turn."""

_LARGE = 4 << 20


@dataclass(frozen=True, slots=True)
class IndexedFile:
    """One wheel or sdist that can be published.

    Attributes:
        filename: its name.
        name: the project's normalized name.
        version: the version.
        label: the variant label; ``None`` for a non-variant wheel and for an sdist.
        size: its length in bytes.
        sha256: its hash, in hexadecimal.
        upload_time: when it was last modified, as PEP 700 writes it.
        path: where it is on this machine; ``None`` where it lies in the index's store already.
        url: its link, where it lies in the index's store already, else ``""``.
        metadata: the content of its METADATA; ``None`` for an sdist.
        requires_python: its Requires-Python as written, or ``""``.
        variant: its variant metadata; ``None`` for what has no label.
        notes: what is odd about it, but allowed.
        provenance: the full URL of its provenance object (PEP 740), where another index has one.
    """

    filename: str
    name: NormalizedName
    version: Version
    label: str | None
    size: int
    sha256: str
    upload_time: str
    path: Path | None = None
    url: str = ""
    metadata: bytes | None = None
    requires_python: str = ""
    variant: VariantMetadata | None = None
    notes: tuple[str, ...] = ()
    provenance: str | None = None

    def page_file(self, url: str = "") -> PageFile:
        """What a page says of it when it is published at *url*."""
        digest = {"sha256": hashlib.sha256(self.metadata).hexdigest()} if self.metadata is not None else False
        return PageFile(
            self.filename,
            {"sha256": self.sha256},
            url=self.url or url,
            size=self.size,
            requires_python=self.requires_python,
            core_metadata=digest,
            upload_time=self.upload_time,
            provenance=self.provenance,
        )


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found.

    Attributes:
        files: the wheels and sdists that were read, by filename.
        unchanged: the names of those that are published already and were not opened.
        skipped: (filename, why) of every other file.
    """

    files: tuple[IndexedFile, ...]
    unchanged: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def scan_folder(
    folder: Path,
    known: Mapping[str, PageFile] | None = None,
    *,
    verify: bool = False,
    progress: Progress | None = None,
) -> Scan:
    """Read every wheel and sdist that lies directly in ``folder``; folders in it are not looked into.

    Args:
        folder: the folder.
        known: what the index has, by filename: see ``scan_paths``.
        verify: also inflate every file of every wheel and compare it with RECORD.
        progress: told how far hashing is.

    Raises:
        FolderError: there is no such folder, or nothing in it to publish.
        WheelError, InvalidVariantError: one wheel is not sound.
        UnpublishableError: several are not; all are named.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder}: there is no such folder", hint="give a folder of wheels")
    with os.scandir(folder) as entries:
        files = sorted(Path(entry.path) for entry in entries if not entry.is_dir())
    wanted = [path for path in files if path.suffix == ".whl" or _is_sdist(path)]
    taken = set(wanted)
    skipped = tuple(
        (path.name, "not a wheel or a source distribution") for path in files if path not in taken
    )
    if not wanted:
        raise FolderError(f"{folder}: there are no wheels in it", hint="give a folder of wheels")
    scan = scan_paths(wanted, known, verify=verify, progress=progress)
    return Scan(scan.files, scan.unchanged, skipped)


def scan_paths(
    paths: Sequence[Path],
    known: Mapping[str, PageFile] | None = None,
    *,
    verify: bool = False,
    progress: Progress | None = None,
) -> Scan:
    """Read wheels and sdists; each is hashed once.

    A file whose size and date are those that the index recorded (``size`` and ``upload-time``) is the one
    that is published: it is not opened.

    Raises:
        WheelError, InvalidVariantError: one file is not sound, or no wheel and no sdist.
        UnpublishableError: several are not; all are named.
    """
    unchanged: list[str] = []
    changed: list[Path] = []
    large: list[Path] = []
    total = 0
    for path in paths:
        try:
            found = path.stat()
        except OSError:  # the reader says why
            changed.append(path)
            continue
        published = (known or {}).get(path.name)
        if published is not None and not verify and _is_published(published, found):
            unchanged.append(path.name)
        else:
            changed.append(path)
            total += found.st_size
            if found.st_size >= _LARGE:
                large.append(path)
    reader = _Reader(verify, progress, total)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        # Of a large file most is hashing, which leaves the interpreter's lock. Of small ones most is Python:
        # threads would only hand the lock to and fro.
        handed = {path: pool.submit(reader.read, path) for path in large}
        kept = {path: reader.read(path) for path in changed if path not in handed}
        read = [handed[path].result() if path in handed else kept[path] for path in changed]
    refuse([item for item in read if isinstance(item, VariantctlError)])
    return Scan(tuple(item for item in read if isinstance(item, IndexedFile)), tuple(unchanged))


def upload_time(nanoseconds: int) -> str:
    """A time since 1970 as PEP 700 writes it: in UTC, with microseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc).replace(microsecond=rest // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


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


def _is_published(published: PageFile, found: os.stat_result) -> bool:
    return published.size == found.st_size and published.upload_time == upload_time(found.st_mtime_ns)


class _Reader:
    """Reads files from several threads; wheels of one version usually share one METADATA, kept once."""

    def __init__(self, verify: bool, progress: Progress | None, total: int) -> None:
        self._verify = verify
        self._progress = progress
        self._total = total
        self._done = 0
        self._lock = Lock()
        self._metadata: dict[bytes, bytes] = {}

    def read(self, path: Path) -> IndexedFile | VariantctlError:
        try:
            if path.name.endswith(SDIST_SUFFIXES):
                return self._sdist(path)
            return self._wheel(path)
        except VariantctlError as error:
            return error
        except OSError as error:
            return WheelError(path.name, f"cannot be read: {error.strerror}")

    def _sdist(self, path: Path) -> IndexedFile:
        names = parse_filename(path.name)
        size, sha256, modified = self._hash(path)
        return IndexedFile(path.name, names.name, names.version, None, size, sha256, modified, path)

    def _wheel(self, path: Path) -> IndexedFile:
        filename = parse_wheel_filename(path.name)
        size, sha256, modified = self._hash(path)
        with WheelArchive.open(path, filename) as archive:
            metadata, requires_python, variant, notes = read_wheel(archive, verify=self._verify)
        return IndexedFile(
            path.name,
            filename.name,
            filename.version,
            filename.label,
            size,
            sha256,
            modified,
            path,
            metadata=self._metadata.setdefault(metadata, metadata),
            requires_python=requires_python,
            variant=variant,
            notes=notes,
        )

    def _hash(self, path: Path) -> tuple[int, str, str]:
        hasher, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            modified = os.fstat(file.fileno()).st_mtime_ns
            while piece := file.read(1 << 20):
                hasher.update(piece)
                size += len(piece)
                self._report(len(piece))
        return size, hasher.hexdigest(), upload_time(modified)

    def _report(self, size: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._done += size
                self._progress(self._done, self._total)


def _is_sdist(path: Path) -> bool:
    if not path.name.endswith(SDIST_SUFFIXES):
        return False
    try:
        parse_filename(path.name)
    except InvalidVariantError:
        return False
    return True


def by_project(files: Iterable[IndexedFile]) -> dict[NormalizedName, list[IndexedFile]]:
    """The files of each project, in their order; projects by name."""
    groups: dict[NormalizedName, list[IndexedFile]] = {}
    for file in files:
        groups.setdefault(file.name, []).append(file)
    return dict(sorted(groups.items()))
