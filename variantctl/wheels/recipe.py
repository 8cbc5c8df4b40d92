"""A recipe: one TOML file that says which wheels are made of which (docs/making-wheels.md has the format)."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from variantctl.filesystem.bounded import read_bounded
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.labels import NULL_LABEL, validate_label
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.nodes import Node, show
from variantctl.variants.parse import read_variants
from variantctl.variants.properties import Properties, VariantProperty, in_order
from variantctl.variants.pyproject import load_pyproject_variant_table
from variantctl.wheels.requirement_edits import DependencyEdits

FORMAT = 1
_TOP = ("format", "output", "pyproject", "variant", "defaults", "wheels")
_SHARED = ("local-version", "dependencies")
_WHEEL = ("source", "label", "ordinary", "properties", "infer", *_SHARED)
_KEEP, _DROP = "keep", "drop"


class RecipeError(VariantctlError):
    """A recipe that cannot be read, or does not say what can be done."""

    kind = "invalid-recipe"


@dataclass(frozen=True)
class RecipeWheel:
    """One ``[[wheels]]`` table: what is made of one wheel, or of all that a pattern finds.

    Attributes:
        place: its key in the recipe, for messages (``wheels[0]``).
        source: a path or a pattern, relative to the recipe.
        label: the variant's label; ``None``: an ordinary wheel.
        properties: its properties; ``None``: those that the ``[variant]`` table lists for the label.
        edits: what becomes of its requirements, one after the other.
        drop_local: whether the local part of its version is taken off.
        infer: whether its properties are those that its code shows.
    """

    place: str
    source: str
    label: str | None
    properties: Properties | None
    edits: tuple[DependencyEdits, ...] = ()
    drop_local: bool = False
    infer: bool = False


@dataclass(frozen=True)
class Recipe:
    """A recipe.

    Attributes:
        path: the file.
        wheels: in its order.
        output: the folder it names for what is made, ``None`` where it names none.
        table: the project's namespaces and providers; ``None`` where there is no ``[variant]`` table.
        table_source: the file that the table is in.
        namespaces: of the properties written in it, as they first occur: their priority without a table.
    """

    path: Path
    wheels: tuple[RecipeWheel, ...]
    output: Path | None = None
    table: VariantMetadata | None = None
    table_source: str | None = None
    namespaces: tuple[str, ...] = ()


def load_toml(path: Path) -> Mapping[str, object]:
    """A TOML file.

    Raises:
        VariantctlError: it cannot be read, or is not TOML.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data: Mapping[str, object] = tomllib.loads(read_bounded(path).decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is not TOML: {error}"
        raise VariantctlError(f"{path}: {reason}") from error
    return data


def load_recipe(path: Path) -> Recipe:
    """Read a recipe; none of its wheels is opened.

    Raises:
        RecipeError: it says what no recipe says; the key is named.
        InvalidVariantError: its ``[variant]`` table is invalid.
        VariantctlError: a file cannot be read.
    """
    data = load_toml(path)
    table, table_source = _table(data, path)
    top = Node(data, str(path))
    try:
        top.refuse_other_keys(_TOP)
        if top.require("format").value != FORMAT:
            raise top.require("format").error(f"must be {FORMAT}, found {show(data['format'])}")
        defaults = top.get("defaults")
        if defaults is not None:
            defaults.refuse_other_keys(_SHARED)
        listed = top.require("wheels")
        if not isinstance(listed.value, list) or not listed.value:
            raise listed.error("must be a list of tables, [[wheels]], at least one")
        wheels = tuple(
            _wheel(Node(value, str(path), f"wheels[{at}]"), defaults) for at, value in enumerate(listed.value)
        )
        output = top.get("output")
        folder = None if output is None else path.parent / output.text()
    except InvalidVariantError as error:
        raise RecipeError(error.message, hint=error.hint or "docs/making-wheels.md has the format") from None
    used = dict.fromkeys(namespace for wheel in wheels for namespace in wheel.properties or ())
    return Recipe(path, wheels, folder, table, table_source, tuple(used))


def _table(data: Mapping[str, object], path: Path) -> tuple[VariantMetadata | None, str | None]:
    """The ``[variant]`` table: the recipe's own, or that of the pyproject.toml it names."""
    other = data.get("pyproject")
    if other is not None and "variant" in data:
        raise RecipeError(f"{path}: has both [variant] and pyproject", hint="Leave one of the two out.")
    if other is None:
        return (
            (load_pyproject_variant_table(data, str(path)), str(path)) if "variant" in data else (None, None)
        )
    if not isinstance(other, str):
        raise RecipeError(f"{path}: pyproject: must be a string, found {show(other)}")
    file = path.parent / other
    return load_pyproject_variant_table(load_toml(file), str(file)), str(file)


def _wheel(node: Node, defaults: Node | None) -> RecipeWheel:
    node.refuse_other_keys(_WHEEL)
    label, ordinary = node.get("label"), node.get("ordinary")
    is_ordinary = ordinary is not None and ordinary.flag()
    if is_ordinary == (label is not None):
        raise node.error("needs either a label ('null' for the null variant) or ordinary = true")
    name = None
    if label is not None:
        try:
            name = validate_label(label.text())
        except InvalidVariantError as error:
            raise label.error(error.rule) from None
    given = node.get("properties")
    properties = None if given is None else _properties(given)
    if name in (None, NULL_LABEL):
        if properties:
            raise node.error("only a variant other than null has properties")
        properties = {}
    infer = node.get("infer")
    is_inferred = infer is not None and infer.flag()
    if is_inferred and (given is not None or name in (None, NULL_LABEL)):
        raise node.error("infer = true goes with a label other than null, and without properties")
    tables = [table for table in (defaults, node) if table is not None]
    edits = (_edits(entry) for table in tables if (entry := table.get("dependencies")) is not None)
    return RecipeWheel(
        place=node.key,
        source=node.require("source").text(),
        label=name,
        properties=properties,
        edits=tuple(edit for edit in edits if edit),
        drop_local=next(
            (_drops(found) for t in reversed(tables) if (found := t.get("local-version"))), False
        ),
        infer=is_inferred,
    )


def _nearest(tables: Sequence[Node], key: str) -> list[Node]:
    """What the last table that has the key says: one node, or none."""
    return [found for table in tables if (found := table.get(key)) is not None][-1:]


def _properties(node: Node) -> Properties:
    """A list of ``namespace :: feature :: value``, or the tables that [variant.variants] has."""
    if isinstance(node.value, list):
        try:
            return in_order(VariantProperty.parse(text) for text in node.strings())
        except InvalidVariantError as error:
            raise node.error(error.rule) from None
    return read_variants(Node({"properties": node.value}, node.source, node.key.rpartition(".")[0]))[
        "properties"
    ]


def _drops(node: Node) -> bool:
    if node.value not in (_KEEP, _DROP):
        raise node.error(f"must be {_KEEP!r} or {_DROP!r}, found {show(node.value)}")
    return node.value == _DROP


def _edits(node: Node) -> DependencyEdits:
    node.refuse_other_keys(("add", "remove", "replace"))
    add, remove, replace = node.get("add"), node.get("remove"), node.get("replace")
    replaced: dict[str, tuple[str, ...]] = {}
    for name, value in replace.mapping().items() if replace is not None else ():
        entry = Node(value, node.source, f"{node.key}.replace.{name}")
        replaced[name] = (entry.text(),) if isinstance(value, str) else entry.strings(minimum=0)
    try:
        return DependencyEdits.of(
            remove=remove.strings() if remove is not None else (),
            replace=replaced,
            add=add.strings() if add is not None else (),
        )
    except InvalidVariantError as error:
        raise node.error(error.message.removeprefix(f"{node.source}: ")) from None
