"""An ordinary wheel made into a variant wheel, and back (PEP 825, "Variant wheel").

Only ``variant.json`` and RECORD are written anew; every other file keeps its compressed bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.labels import NULL_LABEL
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import ABI_DEPENDENCY, Properties
from variantctl.variants.schemas import PEP_825_SCHEMA
from variantctl.variants.write import metadata_bytes
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.errors import WheelError
from variantctl.wheels.output import written_whole
from variantctl.wheels.record import SIGNATURES, entry_for
from variantctl.wheels.variant import VARIANT_JSON, read_variant, single_variant
from variantctl.wheels.verify import Progress, verify_archive
from variantctl.wheels.zipwriter import ZipWriter


def make_variant(
    source: Path,
    out_dir: Path,
    *,
    label: str,
    properties: Properties | None,
    table: VariantMetadata | None = None,
    table_source: str | None = None,
    namespaces: Sequence[str] = (),
    progress: Progress | None = None,
) -> Path:
    """Write the wheel of one variant: ``source`` with a label in its filename and a ``variant.json``.

    The same arguments give the same bytes. A wheel that is in ``out_dir`` under that name is replaced.

    Args:
        source: a wheel; one that is a variant already gets another label or other properties.
        out_dir: a folder; made if it is not there.
        label: the label; ``"null"`` for the null variant.
        properties: the properties; ``{}`` for the null variant; ``None``: those that ``table`` lists, or
            without a table those that ``source`` has already.
        table: the project's namespaces and providers. Without it: those of ``source`` if that is a variant
            wheel, else the ``namespaces`` and those of the properties, in this order, and no providers.
        table_source: the file that ``table`` was read from, named in errors.
        namespaces: see ``table``.
        progress: told how far the check of ``source`` is.

    Raises:
        WheelError: ``source`` is not sound, or would be overwritten.
        InvalidVariantError: label, properties and table do not make a valid variant.
    """
    with WheelArchive.open(source) as archive:
        if table is None:
            table = _own_table(archive, label, properties, namespaces)
        metadata = single_variant(table, label, properties, table_source)
        target = _target(source, out_dir, archive.filename.with_label(label))
        try:
            content = metadata_bytes(metadata)
        except InvalidVariantError as error:
            raise InvalidVariantError(
                error.rule, source=error.source or table_source, key=error.key, hint=error.hint
            ) from error
        verify_archive(archive, progress=progress)
        _repack(archive, target, content)
    return target


def unmake_variant(source: Path, out_dir: Path, *, progress: Progress | None = None) -> Path:
    """Write the ordinary wheel that a variant wheel was made from.

    Raises:
        WheelError: ``source`` is not sound, not a variant wheel, or would be overwritten.
    """
    with WheelArchive.open(source) as archive:
        if archive.filename.label is None:
            raise archive.error("it has no variant label, so there is nothing to undo")
        target = _target(source, out_dir, archive.filename.with_label(None))
        verify_archive(archive, progress=progress)
        _repack(archive, target, None)
    return target


def _own_table(
    archive: WheelArchive, label: str, properties: Properties | None, namespaces: Sequence[str]
) -> VariantMetadata:
    present = None if namespaces else read_variant(archive)
    if present is not None:
        own = present.variants.get(archive.filename.label or "")
        kept = own if properties is None and label != NULL_LABEL else None
        return replace(present, variants={label: kept} if kept else {})
    used = [namespace for namespace in properties or () if namespace != ABI_DEPENDENCY]
    listed = tuple(dict.fromkeys([*namespaces, *used]))
    if not listed and (properties is not None or label == NULL_LABEL):
        raise InvalidVariantError(
            "no namespace is known, and variant metadata must list at least one, that of a null variant too",
            source=archive.filename.filename,
            key="default-priorities.namespace",
            hint="give the project's pyproject.toml with --pyproject, or the namespaces that the project's "
            "other variants use with --namespace",
        )
    return VariantMetadata(schema=PEP_825_SCHEMA, namespaces=listed)


def _target(source: Path, out_dir: Path, filename: str) -> Path:
    out_dir.mkdir(parents=True, exist_ok=True)
    target = out_dir / filename
    if target.exists() and target.samefile(source):
        raise WheelError(str(source), "the result would overwrite it", hint="choose another output folder")
    return target


def _repack(archive: WheelArchive, target: Path, variant_json: bytes | None) -> None:
    """Copy a wheel with ``variant_json`` in place of its own, if any; RECORD becomes its last member."""
    folder = archive.dist_info
    record, variant = f"{folder}/RECORD", f"{folder}/{VARIANT_JSON}"
    # A signature is one of RECORD, which changes: it would only be wrong.
    dropped = {variant, *(f"{folder}/{name}" for name in SIGNATURES)}
    row = None if variant_json is None else entry_for(variant, variant_json).row()
    rows = _changed_rows(archive.read(record).decode(), record, dropped, row)
    with written_whole(target) as file:
        writer = ZipWriter(file)
        for name, info in archive.infos.items():
            if name != record and name not in dropped:
                writer.copy(info, archive.compressed_chunks(name))
        if variant_json is not None:
            writer.add(variant, variant_json)
        writer.add(record, "".join(rows).encode())
        writer.close()


def _changed_rows(text: str, record: str, dropped: Collection[str], added: str | None) -> Iterator[str]:
    """RECORD's lines as they are, without those of ``dropped``, and with ``added`` before RECORD's own."""
    lines = list(io.StringIO(text, newline=""))
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for line in lines:
        path = next(csv.reader([line]), [""])[0]
        if path in dropped:
            continue
        if path == record and added is not None:
            yield added + end
            added = None
        yield line if line.endswith("\n") else line + end
    if added is not None:
        yield added + end
