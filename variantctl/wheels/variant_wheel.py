"""An ordinary wheel made into a variant wheel, and back (PEP 825, "Variant wheel")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.variants.labels import NULL_LABEL
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import ABI_DEPENDENCY, Properties
from variantctl.variants.schemas import PEP_825_SCHEMA
from variantctl.variants.write import metadata_bytes
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.errors import WheelError
from variantctl.wheels.metadata import parse_core_metadata
from variantctl.wheels.requirement_edits import DependencyEdits
from variantctl.wheels.rewrite import WheelEdits, rewrite
from variantctl.wheels.variant import read_variant, single_variant
from variantctl.wheels.verify import Progress, verify_archive


def make_variant(
    source: Path,
    out_dir: Path,
    *,
    label: str,
    properties: Properties | None,
    table: VariantMetadata | None = None,
    table_source: str | None = None,
    namespaces: Sequence[str] = (),
    edits: DependencyEdits | None = None,
    drop_local: bool = False,
    progress: Progress | None = None,
    dry_run: bool = False,
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
        edits: what becomes of its requirements.
        drop_local: take the local part off its version.
        progress: told how far the check of ``source`` is.
        dry_run: check everything and write nothing.

    Raises:
        WheelError: ``source`` is not sound, or would be overwritten.
        InvalidVariantError: label, properties and table do not make a valid variant, or the edits do not fit.
    """
    with WheelArchive.open(source) as archive:
        if table is None:
            table = _own_table(archive, label, properties, namespaces)
        metadata = single_variant(table, label, properties, table_source)
        rewriting = variant_rewriting(archive, metadata, label, edits, drop_local, table_source)
        target = _target(source, out_dir, rewriting.filename(archive))
        verify_archive(archive, progress=progress)
        if not dry_run:
            out_dir.mkdir(parents=True, exist_ok=True)
            rewrite(archive, target, rewriting)
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
        out_dir.mkdir(parents=True, exist_ok=True)
        rewrite(archive, target, WheelEdits())
    return target


def refuse_same_names(sources: Sequence[Path]) -> None:
    """Refuse variant wheels of which one would be written over another.

    Raises:
        WheelError: two become the same ordinary wheel.
        InvalidVariantError: a filename is not a wheel's.
    """
    first: dict[str, Path] = {}
    for source in sources:
        name = parse_wheel_filename(source.name).with_label(None)
        if first.setdefault(name, source) is not source:
            problem = f"becomes {name}, as {first[name].name} does"
            raise WheelError(source.name, problem, hint="Write them to different folders.")


def variant_rewriting(
    archive: WheelArchive,
    metadata: VariantMetadata | None,
    label: str | None,
    edits: DependencyEdits | None,
    drop_local: bool,
    table_source: str | None = None,
) -> WheelEdits:
    """What becomes of a wheel, checked as far as can be without reading all of it.

    Args:
        archive: the wheel.
        metadata: of the one variant; ``None``: an ordinary wheel is made.
        label: the variant's label.
        edits: what becomes of its requirements.
        drop_local: take the local part off its version.
        table_source: the file that the metadata comes from, named in errors.

    Raises:
        WheelError: its METADATA cannot be read.
        InvalidVariantError: the metadata cannot be written, or the edits do not fit.
    """
    content = None
    if metadata is not None:
        try:
            content = metadata_bytes(metadata)
        except InvalidVariantError as error:
            raise InvalidVariantError(
                error.rule, source=error.source or table_source, key=error.key, hint=error.hint
            ) from error
    requires = None
    if edits:
        name = archive.filename.filename
        requires = edits.apply(parse_core_metadata(archive.metadata_bytes(), name).requires_dist, name)
    return WheelEdits(label, content, requires, drop_local)


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
            hint="Give the project's pyproject.toml with --pyproject, or the namespaces that the project's "
            "other variants use with --namespace.",
        )
    return VariantMetadata(schema=PEP_825_SCHEMA, namespaces=listed)


def _target(source: Path, out_dir: Path, filename: str) -> Path:
    target = out_dir / filename
    if target.exists() and target.samefile(source):
        raise WheelError(str(source), "the result would overwrite it", hint="Choose another output folder.")
    return target
