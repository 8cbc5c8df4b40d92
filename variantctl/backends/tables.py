"""Reading sources of kind ``backends``: ours, shipped as data, and those of the configuration file.

::

    [backends.acme]
    url = "https://wheels.example.org/whl"
    packages = ["acme-kernels", "acme-vision"]
    namespaces = ["nvidia", "amd"]            # most important first; left out: as they first occur
    discover = true                           # ask the place for sub-indexes that stand below in no table

    [backends.acme.variants.cu128]            # the best of equal builds first
    path = "cu128"                            # left out: the label
    properties.nvidia.cuda_version_lower_bound = ["12.8"]
    [[backends.acme.variants.cu128.builds]]   # exceptions; the first that applies counts
    packages = ["acme-kernels"]
    versions = "<2.0"
    marker = "platform_machine == 'aarch64'"
    properties.nvidia.cuda_version_lower_bound = ["12.6"]

    [backends.acme.variants.cpu]              # no properties: it runs anywhere

    [backends.pytorch]                        # of a shipped one: switch it, or name a mirror
    enabled = false
    url = "https://mirror.example.org/whl"

    [backends.pytorch.variants."rocm7.14"]    # and any key of its table, one by one
    properties.amd.gfx_arch = ["gfx942"]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, NormalizedName, canonicalize_name

from variantctl.backends.backend import Backend, Build, DeviceExtras
from variantctl.backends.source import PRIORITY, BackendSource
from variantctl.net.errors import SettingsError
from variantctl.net.urls import is_url
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.labels import NULL_LABEL, validate_label
from variantctl.variants.nodes import Node, show
from variantctl.variants.parse import read_variants
from variantctl.variants.properties import ABI_DEPENDENCY, NAME_PATTERN, Properties
from variantctl.variants.provider_tables import read_providers

SHIPPED = ("pytorch", "amd")
BY_DEFAULT = ("pytorch",)
"""Those that are asked where nobody names them."""

_KEYS = ("url", "packages", "namespaces", "providers", "variants", "discover", "device-extras")
_HEAD = ("format", "name", "version")


def shipped_source(
    name: str, changes: Node | None = None, table: Mapping[str, object] | None = None
) -> BackendSource:
    """A mapping that comes with variantctl, to be asked by default if it is one of ``BY_DEFAULT``.

    Args:
        name: one of ``SHIPPED``.
        table: what is known in place of the shipped table; ``None``: that.
        changes: what configuration says about it: each key is taken in place of the shipped one, tables key
            by key. Variants that the shipped table lacks go before those that it has.

    Raises:
        InvalidVariantError: the changes make no sense; names the key and the rule.
    """
    shipped = _without_head(shipped_table(name)) if table is None else table
    Node(shipped, f"{name}.toml").refuse_other_keys(_KEYS)
    if changes is None:
        top = Node(shipped, f"{name}.toml")
    else:
        changes.refuse_other_keys((*_KEYS, "enabled"))
        _keep_packages(shipped, changes)
        own = {key: value for key, value in changes.mapping().items() if key != "enabled"}
        top = Node(merged_tables(shipped, own), changes.source, changes.key)
    return _source(
        top, name, _url(top.require("url")), origin="variantctl", by_default=name in BY_DEFAULT, discover=True
    )


def shipped_table(name: str) -> bytes:
    """The file that comes with variantctl, as it is."""
    from importlib.resources import files

    return files("variantctl.backends").joinpath("data").joinpath(f"{name}.toml").read_bytes()


def _without_head(content: bytes) -> dict[str, object]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    table: dict[str, object] = tomllib.loads(content.decode("utf-8"))
    return {key: value for key, value in table.items() if key not in _HEAD}


def _keep_packages(shipped: Mapping[str, object], changes: Node) -> None:
    """What is built for one torch comes from one place: a package may be added, none taken away."""
    packages = changes.get("packages")
    if packages is None:
        return
    listed = {read_package(item, packages) for item in packages.strings()}
    for name in Node(shipped["packages"]).strings():
        if name not in listed:
            raise packages.error(f"must list {show(name)}, too: packages can be added, not left out")


def merged_tables(table: Mapping[str, object], changes: Mapping[str, object]) -> dict[str, object]:
    """The table with each key of the changes in place of its own; tables are merged, new keys come first."""
    new = {key: value for key, value in changes.items() if key not in table}
    merged: dict[str, object] = {**new, **table}
    for key, value in changes.items():
        old = table.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = merged_tables(old, value)
        else:
            merged[key] = value
    return merged


def read_backend_tables(table: object, origin: str) -> dict[str, BackendSource | Node]:
    """The ``[backends]`` table of a configuration file.

    Args:
        table: as a TOML parser gives it.
        origin: the file, for messages.

    Returns:
        name -> the source; for a shipped one the node of what is said about it (``shipped_changes``).

    Raises:
        SettingsError: it is not as described above; names the key and the rule.
    """
    try:
        sources: dict[str, BackendSource | Node] = {}
        top = Node(table, origin, "backends")
        for name, value in top.mapping().items():
            node = top.child(name, value)
            if name in SHIPPED:
                shipped_changes(node)
                shipped_source(name, node)
                sources[name] = node
                continue
            if NAME_PATTERN.fullmatch(name.replace("-", "_")) is None:
                raise node.error("the name must consist of 0-9, a-z, '_' and '-' only")
            node.refuse_other_keys((*_KEYS, "enabled"))
            if (enabled := node.get("enabled")) is None or enabled.flag():
                sources[name] = _source(node, name, _url(node.require("url")), origin=origin)
    except InvalidVariantError as error:
        raise SettingsError(error.message, hint=error.hint) from None
    return sources


def shipped_changes(node: Node) -> tuple[bool | None, str | None]:
    """What configuration says about a shipped source: whether it is on, and where it is.

    Raises:
        InvalidVariantError: it says something else.
    """
    node.refuse_other_keys((*_KEYS, "enabled"))
    enabled, url = node.get("enabled"), node.get("url")
    return (None if enabled is None else enabled.flag()), (None if url is None else _url(url))


def _source(
    node: Node, name: str, url: str, *, origin: str, by_default: bool = False, discover: bool = False
) -> BackendSource:
    packages = tuple(read_package(item, node) for item in node.require("packages").strings())
    variants = node.require("variants")
    backends = tuple(
        _backend(label, variants.child(label, value)) for label, value in variants.mapping().items()
    )
    if not backends:
        raise variants.error("must not be empty")
    used = dict.fromkeys(
        namespace
        for backend in backends
        for properties in (backend.properties, *(build.properties for build in backend.builds))
        for namespace in properties
    )
    listed = node.get("namespaces")
    namespaces = tuple(used) if listed is None else listed.strings(NAME_PATTERN)
    for namespace in (*namespaces, *used):
        if namespace in (PRIORITY, ABI_DEPENDENCY):
            raise node.error(f"the namespace {show(namespace)} is reserved; order is that of the variants")
        if namespace not in namespaces:
            raise (listed or node).error(f"must list {show(namespace)}, which a variant uses")
    providers = node.get("providers")
    return BackendSource(
        name=name,
        url=url.rstrip("/"),
        packages=packages,
        namespaces=namespaces,
        backends=backends,
        providers=read_providers(providers) if providers is not None else {},
        origin=origin,
        by_default=by_default,
        device_extras=_device_extras(node),
        discover=discover if (asked := node.get("discover")) is None else asked.flag(),
    )


def _device_extras(node: Node) -> dict[NormalizedName, DeviceExtras]:
    listed = node.get("device-extras")
    found = {}
    for text, value in listed.mapping().items() if listed is not None else ():
        assert listed is not None
        each = listed.child(text, value)
        each.refuse_other_keys(("all", "each", "property"))
        named = each.require("property")
        words = [word.strip() for word in named.text().split("::")]
        if len(words) != len(("namespace", "feature")):
            raise named.error("must name a feature, as in 'amd :: gfx_arch'")
        extra = each.require("each")
        if "{value}" not in extra.text():
            raise extra.error("must have {value} where the device goes")
        found[read_package(text, listed)] = DeviceExtras(each.require("all").text(), extra.text(), *words)
    return found


def _backend(label: str, node: Node) -> Backend:
    try:
        validate_label(label)
    except InvalidVariantError as error:
        raise node.error(error.rule) from None
    if label == NULL_LABEL:
        raise node.error("'null' is the label of null variants; call the sub-index 'cpu', for example")
    node.refuse_other_keys(("path", "properties", "builds"))
    path, builds = node.get("path"), node.get("builds")
    listed = builds.value if builds is not None else []
    if not isinstance(listed, list):
        raise Node(listed, node.source, f"{node.key}.builds").error(
            f"must be a list of tables, found {show(listed)}"
        )
    return Backend(
        label,
        (path.text() if path is not None else label).strip("/"),
        read_properties(node),
        tuple(
            read_build(Node(value, node.source, f"{node.key}.builds[{at}]"))
            for at, value in enumerate(listed)
        ),
    )


def read_build(node: Node) -> Build:
    """One entry of ``builds``."""
    node.refuse_other_keys(("packages", "versions", "marker", "properties"))
    packages, versions, marker = node.get("packages"), node.get("versions"), node.get("marker")
    try:
        return Build(
            read_properties(node),
            frozenset(read_package(item, packages) for item in packages.strings()) if packages else None,
            SpecifierSet(versions.text() if versions else ""),
            Marker(marker.text()) if marker else None,
        )
    except InvalidMarker as error:
        raise (marker or node).error(
            f"{show(marker and marker.value)}: {str(error).splitlines()[0]}"
        ) from None
    except InvalidSpecifier:
        rule = f"{show(versions and versions.value)} is not a version specifier"
        raise (versions or node).error(rule) from None


def read_properties(node: Node) -> Properties:
    """What the wheels need; none for those that run anywhere."""
    value = node.mapping().get("properties")
    if not value:
        return {}
    return read_variants(Node({"properties": value}, node.source, node.key))["properties"]


def read_package(text: str, node: Node) -> NormalizedName:
    """The name of a package, normalized."""
    try:
        return canonicalize_name(text, validate=True)
    except InvalidName:
        raise node.error(f"{show(text)} is not the name of a package") from None


def _url(node: Node) -> str:
    text = node.text()
    if not is_url(text):
        raise node.error(f"{show(text)} is not a URL", hint="A folder is written as file:///path/to/it.")
    return text
