"""One wheel or sdist that was read: all that an index will say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

from packaging.utils import NormalizedName
from packaging.version import Version

from variant_index.inside import Inside
from variantctl.indexes.page_writer import PageFile
from variantctl.values import dataclass
from variantctl.variants.metadata import VariantMetadata


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
        inside: what its code is for; ``None`` where nobody looked.
        beside: whether its METADATA lies beside it in the store already (PEP 658).
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
    inside: Inside | None = None
    beside: bool = False

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
            private={INSIDE: self.inside.as_json()} if self.inside is not None else {},
        )


#: The key of a page for what is inside: one of the server's own (PEP 691).
INSIDE = "_inside"


def inside_of(file: PageFile) -> Inside | None:
    """What a page says is inside a file."""
    return Inside.from_json(file.private.get(INSIDE))


def upload_time(nanoseconds: int) -> str:
    """A time since 1970 as PEP 700 writes it: in UTC, with microseconds."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc).replace(microsecond=rest // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def by_project(files: Iterable[IndexedFile]) -> dict[NormalizedName, list[IndexedFile]]:
    """The files of each project, in their order; projects by name."""
    groups: dict[NormalizedName, list[IndexedFile]] = {}
    for file in files:
        groups.setdefault(file.name, []).append(file)
    return dict(sorted(groups.items()))
