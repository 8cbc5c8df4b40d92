"""What each command's help begins with can be typed as it stands."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from variantctl.cli import examples, manual
from variantctl.cli.app import Parser, _with_nested, build_parser
from variantctl.cli.commands import COMMANDS

PARSERS = {
    parser.prog.removeprefix("variantctl").strip(): parser for parser in _with_nested(build_parser(only=None))
}
ACTIONLESS = {
    name
    for name, parser in PARSERS.items()
    if not any(isinstance(action, argparse._SubParsersAction) for action in parser._actions)
}


def _commands(line: str) -> Iterator[list[str]]:
    """The words of each ``variantctl`` in a line with pipes, without what the shell redirects."""
    words: list[str] = []
    for word in [*shlex.split(line), "|"]:
        if word in ("|", "&&", ">"):
            if words[:1] == ["variantctl"]:
                yield words[1:]
            words = []
        else:
            words.append(word)


def test_every_command_has_some_and_no_other() -> None:
    assert {name for name in examples.EXAMPLES if name} == ACTIONLESS
    # Commands that have no actions of their own are what people type most.
    assert [name for name in ACTIONLESS & set(COMMANDS) if len(examples.of(name)) != 3] == []
    assert [len(examples.of(name)) for name in ("index", "cache", "profile")] == [3, 3, 2]


@pytest.mark.parametrize("name", sorted(examples.EXAMPLES))
def test_each_is_understood(name: str) -> None:
    for line, purpose in examples.EXAMPLES[name]:
        (words,) = _commands(line)
        assert " ".join(words).startswith(name) or (words[0] in COMMANDS and not name)
        build_parser(only=words[0]).parse_args(words)
        assert purpose and not purpose.endswith(".")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("install", "[REQUIREMENT ...]"),
        ("run", "SCRIPT|COMMAND [ARGUMENT ...]"),
        ("index", "ACTION ..."),
        ("index add", "WHEEL [WHEEL ...]"),
        ("profile from kubernetes", "NODES.json [REQUIREMENT ...]"),
    ],
)
def test_help_begins_with_them(name: str, words: str) -> None:
    environ = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, "-m", "variantctl", *name.split(), "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout
    lines = said.splitlines()
    assert lines[0] == f"usage: variantctl {name} [OPTIONS] {words}"
    at = lines.index("examples:")
    # The usage in a line or two, what it does, and then these: they are on the first screen.
    assert at <= 8
    for line, purpose in examples.of(name):
        assert f"  {line}" in said and purpose in said
    assert lines.index("output:") > at
    assert [line for line in lines if len(line) > 80 and not line.startswith("  -")] == []


def test_manual_pages_have_them() -> None:
    page = manual.page(PARSERS["install"])
    assert ".SH EXAMPLES" in page and "variantctl install \\-e . \\-r requirements.txt" in page
    assert isinstance(PARSERS["install"], Parser)
