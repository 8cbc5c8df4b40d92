"""What a plugin answered, checked: nothing of a wrong type, name or size goes any further."""

from __future__ import annotations

import json
from collections.abc import Iterator

from variantctl.providers.asking import FeatureReport
from variantctl.values import dataclass, replace
from variantctl.variants.properties import NAME_PATTERN, VALUE_PATTERN

ANSWER_LIMIT = 1024 * 1024
"""The most bytes that a plugin's answer may have, as JSON."""

FEATURE_LIMIT = 1000
VALUE_LIMIT = 10_000
"""The most values of one plugin, over all its features. CUDA's version bounds, the longest known, are 400."""

NAME_LIMIT = 128
"""The most characters of a feature's name or of a value."""

SUPPORTED, ALL = "get_supported_configs", "get_all_configs"
"""The two methods of the plugin API (PEP 850, "Plugin API")."""

NO_JSON = "a python"
"""The key under which ``isolated_query.py`` names the type of what JSON has no word for."""


class BadAnswerError(ValueError):
    """An answer that PEP 850's plugin API does not allow; the message says exactly what was bad."""


@dataclass(frozen=True)
class Answer:
    """A plugin's answer, as it may be used.

    Attributes:
        features: what is supported, in the plugin's order.
        notes: what was left out of it, and why.
        namespace: what the plugin calls its namespace, where that is a name.
        fixed: whether the plugin declares that its properties are compatible with every machine
            (``all_properties_compatible``), as one named in ``build-requires`` must.
    """

    features: tuple[FeatureReport, ...] = ()
    notes: tuple[str, ...] = ()
    namespace: str | None = None
    fixed: bool = False


def read_answer(data: bytes, method: str = SUPPORTED) -> Answer:
    """Read the bytes that the child process wrote: ``{"configs": [...]}`` or ``{"error": "..."}``.

    Raises:
        BadAnswerError: the plugin failed, or its answer is not one.
    """
    if len(data) > ANSWER_LIMIT:
        raise BadAnswerError(f"answered more than {ANSWER_LIMIT:,} bytes")
    try:
        said = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadAnswerError("its answer is not JSON") from error
    if not isinstance(said, dict):
        raise BadAnswerError(f"its answer is {_kind(said)}, not an object")
    if "error" in said:
        raise BadAnswerError(printable(said["error"] if isinstance(said["error"], str) else "it failed"))
    namespace = said.get("namespace")
    if not isinstance(namespace, str) or len(namespace) > NAME_LIMIT or not NAME_PATTERN.fullmatch(namespace):
        namespace = None
    fixed = said.get("all_properties_compatible") is True
    return replace(check_configs(said.get("configs"), method), namespace=namespace, fixed=fixed)


def check_configs(configs: object, method: str = SUPPORTED) -> Answer:
    """Check what a ``method`` of a plugin returned, as JSON has it (PEP 850, "Plugin API").

    A feature without values is left out, and a value said twice is said once, both with a note: real
    plugins answer so on machines without their device, or with eight of it. Everything else that is not
    as it should be spoils the whole answer.

    Raises:
        BadAnswerError: naming the place and what is wrong there.
    """
    if not isinstance(configs, list):
        raise BadAnswerError(f"{method}() returned {_kind(configs)}, not a list")
    if len(configs) > FEATURE_LIMIT:
        raise BadAnswerError(f"{method}() returned more than {FEATURE_LIMIT:,} features")
    features: dict[str, FeatureReport] = {}
    empty: list[str] = []
    notes: list[str] = []
    room = VALUE_LIMIT
    for index, config in enumerate(configs):
        name = _name(config, index)
        if name in features or name in empty:
            raise BadAnswerError(f"feature {name!r} is there twice")
        values = _values(config, name)
        room -= len(values)
        if room < 0:
            raise BadAnswerError(f"more than {VALUE_LIMIT:,} values")
        multi_value = config.get("multi_value", False)
        if not isinstance(multi_value, bool):
            raise BadAnswerError(f"feature {name!r}: multi_value is {_kind(multi_value)}, not true or false")
        if not values:
            empty.append(name)
            continue
        once = tuple(dict.fromkeys(values))
        if len(once) < len(values):
            notes.append(f"feature {name!r} lists a value more than once; it counts once")
        features[name] = FeatureReport(name, once, multi_value)
    if empty:
        notes.append(f"no value of {', '.join(map(repr, empty))} is supported, so it is left out")
    return Answer(tuple(features.values()), tuple(notes))


def printable(text: str, limit: int = 300) -> str:
    """A plugin's own words, safe for a terminal and for JSON: one line, no control characters, bounded."""
    cleaned = " ".join("".join(_shown(text[: 4 * limit])).split())
    return cleaned if len(cleaned) <= limit else cleaned[:limit] + "..."


def _shown(text: str) -> Iterator[str]:
    for character in text:
        yield character if character.isprintable() or character == "\n" else "?"


def _name(config: object, index: int) -> str:
    if not isinstance(config, dict) or list(config) == [NO_JSON]:
        raise BadAnswerError(f"feature {index + 1} is {_kind(config)}, not an object with name and values")
    if "name" not in config:
        raise BadAnswerError(f"feature {index + 1} has no name")
    name = config["name"]
    if not isinstance(name, str):
        raise BadAnswerError(f"the name of feature {index + 1} is {_kind(name)}, not a string")
    if len(name) > NAME_LIMIT:
        raise BadAnswerError(f"the name of feature {index + 1} has more than {NAME_LIMIT} characters")
    if not NAME_PATTERN.fullmatch(name):
        raise BadAnswerError(f"feature {name!a} has characters other than 0-9, a-z and '_', or none")
    return name


def _values(config: dict[str, object], name: str) -> list[str]:
    if "values" not in config:
        raise BadAnswerError(f"feature {name!r} has no values attribute")
    values = config["values"]
    if not isinstance(values, list):
        raise BadAnswerError(f"feature {name!r}: values is {_kind(values)}, not a list")
    checked = []
    for value in values:
        if not isinstance(value, str):
            raise BadAnswerError(f"feature {name!r}: a value is {_kind(value)}, not a string")
        if len(value) > NAME_LIMIT:
            raise BadAnswerError(f"feature {name!r}: a value has more than {NAME_LIMIT} characters")
        if not VALUE_PATTERN.fullmatch(value):
            problem = "has characters other than 0-9, a-z, '_' and '.'" if value else "is empty"
            raise BadAnswerError(f"feature {name!r}: the value {value!a} {problem}")
        checked.append(value)
    return checked


def _kind(value: object) -> str:
    """What a JSON value is, in words."""
    if isinstance(value, dict) and list(value) == [NO_JSON]:
        return f"a Python {printable(str(value[NO_JSON]), 60)}"
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
