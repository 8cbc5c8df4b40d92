"""docs/reference/json.yml describes what commands really print with ``--json``."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from docs.generate import schemas
from tests.docs.real_json import outputs
from tests.docs.scenarios import scenarios
from variantctl.cli.app import build_parser

#: They serve until they are stopped; tests/proxy and tests/index read their line.
SERVERS = {"proxy", "index serve"}


def _with_json(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for nested in action.choices.values():
                if "--json" in nested._option_string_actions:
                    yield nested.prog.removeprefix("variantctl ")
                yield from _with_json(nested)


COMMANDS = sorted(_with_json(build_parser(only=None)))


def _command(line: str) -> str:
    words = line.split()
    return next(name for n in (3, 2, 1) if (name := " ".join(words[:n])) in COMMANDS)


def test_every_command_with_json_is_described() -> None:
    assert sorted(schemas.description()["commands"]) == COMMANDS
    jsonschema.Draft202012Validator.check_schema(schemas.schema())


def test_every_command_with_json_is_tried() -> None:
    assert {_command(line) for line, _ in scenarios()} == {*COMMANDS} - SERVERS


def test_what_is_printed_is_what_is_described(wheels: Path, index: str, tmp_path: Path) -> None:
    validators: dict[str, Any] = {}
    for line, printed in outputs(tmp_path, wheels, index):
        name = _command(line)
        if name not in validators:
            validators[name] = jsonschema.Draft202012Validator(schemas.of_command(name))
        error = jsonschema.exceptions.best_match(validators[name].iter_errors(printed))
        if error is not None:
            pytest.fail(f"variantctl {line} --json: {error.json_path}: {error.message[:500]}")


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("cache dir", {"format": 1, "path": "/c", "more": 1}),
        ("cache dir", {"format": 1}),
        ("cache dir", {"format": 1, "error": {"kind": "k", "message": "m"}}),
        ("versions", {"format": 1, "name": 1, "source": "", "installed": None, "versions": []}),
        ("install", {"format": 1, "install": [{"name": "one"}], "remove": [], "keep": []}),
    ],
)
def test_what_is_not_described_is_noticed(name: str, printed: dict[str, Any]) -> None:
    assert not jsonschema.Draft202012Validator(schemas.of_command(name)).is_valid(printed)
