"""Undo 'wheel make': drop the label and the variant.json. Requirements and the version stay as they are."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from variantctl.cli.progress import progress_bar
from variantctl.cli.render import print_json

HELP = "make ordinary wheels of variant wheels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "-f",
        "--file",
        dest="files",
        type=Path,
        required=True,
        action="append",
        metavar="WHEEL",
        help="the wheel to start from; may be repeated",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write to"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Make the ordinary wheels."""
    from variantctl.wheels.variant_wheel import refuse_same_names, unmake_variant

    refuse_same_names(args.files)
    made = []
    for file in args.files:
        with progress_bar(f"checking {file.name}") as progress:
            made.append(unmake_variant(file, args.output, progress=progress))
    if not args.json:
        sys.stdout.write("".join(f"{path}\n" for path in made))
        return 0
    wheels = [{"wheel": str(path), "size": path.stat().st_size} for path in made]
    print_json({"format": 1, **wheels[0]} if len(wheels) == 1 else {"format": 1, "wheels": wheels})
    return 0
