"""Mark files as yanked (PEP 592): they stay, but only for those who pin exactly that version."""

from __future__ import annotations

import argparse

from variantctl.cli.index.common import add_index_option, count, index_at, listing, tell

HELP = "mark files as not to be chosen any more"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("what", nargs="+", metavar="WHAT", help="NAME==VERSION, a filename, or NAME for all")
    add_index_option(parser)
    parser.add_argument("--reason", default="", help="why, shown to whoever pinned it")


def run(args: argparse.Namespace) -> int:
    """Yank the files."""
    from variant_index.operations import yank_files

    summary = yank_files(args.what, index_at(args.index), args.reason or True)
    return tell(args, summary, f"{count(len(summary.files), 'file')} yanked: {listing(summary.files)}")
