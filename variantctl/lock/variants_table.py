"""``[packages.variants-json]``: variant metadata inlined into a lock file (PEP 825, "pylock.toml")."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from variantctl.values import replace
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.properties import ABI_DEPENDENCY, Properties
from variantctl.variants.schemas import Format, format_of


def narrowed(metadata: VariantMetadata, labels: Collection[str]) -> VariantMetadata:
    """The metadata of ``labels`` alone; those stay whole, and the namespaces that none of them uses go.

    Where none uses any, all namespaces stay: a list of them may not be empty.
    """
    variants = {label: metadata.variants[label] for label in metadata.variants if label in labels}
    used = {namespace for properties in variants.values() for namespace in properties}
    namespaces = tuple(namespace for namespace in metadata.namespaces if namespace in used)
    kept = namespaces or metadata.namespaces
    return replace(
        metadata,
        namespaces=kept,
        variants=variants,
        providers={ns: provider for ns, provider in metadata.providers.items() if ns in kept},
        feature_priorities={ns: order for ns, order in metadata.feature_priorities.items() if ns in kept},
        property_priorities={ns: order for ns, order in metadata.property_priorities.items() if ns in kept},
    )


def variants_table(metadata: VariantMetadata) -> dict[str, Any]:
    """The table, in the format that ``$schema`` names: reading it back gives the same metadata."""
    older = format_of(metadata.schema) is Format.OLDER
    priorities: dict[str, Any] = {"namespace": list(metadata.namespaces)}
    if metadata.feature_priorities:
        priorities["feature"] = _lists(metadata.feature_priorities)
    if metadata.property_priorities:
        priorities["property"] = {ns: _lists(table) for ns, table in metadata.property_priorities.items()}
    table: dict[str, Any] = {"$schema": metadata.schema, "default-priorities": priorities}
    if metadata.providers:
        provider = _older_provider if older else _provider
        table["providers"] = {
            namespace: provider(info) for namespace, info in sorted(metadata.providers.items())
        }
    static = {
        namespace: _lists(info.static_properties)
        for namespace, info in sorted(metadata.providers.items())
        if older and info.static_properties is not None
    }
    if static:
        table["static-properties"] = static
    table["variants"] = {
        label: _properties(properties) for label, properties in sorted(metadata.variants.items())
    }
    return table


def of_backend(metadata: VariantMetadata, label: str) -> VariantMetadata:
    """The metadata of one backend; all namespaces and providers stay, so that entries can be compared."""
    return replace(metadata, variants={label: metadata.variants[label]})


def backend_table(metadata: VariantMetadata) -> dict[str, Any]:
    """The table of one backend; no properties are left out, since only the null variant may have none."""
    kept = {label: properties for label, properties in metadata.variants.items() if properties}
    return variants_table(replace(metadata, variants=kept))


def united(metadata: Sequence[VariantMetadata]) -> VariantMetadata:
    """The metadata of several backends of one source."""
    variants = {label: entry for item in metadata for label, entry in item.variants.items()}
    return replace(metadata[0], variants=variants)


def labels_without_entry(metadata: VariantMetadata | None, labels: Collection[str]) -> list[str]:
    """The labels that occur among wheels and have no metadata, so that nobody can choose them."""
    return sorted(label for label in labels if metadata is None or metadata.properties_of(label) is None)


def uses_abi(metadata: VariantMetadata | None) -> bool:
    """Whether some variant was built for a release of another package (PEP 850, ``abi_dependency``)."""
    return metadata is not None and any(ABI_DEPENDENCY in entry for entry in metadata.variants.values())


def _properties(properties: Properties) -> dict[str, Any]:
    return {
        namespace: {feature: sorted(values) for feature, values in sorted(features.items())}
        for namespace, features in sorted(properties.items())
    }


def _provider(info: ProviderInfo) -> dict[str, Any]:
    """PEP 850, ``providers.{namespace}``."""
    table: dict[str, Any] = {}
    if info.requires:
        table["requires"] = list(info.requires)
    if info.plugin_api is not None:
        table["plugin-api"] = info.plugin_api
    if info.builtin is not None:
        table["builtin"] = info.builtin
    if info.optional:
        table["optional"] = True
    if len(info.feature_order) > 1:
        table["feature-order"] = list(info.feature_order)
    if info.static_properties is not None:
        table["static-properties"] = dict(sorted(_lists(info.static_properties).items()))
    return table


def _older_provider(info: ProviderInfo) -> dict[str, Any]:
    """The drafts before PEP 825, which keep static properties in a table of their own."""
    table: dict[str, Any] = {"requires": list(info.requires)}
    if info.plugin_api is not None:
        table["plugin-api"] = info.plugin_api
    if info.optional:
        table["optional"] = True
    if info.enable_if is not None:
        table["enable-if"] = info.enable_if
    if not info.install_time:
        table["install-time"] = False
    return table


def _lists(table: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {key: list(values) for key, values in table.items()}
