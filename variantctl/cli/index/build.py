"""Write OUT/simple/, a static repository for variantctl, uv and pip: HTML and JSON pages, hashes, .metadata
sidecars, and index-level variant metadata for each version. Beside it are pages for people, OUT/index.html
and OUT/project/: which build a machine gets, and how to install it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from variantctl.cli.index.publish import count
from variantctl.cli.render import note, print_json
from variantctl.cli.workers import add_audit_argument, add_workers_argument, workers_of

HELP = "write a Simple repository of a folder of wheels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "wheel_dir",
        metavar="WHEEL_DIR",
        help="the folder with the wheels, or its URL where OUT is a part of the same store",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT",
        help="where simple/ is written: a folder, or a URL in an object store (s3://, gs://, az://)",
    )
    parser.add_argument(
        "--verify", action="store_true", help="also compare every file in every wheel with its RECORD"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace OUT/simple even if it was not made by variantctl"
    )
    parser.add_argument(
        "--no-pages", action="store_true", help="write simple/ only, and none of the pages for people"
    )
    parser.add_argument(
        "--flatten",
        nargs="+",
        action="extend",
        default=[],
        metavar="PROFILE",
        help="also write OUT/simple-PROFILE/, which shows tools without variants what that machine gets",
    )
    add_workers_argument(parser)
    add_audit_argument(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Build the index."""
    from variant_index.build import build_index
    from variant_index.errors import FolderError
    from variant_index.locations import is_store_url

    from variantctl.cli.index.audience import people_pages
    from variantctl.cli.index.flatten import flatten_all, load_profiles, show
    from variantctl.cli.progress import progress_bar
    from variantctl.proxy.errors import FlattenError

    extra = None if args.no_pages else people_pages()
    profiles = load_profiles(args.flatten)
    if profiles and "://" in args.output:
        raise FlattenError(
            "trees for profiles are written beside an index in a folder, not in an object store",
            hint="Build into a folder with --flatten, and copy simple-PROFILE/ to the store.",
        )
    if is_store_url(args.wheel_dir) and not is_store_url(args.output):
        raise FolderError(
            f"{args.wheel_dir}: lies in a store, and {args.output} does not",
            hint="Wheels of a store are indexed where they lie: give a URL of the same store with -o.",
        )
    with progress_bar(f"reading {args.wheel_dir}") as progress:
        summary = build_index(
            args.wheel_dir,
            args.output,
            verify=args.verify,
            force=args.force,
            progress=progress,
            waiting=lambda: note(f"{args.output}: waiting for another process that is writing it"),
            extra=extra,
            workers=workers_of(args),
            audit=args.audit,
        )
    for text in summary.notes:
        note(text)
    trees = flatten_all(Path(args.output), profiles) if profiles else []
    if args.json:
        flattened = {"flattened": [tree.as_json() for tree in trees]} if args.flatten else {}
        print_json({**summary.as_json(), **flattened})
        return 0
    parts = [
        count(summary.projects, "project"),
        count(summary.wheels, "wheel") + (f" ({summary.variants} variants)" if summary.variants else ""),
    ]
    if summary.sdists:
        parts.append(count(summary.sdists, "source distribution"))
    if summary.removed:
        parts.append(f"{count(len(summary.removed), 'file')} of an earlier build removed")
    sys.stdout.write(f"{summary.simple}: {', '.join(parts)}\n")
    show(trees)
    return 0
