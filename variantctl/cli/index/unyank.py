"""Take the mark of ``index yank`` off again."""

from __future__ import annotations

import argparse

from variantctl.cli.index.common import add_index_option, count, index_at, listing, tell

HELP = "take back a yank"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("what", nargs="+", metavar="WHAT", help="NAME==VERSION, a filename, or NAME for all")
    add_index_option(parser)


def run(args: argparse.Namespace) -> int:
    """Unyank the files."""
    from variant_index.operations import yank_files

    summary = yank_files(args.what, index_at(args.index), yanked=False)
    return tell(
        args, summary, f"{count(len(summary.files), 'file')} no longer yanked: {listing(summary.files)}"
    )
