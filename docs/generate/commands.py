"""The reference of commands, made from the parsers: a page for each command, a row for each option."""

from __future__ import annotations

import argparse
import html
import re
from collections.abc import Iterator, Mapping

from variantctl.cli import examples
from variantctl.cli.app import build_parser
from variantctl.cli.commands import COMMANDS

FOLDER = "reference/commands"


def pages() -> Mapping[str, str]:
    """Path below docs/ -> Markdown, of all commands and of the list of them."""
    parsers = dict(_choices(build_parser(only=None)))
    made = {f"{FOLDER}/variantctl-{name}.md": _page(name, parser) for name, parser in parsers.items()}
    made[f"{FOLDER}/index.md"] = _overview(parsers)
    return made


def navigation() -> list[str | dict[str, str]]:
    """The pages' places in the navigation, in the order in which ``variantctl --help`` has the commands."""
    return [f"{FOLDER}/index.md", *({name: f"{FOLDER}/variantctl-{name}.md"} for name in COMMANDS)]


def _choices(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The commands of a parser, or the actions of a command, each once under its first name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            seen: set[int] = set()
            for name, nested in action.choices.items():
                if id(nested) not in seen:
                    seen.add(id(nested))
                    yield name, nested


def _overview(parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    rows = [
        f"| [`variantctl {name}`](variantctl-{name}.md) | {_cell(COMMANDS[name].help)} |" for name in parsers
    ]
    return "\n".join(
        [
            "# Commands",
            "",
            "Each page is made from the program itself, so it lists what this version takes.",
            "`variantctl help COMMAND` prints the same in the terminal.",
            "",
            "| command | what it does |",
            "| --- | --- |",
            *rows,
            "",
            "Exit codes are the same for all: 0 it was done, 1 it could not be done, 2 the command line was",
            "wrong, 130 it was interrupted. With `--json`, standard output is one [JSON object](../json.md),",
            "on failure too.",
            "",
        ]
    )


def _page(name: str, parser: argparse.ArgumentParser) -> str:
    lines = [f"# variantctl {name}", "", *_described(parser, level=2), *_actions(name, parser)]
    return "\n".join(lines) + "\n"


def _actions(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """A section for each action, however deep: ``profile from kubernetes``."""
    for action, nested in _choices(parser):
        yield from (f"## {name} {action}", "", *_described(nested, level=3))
        yield from _actions(f"{name} {action}", nested)


def _described(parser: argparse.ArgumentParser, *, level: int) -> Iterator[str]:
    yield html.escape(parser.description or "", quote=False)
    yield from ("", "```text", _usage(parser), "```", "")
    found = examples.of(" ".join(parser.prog.split()[1:]))
    if found:
        lines = (f"{line}  # {purpose}" for line, purpose in found)
        yield from ("```sh", *lines, "```", "")
    if parser.epilog:
        yield from ("```text", parser.epilog % {"prog": parser.prog}, "```", "")
    for group in parser._action_groups:
        rows = [row for action in group._group_actions for row in _row(action, parser)]
        if rows:
            title = {"positional arguments": "What it takes", "options": "Options"}.get(
                group.title or "", (group.title or "Options").capitalize()
            )
            yield from (
                f"{'#' * level} {title} {{ #{_anchor(parser, title)} }}",
                "",
                "| | |",
                "| --- | --- |",
            )
            yield from (*rows, "")


def _anchor(parser: argparse.ArgumentParser, title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", f"{parser.prog.removeprefix('variantctl ')} {title}".lower())


def _usage(parser: argparse.ArgumentParser) -> str:
    formatter = argparse.HelpFormatter(parser.prog, width=100)
    formatter.add_usage(None, [a for a in parser._actions if not a.option_strings], [], prefix="")
    words = " ".join(formatter.format_help().split())
    return words.replace(parser.prog, f"{parser.prog} [OPTIONS]", 1)


def _row(action: argparse.Action, parser: argparse.ArgumentParser) -> Iterator[str]:
    if action.help == argparse.SUPPRESS:
        return
    formatter = argparse.HelpFormatter(parser.prog)
    if isinstance(action, argparse._SubParsersAction):
        for choice in action._choices_actions:
            yield f"| `{choice.dest}` | {_cell(choice.help or '')} |"
        return
    value = "" if action.nargs == 0 else formatter._format_args(action, _default_name(action))
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    shown = f"{names} `{value}`" if names and value else names or f"`{value}`"
    said = formatter._expand_help(action) if action.help else ""
    yield f"| {shown.replace('|', chr(92) + '|')} | {_cell(said)} |"


def _default_name(action: argparse.Action) -> str:
    return action.dest.upper() if action.option_strings else action.dest


def _cell(text: str) -> str:
    """A help text as a cell: its angle brackets, asterisks and bars are text."""
    return re.sub(r"([*_|\[\]`])", r"\\\1", html.escape(" ".join(text.split()), quote=False))
