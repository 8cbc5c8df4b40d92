"""What was read so far, so that a run that was cut short goes on where it was.

Each wheel has an object of its own, ``.work/read/HASH.json``. The worker that read it writes it, where there
is none yet. HASH is that of where the wheel lies, its size, its date, and what was asked of it.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable

from variant_index.destinations import Destination
from variant_index.errors import Conflict
from variant_index.indexed_file import IndexedFile
from variant_index.inside import Inside
from variant_index.state import parse_filename
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.variants.parse import load_wheel_metadata

FOLDER = ".work/read"
#: Another number: what was noted by an older version is read again.
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class FileRead:
    """What came of reading one wheel or sdist.

    Attributes:
        file: what an index will say of it; ``None`` where it must not be published.
        refused: why not.
        variant_json: its variant metadata as it is in the wheel.
        streamed: whether all of it was fetched only for its SHA-256.
    """

    file: IndexedFile | None
    refused: VariantctlError | None = None
    variant_json: bytes | None = None
    streamed: bool = False


def key_of(identity: Iterable[object]) -> str:
    """The hash of what a file is and what is asked of it."""
    return hashlib.sha256(json.dumps([_FORMAT, *identity]).encode()).hexdigest()


class Journal:
    """The notes of one index, or of one audit.

    Args:
        destination: where they are written.
        folder: in which folder there.
    """

    def __init__(self, destination: Destination, folder: str = FOLDER) -> None:
        self._destination = destination
        self._folder = folder

    def text(self, key: str) -> bytes | None:
        """What was noted under a key; ``None``: nothing."""
        stored = self._destination.read(self.path(key))
        return stored.content if stored else None

    def note(self, key: str, content: bytes) -> None:
        """Note something, unless another worker was faster: what it noted is the same."""
        try:
            self._destination.replace(self.path(key), content, None)
        except Conflict:
            return

    def read(self, key: str) -> FileRead | None:
        """What was noted of a file; ``None``: nothing that can be understood, so it is read again."""
        content = self.text(key)
        return None if content is None else _from_json(content)

    def write(self, key: str, read: FileRead) -> None:
        """Note what was read of a file. What was refused is not noted: it may be mended."""
        if read.file is not None:
            self.note(key, _as_json(read, read.file))

    def noted(self) -> set[str]:
        """Everything that is noted."""
        names = (found.path.rpartition("/")[2] for found in self._destination.list(self._folder))
        return {name.removesuffix(".json") for name in names}

    def forget(self, keys: Iterable[str]) -> None:
        """Take notes away, once they are of no more use."""
        self._destination.delete_many([self.path(key) for key in keys])

    def path(self, key: str) -> str:
        """Where something is noted."""
        return f"{self._folder}/{key}.json"


def _as_json(read: FileRead, file: IndexedFile) -> bytes:
    value = {
        "filename": file.filename,
        "size": file.size,
        "sha256": file.sha256,
        "upload_time": file.upload_time,
        "url": file.url,
        "metadata": None if file.metadata is None else b64encode(file.metadata).decode(),
        "requires_python": file.requires_python,
        "variant_json": None if read.variant_json is None else b64encode(read.variant_json).decode(),
        "notes": list(file.notes),
        "inside": file.inside.as_json() if file.inside else None,
        "beside": file.beside,
        "streamed": read.streamed,
    }
    return json.dumps(value).encode()


def _from_json(content: bytes) -> FileRead | None:
    try:
        value = json.loads(content)
        filename = str(value["filename"])
        names = parse_filename(filename)
        raw = None if value["variant_json"] is None else b64decode(value["variant_json"])
        variant = None
        if raw is not None and names.label is not None:
            variant = load_wheel_metadata(raw, label=names.label, source=filename)
        file = IndexedFile(
            filename,
            names.name,
            names.version,
            names.label,
            int(value["size"]),
            str(value["sha256"]),
            str(value["upload_time"]),
            url=str(value["url"]),
            metadata=None if value["metadata"] is None else b64decode(value["metadata"]),
            requires_python=str(value["requires_python"]),
            variant=variant,
            notes=tuple(map(str, value["notes"])),
            inside=Inside.from_json(value["inside"]),
            beside=bool(value["beside"]),
        )
        return FileRead(file, variant_json=raw, streamed=bool(value["streamed"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
