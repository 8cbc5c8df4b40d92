"""A wheel's variant: the label of its filename and the properties of its ``variant.json`` (PEP 825)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.labels import NULL_LABEL, validate_label
from variantctl.variants.properties import ABI_DEPENDENCY, Properties

if TYPE_CHECKING:
    from variantctl.variants.metadata import VariantMetadata
    from variantctl.wheels.archive import WheelArchive

VARIANT_JSON = "variant.json"


def read_variant(archive: WheelArchive) -> VariantMetadata | None:
    """The variant metadata of a variant wheel; ``None`` for a non-variant wheel, whatever it holds.

    Raises:
        WheelError: a variant wheel has no ``variant.json``.
        InvalidVariantError: its ``variant.json`` is invalid, or not about the filename's label alone; the
            error names the wheel.
    """
    from variantctl.variants.parse import load_wheel_metadata

    label = archive.filename.label
    if label is None:
        return None
    member = f"{archive.dist_info}/{VARIANT_JSON}"
    data = archive.variant_json_bytes()
    if data is None:
        raise archive.error(f"it is missing, though the filename has the variant label {label!r}", member)
    return load_wheel_metadata(data, label=label, source=f"{archive.filename.filename}: {member}")


def stray_variant_json(archive: WheelArchive) -> str | None:
    """A note about a non-variant wheel that holds a ``variant.json``, which nothing will read."""
    member = f"{archive.dist_info}/{VARIANT_JSON}"
    if archive.filename.label is None and member in archive:
        return f"{archive.filename.filename}: has a variant.json but no label in its filename; it is ignored"
    return None


def single_variant(
    table: VariantMetadata, label: str, properties: Properties | None, source: str | None = None
) -> VariantMetadata:
    """What ``variant.json`` says in the wheel of one label: the project's tables, and that variant alone.

    Args:
        table: namespaces and providers (of pyproject.toml, or of another wheel), perhaps with variants.
        label: the label of the wheel.
        properties: its properties; ``None``: those that ``table.variants`` lists for the label.
        source: the file that ``table`` came from, named in errors.

    Raises:
        InvalidVariantError: the label, or its combination with the properties and the table, is not allowed.
    """
    validate_label(label)
    listed = table.properties_of(label)
    key = f"variants.{label}"
    if properties is None:
        if listed is None:
            raise InvalidVariantError(
                "no properties were given for this label, and none are listed",
                source=source,
                key=key,
                hint="Give each with --property 'namespace :: feature :: value', or list them under "
                f"[variant.variants.{label}] in pyproject.toml.",
            )
        properties = listed
    elif label in table.variants and listed is not None and not _same(listed, properties):
        raise InvalidVariantError(
            "the properties given are not those listed for this label",
            source=source,
            key=key,
            hint="Leave the properties out to use the listed ones, or choose another label.",
        )
    _check_null(label, properties)
    for namespace in properties:
        if namespace not in (*table.namespaces, ABI_DEPENDENCY):
            raise InvalidVariantError(
                f"the namespace {namespace!r} is not listed in default-priorities.namespace",
                source=source,
                key=key,
                hint="PEP 825 asks for every namespace in use to be listed there",
            )
    return replace(table, variants={label: properties})


def _check_null(label: str, properties: Properties) -> None:
    if label == NULL_LABEL:
        if properties:
            raise InvalidVariantError(f"the label {label!r} is reserved for the variant without properties")
    elif not properties:
        raise InvalidVariantError(
            f"the variant {label!r} has no properties",
            hint=f"A variant without properties is the null variant: use the label {NULL_LABEL!r} (--null).",
        )


def _same(left: Properties, right: Properties) -> bool:
    return _plain(left) == _plain(right)


def _plain(properties: Properties) -> Mapping[str, Mapping[str, list[str]]]:
    return {
        namespace: {feature: sorted(values) for feature, values in features.items()}
        for namespace, features in properties.items()
    }
