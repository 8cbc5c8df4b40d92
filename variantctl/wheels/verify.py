"""Is this wheel what it says it is? Its METADATA, its RECORD, its variant.json, every byte."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from variantctl.values import dataclass
from variantctl.variants.filenames import WheelFilename
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.entry_points import MEMBER as ENTRY_POINTS
from variantctl.wheels.entry_points import Scripts, read_scripts
from variantctl.wheels.errors import DAMAGED, MISTRUST, WheelError
from variantctl.wheels.metadata import CoreMetadata, parse_core_metadata
from variantctl.wheels.record import RecordEntry, check_names, raise_first, read_record, verified_chunks
from variantctl.wheels.variant import read_variant, stray_variant_json

Progress = Callable[[int, int], None]
"""Called with the bytes done so far and the bytes in all, perhaps from several threads in turn."""


def verify_wheel(
    path: Path, *, expected: WheelFilename | None = None, progress: Progress | None = None
) -> tuple[str, ...]:
    """Check a wheel on disk completely: every file is inflated and hashed, in bounded memory.

    Args:
        path: the wheel.
        expected: the filename it should answer to, where it is kept under another one.
        progress: told how far hashing is.

    Returns:
        Notes about what is odd, but allowed.

    Raises:
        WheelError: it is not sound.
        InvalidVariantError: its filename or its ``variant.json`` is invalid.
    """
    with WheelArchive.open(path, expected) as archive:
        return verify_archive(archive, progress=progress)


def verify_archive(archive: WheelArchive, *, progress: Progress | None = None) -> tuple[str, ...]:
    """``verify_wheel`` for an archive that is open already."""
    claims = check_claims(archive)
    check_contents(archive, claims.record, progress)
    return claims.notes


@dataclass(frozen=True)
class RecordClaims:
    """What a wheel says about itself, found to be consistent.

    Attributes:
        record: RECORD's rows by path.
        notes: about what is odd, but allowed.
        untidy: of these, what the format does not allow and what harms nobody.
    """

    record: Mapping[str, RecordEntry]
    notes: tuple[str, ...]
    untidy: tuple[str, ...] = ()


def check_claims(archive: WheelArchive) -> RecordClaims:
    """Everything but the hashes: METADATA, WHEEL, variant.json, scripts, and the names and sizes in RECORD.

    Raises:
        WheelError: it is not sound.
        InvalidVariantError: its ``variant.json`` is invalid.
    """
    check_identity(archive)
    if f"{archive.dist_info}/WHEEL" not in archive:
        raise archive.error("it has no WHEEL file", hint=DAMAGED)
    read_variant(archive)
    record = read_record(archive)
    check_names(archive, record.entries)
    stray = stray_variant_json(archive)
    untidy = (*archive.untidy, *record.untidy, *scripts_of(archive).untidy)
    return RecordClaims(record.entries, (*((stray,) if stray else ()), *untidy), untidy)


def scripts_of(archive: WheelArchive) -> Scripts:
    """The scripts that a wheel asks for.

    Raises:
        WheelError: its ``entry_points.txt`` cannot be parsed, or has a name that is no plain file name.
    """
    member = f"{archive.dist_info}/{ENTRY_POINTS}"
    if member not in archive:
        return Scripts()
    return read_scripts(archive.read(member), archive.filename.filename)


def check_identity(archive: WheelArchive) -> CoreMetadata:
    """The METADATA of a wheel, which must be about the project and version in the filename.

    It may leave out a local version (``WheelFilename.names_version``).

    Raises:
        WheelError: it is about another one, or there is none.
    """
    metadata = parse_core_metadata(archive.metadata_bytes(), archive.filename.filename)
    member = f"{archive.dist_info}/METADATA"
    if metadata.normalized_name != archive.filename.name:
        problem = f"it is about {metadata.name!r}, the filename about {archive.filename.name!r}"
        raise archive.error(problem, member, MISTRUST)
    if not archive.filename.names_version(metadata.version):
        problem = f"it is about version {metadata.version}, the filename about {archive.filename.version}"
        raise archive.error(problem, member, MISTRUST)
    return metadata


def check_contents(
    archive: WheelArchive, record: Mapping[str, RecordEntry], progress: Progress | None = None
) -> None:
    """Compare the size and hash of every file with RECORD.

    Raises:
        WheelError: about the first file in archive order that differs; the message counts the others.
    """
    raise_first(content_problems(archive, record, progress))


def content_problems(
    archive: WheelArchive, record: Mapping[str, RecordEntry], progress: Progress | None = None
) -> list[WheelError]:
    """The files whose size or hash is not the one in RECORD, in archive order.

    Inflating and hashing leave the interpreter lock, so several files are worked on at once.
    """
    entries = [record[name] for name in archive.names if name in record]
    total, done, lock = sum(archive.infos[entry.path].file_size for entry in entries), 0, Lock()

    def check(entry: RecordEntry) -> WheelError | None:
        nonlocal done
        try:
            for piece in verified_chunks(archive, entry):
                if progress is not None:
                    with lock:
                        done += len(piece)
                        progress(done, total)
        except WheelError as error:
            return error
        return None

    # The largest first: one that is started last would be worked on alone.
    entries.sort(key=lambda entry: archive.infos[entry.path].file_size, reverse=True)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        found = dict(zip((entry.path for entry in entries), pool.map(check, entries), strict=True))
    return [error for name in archive.names if (error := found.get(name)) is not None]
