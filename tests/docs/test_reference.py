"""The reference has every command, option, variable and key; the navigation has every page."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.generate import commands, machines, project_table
from variantctl.cli.app import build_parser
from variantctl.cli.commands import COMMANDS
from variantctl.config import cache, file
from variantctl.config.project import schema_text
from variantctl.providers.profiles import shipped_profiles

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = commands.pages()


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for nested in action.choices.values():
                yield from _parsers(nested)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command_has_a_row(name: str) -> None:
    page = PAGES[f"{commands.FOLDER}/variantctl-{name}.md"]
    (choices,) = (a for a in build_parser(name)._actions if isinstance(a, argparse._SubParsersAction))
    for parser in _parsers(choices.choices[name]):
        section = page if parser.prog.count(" ") == 1 else page.split(f"## {parser.prog[11:]}\n", 1)[1]
        shown = [action for action in parser._actions if action.help != argparse.SUPPRESS]
        for option in (option for action in shown for option in action.option_strings):
            assert f"`{option}`" in section, f"{parser.prog} {option}"


def test_the_list_of_commands_has_all() -> None:
    overview = PAGES[f"{commands.FOLDER}/index.md"]
    assert [name for name in COMMANDS if f"(variantctl-{name}.md)" not in overview] == []
    assert len(commands.navigation()) == len(COMMANDS) + 1 == len(PAGES)


def _entries(navigation: Any) -> Iterator[str]:
    if isinstance(navigation, str):
        yield navigation
    else:
        for entry in navigation.values() if isinstance(navigation, dict) else navigation:
            yield from _entries(entry)


def test_the_navigation_has_every_page() -> None:
    """`.ci/run` finds that too, but only where the site is built."""
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = list(_entries(configuration["nav"]))
    made = {"changelog.md", f"{commands.FOLDER}/"}
    written = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")}
    assert sorted(set(named) - made - written) == [], "not there"
    assert sorted(written - set(named)) == [], "add a line for it to nav in mkdocs.yml"
    assert len(named) == len(set(named))


def test_every_variable_is_on_the_page_about_configuration() -> None:
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    used = {
        name
        for folder in ("variantctl", "index", "plugins/variant_providers")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"\b(?:VARIANTCTL|VARIANT_PROVIDERS)_[A-Z_]+[A-Z]", path.read_text("utf-8"))
    }
    assert len(used) > 15
    assert sorted(name for name in used if f"| `{name}` |" not in page) == []


def test_every_key_of_the_file_is_on_the_page_about_configuration() -> None:
    rows = [
        line.split("|")[1]
        for line in (DOCS / "configuration.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    keys = {*file._KEYS, *file._INSTALL_KEYS, *cache._KEYS}
    assert sorted(key for key in keys if not any(key in row for row in rows)) == []


def test_the_keys_of_a_project_are_on_the_page_about_configuration() -> None:
    assert project_table.MARK in (DOCS / "configuration.md").read_text(encoding="utf-8")
    keys = json.loads(schema_text())["properties"]
    assert len(keys) > 5
    assert [key for key in keys if f"| `{key}` |" not in project_table.table()] == []


def test_the_page_about_profiles_lists_them() -> None:
    assert machines.MARK in (DOCS / "profiles.md").read_text(encoding="utf-8")
    table = machines.table()
    assert [name for name in shipped_profiles() if f"| `{name}` |" not in table] == []
