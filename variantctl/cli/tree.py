"""``variantctl tree``: which installed package needs which."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from variantctl.cli import render
from variantctl.cli.habits import not_installed
from variantctl.cli.options import add_environment_arguments, named_environment
from variantctl.cli.recovery import recover
from variantctl.variants.digits import whole_number

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.doctor.dependency_tree import Node
    from variantctl.target.installed import InstalledPackage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only the tree of this package")
    parser.add_argument("--invert", action="store_true", help="what needs a package, not what it needs")
    parser.add_argument(
        "-d", "--depth", metavar="N", type=_depth, help="show this many levels (default: all)"
    )
    add_environment_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from packaging.utils import canonicalize_name

    from variantctl.cli.list import as_json, labelled_packages
    from variantctl.doctor.dependency_tree import forest, inverted, tops
    from variantctl.doctor.leftovers import graph_of
    from variantctl.target.installed import installed_packages

    environment = named_environment(args, for_changes=False)
    recover(environment, for_changes=False)
    installed = installed_packages(environment)
    needed = graph_of(installed, environment).needed()
    edges = inverted(needed) if args.invert else needed
    named = [canonicalize_name(name) for name in args.names]
    missing = [name for name in named if name not in edges]
    for name in missing:
        render.warning(not_installed(name, f"{environment.prefix}, and nothing there needs it", edges))
    roots = [name for name in named if name in edges] if named else tops(edges)
    trees = forest(roots, edges, depth=args.depth)
    packages = {package.name: package for package in labelled_packages(installed)}
    if args.json:
        details = [as_json(package) for package in packages.values()]
        found = {"tree": [node.as_json() for node in trees], "packages": details, "missing": missing}
        render.print_json({"format": 1, **found})
    else:
        _print(trees, packages)
    return 1 if missing and not roots else 0


def _depth(text: str) -> int:
    if (depth := whole_number(text)) is not None:
        return depth
    raise argparse.ArgumentTypeError(f"{text[:80]!r} is no number of levels, such as 2")


def _print(trees: Sequence[Node], packages: Mapping[NormalizedName, InstalledPackage]) -> None:
    from variantctl.doctor.dependency_tree import lines

    for tree in trees:
        for branch, node in lines(tree):
            sys.stdout.write(f"{branch}{_said(node, packages.get(node.name))}\n")


def _said(node: Node, package: InstalledPackage | None) -> str:
    if package is None:
        return f"{node.name} (not installed)"
    label = f" {package.label}" if package.label and package.version.local is None else ""
    return f"{node.name} {package.version}{label}{' (*)' if node.is_repeated else ''}"
