"""One wheel of a folder or a store, looked into: one function from value to value."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path

from variant_index.errors import FolderError
from variant_index.folder import LocalFolder
from variant_index.indexed_file import upload_time
from variant_index.journal import Journal, key_of
from variant_index.locations import is_store_url, open_destination
from variant_index.one_file import Report, audit_open, fetched, place_of, remember
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.audit import WheelAudit, audit_wheel, library_as_json, library_from_json
from variantctl.wheels.errors import WheelError

FOLDER = ".work/audited"


@dataclass(frozen=True, slots=True)
class WheelAt:
    """A wheel that is to be looked into.

    Attributes:
        place: a folder, or the URL of an object store.
        path: where it is there.
        size: its length in bytes, as it was listed.
        modified: when it was last modified, as it was listed.
        journal: the folder or URL where what is found is noted; ``""``: nowhere.
    """

    place: str
    path: str
    size: int
    modified: str
    journal: str = ""

    @property
    def where(self) -> Path | str:
        """The wheel for messages: a path, or a URL."""
        return f"{self.place}/{self.path}" if is_store_url(self.place) else Path(self.place, self.path)

    @property
    def key(self) -> str:
        """The name of its note."""
        return key_of(["audit", self.place, self.path, self.size, self.modified])


@dataclass(frozen=True, slots=True)
class AuditedWheel:
    """What was found in one wheel, or why nothing could be."""

    wheel: WheelAt
    audit: WheelAudit | None = None
    error: VariantctlError | None = None


def audit_at(wheel: WheelAt, report: Report = lambda _size: None) -> AuditedWheel:
    """Look into one wheel. From a store it is fetched once, in ranges.

    Raises:
        DestinationError: the place where it is noted cannot be read or written.
    """
    journal = Journal(place_of(wheel.journal), FOLDER) if wheel.journal else None
    if journal is not None and (noted := _from_json(journal.text(wheel.key), wheel)) is not None:
        report(wheel.size)
        return AuditedWheel(wheel, noted)
    try:
        audit = _audit(wheel, report)
    except VariantctlError as error:
        return AuditedWheel(wheel, error=error)
    except OSError as error:
        return AuditedWheel(wheel, error=WheelError(str(wheel.where), f"cannot be read: {error.strerror}"))
    if journal is not None:
        found = {"problems": list(audit.problems), "libraries": [library_as_json(x) for x in audit.libraries]}
        journal.note(wheel.key, json.dumps(found).encode())
    return AuditedWheel(wheel, audit)


def wheels_at(target: str, journal: str = "") -> list[WheelAt]:
    """Every wheel below a folder or a URL, by path.

    Raises:
        FolderError: there are none.
        DestinationError: it cannot be listed.
    """
    single = target.endswith(".whl")
    top = posixpath.dirname(target) if single else target.rstrip("/")
    place = open_destination(top)
    remember(place)
    wanted = posixpath.basename(target) if single else ""
    found = [
        WheelAt(place.target, item.path, item.size, upload_time(round(item.modified * 1e6) * 1000), journal)
        for item in place.list("")
        if item.path.endswith(".whl") and (not single or item.path == wanted)
    ]
    if not found:
        raise FolderError(f"{target}: there are no wheels there", hint="Give a wheel, or a folder of wheels.")
    return sorted(found, key=lambda wheel: wheel.path)


def wheel_on_disk(path: Path, journal: str = "") -> WheelAt:
    """A wheel of this machine, which is there."""
    status = path.stat()
    folder, modified = str(path.absolute().parent), upload_time(status.st_mtime_ns)
    return WheelAt(folder, path.name, status.st_size, modified, journal)


def _audit(wheel: WheelAt, report: Report) -> WheelAudit:
    place = place_of(wheel.place)
    if isinstance(place, LocalFolder):
        audit = audit_wheel(Path(place.root, wheel.path))
        report(wheel.size)
        return audit
    with (
        fetched(place, wheel.path, wheel.size, report) as (file, _),
        WheelArchive.from_file(file, posixpath.basename(wheel.path)) as archive,
    ):
        return audit_open(archive, wheel.where)


def _from_json(content: bytes | None, wheel: WheelAt) -> WheelAudit | None:
    if content is None:
        return None
    try:
        value = json.loads(content)
        libraries = tuple(library_from_json(item) for item in value["libraries"])
        problems = tuple(map(str, value["problems"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return WheelAudit(posixpath.basename(wheel.path), wheel.where, libraries, problems)
