"""Writing variant metadata: always the newest format, keys sorted, the same bytes for the same content."""

from __future__ import annotations

import json
from collections.abc import Mapping

from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.labels import NULL_LABEL, OLDER_NULL_LABEL
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.nodes import key_path
from variantctl.variants.parse import load_metadata
from variantctl.variants.schemas import PEP_825_SCHEMA, PEP_850_SCHEMA


def metadata_bytes(metadata: VariantMetadata) -> bytes:
    """*metadata* as JSON text: UTF-8, keys sorted, indented by two, ending in a newline.

    Raises:
        InvalidVariantError: as ``dump_metadata`` does.
    """
    return (json.dumps(dump_metadata(metadata), indent=2, sort_keys=True) + "\n").encode()


def dump_metadata(metadata: VariantMetadata) -> dict[str, object]:
    """*metadata* as a table for a JSON or TOML writer: sorted and checked.

    ``$schema`` is v0.1.1 (PEP 825) without providers and v0.2.0 (PEP 850) with them; older metadata is
    converted as ``modernize`` says.

    Raises:
        InvalidVariantError: *metadata* is not valid, or says what the format cannot.
    """
    modern = modernize(metadata)
    document: dict[str, object] = {
        "$schema": modern.schema,
        "default-priorities": {"namespace": list(modern.namespaces)},
    }
    if modern.providers:
        document["providers"] = {
            namespace: _dump_provider(namespace, provider)
            for namespace, provider in sorted(modern.providers.items())
        }
    document["variants"] = {
        label: {
            namespace: {feature: sorted(values) for feature, values in sorted(features.items())}
            for namespace, features in sorted(properties.items())
        }
        for label, properties in sorted(modern.variants.items())
    }
    load_metadata(document)
    return document


def modernize(metadata: VariantMetadata) -> VariantMetadata:
    """*metadata* as the newest format says it, which is what is written.

    Of older metadata: the static properties of a provider that is not queried when installing become that
    provider's ``static-properties``, in the order that the priorities of features and values give them;
    ``enable-if`` of a plugin is dropped, since on other systems the plugin itself finds nothing.

    Raises:
        InvalidVariantError: it says what the format cannot: priorities for a plugin's features or values,
            ``enable-if`` for static properties, a provider with neither plugin nor static properties, or the
            null variant labelled ``00000000``, which would no longer match its wheels.
    """
    if OLDER_NULL_LABEL in metadata.variants and not metadata.variants[OLDER_NULL_LABEL]:
        raise InvalidVariantError(
            f"the null variant must have the label {NULL_LABEL!r} to be written",
            key=key_path("variants", OLDER_NULL_LABEL),
            hint=f"Give its wheels the label {NULL_LABEL!r}.",
        )
    providers = {
        namespace: _modern_provider(namespace, provider, metadata)
        for namespace, provider in metadata.providers.items()
    }
    for name, priorities in (
        ("feature", metadata.feature_priorities),
        ("property", metadata.property_priorities),
    ):
        for namespace, listed in sorted(priorities.items()):
            if listed and (namespace not in providers or providers[namespace].static_properties is None):
                raise InvalidVariantError(
                    "cannot be written: since PEP 850 the order within a namespace is its provider's alone",
                    key=f"default-priorities.{name}.{namespace}",
                )
    return replace(
        metadata,
        schema=PEP_850_SCHEMA if providers else PEP_825_SCHEMA,
        providers=providers,
        feature_priorities={},
        property_priorities={},
    )


def _modern_provider(namespace: str, provider: ProviderInfo, metadata: VariantMetadata) -> ProviderInfo:
    if provider.install_time and provider.enable_if is None:
        return provider
    key = f"providers.{namespace}"
    static = provider.static_properties
    if static is None:
        if not provider.install_time:
            raise InvalidVariantError("has neither a plugin to query nor static properties", key=key)
        return replace(provider, enable_if=None)
    if provider.enable_if is not None:
        rule = "cannot be written: static properties hold everywhere since PEP 850"
        raise InvalidVariantError(rule, key=f"{key}.enable-if")
    values = metadata.property_priorities.get(namespace, {})
    return ProviderInfo(
        static_properties={
            feature: _listed_first(values.get(feature, ()), supported)
            for feature, supported in static.items()
        },
        feature_order=_listed_first(metadata.feature_priorities.get(namespace, ()), provider.feature_order),
        optional=provider.optional,
    )


def _listed_first(listed: tuple[str, ...], supported: tuple[str, ...]) -> tuple[str, ...]:
    first = [item for item in listed if item in supported]
    return (*first, *(item for item in supported if item not in first))


def _dump_provider(namespace: str, provider: ProviderInfo) -> Mapping[str, object]:
    if provider.build_requires:
        raise InvalidVariantError(
            "is allowed in pyproject.toml only",
            key=f"providers.{namespace}.build-requires",
            hint="Replace it by the static-properties that the plugin gives.",
        )
    table: dict[str, object] = {}
    if provider.builtin is not None:
        table["builtin"] = provider.builtin
    if len(provider.feature_order) > 1:
        table["feature-order"] = list(provider.feature_order)
    if provider.optional:
        table["optional"] = True
    if provider.plugin_api is not None:
        table["plugin-api"] = provider.plugin_api
    if provider.requires:
        table["requires"] = list(provider.requires)
    if provider.static_properties is not None:
        table["static-properties"] = {
            feature: list(values) for feature, values in sorted(provider.static_properties.items())
        }
    return table
