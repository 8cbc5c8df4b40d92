"""One published file, checked against its page, its sidecar and its code: a function from value to value."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping

from variant_index.indexed_file import inside_of
from variant_index.inside import Inside
from variant_index.journal import Journal, key_of
from variant_index.layout import sidecar
from variant_index.one_file import Report, audit_open, fetched, place_of, read_wheel
from variant_index.state import parse_filename
from variantctl.indexes.page_writer import PageFile
from variantctl.values import dataclass, field
from variantctl.variants.errors import VariantctlError
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_wheel_metadata
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.contradictions import contradictions
from variantctl.wheels.errors import WheelError

FOLDER = ".work/verified"


@dataclass(frozen=True, order=True)
class Problem:
    """Something that is wrong with an index.

    Attributes:
        where: the file or page, as a path in the index.
        kind: ``page``, ``missing``, ``size``, ``hash``, ``metadata``, ``wheel``, ``contradiction`` (what is
            declared, or shown as inside, is not what the code is for), ``variants``, ``link`` or ``orphan``.
        message: what is wrong.
    """

    where: str
    kind: str
    message: str

    def as_json(self) -> dict[str, str]:
        """A member of ``problems`` of ``index verify --json``."""
        return {"where": self.where, "kind": self.kind, "message": self.message}


@dataclass(frozen=True)
class PublishedFile:
    """A file that is to be checked.

    Attributes:
        place: the folder or URL of the index.
        path: where the file is there.
        entry: what its page says of it.
        size: its length in bytes, as it is listed.
        modified: when it and its sidecar were written, as they are listed.
        quick: whether only its sidecar is read.
        journal: the folder or URL where it is noted that nothing is wrong with it; ``""``: nowhere.
    """

    place: str
    path: str
    entry: PageFile
    size: int
    modified: tuple[float, ...] = ()
    quick: bool = False
    journal: str = ""

    @property
    def key(self) -> str:
        """The name of its note: of the file as it lies there, and of what its page says."""
        entry = self.entry
        metadata = (
            dict(entry.core_metadata) if isinstance(entry.core_metadata, Mapping) else entry.core_metadata
        )
        said = [entry.filename, dict(entry.hashes), entry.requires_python, metadata, dict(entry.private)]
        return key_of(["verify", self.place, self.path, self.size, list(self.modified), said])


@dataclass(frozen=True)
class CheckedFile:
    """What was found.

    Attributes:
        problems: what is wrong with it.
        variant: its variant metadata; ``None`` where it has none, or was not read.
    """

    problems: tuple[Problem, ...] = field(default=())
    variant: VariantMetadata | None = None


def check_file(task: PublishedFile, report: Report = lambda _size: None) -> CheckedFile:
    """Check one file; what is wrong is in what is given back.

    Raises:
        DestinationError: the place where it is noted cannot be read or written.
    """
    journal = Journal(place_of(task.journal), FOLDER) if task.journal and not task.quick else None
    if journal is not None and (noted := _from_json(journal.text(task.key), task.entry.filename)) is not None:
        report(task.size)
        return noted
    check = _Check(task)
    check.run(report)
    checked = CheckedFile(tuple(check.problems), check.variant)
    if journal is not None and not checked.problems:
        raw = None if check.variant_json is None else b64encode(check.variant_json).decode()
        journal.note(task.key, json.dumps({"variant_json": raw}).encode())
    return checked


def _from_json(content: bytes | None, filename: str) -> CheckedFile | None:
    if content is None:
        return None
    try:
        raw = json.loads(content)["variant_json"]
        label = parse_filename(filename).label
        if raw is None or label is None:
            return CheckedFile()
        return CheckedFile((), load_wheel_metadata(b64decode(raw), label=label, source=filename))
    except (ValueError, KeyError, TypeError):
        return None


class _Check:
    """The check of one file: what was found so far."""

    def __init__(self, task: PublishedFile) -> None:
        self.problems: list[Problem] = []
        self.variant: VariantMetadata | None = None
        self.variant_json: bytes | None = None
        self._task = task
        self._place = place_of(task.place)

    def run(self, report: Report) -> None:
        """The sidecar, then the file."""
        beside = self._tried(self._sidecar)
        if not self._task.quick:
            self._tried(lambda: self._contents(beside, report))

    def _tried(self, check: Callable[[], bytes | None]) -> bytes | None:
        path = self._task.path
        try:
            return check()
        except VariantctlError as error:
            self._say(path, "wheel", error.message)
        except OSError as error:
            self._say(path, "wheel", WheelError(path, f"cannot be read: {error.strerror}").message)
        return None

    def _say(self, where: str, kind: str, message: str) -> None:
        self.problems.append(Problem(where, kind, message))

    def _sidecar(self) -> bytes | None:
        entry, path = self._task.entry, sidecar(self._task.path)
        if not entry.core_metadata:
            return None
        stored = self._place.read(path)
        if stored is None:
            self._say(path, "missing", "a page promises it, and it is not there")
            return None
        if isinstance(entry.core_metadata, Mapping):
            digest = hashlib.sha256(stored.content).hexdigest()
            if entry.core_metadata.get("sha256") not in (None, digest):
                self._say(path, "hash", "its SHA-256 is not the one on the page")
        return stored.content

    def _contents(self, beside: bytes | None, report: Report) -> None:
        task, entry = self._task, self._task.entry
        with fetched(self._place, task.path, task.size, report) as (file, sha256):
            if entry.hashes.get("sha256") not in (None, sha256):
                self._say(task.path, "hash", "its SHA-256 is not the one on the page")
                return
            if not entry.filename.endswith(".whl"):
                return
            file.seek(0)
            with WheelArchive.from_file(file, entry.filename) as archive:
                metadata, requires_python, self.variant, _ = read_wheel(archive)
                self.variant_json = archive.variant_json_bytes() if self.variant is not None else None
                self._code(archive)
        if beside is not None and beside != metadata:
            self._say(sidecar(task.path), "metadata", "is not the METADATA of the wheel")
        if requires_python != entry.requires_python:
            message = f"Requires-Python is {requires_python!r}, the page says {entry.requires_python!r}"
            self._say(task.path, "metadata", message)

    def _code(self, archive: WheelArchive) -> None:
        """What a variant wheel declares, and what the page shows as inside, against the code in it."""
        label, shown, path = archive.filename.label, inside_of(self._task.entry), self._task.path
        if shown is None and (self.variant is None or label is None):
            return
        audit = audit_open(archive, path)
        if self.variant is not None and label is not None:
            declared, tags = self.variant.variants[label], archive.filename.tags
            for problem in contradictions(audit, declared, label, tags):
                self._say(path, "contradiction", problem.message)
        if shown is not None and shown != Inside.of(audit):
            self._say(path, "contradiction", "what the page shows as inside is not what its code is for")
