"""Combining the metadata of several wheels of one version (PEP 825, "Metadata consistency")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import TypeVar

from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.nodes import key_path, show
from variantctl.variants.properties import Properties
from variantctl.variants.schemas import PEP_825_SCHEMA, PEP_850_SCHEMA

_Value = TypeVar("_Value")


def merge_metadata(items: Iterable[tuple[str, VariantMetadata]]) -> VariantMetadata:
    """Combine the metadata of all *items*, each (name of its file, metadata); their order does not matter.

    The longest ``default-priorities.namespace`` is taken, of which every other must be the beginning; of
    ``variants`` and ``providers`` the union, in which equal keys must have equal values (older metadata: the
    same goes for the priorities of features and values). The result's schema is that of the items if they
    agree, else the newest format's.

    Raises:
        InvalidVariantError: there are no items, or two of them are not consistent; both files are named.
    """
    inputs = sorted(items, key=itemgetter(0))
    if not inputs:
        raise InvalidVariantError("there is no variant metadata to combine")
    longest_name, longest = max(inputs, key=lambda item: len(item[1].namespaces))
    for name, metadata in inputs:
        if longest.namespaces[: len(metadata.namespaces)] != metadata.namespaces:
            raise InvalidVariantError(
                "the lists are not consistent, the shorter must be the beginning of the longer: "
                f"[{', '.join(metadata.namespaces)}] in {name}, "
                f"[{', '.join(longest.namespaces)}] in {longest_name}",
                source=name,
                key="default-priorities.namespace",
                hint="Build all wheels of one version with the same priorities.",
            )
    providers: Mapping[str, ProviderInfo] = _union("providers", [(n, m.providers) for n, m in inputs])
    variants: Mapping[str, Properties] = _union("variants", [(n, m.variants) for n, m in inputs])
    return VariantMetadata(
        schema=_schema([metadata for _, metadata in inputs], with_providers=bool(providers)),
        namespaces=longest.namespaces,
        providers=providers,
        variants=variants,
        feature_priorities=_union(
            "default-priorities.feature", [(n, m.feature_priorities) for n, m in inputs]
        ),
        property_priorities=_union(
            "default-priorities.property", [(n, m.property_priorities) for n, m in inputs]
        ),
    )


def _union(key: str, tables: list[tuple[str, Mapping[str, _Value]]]) -> dict[str, _Value]:
    union: dict[str, _Value] = {}
    origin: dict[str, str] = {}
    for name, table in tables:
        for entry, value in table.items():
            if union.setdefault(entry, value) != value:
                raise InvalidVariantError(
                    f"{show(entry)} is not the same in {origin[entry]} and in {name}",
                    source=name,
                    key=key_path(key, entry),
                    hint="Build all wheels of one version from the same metadata.",
                )
            origin.setdefault(entry, name)
    return dict(sorted(union.items()))


def _schema(items: list[VariantMetadata], *, with_providers: bool) -> str:
    schemas = {metadata.schema for metadata in items}
    if len(schemas) == 1:
        return schemas.pop()
    return PEP_850_SCHEMA if with_providers else PEP_825_SCHEMA
