"""RECORD: what a wheel says it holds, and whether that is so.

Binary distribution format, "The .dist-info directory": RECORD lists every file with a hash of sha256 or
better and its size; RECORD itself and its signatures (RECORD.jws, RECORD.p7s) have no hash.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from variantctl.values import dataclass
from variantctl.wheels.errors import DAMAGED, MISTRUST, WheelError

if TYPE_CHECKING:
    from variantctl.wheels.archive import WheelArchive

SIGNATURES = ("RECORD.jws", "RECORD.p7s")
# Of what hashlib offers everywhere, what is not weaker than sha256.
ALGORITHMS = frozenset(
    {"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"}
)
# hashlib.new looks each up by its name, which for small files takes longer than hashing them.
_HASHERS = {name: getattr(hashlib, name) for name in ALGORITHMS}
_LENGTHS = {name: hasher().digest_size for name, hasher in _HASHERS.items()}


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One row of RECORD.

    Attributes:
        path: the file, relative to the wheel's root.
        algorithm: the name of the hash as hashlib has it, or ``None`` for RECORD and its signatures.
        digest: the hash, urlsafe base64 without padding, as RECORD writes it; ``""`` without a hash.
        size: the length of the file in bytes, or ``None`` where RECORD does not say.
    """

    path: str
    algorithm: str | None
    digest: str
    size: int | None

    def row(self) -> str:
        """The row as RECORD has it, without the line's end."""
        text = io.StringIO()
        value = f"{self.algorithm}={self.digest}" if self.algorithm else ""
        csv.writer(text, lineterminator="").writerow(
            [self.path, value, "" if self.size is None else self.size]
        )
        return text.getvalue()


def encode_digest(digest: bytes) -> str:
    """A hash as RECORD writes it."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def entry_for(path: str, data: bytes) -> RecordEntry:
    """The row for a file with this content."""
    return RecordEntry(path, "sha256", encode_digest(hashlib.sha256(data).digest()), len(data))


def read_record(archive: WheelArchive) -> dict[str, RecordEntry]:
    """RECORD's rows by path, in its order.

    Raises:
        WheelError: there is no RECORD, or a row of it cannot be used.
    """
    name = f"{archive.dist_info}/RECORD"
    if name not in archive:
        raise archive.error("it has no RECORD", hint=DAMAGED)
    try:
        text = archive.read(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise archive.error("it is not UTF-8", name, DAMAGED) from error
    return parse_record(text, archive.filename.filename, archive.dist_info)


def parse_record(text: str, wheel: str, dist_info: str) -> dict[str, RecordEntry]:
    """Parse RECORD's text; errors name ``wheel``, and RECORD in ``dist_info`` needs no hash."""
    exempt = {f"{dist_info}/{name}" for name in ("RECORD", *SIGNATURES)}
    entries: dict[str, RecordEntry] = {}
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline="")), 1):
            if not row:
                continue
            entry = _parse_row(row, f"RECORD, line {number}", wheel, exempt)
            if entries.setdefault(entry.path, entry) != entry:
                raise WheelError(
                    wheel, "RECORD lists it twice, differently", member=entry.path, hint=MISTRUST
                )
    except csv.Error as error:
        raise WheelError(wheel, f"RECORD is not CSV: {error}", hint=DAMAGED) from error
    return entries


def _parse_row(row: list[str], where: str, wheel: str, exempt: set[str]) -> RecordEntry:
    def refused(problem: str) -> WheelError:
        return WheelError(wheel, f"{where}: {problem}", member=row[0], hint=DAMAGED)

    if len(row) != 3:
        raise refused(f"{len(row)} columns instead of path, hash and size")
    path, value, size = row
    if not value:
        if path not in exempt:
            raise refused("no hash")
        return RecordEntry(path, None, "", None)
    algorithm, _, digest = value.partition("=")
    if algorithm not in ALGORITHMS:
        raise refused(f"hash {algorithm!r} is not sha256 or better")
    try:
        length = len(base64.urlsafe_b64decode(digest + "=" * (-len(digest) % 4)))
    except (binascii.Error, ValueError):
        raise refused("the hash is not base64") from None
    if length != _LENGTHS[algorithm]:
        raise refused(f"the hash has not the length of {algorithm}")
    if size and not (size.isascii() and size.isdigit()):
        raise refused(f"size {size!r} is not a number")
    return RecordEntry(path, algorithm, digest.rstrip("="), int(size) if size else None)


def name_problems(archive: WheelArchive, record: Mapping[str, RecordEntry]) -> list[WheelError]:
    """Files that RECORD lacks, rows without a file, and sizes that differ; nothing is decompressed."""
    exempt = {f"{archive.dist_info}/{name}" for name in ("RECORD", *SIGNATURES)}
    problems = []
    for name, info in archive.infos.items():
        entry = record.get(name)
        if entry is None:
            if name not in exempt:
                problems.append(archive.error("RECORD does not list it", name, MISTRUST))
        elif entry.size not in (None, info.file_size):
            problem = f"RECORD says {entry.size} bytes, the archive has {info.file_size}"
            problems.append(archive.error(problem, name, MISTRUST))
    for name in record:
        if name not in archive and name not in exempt:
            problems.append(archive.error("RECORD lists it, but the wheel does not have it", name, DAMAGED))
    return problems


def check_names(archive: WheelArchive, record: Mapping[str, RecordEntry]) -> None:
    """Refuse a wheel whose files are not exactly those of RECORD; looks at names and sizes only.

    Raises:
        WheelError: about the first difference; the message counts the others.
    """
    raise_first(name_problems(archive, record))


def raise_first(problems: list[WheelError]) -> None:
    """Raise the first of several problems of one wheel and say how many there are; none: return."""
    if not problems:
        return
    first = problems[0]
    if len(problems) > 1:
        rest = len(problems) - 1
        others = f"{first.problem} (and {rest} more problem{'s' if rest > 1 else ''} of this wheel)"
        raise WheelError(first.wheel, others, member=first.member, hint=first.hint)
    raise first


def verified_chunks(
    archive: WheelArchive, entry: RecordEntry, pieces: Iterator[bytes] | None = None
) -> Iterator[bytes]:
    """The content of one file piece by piece, hashed on the way: what unpacks a wheel also verifies it.

    Args:
        archive: the wheel.
        entry: the file's row of RECORD.
        pieces: what ``archive.chunks`` gives for it, where that was asked already.

    Raises:
        WheelError: after the last piece, where size or hash are not those of ``entry``; so nothing that
            was written from the pieces may be put to use before the iterator is exhausted.
    """
    pieces = archive.chunks(entry.path) if pieces is None else pieces
    if entry.algorithm is None:
        yield from pieces
        return
    hasher = _HASHERS[entry.algorithm]()
    size = 0
    for piece in pieces:
        hasher.update(piece)
        size += len(piece)
        yield piece
    _compare(archive, entry, size, hasher.digest())


def check_content(archive: WheelArchive, entry: RecordEntry, content: bytes) -> None:
    """Compare the whole content of one file with its row of RECORD.

    Raises:
        WheelError: size or hash are not those of ``entry``.
    """
    if entry.algorithm is not None:
        digest = _HASHERS[entry.algorithm](content).digest()
        _compare(archive, entry, len(content), digest)


def _compare(archive: WheelArchive, entry: RecordEntry, size: int, digest: bytes) -> None:
    if entry.size not in (None, size):
        raise archive.error(f"RECORD says {entry.size} bytes, it has {size}", entry.path, MISTRUST)
    if encode_digest(digest) != entry.digest:
        raise archive.error(f"its {entry.algorithm} is not the one in RECORD", entry.path, MISTRUST)
