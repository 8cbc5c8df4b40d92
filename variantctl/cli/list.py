"""``variantctl list``: what is installed in an environment, with the label of each variant."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from typing import Any

from variantctl.cli import render
from variantctl.cli.options import add_environment_arguments, named_environment
from variantctl.cli.recovery import recover
from variantctl.target.installed import InstalledPackage
from variantctl.values import replace

HELP = "show what is installed, with variant labels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    add_environment_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from variantctl.target.installed import installed_packages

    environment = named_environment(args, for_changes=False)
    recover(environment, for_changes=False)
    packages = [_labelled(package) for package in installed_packages(environment).values()]
    for package in packages:
        for note in package.notes:
            render.warning(note)
    if args.json:
        render.print_json({"format": 1, "packages": [as_json(package) for package in packages]})
    elif packages:
        _print_table(packages)
    else:
        render.note(f"nothing is installed in {environment.prefix}")
    return 0


def _labelled(package: InstalledPackage) -> InstalledPackage:
    """A build of a backend has its label in its version alone (``2.10.0+cu128``)."""
    if package.label is not None or package.version.local is None:
        return package
    from variantctl.config.backends import known_sources

    labels = (source.label_of(package.name, package.version) for source in known_sources(os.environ))
    return replace(package, label=next((label for label in labels if label is not None), None))


def as_json(package: InstalledPackage) -> dict[str, Any]:
    """One element of ``packages``; ``label``: null (JSON) is no variant, ``"null"`` the null variant."""
    return {
        "name": package.name,
        "version": str(package.version),
        "label": package.label,
        "source": package.source,
        "editable": package.editable,
        "installer": package.installer,
        "requested": package.requested,
    }


def _print_table(packages: Iterable[InstalledPackage]) -> None:
    # Plain text: drawing this table with rich would take longer than everything else the command does.
    rows = [("Package", "Version", "Variant", "Source")]
    rows += [(p.name, str(p.version), p.label or "", _source(p)) for p in packages]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ("-" * widths[0], "-" * widths[1], "-" * widths[2], "-" * widths[3]))
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _source(package: InstalledPackage) -> str:
    kind = "editable" if package.editable else "setup.py" if package.legacy else ""
    return " ".join(filter(None, (package.source, f"({kind})" if kind else "")))
