"""Variant metadata as values: what ``variant.json`` and ``{name}-{version}-variants.json`` say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeVar

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from variantctl.values import dataclass, field
from variantctl.variants.labels import NULL_LABEL
from variantctl.variants.properties import ABI_DEPENDENCY, Properties

_Value = TypeVar("_Value")
NO_PROPERTIES: Properties = MappingProxyType({})


def frozen(mapping: Mapping[str, _Value]) -> Mapping[str, _Value]:
    """A read-only copy of *mapping*, in its order."""
    return MappingProxyType(dict(mapping))


@dataclass(frozen=True)
class ProviderInfo:
    """Who answers for one namespace (PEP 850, ``providers.{namespace}``).

    Exactly one of *requires*, *static_properties*, *builtin* and (pyproject.toml only) *build_requires* is
    given, except in older metadata, where an ahead-of-time provider may have both of the first two.

    Attributes:
        requires: dependency specifiers that install the provider's plugin.
        plugin_api: ``module[:object]`` of the plugin, where it is not the default.
        static_properties: feature -> supported values, most preferred first.
        feature_order: every feature of *static_properties*, most preferred first.
        builtin: the name of a provider that is built into the installing tool.
        optional: whether the provider is disabled unless the user enables it.
        enable_if: older metadata only: a marker that says where the provider is used at all.
        install_time: older metadata only: ``False`` for a provider that is never queried when installing.
        build_requires: pyproject.toml only: dependency specifiers of a plugin that is queried when building.
    """

    requires: tuple[str, ...] = ()
    plugin_api: str | None = None
    static_properties: Mapping[str, tuple[str, ...]] | None = None
    feature_order: tuple[str, ...] = ()
    builtin: str | None = None
    optional: bool = False
    enable_if: str | None = None
    install_time: bool = True
    build_requires: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.static_properties is not None:
            object.__setattr__(self, "static_properties", frozen(self.static_properties))
            if not self.feature_order:
                object.__setattr__(self, "feature_order", tuple(self.static_properties or ()))

    @property
    def effective_plugin_api(self) -> str | None:
        """Where the plugin is: *plugin_api*, else the first requirement's name with ``-`` as ``_``."""
        requires = self.requires or self.build_requires
        if self.plugin_api is not None or not requires:
            return self.plugin_api
        return canonicalize_name(Requirement(requires[0]).name).replace("-", "_")


@dataclass(frozen=True)
class VariantMetadata:
    """The variant metadata of one wheel, or of every variant wheel of one version (PEP 825, PEP 850).

    Attributes:
        schema: the ``$schema`` it was read from, a URL.
        namespaces: ``default-priorities.namespace``, most preferred first.
        providers: namespace -> provider; empty in the v0.1.1 format.
        variants: label -> namespace -> feature -> values (sorted). Only ``null`` (in older metadata also
            ``00000000``) has no properties.
        feature_priorities: older metadata only: namespace -> features that go before the provider's order.
        property_priorities: older metadata only: namespace -> feature -> values that go before its.
    """

    schema: str
    namespaces: tuple[str, ...]
    providers: Mapping[str, ProviderInfo] = field(default_factory=dict)
    variants: Mapping[str, Properties] = field(default_factory=dict)
    feature_priorities: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    property_priorities: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        variants = {
            label: frozen({namespace: frozen(features) for namespace, features in properties.items()})
            for label, properties in self.variants.items()
        }
        object.__setattr__(self, "variants", frozen(variants))
        object.__setattr__(self, "providers", frozen(self.providers))
        object.__setattr__(self, "feature_priorities", frozen(self.feature_priorities))
        properties = {namespace: frozen(features) for namespace, features in self.property_priorities.items()}
        object.__setattr__(self, "property_priorities", frozen(properties))

    def properties_of(self, label: str) -> Properties | None:
        """The properties of *label*; ``None`` if the label is not known.

        ``null`` always has zero properties, listed or not (PEP 825, "Variant label").
        """
        return self.variants.get(label, NO_PROPERTIES if label == NULL_LABEL else None)

    @property
    def used_namespaces(self) -> tuple[str, ...]:
        """The namespaces that some variant uses: in order of priority, ``abi_dependency`` last."""
        used = {namespace for properties in self.variants.values() for namespace in properties}
        return tuple(namespace for namespace in (*self.namespaces, ABI_DEPENDENCY) if namespace in used)
