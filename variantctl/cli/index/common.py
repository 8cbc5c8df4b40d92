"""What the actions on an index that exists have in common: which index, and how a change is told."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli.render import note, print_json

if TYPE_CHECKING:
    from variant_index.operations import ChangeSummary, IndexAt


def add_index_option(parser: argparse.ArgumentParser) -> None:
    """Declare ``--index`` and ``--json``."""
    parser.add_argument(
        "--index",
        "-o",
        required=True,
        metavar="OUT",
        help="the folder with simple/ in it, or its URL in an object store (s3://, gs://, az://)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def index_at(target: str | Path) -> IndexAt:
    """The index that was named."""
    from variant_index.operations import IndexAt

    from variantctl.cli.index.audience import people_pages

    return IndexAt(
        target,
        people_pages(),
        waiting=lambda: note(f"{target}: waiting for another process that is writing it"),
    )


def tell(args: argparse.Namespace, summary: ChangeSummary, done: str) -> int:
    """Print what was done, as JSON or in one line; gives the exit code."""
    for text in summary.notes:
        note(text)
    if args.json:
        print_json(summary.as_json())
    else:
        sys.stdout.write(f"{summary.index}: {done}\n")
    return 0


def count(number: int, noun: str) -> str:
    """``1 wheel``, ``2 wheels``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(names: Sequence[str], most: int = 3) -> str:
    """A few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
