"""Check everything that a client of an index could trip over: pages against each other, links, sizes, hashes,
metadata against wheels, labels and index-level metadata, and files that no page names."""

from __future__ import annotations

import argparse
import sys

from variantctl.cli.index.common import add_index_option, count, index_at
from variantctl.cli.render import note, print_json

HELP = "check an index"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these projects (default: all)")
    add_index_option(parser)
    parser.add_argument("--quick", action="store_true", help="read no wheels: pages, sizes and metadata only")


def run(args: argparse.Namespace) -> int:
    """Verify the index; 1 where something is wrong."""
    from variant_index.operations import parse_selection
    from variant_index.verify import verify_index

    from variantctl.cli.progress import progress_bar

    names = [parse_selection(name).name for name in args.names]
    with progress_bar(f"reading {args.index}") as progress:
        found = verify_index(index_at(args.index).publisher(), names, quick=args.quick, progress=progress)
    if args.json:
        print_json(found.as_json())
        return int(bool(found.problems))
    for problem in found.problems:
        sys.stdout.write(f"{problem.where}: {problem.message}\n")
    if found.superseded:
        what = count(len(found.superseded), "file")
        note(f"{what} of index-level metadata of older pages; the next change of the project deletes them")
    counted = f"{count(found.projects, 'project')}, {count(found.files, 'file')}"
    verdict = f"{count(len(found.problems), 'problem')}" if found.problems else "nothing wrong"
    sys.stdout.write(f"{found.index}: {counted}: {verdict}\n")
    return int(bool(found.problems))
