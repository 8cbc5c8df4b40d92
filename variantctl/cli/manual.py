"""Manual pages in man(7)'s macros, made from the parser itself: a page for each command."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from variantctl.cli import examples


def pages(parser: argparse.ArgumentParser) -> Mapping[str, str]:
    """File name (``variantctl-install.1``) -> content, of a parser and of those of its commands."""
    return {f"{each.prog.replace(' ', '-')}.1": page(each) for each in _all(parser)}


def _all(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for nested in dict.fromkeys(action.choices.values()):
                yield from _all(nested)


def page(parser: argparse.ArgumentParser) -> str:
    """One page."""
    name = parser.prog.replace(" ", "-")
    lines = [f'.TH "{name.upper()}" "1" "" "variantctl" "variantctl"', ".SH NAME"]
    lines.append(f"{_escaped(name)} \\- {_escaped((parser.description or '').strip().rstrip('.'))}")
    lines += [".SH SYNOPSIS", f".B {_escaped(parser.prog)}", _escaped(_usage(parser))]
    lines += _examples(parser.prog)
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        if shown:
            lines.append(f".SH {_escaped((group.title or 'options').upper())}")
            for action in shown:
                lines += _described(action, parser)
    if parser.epilog:
        lines += [".SH NOTES", _escaped(parser.epilog)]
    return "\n".join(lines) + "\n"


def _examples(prog: str) -> Iterator[str]:
    found = examples.of(" ".join(prog.split()[1:]))
    if found:
        yield ".SH EXAMPLES"
    for line, purpose in found:
        yield from (".TP", f"\\fB{_escaped(line)}\\fR", _escaped(purpose))


def _usage(parser: argparse.ArgumentParser) -> str:
    formatter = parser._get_formatter()
    formatter.add_usage(None, parser._get_positional_actions(), [], prefix="")
    words = " ".join(formatter.format_help().split())
    return words.replace(parser.prog, "[OPTIONS]", 1)


def _described(action: argparse.Action, parser: argparse.ArgumentParser) -> Iterator[str]:
    if isinstance(action, argparse._SubParsersAction):
        for choice in action._choices_actions:
            yield from (".TP", f"\\fB{_escaped(choice.dest)}\\fR", _escaped(choice.help or ""))
        return
    formatter = parser._get_formatter()
    value = "" if action.nargs == 0 else f" \\fI{_escaped(_value(action, formatter))}\\fR"
    names = ", ".join(f"\\fB{_escaped(name)}\\fR{value}" for name in action.option_strings)
    yield ".TP"
    yield names or value.strip()
    yield _escaped(formatter._expand_help(action) if action.help else "")


def _value(action: argparse.Action, formatter: argparse.HelpFormatter) -> str:
    default = action.dest.upper() if action.option_strings else action.dest
    return formatter._format_args(action, default)


def _escaped(text: str) -> str:
    """man(7): a backslash and a hyphen mean something, and so do a dot and a quote at a line's beginning."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text
