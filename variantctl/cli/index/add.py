"""Publish wheels beside what an index has. Only the projects of these wheels are read and written; wheels
that are published already are not opened. Several publishers may add to one index at the same time."""

from __future__ import annotations

import argparse

from variantctl.cli.index.common import add_index_option, count, index_at, listing, tell

HELP = "publish wheels beside what an index has"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "wheels",
        nargs="+",
        metavar="WHEEL",
        help="a wheel or sdist; or the URL of one, or of a folder of them, in the index's own store: "
        "these stay where they are, and are not downloaded",
    )
    add_index_option(parser)
    parser.add_argument(
        "--replace", action="store_true", help="replace published files of the same name and other contents"
    )
    parser.add_argument(
        "--verify", action="store_true", help="also compare every file in every wheel with its RECORD"
    )


def run(args: argparse.Namespace) -> int:
    """Add the wheels."""
    from variant_index.operations import add_files

    from variantctl.cli.progress import progress_bar

    with progress_bar("reading wheels") as progress:
        summary = add_files(
            args.wheels, index_at(args.index), replace=args.replace, verify=args.verify, progress=progress
        )
    done = f"{count(len(summary.files), 'file')} published"
    if summary.files:
        done += f": {listing(summary.files)}"
    if summary.unchanged:
        done += f"; {count(len(summary.unchanged), 'file')} published already"
    return tell(args, summary, done)
