"""Reading variant metadata: ``variant.json``, ``{name}-{version}-variants.json`` and older drafts' files."""

from __future__ import annotations

import json
from collections.abc import Mapping

from variantctl.variants.labels import LABEL_PATTERN, NULL_LABEL, OLDER_NULL_LABEL
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.nodes import Node, key_path, show
from variantctl.variants.properties import ABI_DEPENDENCY, NAME_PATTERN, VALUE_PATTERN, Properties
from variantctl.variants.provider_tables import read_older_providers, read_providers
from variantctl.variants.schemas import Format, format_of


def load_metadata(data: bytes | str | Mapping[str, object], *, source: str | None = None) -> VariantMetadata:
    """Read variant metadata of any format this package knows (``Format``) and check it.

    Args:
        data: JSON text (UTF-8 if bytes), or what a JSON or TOML parser made of it.
        source: the file or URL it is from, named in errors.

    Raises:
        InvalidVariantError: *data* is not JSON, its format is not supported, or it breaks a rule of its
            format. The error names the source, the key path and the rule.
    """
    top = Node(_decode(data, source) if isinstance(data, (bytes, str)) else data, source)
    schema = top.require("$schema")
    form = format_of(schema.text())
    if isinstance(form, str):
        raise schema.error(f"{form}: {show(schema.value)}", hint="A newer variantctl may be able to read it.")
    if not form.ignores_unknown_keys:
        keys = ["$schema", "default-priorities", "variants"]
        top.refuse_other_keys(keys if form is Format.PEP_825 else [*keys, "providers"])
    read = _read_older if form is Format.OLDER else _read
    metadata = read(top, schema.text(), form)
    check_namespaces(top, metadata)
    return metadata


def load_wheel_metadata(
    data: bytes | str | Mapping[str, object], *, label: str, source: str | None = None
) -> VariantMetadata:
    """Read a wheel's ``variant.json``, which has exactly one entry: that of the filename's *label* (PEP 825).

    Raises:
        InvalidVariantError: as ``load_metadata`` does, or the entries of ``variants`` are others.
    """
    metadata = load_metadata(data, source=source)
    if set(metadata.variants) != {label}:
        found = ", ".join(show(name) for name in sorted(metadata.variants)[:5]) or "none"
        rule = f"must have exactly one entry, {show(label)}, the label in the wheel's filename; found {found}"
        raise Node(None, source, "variants").error(rule)
    return metadata


def read_namespaces(top: Node, *, ignore_unknown: bool) -> tuple[str, ...]:
    """Read ``default-priorities.namespace``: different namespaces, at least one (PEP 825).

    Raises:
        InvalidVariantError: it is missing, empty, or has something that is not a namespace.
    """
    priorities = top.require("default-priorities")
    if not ignore_unknown:
        priorities.refuse_other_keys(["namespace"])
    node = priorities.require("namespace")
    namespaces = node.strings(NAME_PATTERN)
    if ABI_DEPENDENCY in namespaces:
        raise node.error(f"the namespace {ABI_DEPENDENCY} is reserved and must not be listed")
    return namespaces


def read_variants(node: Node, *, older: bool = False) -> dict[str, Properties]:
    """Read a ``variants`` table: label -> namespace -> feature -> values, which come out sorted.

    Every label but ``null`` must have a property and ``null`` must have none (PEP 825, "Variant label"); in
    *older* metadata ``00000000`` is a null variant too. A namespace without features is dropped.

    Raises:
        InvalidVariantError: a key, a value or a label's properties are not what PEP 825 allows.
    """
    variants: dict[str, Properties] = {}
    seen = _Seen()
    nulls = (NULL_LABEL, OLDER_NULL_LABEL) if older else (NULL_LABEL,)
    for label, entry in node.mapping().items():
        if LABEL_PATTERN.fullmatch(label) is None:
            raise node.error(f"the label {show(label)} must consist of 0-9, a-z, '_' and '.' only")
        properties = _read_properties(node.child(label, entry), seen)
        if properties and label == NULL_LABEL:
            raise node.child(label, entry).error(
                "the label 'null' is reserved for the variant with no properties"
            )
        if not properties and label not in nulls:
            raise node.child(label, entry).error("a variant with no properties must have the label 'null'")
        variants[label] = properties
    return variants


def check_namespaces(top: Node, metadata: VariantMetadata) -> None:
    """Check that ``default-priorities.namespace`` has every namespace the variants use, but the reserved one.

    Raises:
        InvalidVariantError: a namespace is not in the list.
    """
    listed = {*metadata.namespaces, ABI_DEPENDENCY}
    for label, properties in metadata.variants.items():
        for namespace in properties:
            if namespace not in listed:
                user = key_path(key_path("variants", label), namespace)
                rule = f"must list {show(namespace)}, which {user} uses"
                raise Node(None, top.source, key_path(top.key, "default-priorities.namespace")).error(rule)


def check_providers(top: Node, metadata: VariantMetadata) -> None:
    """Check that ``providers`` has the members of ``default-priorities.namespace`` as its keys (PEP 850).

    Raises:
        InvalidVariantError: one has a namespace that the other does not.
    """
    for namespace in metadata.namespaces:
        if namespace not in metadata.providers:
            key = key_path(key_path(top.key, "providers"), namespace)
            rule = "is required and missing: default-priorities.namespace lists this namespace"
            raise Node(None, top.source, key).error(rule)
    for namespace in metadata.providers:
        if namespace not in metadata.namespaces:
            key = key_path(top.key, "default-priorities.namespace")
            raise Node(None, top.source, key).error(f"must list {show(namespace)}, which has a provider")


def _read(top: Node, schema: str, form: Format) -> VariantMetadata:
    lenient = form.ignores_unknown_keys
    provider_table = top.require("providers") if form is Format.PEP_850 else top.get("providers")
    metadata = VariantMetadata(
        schema=schema,
        namespaces=read_namespaces(top, ignore_unknown=lenient),
        providers=read_providers(provider_table, ignore_unknown=lenient)
        if provider_table is not None
        else {},
        variants=read_variants(top.require("variants")),
    )
    if metadata.providers or form is Format.PEP_850:
        check_providers(top, metadata)
    return metadata


def _read_older(top: Node, schema: str, _form: Format) -> VariantMetadata:
    priorities = top.require("default-priorities")
    feature_table = priorities.get("feature")
    features = {
        namespace: entry.strings(NAME_PATTERN, minimum=0)
        for namespace, entry in (feature_table.named_children() if feature_table is not None else ())
    }
    property_table = priorities.get("property")
    values = {
        namespace: {name: item.strings(VALUE_PATTERN, minimum=0) for name, item in entry.named_children()}
        for namespace, entry in (property_table.named_children() if property_table is not None else ())
    }
    return VariantMetadata(
        schema=schema,
        namespaces=read_namespaces(top, ignore_unknown=True),
        providers=read_older_providers(top.get("providers"), top.get("static-properties"), values),
        variants=read_variants(top.require("variants"), older=True),
        feature_priorities=features,
        property_priorities=values,
    )


def _read_properties(node: Node, seen: _Seen) -> Properties:
    """The hot loop of reading: nodes, and with them key paths, are made only for what is new or refused."""
    properties: dict[str, dict[str, tuple[str, ...]]] = {}
    for namespace, entry in node.mapping().items():
        if namespace not in seen.names:
            seen.names.update(key for key, _ in node.named_children())
        if not isinstance(entry, Mapping):
            raise node.child(namespace, entry).error(f"must be a table (a JSON object), found {show(entry)}")
        features = {}
        for feature, values in entry.items():
            if feature not in seen.names:
                seen.names.update(key for key, _ in node.child(namespace, entry).named_children())
            known = seen.sorted_values(values)
            if known is None:
                listed = node.child(namespace, entry).child(feature, values).strings(VALUE_PATTERN)
                known = seen.values[listed] = tuple(sorted(listed))
            features[feature] = known
        if features:
            properties[namespace] = features
    return properties


class _Seen:
    """What was checked already: variants repeat the same few names and lists of values, which are shared.

    Attributes:
        names: namespaces and features.
        values: a list of values as it was written -> the same, sorted.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.values: dict[tuple[str, ...], tuple[str, ...]] = {}

    def sorted_values(self, values: object) -> tuple[str, ...] | None:
        """*values*, sorted, if this very list was checked before."""
        try:
            return self.values.get(tuple(values)) if type(values) is list else None
        except TypeError:  # an item is a table or a list, which the check then refuses
            return None


def _decode(data: bytes | str, source: str | None) -> object:
    """JSON text to values. A byte order mark is passed over (RFC 8259, section 8.1, allows that)."""
    top = Node(None, source)
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise top.error(f"it is not UTF-8 text: byte {error.start} cannot be read") from None
    try:
        return json.loads(
            text.removeprefix("\ufeff"), object_pairs_hook=_table, parse_constant=_refuse_constant
        )
    except json.JSONDecodeError as error:
        rule = f"it is not valid JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        raise top.error(rule) from None
    except _RefusedJSONError as error:
        raise top.error(f"it is not valid JSON: {error}") from None
    except RecursionError:
        raise top.error("it is nested too deeply") from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise top.error(f"it is not valid JSON: {error}") from None


class _RefusedJSONError(Exception):
    """Text that ``json`` reads and that is not JSON, or is ambiguous."""


def _table(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RefusedJSONError(f"the key {show(key)} occurs more than once in one object")
            seen.add(key)
    return table


def _refuse_constant(name: str) -> object:
    raise _RefusedJSONError(f"{name} is not a JSON value")
