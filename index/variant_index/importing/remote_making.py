"""The work on one wheel of an import from store to store, in two steps: look into it, then write the variant.

Each step is one function from value to value, which any worker may call: it reads the wheel where it lies,
writes to the store, and notes what is done, under the hash of what the wheel is and what is asked of it. The
two are apart because a label's properties are those that all of its wheels show.
"""

from __future__ import annotations

import json
import posixpath
import tempfile
from pathlib import Path

from variant_index.audit_file import WheelAt
from variant_index.bucket import Bucket
from variant_index.importing.code import shown_by
from variant_index.importing.making import Made
from variant_index.importing.work import Item
from variant_index.journal import Journal, key_of
from variant_index.one_file import Report, audit_open, fetched, place_of
from variantctl.filesystem.digests import file_digest
from variantctl.values import dataclass
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.audit import WheelAudit, library_as_json, library_from_json
from variantctl.wheels.contradictions import contradictions
from variantctl.wheels.errors import WheelError
from variantctl.wheels.metadata import parse_core_metadata
from variantctl.wheels.rewrite import WheelEdits, rewrite
from variantctl.wheels.verify import verify_archive

LOOKED, MADE, WHEELS = ".import/looked", ".import/made", "wheels"


@dataclass(frozen=True)
class Looking:
    """A wheel that is to be looked into.

    Attributes:
        at: the wheel; its ``journal`` is the URL of the output.
        item: what it becomes, as the mapping has it.
        noted: whether something was noted of it when this began.
    """

    at: WheelAt
    item: Item
    noted: bool = False

    @property
    def key(self) -> str:
        """The name of its note."""
        return key_of(["import", self.at.place, self.at.path, self.at.size, self.at.modified])


@dataclass(frozen=True)
class Looked:
    """What was found in a wheel.

    Attributes:
        sha256: of the file.
        made: what it needs, what its code shows, and what of the mapping it contradicts; without a digest.
        read: whether it was fetched now, not noted before.
    """

    sha256: str
    made: Made
    read: bool


@dataclass(frozen=True)
class Writing:
    """A variant that is to be written.

    Attributes:
        at: the wheel that it is made of.
        sha256: that of the wheel when it was looked into.
        name: what it is called.
        edits: what becomes of it.
        key: the name of its note.
        size: how large the file of this name is that is there already; ``None``: there is none.
    """

    at: WheelAt
    sha256: str
    name: str
    edits: WheelEdits
    key: str
    size: int | None = None


def look(task: Looking, report: Report = lambda _size: None) -> Looked:
    """Read a wheel whole: verified, and its code.

    Raises:
        WheelError: it is unsound.
        DestinationError: it cannot be read, or what was found not noted.
    """
    journal = Journal(place_of(task.at.journal), LOOKED)
    noted = _noted(journal.text(task.key), task) if task.noted else None
    if noted is not None:
        report(task.at.size)
        return noted
    at = task.at
    with (
        fetched(place_of(at.place), at.path, at.size, report) as (file, sha256),
        WheelArchive.from_file(file, posixpath.basename(at.path)) as archive,
    ):
        verify_archive(archive)
        requires = parse_core_metadata(archive.metadata_bytes(), archive.filename.filename).requires_dist
        audit = audit_open(archive, at.where)
    found = {
        "sha256": sha256,
        "requires": list(requires),
        "problems": list(audit.problems),
        "libraries": [library_as_json(library) for library in audit.libraries],
    }
    journal.note(task.key, json.dumps(found).encode())
    return _looked(task, sha256, requires, audit, read=True)


def write(task: Writing, report: Report = lambda _size: None) -> bool:
    """Write a variant, unless that is done; whether it was not.

    Raises:
        WheelError: the wheel is another one than was looked into.
        DestinationError: it cannot be read, or the variant not written.
    """
    output, at = place_of(task.at.journal), task.at
    assert isinstance(output, Bucket)
    journal = Journal(output, MADE)
    if task.size is not None and _written(journal.text(task.key)).get("size") == task.size:
        report(at.size)
        return False
    with fetched(place_of(at.place), at.path, at.size, report) as (file, sha256):
        if sha256 != task.sha256:
            raise WheelError(
                posixpath.basename(at.path),
                "it was replaced while it was imported",
                hint="Run it again: what is done is not done again.",
            )
        with (
            WheelArchive.from_file(file, posixpath.basename(at.path)) as archive,
            tempfile.TemporaryDirectory() as folder,
        ):
            made = Path(folder, task.name)
            rewrite(archive, made, task.edits)
            size = made.stat().st_size
            output.put_file(f"{WHEELS}/{task.name}", made, file_digest(made))
    note = json.dumps({"name": task.name, "size": size}).encode()
    # It may say so already of a file that somebody took away.
    journal.note(task.key, note)
    return True


def _looked(
    task: Looking, sha256: str, requires: tuple[str, ...], audit: WheelAudit, *, read: bool
) -> Looked:
    item = task.item
    properties = item.metadata.variants[item.label]
    said = [problem.message for problem in contradictions(audit, properties, item.label, item.wheel.tags)]
    return Looked(sha256, Made(requires, "", shown_by(audit, properties), tuple(said)), read)


def _noted(content: bytes | None, task: Looking) -> Looked | None:
    """What was noted; ``None``: nothing that can be understood, so the wheel is read again."""
    if content is None:
        return None
    try:
        value = json.loads(content)
        libraries = tuple(library_from_json(item) for item in value["libraries"])
        name, problems = posixpath.basename(task.at.path), tuple(map(str, value["problems"]))
        audit = WheelAudit(name, task.at.where, libraries, problems)
        requires = tuple(map(str, value["requires"]))
        return _looked(task, str(value["sha256"]), requires, audit, read=False)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def name_noted(content: bytes | None) -> str | None:
    """The filename of a variant that was noted as written; ``None``: it is no such note."""
    name = _written(content).get("name")
    # It is deleted by this name.
    return name if isinstance(name, str) and name.endswith(".whl") and "/" not in name else None


def _written(content: bytes | None) -> dict[str, object]:
    try:
        value = json.loads(content or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
