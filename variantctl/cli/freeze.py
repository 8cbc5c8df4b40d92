"""``variantctl freeze``: what is installed, as a requirements file."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from variantctl.cli import render
from variantctl.cli.options import add_environment_arguments, named_environment
from variantctl.cli.recovery import recover

if TYPE_CHECKING:
    from variantctl.target.installed import InstalledPackage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "--all", action="store_true", help="list pip and what else environments are made with"
    )
    parser.add_argument(
        "--exclude", metavar="NAME", action="append", default=[], help="leave this package out"
    )
    parser.add_argument("--exclude-editable", action="store_true", help="leave editable packages out")
    parser.add_argument("--labels", action="store_true", help="name the variant of each in a comment")
    add_environment_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from variantctl.cli.list import as_json, labelled_packages
    from variantctl.target.frozen import frozen_line
    from variantctl.target.installed import installed_packages

    environment = named_environment(args, for_changes=False)
    recover(environment, for_changes=False)
    from variantctl.target.protected import seeds

    hidden = frozenset() if args.all else seeds(environment)
    packages = [
        package
        for package in labelled_packages(installed_packages(environment))
        # What stands in for a name comes back with the package that does.
        if package.name not in hidden and package.stands_in_by is None and not _is_left_out(package, args)
    ]
    if args.json:
        found = [{**as_json(package), "requirement": frozen_line(package)} for package in packages]
        render.print_json({"format": 1, "packages": found})
        return 0
    for package in packages:
        said = f"  # {package.label}" if args.labels and package.label is not None else ""
        sys.stdout.write(f"{frozen_line(package)}{said}\n")
    return 0


def _is_left_out(package: InstalledPackage, args: argparse.Namespace) -> bool:
    from variantctl.variants.names import canonicalize_name

    named = {canonicalize_name(name) for name in args.exclude}
    return package.name in named or (args.exclude_editable and package.editable)
