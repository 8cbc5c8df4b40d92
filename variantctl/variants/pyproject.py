"""The ``[variant]`` table of pyproject.toml, from which the metadata of a project's wheels is made."""

from __future__ import annotations

from collections.abc import Mapping

from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.nodes import Node
from variantctl.variants.parse import check_namespaces, check_providers, read_namespaces, read_variants
from variantctl.variants.provider_tables import read_providers
from variantctl.variants.schemas import PEP_825_SCHEMA, PEP_850_SCHEMA


def load_pyproject_variant_table(data: Mapping[str, object], source: str | None = None) -> VariantMetadata:
    """Read the ``[variant]`` table as variantlib 0.2 reads it.

    ``default-priorities`` is required; ``build-requires`` is allowed in ``providers``; ``variants`` may be
    left out; other keys of the table are passed over. Unlike variantlib, this accepts a table without
    ``providers`` (PEP 825 without PEP 850).

    Args:
        data: the whole pyproject.toml, parsed.
        source: its path, named in errors.

    Raises:
        InvalidVariantError: there is no such table, or it breaks a rule; source, key path and rule are named.
    """
    top = Node(data, source).require("variant")
    providers = top.get("providers")
    variants = top.get("variants")
    metadata = VariantMetadata(
        schema=PEP_825_SCHEMA if providers is None else PEP_850_SCHEMA,
        namespaces=read_namespaces(top, ignore_unknown=False),
        providers=read_providers(providers, build_requires=True) if providers is not None else {},
        variants=read_variants(variants) if variants is not None else {},
    )
    if providers is not None:
        check_providers(top, metadata)
    check_namespaces(top, metadata)
    return metadata
