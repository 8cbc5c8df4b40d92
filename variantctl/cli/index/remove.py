"""Take files off the pages of an index, then delete them."""

from __future__ import annotations

import argparse

from variantctl.cli.index.common import add_index_option, count, index_at, listing, tell

HELP = "take files out of an index"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "what", nargs="+", metavar="WHAT", help="NAME==VERSION or a filename; NAME with --all"
    )
    add_index_option(parser)
    parser.add_argument("--all", action="store_true", help="NAME may be given: the whole project goes")


def run(args: argparse.Namespace) -> int:
    """Remove the files."""
    from variant_index.operations import remove_files

    summary = remove_files(args.what, index_at(args.index), whole=args.all)
    return tell(args, summary, f"{count(len(summary.files), 'file')} removed: {listing(summary.files)}")
