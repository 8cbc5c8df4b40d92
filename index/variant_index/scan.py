"""A folder of wheels, read once: what of it can be published, and all that its pages will say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from packaging.utils import InvalidSdistFilename, NormalizedName, parse_sdist_filename
from packaging.version import Version

from variant_index.errors import FolderError, refuse
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.variants.metadata import VariantMetadata
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.errors import WheelError
from variantctl.wheels.variant import read_variant
from variantctl.wheels.verify import check_claims, check_identity, verify_archive

Progress = Callable[[int, int], None]
"""Called with the bytes hashed so far and the bytes in all, from several threads in turn."""

_SDIST_SUFFIXES = (".tar.gz", ".zip")


@dataclass(frozen=True, slots=True)
class IndexedWheel:
    """One wheel that can be published.

    Attributes:
        path: where it is.
        filename: its parsed filename.
        size: its length in bytes.
        sha256: its hash, in hexadecimal.
        metadata: the content of its METADATA.
        requires_python: its Requires-Python as written, or ``""``.
        variant: its variant metadata; ``None`` for a non-variant wheel.
        notes: what is odd about it, but allowed.
    """

    path: Path
    filename: WheelFilename
    size: int
    sha256: str
    metadata: bytes
    requires_python: str
    variant: VariantMetadata | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexedSdist:
    """One source distribution that can be published.

    Attributes:
        path: where it is.
        name: the project's normalized name.
        version: the version.
        size: its length in bytes.
        sha256: its hash, in hexadecimal.
    """

    path: Path
    name: NormalizedName
    version: Version
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What a folder holds.

    Attributes:
        wheels: the wheels, by filename.
        sdists: the source distributions, by filename.
        skipped: (filename, why) of every other file.
    """

    wheels: tuple[IndexedWheel, ...]
    sdists: tuple[IndexedSdist, ...]
    skipped: tuple[tuple[str, str], ...]


def scan_folder(folder: Path, *, verify: bool = False, progress: Progress | None = None) -> Scan:
    """Read every wheel and sdist that lies directly in ``folder``; each is hashed once.

    Args:
        folder: the folder; folders in it are not looked into.
        verify: also inflate every file of every wheel and compare it with RECORD.
        progress: told how far hashing is.

    Raises:
        FolderError: there is no such folder, or nothing in it to publish.
        WheelError, InvalidVariantError: one wheel is not sound.
        UnpublishableError: several are not; all are named.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder}: there is no such folder", hint="give a folder of wheels")
    files = sorted((path for path in folder.iterdir() if not path.is_dir()), key=lambda path: path.name)
    names = {path: _sdist_name(path) for path in files}
    wanted = [path for path in files if path.suffix == ".whl" or names[path]]
    skipped = tuple(
        (path.name, "not a wheel or a source distribution") for path in files if path not in wanted
    )
    if not wanted:
        raise FolderError(f"{folder}: there are no wheels in it", hint="give a folder of wheels")
    reader = _Reader(verify, progress, sum(path.stat().st_size for path in wanted if path.exists()))
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        found = list(pool.map(lambda path: reader.read(path, names[path]), wanted))
    refuse([item for item in found if isinstance(item, VariantctlError)])
    return Scan(
        wheels=tuple(item for item in found if isinstance(item, IndexedWheel)),
        sdists=tuple(item for item in found if isinstance(item, IndexedSdist)),
        skipped=skipped,
    )


class _Reader:
    """Reads files from several threads; wheels of one version usually share one METADATA, kept once."""

    def __init__(self, verify: bool, progress: Progress | None, total: int) -> None:
        self._verify = verify
        self._progress = progress
        self._total = total
        self._done = 0
        self._lock = Lock()
        self._metadata: dict[bytes, bytes] = {}

    def read(
        self, path: Path, sdist: tuple[NormalizedName, Version] | None
    ) -> IndexedWheel | IndexedSdist | VariantctlError:
        try:
            if sdist is not None:
                size, sha256 = self._hash(path)
                return IndexedSdist(path, *sdist, size, sha256)
            return self._wheel(path)
        except VariantctlError as error:
            return error
        except OSError as error:
            return WheelError(path.name, f"cannot be read: {error.strerror}")

    def _wheel(self, path: Path) -> IndexedWheel:
        filename = parse_wheel_filename(path.name)
        size, sha256 = self._hash(path)
        with WheelArchive.open(path, filename) as archive:
            notes = verify_archive(archive) if self._verify else check_claims(archive)
            metadata = archive.metadata_bytes()
            return IndexedWheel(
                path=path,
                filename=filename,
                size=size,
                sha256=sha256,
                metadata=self._metadata.setdefault(metadata, metadata),
                requires_python=check_identity(archive).requires_python_text,
                variant=read_variant(archive),
                notes=notes,
            )

    def _hash(self, path: Path) -> tuple[int, str]:
        hasher, size = hashlib.sha256(), 0
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                hasher.update(piece)
                size += len(piece)
                self._report(len(piece))
        return size, hasher.hexdigest()

    def _report(self, size: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._done += size
                self._progress(self._done, self._total)


def _sdist_name(path: Path) -> tuple[NormalizedName, Version] | None:
    if not path.name.endswith(_SDIST_SUFFIXES):
        return None
    try:
        return parse_sdist_filename(path.name)
    except InvalidSdistFilename:
        return None
