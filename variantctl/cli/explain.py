"""``variantctl explain``: which wheel would be chosen, and why not the others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from variantctl.cli import options, render

if TYPE_CHECKING:
    from rich.table import Table

    from variantctl.resolve.choice import JudgedWheel
    from variantctl.resolve.explain import Explanation

HELP = "say which wheel would be chosen, and why not the others"

_STYLES = {"selected": "bold green", "compatible": "green", "incompatible": "dim", "excluded": "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "requirement", metavar="REQUIREMENT", help="'torch', 'torch==2.10.0', a wheel's path or URL"
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument(
        "--all", action="store_true", help="list the wheels for other Pythons and platforms too"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Judge every wheel of the version that would be taken, and print the verdicts."""
    from variantctl.resolve.explain import explain
    from variantctl.resolve.requirements import parse_user_requirement

    requirement = parse_user_requirement(args.requirement)
    preferences = options.preferences(args)
    environment = options.environment_of(args, for_changes=False)
    subject = options.subject_of(args, environment)
    with options.open_catalog(args, environment) as catalog:
        explanation = explain(
            requirement,
            catalog=catalog,
            machine=subject.machine,
            platform=subject.platform,
            preferences=preferences,
            pre=args.pre,
            who=subject.who,
        )
    options.show_notes(subject)
    if args.json:
        render.print_json(explanation.as_json())
    else:
        _print(explanation, everything=args.all)
    return 0


def _print(explanation: Explanation, *, everything: bool) -> None:
    shown = [wheel for wheel in explanation.wheels if everything or not _foreign(wheel)]
    console = render.console()
    if shown:
        console.print(_table(shown))
    hidden = len(explanation.wheels) - len(shown)
    console.print(explanation.summary(), markup=False)
    if hidden:
        console.print(f"(--all lists the {hidden} for other Pythons or platforms too.)", markup=False)


def _foreign(wheel: JudgedWheel) -> bool:
    """Whether a wheel is not for this Python and platform, which says nothing about variants."""
    return any(reason.kind in ("tags", "requires-python") for reason in wheel.reasons)


def _table(wheels: list[JudgedWheel]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    table.add_column("#", justify="right")
    for title in ("variant", "verdict", "why", "wheel"):
        table.add_column(title, overflow="fold")
    for wheel in wheels:
        style = _STYLES[wheel.verdict]
        table.add_row(
            str(wheel.rank or ""),
            escape(wheel.link.wheel.label or "-"),
            f"[{style}]{wheel.verdict}[/]",
            escape("; ".join(reason.detail for reason in wheel.reasons)),
            escape(wheel.link.wheel.filename),
        )
    return table
