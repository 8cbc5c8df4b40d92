"""Reading families: those that are shipped as data, and those of the configuration file.

::

    format = 1
    kind = "family"
    name = "onnxruntime"
    version = "2026.11.29"                  # a newer file goes before an older one
    summary = "ONNX Runtime"
    source = "https://onnxruntime.ai/docs/install/"
    packages = ["onnxruntime"]              # what is imported: every member's name counts for it

    [members.gpu]                           # the label; the best of equal ones first
    project = "{name}-gpu"                  # left out: the package's own name
    source = "..."
    versions = ">=1.19"                     # those that count; left out: all
    marker = "sys_platform == 'linux'"      # where there is such a member; left out: everywhere
    properties.nvidia.cuda_version_lower_bound = ["12.0"]
    [[members.gpu.builds]]                  # exceptions, as sources of kind backends have them
    versions = "<1.19"
    properties.nvidia.cuda_version_lower_bound = ["11.0"]

    [members.cuda13]
    extra = "cuda13"                        # an extra in place of a distribution
    also = ["cuda"]                         # other extras that mean the same
    shows = ["jax-cuda13-plugin"]           # what shows that it is installed

    [members.built]
    index = "https://wheels.example.org/simple"     # or page = "https://...": where it lies
    [[members.built.local]]                 # what local versions say: groups cuda, rocm, torch
    pattern = "cu(?P<cuda>[0-9]+)torch(?P<torch>[0-9.]+)"

    [members.cpu]                           # no properties: it runs anywhere
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from variantctl.backends.source import PRIORITY
from variantctl.backends.tables import merged_tables, read_build, read_package, read_properties
from variantctl.families.family import GROUPS, NAME, Family, LocalBuild, Member
from variantctl.net.urls import is_url
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.labels import NULL_LABEL, validate_label
from variantctl.variants.nodes import Node, show
from variantctl.variants.properties import ABI_DEPENDENCY, NAME_PATTERN
from variantctl.variants.provider_tables import read_providers

HEAD = ("format", "kind", "name", "version")

_KEYS = ("summary", "source", "packages", "namespaces", "providers", "members", "together")
_MEMBER_KEYS = (
    "project",
    "extra",
    "also",
    "shows",
    "versions",
    "marker",
    "index",
    "page",
    "local",
    "properties",
    "builds",
    "only-by-name",
    "runs-anywhere",
    "needs",
    "source",
)
_LONGEST_PATTERN = 300


def read_family(name: str, table: Mapping[str, object], origin: str, changes: Node | None = None) -> Family:
    """A family from its table.

    Args:
        name: what it is called.
        table: what its file says; the head may be there.
        origin: the file, for messages.
        changes: what configuration says about it: each key is taken in place of the table's, tables key by
            key. Members that the table lacks go before those that it has.

    Raises:
        InvalidVariantError: something makes no sense; names the key and the rule.
    """
    known = {key: value for key, value in table.items() if key not in HEAD}
    top = Node(known, origin)
    top.refuse_other_keys(_KEYS)
    if changes is not None:
        changes.refuse_other_keys((*_KEYS, "enabled"))
        own = {key: value for key, value in changes.mapping().items() if key != "enabled"}
        top = Node(merged_tables(known, own), changes.source, changes.key)
    return _family(name, top, origin if changes is None else changes.source or origin)


def _family(name: str, node: Node, origin: str) -> Family:
    if NAME_PATTERN.fullmatch(name.replace("-", "_")) is None:
        raise node.error(f"the name of a family consists of 0-9, a-z, '_' and '-' only, found {show(name)}")
    packages = tuple(read_package(item, node) for item in node.require("packages").strings())
    listed = node.require("members")
    members = tuple(_member(label, listed.child(label, value)) for label, value in listed.mapping().items())
    if not members:
        raise listed.error("must not be empty")
    used = dict.fromkeys(
        namespace
        for member in members
        for properties in (member.properties, *(build.properties for build in member.builds))
        for namespace in properties
        if namespace != ABI_DEPENDENCY
    )
    named = node.get("namespaces")
    namespaces = tuple(used) if named is None else named.strings(NAME_PATTERN)
    for namespace in used:
        if namespace == PRIORITY:
            raise node.error(f"the namespace {show(namespace)} is reserved; order is that of the members")
        if namespace not in namespaces:
            raise (named or node).error(f"must list {show(namespace)}, which a member uses")
    summary, source, together = node.get("summary"), node.get("source"), node.get("together")
    providers = node.get("providers")
    return Family(
        name=name,
        url="",
        packages=packages,
        namespaces=namespaces,
        backends=members,
        providers=read_providers(providers) if providers is not None else {},
        origin=origin,
        by_default=True,
        summary=summary.text() if summary is not None else "",
        together=True if together is None else together.flag(),
        fact_source=source.text() if source is not None else "",
    )


def _member(label: str, node: Node) -> Member:
    try:
        validate_label(label)
    except InvalidVariantError as error:
        raise node.error(error.rule) from None
    if label == NULL_LABEL:
        raise node.error("'null' is the label of null variants; call the member 'cpu', for example")
    node.refuse_other_keys(_MEMBER_KEYS)
    project, extra = node.get("project"), node.get("extra")
    builds = node.get("builds")
    index, page = _place(node.get("index")), _place(node.get("page"))
    if index and page:
        raise node.error("has either an index or a page")
    return Member(
        label,
        label,
        read_properties(node),
        tuple(read_build(each) for each in _tables(builds)),
        project=NAME if project is None else _project(project),
        extra=None if extra is None else canonicalize_name(extra.text()),
        also=_names(node.get("also")),
        shows=_names(node.get("shows")),
        versions=_versions(node.get("versions")),
        marker=_marker(node.get("marker")),
        index=index,
        page=page,
        local=tuple(map(_local, _tables(node.get("local")))),
        only_by_name=_flag(node.get("only-by-name")),
        runs_anywhere=_flag(node.get("runs-anywhere")),
        needs=_text(node.get("needs")),
        source=_text(node.get("source")),
    )


def _tables(node: Node | None) -> list[Node]:
    if node is None:
        return []
    if not isinstance(node.value, list):
        raise node.error(f"must be a list of tables, found {show(node.value)}")
    return [Node(value, node.source, f"{node.key}[{at}]") for at, value in enumerate(node.value)]


def _project(node: Node) -> str:
    text = node.text()
    read_package(text.replace(NAME, "name"), node)
    return text


def _names(node: Node | None) -> tuple[NormalizedName, ...]:
    return () if node is None else tuple(read_package(text, node) for text in node.strings())


def _versions(node: Node | None) -> SpecifierSet:
    try:
        return SpecifierSet(node.text() if node is not None else "")
    except InvalidSpecifier:
        assert node is not None
        raise node.error(f"{show(node.value)} is not a version specifier") from None


def _marker(node: Node | None) -> Marker | None:
    try:
        return None if node is None else Marker(node.text())
    except InvalidMarker as error:
        assert node is not None
        raise node.error(f"{show(node.value)}: {str(error).splitlines()[0]}") from None


def _local(node: Node) -> LocalBuild:
    node.refuse_other_keys(("pattern", "properties"))
    written = node.require("pattern")
    text = written.text()
    if len(text) > _LONGEST_PATTERN:
        raise written.error(f"is longer than {_LONGEST_PATTERN} characters")
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise written.error(f"is not a regular expression: {error}") from None
    for group in pattern.groupindex:
        if group not in GROUPS:
            raise written.error(f"has a group {show(group)}; known are: {', '.join(GROUPS)}")
    return LocalBuild(text, read_properties(node))


def _place(node: Node | None) -> str:
    if node is None:
        return ""
    text = node.text()
    if not is_url(text):
        raise node.error(f"{show(text)} is not a URL", hint="A folder is written as file:///path/to/it.")
    return text.rstrip("/")


def _flag(node: Node | None) -> bool:
    return node is not None and node.flag()


def _text(node: Node | None) -> str:
    return "" if node is None else node.text()
