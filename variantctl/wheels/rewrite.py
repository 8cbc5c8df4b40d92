"""A wheel written again with some of its metadata changed; everything else keeps its compressed bytes.

Binary distribution format: the folders ``{name}-{version}.dist-info`` and ``.data`` carry the version, and
RECORD lists every file with its hash, so both follow when a version or a file changes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from variantctl.filesystem.atomic import written_whole
from variantctl.values import dataclass, field
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.metadata import (
    parse_core_metadata,
    with_name,
    with_public_version,
    with_requires,
)
from variantctl.wheels.record import SIGNATURES, entry_for, tidy_text
from variantctl.wheels.variant import VARIANT_JSON
from variantctl.wheels.zipwriter import ZipWriter


@dataclass(frozen=True)
class WheelEdits:
    """What becomes of a wheel.

    Attributes:
        label: its new label; ``None``: it is an ordinary wheel afterwards.
        variant_json: the content of ``variant.json``; ``None``: there is none.
        requires: its requirements; ``None``: as they are.
        drop_local: take the local part off its version (``2.10.0+cu128`` becomes ``2.10.0``): in the
            filename, the names of its folders, METADATA and RECORD. Its code is not looked at.
        project: what it is called afterwards, normalized; ``None``: as before. In the same places.
    """

    label: str | None = None
    variant_json: bytes | None = None
    requires: tuple[str, ...] | None = None
    drop_local: bool = False
    project: str | None = None

    def filename(self, archive: WheelArchive) -> str:
        """The name of the new wheel."""
        project, version, rest = archive.filename.with_label(self.label).split("-", 2)
        if self.renames(archive) and self.project is not None:
            project = self.project.replace("-", "_")
        return f"{project}-{version.partition('+')[0] if self.drops(archive) else version}-{rest}"

    def renames(self, archive: WheelArchive) -> bool:
        """Whether it gets another name."""
        return self.project is not None and self.project != archive.filename.name

    def drops(self, archive: WheelArchive) -> bool:
        """Whether there is a local part to take off."""
        return self.drop_local and archive.filename.version.local is not None


@dataclass
class _Changes:
    """Of the members of an archive: new contents, new names, and what goes."""

    contents: dict[str, bytes] = field(default_factory=dict)
    added: dict[str, bytes] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)

    def name(self, name: str) -> str:
        top, slash, rest = name.partition("/")
        return f"{self.renamed.get(top, top)}{slash}{rest}"


def rewrite(archive: WheelArchive, target: Path, rewriting: WheelEdits) -> None:
    """Write the changed wheel to ``target``; RECORD becomes its last member. The same input, the same bytes.

    Raises:
        WheelError: a member cannot be read.
    """
    changes = _changes(archive, rewriting)
    record = f"{archive.dist_info}/RECORD"
    rows = list(_rows(tidy_text(archive), record, changes))
    with written_whole(target) as file:
        writer = ZipWriter(file)
        for name, info in archive.infos.items():
            if name == record or name in changes.dropped:
                continue
            if name in changes.contents:
                writer.add(changes.name(name), changes.contents[name])
            else:
                writer.copy(info, archive.compressed_chunks(name), name=changes.name(name))
        for name, content in changes.added.items():
            writer.add(changes.name(name), content)
        writer.add(changes.name(record), "".join(rows).encode())
        writer.close()


def _changes(archive: WheelArchive, rewriting: WheelEdits) -> _Changes:
    folder, changes = archive.dist_info, _Changes()
    variant, metadata = f"{folder}/{VARIANT_JSON}", f"{folder}/METADATA"
    # A signature is one of RECORD, which changes: it would only be wrong.
    changes.dropped = {variant, *(f"{folder}/{name}" for name in SIGNATURES)}
    if rewriting.variant_json is not None:
        changes.added[variant] = rewriting.variant_json
    old = archive.metadata_bytes()
    new = old
    if rewriting.requires is not None:
        present = parse_core_metadata(old, archive.filename.filename).requires_dist
        if present != rewriting.requires:
            new = with_requires(new, rewriting.requires)
    if rewriting.drops(archive):
        new = with_public_version(new, archive.filename.version)
    if rewriting.project is not None and rewriting.renames(archive):
        new = with_name(new, rewriting.project)
    if rewriting.drops(archive) or rewriting.renames(archive):
        changes.renamed = dict(_renamed(archive, rewriting))
    if new != old:
        changes.contents[metadata] = new
    return changes


def _renamed(archive: WheelArchive, rewriting: WheelEdits) -> Iterator[tuple[str, str]]:
    """The metadata and the data folder, and what they are called afterwards."""
    for folder in {name.partition("/")[0] for name in archive.names if "/" in name}:
        stem, dot, kind = folder.rpartition(".")
        if folder == archive.dist_info or (kind == "data" and archive.is_stem(stem)):
            if rewriting.renames(archive):
                stem = "-".join(rewriting.filename(archive).split("-")[:2])
            yield folder, f"{stem.partition('+')[0] if rewriting.drops(archive) else stem}{dot}{kind}"


def _rows(text: str, record: str, changes: _Changes) -> Iterator[str]:
    """RECORD's lines: those of unchanged files as they are, and added ones before RECORD's own."""
    lines = list(io.StringIO(text, newline=""))
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    added: Mapping[str, bytes] = dict(changes.added)
    for line in lines:
        row = next(csv.reader([line]), [""])
        path = row[0]
        if path in changes.dropped:
            continue
        if path == record:
            yield from (_row(changes.name(name), content) + end for name, content in added.items())
            added = {}
        if path in changes.contents:
            yield _row(changes.name(path), changes.contents[path]) + end
        elif changes.name(path) != path:
            yield _joined([changes.name(path), *row[1:]]) + end
        else:
            yield line if line.endswith("\n") else line + end
    yield from (_row(changes.name(name), content) + end for name, content in added.items())


def _row(path: str, content: bytes) -> str:
    return entry_for(path, content).row()


def _joined(row: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()
