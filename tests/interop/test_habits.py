"""Every option of pip's and uv's commands is ours, ignored on purpose, or answered; the page says it, too."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from variantctl.cli import habits
from variantctl.cli.app import build_parser

PAGE = Path(__file__).parents[2] / "docs/coming-from-pip.md"
PIP = (sys.executable, "-m", "pip")
UV = (str(Path(sysconfig.get_path("scripts")) / "uv"), "pip")
BOTH = ("install", "uninstall", "freeze", "list", "show", "check")
COMMANDS = [
    *((PIP, name, name) for name in (*BOTH, "download", "lock", "cache", "config", "completion", "help")),
    (PIP, "index", "versions"),
    (PIP, "search", "versions"),
    (PIP, "inspect", "list"),
    (PIP, "debug", "detect"),
    (PIP, "wheel", "download"),
    (PIP, "hash", "lock"),
    *(
        (UV, name, name)
        for name in ("install", "sync", "uninstall", "freeze", "list", "show", "tree", "check")
    ),
    (UV, "compile", "export"),
]


def theirs(tool: tuple[str, ...], command: str) -> set[str]:
    environ = {**os.environ, "COLUMNS": "400", "NO_COLOR": "1"}
    done = subprocess.run([*tool, command, "--help"], capture_output=True, text=True, env=environ, check=True)
    heads = "\n".join(line[:60] for line in done.stdout.splitlines() if re.match(r"\s{2,8}-", line))
    return set(re.findall(r"(?<![\w-])(?:--[a-z][a-z0-9-]+|-[a-zA-Z](?![\w-]))", heads))


@pytest.mark.parametrize(("tool", "command", "ours"), COMMANDS)
def test_every_option_has_an_answer(tool: tuple[str, ...], command: str, ours: str) -> None:
    found = theirs(tool, command)
    assert len(found) > 15
    if command == "completion":
        # Its short options are shells, which are words here, as the usage says.
        found -= {"-b", "-f", "-p", "-z"}
    (commands,) = (
        action for action in build_parser(ours)._actions if isinstance(action, argparse._SubParsersAction)
    )
    known = {*commands.choices[ours]._option_string_actions, *habits.OPTIONS, *habits.SHORT, *habits.IGNORED}
    assert sorted(found - known) == []


@pytest.mark.parametrize("tool", [PIP, UV], ids=["pip", "uv pip"])
def test_every_command_has_an_answer(tool: tuple[str, ...]) -> None:
    environ = {**os.environ, "COLUMNS": "400", "NO_COLOR": "1"}
    done = subprocess.run([*tool, "--help"], capture_output=True, text=True, env=environ, check=True)
    section = done.stdout.split("Commands:\n", 1)[1].split("Options:\n", 1)[0]
    names = re.findall(r"^  ([a-z]+) {2,}\S", section, re.MULTILINE)
    assert len(names) >= 9
    table = PAGE.read_text(encoding="utf-8").split("\n\nThese options", 1)[0]
    called = "pip" if tool is PIP else "uv pip"
    assert [name for name in names if not re.search(rf"`{called} {name}\b", table)] == []
    (commands,) = (a for a in build_parser("")._actions if isinstance(a, argparse._SubParsersAction))
    assert [name for name in names if name not in commands.choices and name not in habits.COMMANDS] == []


def test_short_options_lead_to_answers() -> None:
    assert set(habits.SHORT.values()) <= set(habits.OPTIONS)


def test_the_page_says_the_same() -> None:
    page = PAGE.read_text(encoding="utf-8").replace("\\|", "|")
    missing = [name for name, said in habits.OPTIONS.items() if f"| `{name}` | {said} |" not in page]
    assert missing == []
    ignored = {**habits.IGNORED, **habits.IGNORED_BY_LOCAL}
    # The page has the long names; a short one says what its long one says.
    ignored = {name: values for name, values in ignored.items() if name.startswith("--")}
    assert [name for name, values in ignored.items() if f"`{name}{' X' if values else ''}`" not in page] == []
