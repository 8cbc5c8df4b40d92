"""RECORD: what a wheel says it holds, and whether that is so.

Binary distribution format, "The .dist-info directory": RECORD lists every file with a hash of sha256 or
better and its size; RECORD itself and its signatures (RECORD.jws, RECORD.p7s) have no hash.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
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
# What the format forbids, and old tools wrote: compared nevertheless, and never written by us.
_WEAK = frozenset({"md5", "sha1", "sha224", "sha3_224"})
# hashlib.new looks each up by its name, which for small files takes longer than hashing them.
_HASHERS = {name: getattr(hashlib, name) for name in ALGORITHMS} | {
    name: partial(hashlib.new, name, usedforsecurity=False) for name in _WEAK
}
_LENGTHS = {name: _HASHERS[name]().digest_size for name in sorted(_WEAK | ALGORITHMS)}
_URLSAFE = bytes.maketrans(b"+/", b"-_")
#: A SHA-256 as nearly every row has it, with no bits beyond its 256: nothing of it needs to be written anew.
_AS_WRITTEN = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_HEX = r"[0-9a-fA-F]+"
#: No file is longer than a number of so many digits says.
_DIGITS = 18


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """One row of RECORD.

    Attributes:
        path: the file, relative to the wheel's root.
        algorithm: the name of the hash as hashlib has it, or ``None`` for RECORD, its signatures, and where
            there is none that can be checked.
        digest: the hash, urlsafe base64 without padding, as RECORD writes it; ``""`` without a hash.
        size: the length of the file in bytes, or ``None`` where RECORD does not say.
    """

    path: str
    algorithm: str | None
    digest: str
    size: int | None

    @property
    def is_strong(self) -> bool:
        """Whether the hash is one that the format allows."""
        return self.algorithm in ALGORITHMS

    @property
    def hash_column(self) -> str:
        """The hash as RECORD writes it: ``sha256=...``; ``""`` where there is none."""
        return f"{self.algorithm}={self.digest}" if self.algorithm else ""

    def row(self) -> str:
        """The row as RECORD has it, without the line's end."""
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(
            [self.path, self.hash_column, "" if self.size is None else self.size]
        )
        return text.getvalue()


def encode_digest(digest: bytes) -> str:
    """A hash as RECORD writes it."""
    # As base64.urlsafe_b64encode does it, in a third of the time: each file of a wheel has one.
    return binascii.b2a_base64(digest, newline=False).rstrip(b"=").translate(_URLSAFE).decode("ascii")


def entry_for(path: str, data: bytes) -> RecordEntry:
    """The row for a file with this content."""
    return RecordEntry(path, "sha256", encode_digest(hashlib.sha256(data).digest()), len(data))


@dataclass(frozen=True, slots=True)
class Record:
    """RECORD as a wheel has it.

    Attributes:
        entries: its rows by path, in its order; those of folders are left out.
        untidy: what the format does not allow and what harms nobody, a sentence for each kind.
    """

    entries: Mapping[str, RecordEntry]
    untidy: tuple[str, ...] = ()


def read_record(archive: WheelArchive) -> Record:
    """RECORD's rows.

    What makes a wheel unsafe is refused. What pip and uv install and what is only untidy is taken, and
    said: rows of folders, rows without a hash or with a weak one, RECORD's own hash (which cannot be
    true), columns too few or too many, and paths as Windows spells them.

    Raises:
        WheelError: there is no RECORD, or a row of it cannot be used.
    """
    name = f"{archive.dist_info}/RECORD"
    if name not in archive:
        raise archive.error("it has no RECORD", hint=DAMAGED)
    try:
        text = archive.read(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise archive.error("it is not UTF-8", name, DAMAGED) from error
    return _Reader(archive).read(text)


class _Reader:
    """Reads the rows of one RECORD, and notes what is odd about them."""

    def __init__(self, archive: WheelArchive) -> None:
        self._archive = archive
        self._wheel = archive.filename.filename
        self._own = f"{archive.dist_info}/RECORD"
        self._exempt = unhashed_names(archive)
        self._odd: dict[str, list[str]] = {}

    def read(self, text: str) -> Record:
        entries: dict[str, RecordEntry] = {}
        try:
            for number, row in enumerate(csv.reader(io.StringIO(text, newline="")), 1):
                path = self._path(row[0]) if row else None
                if path is not None:
                    entry = self._entry(path, row, f"RECORD, line {number}")
                    known = entries.get(path)
                    entries[path] = entry if known is None else self._agreed(known, entry)
        except csv.Error as error:
            raise WheelError(self._wheel, f"RECORD is not CSV: {error}", hint=DAMAGED) from error
        return Record(entries, tuple(self._sentences()))

    def _sentences(self) -> Iterator[str]:
        for what, paths in self._odd.items():
            rows = f"{len(paths)} rows" if len(paths) > 1 else "a row"
            yield f"{self._wheel}: RECORD has {rows} {what} ({paths[0]!r:.200})"

    def _note(self, what: str, path: str) -> None:
        self._odd.setdefault(what, []).append(path)

    def _path(self, written: str) -> str | None:
        """The member that a row is about; None: it is a folder, or compiled code that is not there."""
        if written in self._archive:
            return written
        if self._archive.is_folder(written):
            self._note("about a folder", written)
            return None
        path = written.replace("\\", "/").removeprefix("./")
        if path != written and path in self._archive:
            self._note("with a path that is spelled as Windows does", written)
            return path
        if path.endswith((".pyc", ".pyo")):
            # Never installed: the interpreter makes them.
            self._note("about compiled code that the wheel does not have", written)
            return None
        return written

    def _agreed(self, one: RecordEntry, other: RecordEntry) -> RecordEntry:
        """What two rows of one path say; the one with a hash where the other has none."""
        if one == other or other.algorithm is None:
            return one
        if one.algorithm is None:
            return other
        raise WheelError(self._wheel, "RECORD lists it twice, differently", member=one.path, hint=MISTRUST)

    def _entry(self, path: str, row: list[str], where: str) -> RecordEntry:
        if len(row) != 3:
            self._note("without the three columns path, hash and size", path)
        value, size = (*row[1:3], "", "")[:2]
        length = self._size(size, path)
        algorithm, _, digest = value.partition("=")
        if path == self._own:
            if value:
                self._note("about RECORD itself with a hash, which cannot be true", path)
            return RecordEntry(path, None, "", None)
        if not value:
            if path not in self._exempt:
                self._note("without a hash", path)
            return RecordEntry(path, None, "", length)
        if algorithm not in _LENGTHS:
            self._note(f"with a hash that is not known here ({algorithm!r:.40})", path)
            return RecordEntry(path, None, "", length)
        if algorithm in _WEAK:
            self._note(f"with the weak hash {algorithm}", path)
        return RecordEntry(path, algorithm, self._digest(algorithm, digest, path, where), length)

    def _size(self, text: str, path: str) -> int | None:
        if not text:
            return None
        if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
            return int(text)
        self._note("with a size that is no number of bytes", path)
        return None

    def _digest(self, algorithm: str, text: str, path: str, where: str) -> str:
        """A hash as we write it, whether it was written so, in the other base64 or in hexadecimal."""
        length = _LENGTHS[algorithm]
        if length == 32 and re.fullmatch(_AS_WRITTEN, text):
            return text
        if len(text) == 2 * length and re.fullmatch(_HEX, text):
            self._note("with a hash in hexadecimal", path)
            return encode_digest(bytes.fromhex(text))
        problem = "the hash is not base64"
        plain = text.rstrip("=").replace("-", "+").replace("_", "/")
        with contextlib.suppress(binascii.Error, ValueError):
            digest = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
            if len(digest) == length:
                return encode_digest(digest)
            problem = f"the hash has not the length of {algorithm}"
        raise WheelError(self._wheel, f"{where}: {problem}", member=path, hint=DAMAGED)


def unhashed_names(archive: WheelArchive) -> frozenset[str]:
    """The members that RECORD rightly has no hash of: itself and its signatures."""
    return frozenset(f"{archive.dist_info}/{name}" for name in ("RECORD", *SIGNATURES))


def hashes_in_library(hashes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Of a wheel's files and their hashes (``sha256=...``), those that installers put below site-packages.

    They do that as they are; what is in ``.data`` folders, and compiled code, is theirs to change.
    """
    return {
        path: digest
        for path, digest in hashes
        if digest and not path.partition("/")[0].endswith(".data") and "__pycache__" not in path
    }


def tidy_text(archive: WheelArchive) -> str:
    """RECORD as it should be: as it is where nothing is odd about it, else with hashes made here.

    Raises:
        WheelError: there is no RECORD, a row of it cannot be used, or a member's bytes are damaged.
    """
    record = read_record(archive)
    if not record.untidy:
        return archive.read(f"{archive.dist_info}/RECORD").decode("utf-8-sig")
    unhashed = unhashed_names(archive)
    entries = (
        entry if entry.is_strong or entry.path in unhashed else _hashed(archive, entry)
        for entry in record.entries.values()
    )
    return "".join(f"{entry.row()}\n" for entry in entries)


def _hashed(archive: WheelArchive, entry: RecordEntry) -> RecordEntry:
    hasher, size = hashlib.sha256(), 0
    for piece in verified_chunks(archive, entry):
        hasher.update(piece)
        size += len(piece)
    return RecordEntry(entry.path, "sha256", encode_digest(hasher.digest()), size)


def name_problems(archive: WheelArchive, record: Mapping[str, RecordEntry]) -> list[WheelError]:
    """Files that RECORD lacks, rows without a file, and sizes that differ; nothing is decompressed."""
    exempt = unhashed_names(archive)
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
    hasher = _HASHERS[entry.algorithm]() if entry.algorithm is not None else None
    size = 0
    for piece in pieces:
        if hasher is not None:
            hasher.update(piece)
        size += len(piece)
        yield piece
    _compare(archive, entry, size, hasher.digest() if hasher is not None else b"")


def check_content(archive: WheelArchive, entry: RecordEntry, content: bytes) -> None:
    """Compare the whole content of one file with its row of RECORD.

    Raises:
        WheelError: size or hash are not those of ``entry``.
    """
    digest = _HASHERS[entry.algorithm](content).digest() if entry.algorithm is not None else b""
    _compare(archive, entry, len(content), digest)


def _compare(archive: WheelArchive, entry: RecordEntry, size: int, digest: bytes) -> None:
    if entry.size not in (None, size):
        raise archive.error(f"RECORD says {entry.size} bytes, it has {size}", entry.path, MISTRUST)
    if entry.algorithm is not None and encode_digest(digest) != entry.digest:
        raise archive.error(f"its {entry.algorithm} is not the one in RECORD", entry.path, MISTRUST)
