"""A JSON schema of what ``--json`` prints, and the tables of it, both made of docs/reference/json.yml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).parents[1] / "reference/json.yml"
SCHEMA_PAGE = "reference/variantctl.schema.json"
MARK = "<!-- generated: json -->"
_PLAIN = ("string", "integer", "number", "boolean", "null")
_Fields = Mapping[str, Any]


def description() -> dict[str, Any]:
    """The source: ``objects`` and ``commands``."""
    read: dict[str, Any] = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return read


def schema() -> dict[str, Any]:
    """The whole schema: in ``$defs``, one for each command (``command: index build``) and each object."""
    told = description()
    objects = {name: _object(fields) for name, fields in told["objects"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What variantctl prints with --json",
        "anyOf": [{"$ref": f"#/$defs/{_key(name)}"} for name in _command_keys(told)],
        "$defs": {
            **{_key(name): each for name, each in objects.items()},
            **{
                _key(f"command: {name}"): {"anyOf": [_failure(), *_answers(fields)]}
                for name, fields in told["commands"].items()
            },
        },
    }


def of_command(name: str) -> dict[str, Any]:
    """A schema for one command, by its words without ``variantctl``."""
    whole = schema()
    whole.pop("anyOf")
    return {**whole, "$ref": f"#/$defs/{_key(f'command: {name}')}"}


def text() -> str:
    """The schema as the site has it."""
    return json.dumps(schema(), indent=1) + "\n"


def _command_keys(told: Mapping[str, Any]) -> list[str]:
    return [f"command: {name}" for name in told["commands"]]


def _key(name: str) -> str:
    return re.sub(r"[^a-z]+", "-", name)


def _answers(fields: Any) -> Iterator[dict[str, Any]]:
    for each in fields["either"] if isinstance(fields, dict) and "either" in fields else [fields]:
        if isinstance(each, str):
            yield {"$ref": f"#/$defs/{_key(each)}"}
        else:
            yield _object({"format": "integer - 1", **each})


def _failure() -> dict[str, Any]:
    return _object({"format": "integer - 1", "error": "error - what went wrong"})


def _object(fields: _Fields) -> dict[str, Any]:
    properties = {}
    for key, said in fields.items():
        kind, _, about = said.partition(" - ")
        properties[key.removesuffix("?")] = {**_type(kind), "description": about}
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in fields if not key.endswith("?")],
        "additionalProperties": False,
    }


def _type(written: str) -> dict[str, Any]:
    """``[string]``, ``{{string}}``, ``string|null``, the name of an object."""
    if written.startswith("[") and written.endswith("]"):
        return {"type": "array", "items": _type(written[1:-1])}
    if written.startswith("{") and written.endswith("}"):
        return {"type": "object", "additionalProperties": _type(written[1:-1])}
    if "|" in written:
        return {"anyOf": [_type(part) for part in written.split("|")]}
    if written == "any":
        return {}
    return {"type": written} if written in _PLAIN else {"$ref": f"#/$defs/{_key(written)}"}


def tables() -> str:
    """A section for each command and each object, as Markdown."""
    told = description()
    lines = []
    for name, fields in told["commands"].items():
        lines += [f"## {name} {{ #{_key(name)} }}", ""]
        answers = fields["either"] if isinstance(fields, dict) and "either" in fields else [fields]
        for number, each in enumerate(answers):
            lines += ["or" if number else "", "", *_table(each), ""]
    lines += ["## Objects", "", "What occurs in several answers, or in lists.", ""]
    for name, fields in told["objects"].items():
        lines += [f"### {name} {{ #object-{_key(name)} }}", "", *_table(fields), ""]
    return "\n".join(lines)


def _table(fields: Any) -> list[str]:
    if isinstance(fields, str):
        return [f"A [{fields}](#object-{_key(fields)})."]
    rows = []
    for key, said in fields.items():
        kind, _, about = said.partition(" - ")
        optional = " (not always there)" if key.endswith("?") else ""
        rows.append(f"| `{key.removesuffix('?')}` | {_shown(kind)} | {about}{optional} |")
    return ["| key | type | what it says |", "| --- | --- | --- |", *rows]


def _shown(kind: str) -> str:
    words = kind.strip("[]{}")
    if any(part in _PLAIN or part == "any" for part in re.split(r"[|\]}]", words)):
        return f"`{kind}`".replace("|", "\\|")
    link = f"[{words}](#object-{_key(words.split('|')[0].rstrip(']}'))})".replace("|", " or ")
    return f"list of {link}" if kind.startswith("[") else link
