"""A place in a JSON or TOML document that knows its key path, so that every refusal can name it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.properties import NAME_PATTERN, VALUE_PATTERN

_SIMPLE_KEY = r"[A-Za-z0-9_.$-]{1,100}"
_RULES = {
    NAME_PATTERN: "consist of 0-9, a-z and '_' only",
    VALUE_PATTERN: "consist of 0-9, a-z, '_' and '.' only",
}


def key_path(parent: str, key: str) -> str:
    """*parent* and *key* joined with a dot; a key that is not a plain word is quoted and cut short."""
    shown = key if re.fullmatch(_SIMPLE_KEY, key) else show(key)
    return f"{parent}.{shown}" if parent else shown


def show(value: object) -> str:
    """*value* as it can be put into a message: quoted, and cut after 80 characters."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 80 else f"{value[:80]!r}..."
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None or isinstance(value, bool):
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, (int, float)):
        return "a number"
    return f"a value of type {type(value).__name__}"


@dataclass(frozen=True)
class Node:
    """One value of a document.

    Attributes:
        value: the value: what a JSON or TOML parser gives.
        source: the file or URL it is from, for messages; ``None`` if it has no name.
        key: the path of keys that leads to it, dotted; ``""`` at the top.
    """

    value: object
    source: str | None = None
    key: str = ""

    def error(self, rule: str, *, hint: str | None = None) -> InvalidVariantError:
        """The refusal of this value, ready to be raised."""
        return InvalidVariantError(rule, source=self.source, key=self.key, hint=hint)

    def child(self, key: str, value: object) -> Node:
        """The node of *value*, which is at *key* of this table."""
        return Node(value, self.source, key_path(self.key, key))

    def mapping(self) -> Mapping[str, object]:
        """The value as a table.

        Raises:
            InvalidVariantError: it is not one, or a key of it is not a string.
        """
        if not isinstance(self.value, Mapping):
            raise self.error(f"must be a table (a JSON object), found {show(self.value)}")
        for key in self.value:
            if not isinstance(key, str):
                raise self.error(f"every key must be a string, found {show(key)}")
        return self.value

    def get(self, key: str) -> Node | None:
        """The node at *key* of this table; ``None`` if it is not there."""
        mapping = self.mapping()
        return self.child(key, mapping[key]) if key in mapping else None

    def require(self, key: str) -> Node:
        """The node at *key* of this table.

        Raises:
            InvalidVariantError: it is not there.
        """
        node = self.get(key)
        if node is None:
            raise self.child(key, None).error("is required and missing")
        return node

    def named_children(self) -> list[tuple[str, Node]]:
        """Every (key, node) of this table, whose keys must be names (namespaces or features)."""
        children = []
        for key, value in self.mapping().items():
            if NAME_PATTERN.fullmatch(key) is None:
                raise self.error(f"the key {show(key)} must {_RULES[NAME_PATTERN]}")
            children.append((key, self.child(key, value)))
        return children

    def refuse_other_keys(self, allowed: Collection[str]) -> None:
        """Refuse this table if it has a key that is not *allowed*.

        Raises:
            InvalidVariantError: it has one; the first, alphabetically, is named.
        """
        unknown = sorted(self.mapping().keys() - set(allowed))
        if unknown:
            known = ", ".join(sorted(allowed))
            raise self.child(unknown[0], None).error(f"is not a key of this format, which has: {known}")

    def text(self) -> str:
        """The value as a non-empty string.

        Raises:
            InvalidVariantError: it is not one.
        """
        if not isinstance(self.value, str):
            raise self.error(f"must be a string, found {show(self.value)}")
        if not self.value:
            raise self.error("must not be empty")
        return self.value

    def flag(self) -> bool:
        """The value as true or false.

        Raises:
            InvalidVariantError: it is not one.
        """
        if not isinstance(self.value, bool):
            raise self.error(f"must be true or false, found {show(self.value)}")
        return self.value

    def strings(self, pattern: re.Pattern[str] | None = None, *, minimum: int = 1) -> tuple[str, ...]:
        """The value as a list of different strings, each matching *pattern* in full.

        Raises:
            InvalidVariantError: it is not one, or has fewer than *minimum* items.
        """
        if not isinstance(self.value, (list, tuple)):
            raise self.error(f"must be a list of strings, found {show(self.value)}")
        if len(self.value) < minimum:
            raise self.error("must not be empty")
        items = tuple(Node(item, self.source, f"{self.key}[{i}]").text() for i, item in enumerate(self.value))
        if pattern is not None:
            for index, item in enumerate(items):
                if pattern.fullmatch(item) is None:
                    rule = f"{show(item)} must {_RULES[pattern]}"
                    raise Node(item, self.source, f"{self.key}[{index}]").error(rule)
        if len(set(items)) != len(items):
            twice = next(item for index, item in enumerate(items) if item in items[:index])
            raise self.error(f"lists {show(twice)} more than once")
        return items
