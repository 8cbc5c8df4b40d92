"""Reading ``providers.{namespace}``: PEP 850's tables, and those of the drafts before it."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.markers import Marker
from packaging.requirements import Requirement

from variantctl.variants.digits import number_problem
from variantctl.variants.metadata import ProviderInfo
from variantctl.variants.nodes import Node, show
from variantctl.variants.properties import ABI_DEPENDENCY, NAME_PATTERN, VALUE_PATTERN

_KEYS = ("requires", "plugin-api", "static-properties", "feature-order", "builtin", "optional")
_SOURCES = ("requires", "static-properties", "builtin")


def read_providers(
    node: Node, *, build_requires: bool = False, ignore_unknown: bool = False
) -> dict[str, ProviderInfo]:
    """Read a ``providers`` table (PEP 850).

    Args:
        node: the table.
        build_requires: whether ``build-requires`` is allowed (in pyproject.toml only).
        ignore_unknown: whether keys the format does not define are passed over.

    Raises:
        InvalidVariantError: a provider is not what PEP 850 allows.
    """
    sources = (*_SOURCES, "build-requires") if build_requires else _SOURCES
    return {
        namespace: _read_provider(entry, sources, ignore_unknown)
        for namespace, entry in _unreserved(node.named_children())
    }


def read_older_providers(
    node: Node | None, static: Node | None, values: Mapping[str, Mapping[str, tuple[str, ...]]]
) -> dict[str, ProviderInfo]:
    """Read ``providers`` and top-level ``static-properties`` of metadata before PEP 850 (PEP 817).

    Unknown keys are ignored. A provider that is not queried when installing (``install-time: false``, or
    ``plugin-use`` other than ``all``) supports its static properties; before those had a key of their own
    they were written as *values*, the ``default-priorities.property`` table.

    Raises:
        InvalidVariantError: a key has a value of the wrong type or form.
    """
    static_tables = dict(static.named_children()) if static is not None else {}
    providers = {}
    for namespace, entry in _unreserved(node.named_children() if node is not None else []):
        own_static = static_tables.pop(namespace, None)
        properties = _static_properties(own_static) if own_static is not None else None
        providers[namespace] = _read_older_provider(entry, properties, values.get(namespace))
    for namespace, entry in _unreserved(list(static_tables.items())):
        providers[namespace] = ProviderInfo(static_properties=_static_properties(entry), install_time=False)
    return providers


def _unreserved(children: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
    for namespace, entry in children:
        if namespace == ABI_DEPENDENCY:
            raise entry.error(f"the namespace {ABI_DEPENDENCY} is reserved and has no provider")
    return children


def _read_provider(node: Node, sources: tuple[str, ...], ignore_unknown: bool) -> ProviderInfo:
    if "build-requires" not in sources and node.get("build-requires") is not None:
        raise node.child("build-requires", None).error("is allowed in pyproject.toml only")
    if not ignore_unknown:
        node.refuse_other_keys({*_KEYS, *sources})
    given = [key for key in sources if node.get(key) is not None]
    if len(given) != 1:
        found = f"found {' and '.join(given)}" if given else "found none"
        raise node.error(f"exactly one of {', '.join(sources)} must be given, {found}")
    if given[0] not in ("requires", "build-requires") and (api := node.get("plugin-api")) is not None:
        raise api.error("is allowed only where the provider is a plugin that is installed ('requires')")
    static = node.get("static-properties")
    order = node.get("feature-order")
    if static is None and order is not None:
        raise order.error("is allowed only with static-properties")
    properties = _static_properties(static) if static is not None else None
    return ProviderInfo(
        requires=_requirements(node.get("requires")),
        plugin_api=_plugin_api(node.get("plugin-api")),
        static_properties=properties,
        feature_order=_feature_order(node, order, properties) if properties is not None else (),
        builtin=_text(node.get("builtin")),
        optional=_flag(node.get("optional"), default=False),
        build_requires=_requirements(node.get("build-requires")) if "build-requires" in sources else (),
    )


def _read_older_provider(
    node: Node, static: dict[str, tuple[str, ...]] | None, values: Mapping[str, tuple[str, ...]] | None
) -> ProviderInfo:
    install_time = _flag(node.get("install-time"), default=True)
    use = _text(node.get("plugin-use"))
    if use is not None:
        if use not in ("none", "build", "all"):
            raise node.child("plugin-use", None).error(f"must be none, build or all, found {show(use)}")
        install_time = install_time and use == "all"
    if not install_time and static is None and values:
        static = {feature: supported for feature, supported in values.items() if supported}
    requires = _requirements(node.get("requires"), minimum=0)
    if install_time and static is None and not requires:
        raise node.error("'requires' is required for a provider that is used when installing")
    return ProviderInfo(
        requires=requires,
        plugin_api=_plugin_api(node.get("plugin-api")),
        static_properties=static,
        optional=_flag(node.get("optional"), default=False),
        enable_if=_marker(node.get("enable-if")),
        install_time=install_time,
    )


def _requirements(node: Node | None, *, minimum: int = 1) -> tuple[str, ...]:
    if node is None:
        return ()
    items = node.strings(minimum=minimum)
    for index, item in enumerate(items):
        try:
            if (problem := number_problem(item)) is not None:
                raise ValueError(problem)
            Requirement(item)
        except (ValueError, RecursionError):
            place = Node(item, node.source, f"{node.key}[{index}]")
            raise place.error(f"{show(item)} is not a dependency specifier") from None
    return items


def _marker(node: Node | None) -> str | None:
    if node is None or node.value is None:
        return None
    text = node.text()
    try:
        if (problem := number_problem(text)) is not None:
            raise ValueError(problem)
        Marker(text)
    except (ValueError, RecursionError):
        raise node.error(f"{show(text)} is not an environment marker") from None
    return text


def _plugin_api(node: Node | None) -> str | None:
    """An object reference ``module[:object]``, both dotted names; white space around ``:`` is dropped."""
    if node is None or node.value is None:
        return None
    parts = [part.strip() for part in node.text().split(":")]
    if len(parts) > 2 or not all(word.isidentifier() for part in parts for word in part.split(".")):
        raise node.error(f"{show(node.value)} is not an object reference 'module[:object]'")
    return ":".join(parts)


def _static_properties(node: Node) -> dict[str, tuple[str, ...]]:
    properties = {feature: values.strings(VALUE_PATTERN) for feature, values in node.named_children()}
    if not properties:
        raise node.error("must have at least one feature")
    return properties


def _feature_order(
    provider: Node, order: Node | None, properties: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    if order is None:
        if len(properties) > 1:
            rule = "is required where static-properties has more than one feature"
            raise provider.child("feature-order", None).error(rule)
        return tuple(properties)
    features = order.strings(NAME_PATTERN)
    different = sorted(set(features) ^ set(properties))
    if different:
        raise order.error(f"must list the features of static-properties, which {show(different[0])} breaks")
    return features


def _text(node: Node | None) -> str | None:
    return None if node is None or node.value is None else node.text()


def _flag(node: Node | None, *, default: bool) -> bool:
    return default if node is None else node.flag()
