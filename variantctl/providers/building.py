"""Providers as a wheel's builder asks them: what they know at all, and what is written into the wheel.

PEP 850: the properties of a wheel are checked with ``get_all_configs()``. A provider with ``build-requires``
(pyproject.toml only) is asked when the wheel is made, and its answer is written as ``static-properties``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from variantctl.providers.answered import endpoint
from variantctl.providers.answers import ALL, SUPPORTED, BadAnswerError
from variantctl.providers.asking import FeatureReport
from variantctl.providers.foreign import ForeignProviders
from variantctl.providers.plugins import KNOWN_PROVIDERS, OUR_DISTRIBUTION, FeatureConfig, our_plugins
from variantctl.providers.settings import ProviderSettings
from variantctl.values import dataclass, field, replace
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.known_properties import KnownFeature, KnownFeatures
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.properties import ABI_DEPENDENCY
from variantctl.variants.schemas import PEP_850_SCHEMA


@dataclass(frozen=True)
class Validity:
    """What providers know of the properties of some namespaces.

    Attributes:
        known: namespace -> feature -> what is valid.
        unchecked: namespace -> why nothing is known of it.
    """

    known: KnownFeatures
    unchecked: Mapping[str, str] = field(default_factory=dict)


class BuildProviders:
    """The providers that a project's ``[variant]`` table names.

    Args:
        settings: whom the user trusts, and where plugins come from.
    """

    def __init__(self, settings: ProviderSettings | None = None) -> None:
        self._foreign = ForeignProviders(settings or ProviderSettings())

    def validity(self, providers: Mapping[str, ProviderInfo], namespaces: Iterable[str]) -> Validity:
        """What is valid in each of these namespaces.

        Args:
            providers: the table's; a namespace that is not in it is one of our own detectors', or unknown.
            namespaces: those that properties are in.
        """
        known: dict[str, Mapping[str, KnownFeature]] = {}
        unchecked: dict[str, str] = {}
        for namespace in dict.fromkeys(namespaces):
            if namespace == ABI_DEPENDENCY:
                continue
            try:
                known[namespace] = self._known(namespace, providers.get(namespace))
            except (VariantctlError, BadAnswerError) as error:
                unchecked[namespace] = _said(error)
        return Validity(known, unchecked)

    def resolved(self, table: VariantMetadata, source: str | None = None) -> VariantMetadata:
        """The table as wheels have it: the answers of ``build-requires``, and our own plugins by their names.

        A provider that is ``variant-providers`` without ``plugin-api`` gets one, so that variantlib
        understands the wheel, too (:func:`~variantctl.providers.answered.endpoint`).

        Args:
            table: as pyproject.toml has it.
            source: that file, named in errors.

        Raises:
            InvalidVariantError: a plugin is not one that may be asked when building.
            NotTrustedError, PluginUnavailableError, TrustFileError: it may not, or cannot, be asked.
        """
        providers = {
            namespace: self._static(namespace, provider, source)
            if provider.build_requires
            else _named(namespace, provider)
            for namespace, provider in table.providers.items()
        }
        if providers == dict(table.providers):
            return table
        return replace(table, schema=PEP_850_SCHEMA, providers=providers)

    def _known(self, namespace: str, provider: ProviderInfo | None) -> Mapping[str, KnownFeature]:
        if provider is not None and provider.static_properties is not None:
            # What is in the list is supported everywhere, so a second value of a feature says nothing.
            return {name: KnownFeature(values) for name, values in provider.static_properties.items()}
        requires = _applying(provider)
        if provider is None or provider.builtin is not None:
            return _ours(namespace, f"variantctl has no detector for namespace {namespace!r}")
        ours = next((name for name in map(_name, requires) if name in KNOWN_PROVIDERS), None)
        if ours is not None:
            return _ours(namespace, f"package {ours} does not provide namespace {namespace!r}")
        if not requires:
            raise VariantctlError("no package of its provider applies to this platform")
        answer = self._foreign.configs(requires, provider.effective_plugin_api or "", ALL)
        return {feature.name: _feature(feature) for feature in answer.features}

    def _static(self, namespace: str, provider: ProviderInfo, source: str | None) -> ProviderInfo:
        """PEP 850, ``build-requires``; the answer must be declared as fixed, as variantlib 0.2 asks for."""
        requires, key = _applying(provider), f"variant.providers.{namespace}.build-requires"
        fixed = "name it with requires instead, so that it is asked on the machine that is installed on"
        ours = next((name for name in map(_name, requires) if name in KNOWN_PROVIDERS), None)
        if ours is not None:
            rule = f"what package {ours} answers depends on the machine, and is not fixed when building"
            raise InvalidVariantError(rule, source=source, key=key, hint=fixed)
        if not requires:
            raise InvalidVariantError("no requirement applies to this platform", source=source, key=key)
        try:
            answer = self._foreign.configs(requires, provider.effective_plugin_api or "", SUPPORTED)
        except BadAnswerError as error:
            raise InvalidVariantError(str(error), source=source, key=key) from None
        if not answer.fixed:
            rule = (
                f"plugin {provider.effective_plugin_api} does not declare all_properties_compatible, "
                "so its answer may depend on the machine"
            )
            raise InvalidVariantError(rule, source=source, key=key, hint=fixed)
        multiple = next((feature.name for feature in answer.features if feature.multi_value), None)
        if multiple is not None:
            rule = f"feature {multiple!r} is multi-value, which no feature of such a provider may be"
            raise InvalidVariantError(rule, source=source, key=key)
        if not answer.features:
            raise InvalidVariantError("the plugin answers with no feature", source=source, key=key)
        return ProviderInfo(
            static_properties={feature.name: feature.values for feature in answer.features},
            feature_order=tuple(feature.name for feature in answer.features),
            optional=provider.optional,
        )


def _named(namespace: str, provider: ProviderInfo) -> ProviderInfo:
    """The provider with the ``plugin-api`` of our detector, where it is ours and names none."""
    if provider.plugin_api is not None or not provider.requires:
        return provider
    if _name(Requirement(provider.requires[0])) != OUR_DISTRIBUTION or namespace not in our_plugins():
        return provider
    return replace(provider, plugin_api=endpoint(namespace))


def _applying(provider: ProviderInfo | None) -> list[Requirement]:
    """The requirements of a provider that apply to this platform, in order."""
    if provider is None:
        return []
    environment = {name: str(value) for name, value in default_environment().items()}
    requirements = map(Requirement, provider.requires or provider.build_requires)
    return [each for each in requirements if each.marker is None or each.marker.evaluate(environment)]


def _ours(namespace: str, otherwise: str) -> Mapping[str, KnownFeature]:
    plugin = our_plugins().get(namespace)
    if plugin is None:
        raise VariantctlError(otherwise)
    return {config.name: _feature(config) for config in plugin.get_all_configs()}


def _feature(config: FeatureReport | FeatureConfig) -> KnownFeature:
    return KnownFeature(tuple(config.values), bool(config.multi_value))


def _name(requirement: Requirement) -> str:
    return str(canonicalize_name(requirement.name))


def _said(error: Exception) -> str:
    if isinstance(error, VariantctlError):
        return f"{error.message} ({error.hint})" if error.hint else error.message
    return str(error)
