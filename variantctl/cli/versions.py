"""``variantctl versions NAME``: what the sources have of a package, and which variants of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from variantctl.cli import options, render, tables

if TYPE_CHECKING:
    from packaging.version import Version

    from variantctl.resolve.published import PublishedVersion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("name", metavar="NAME", help="a package")
    parser.add_argument("--pre", action="store_true", help="show pre-releases, too")
    parser.add_argument("--json", action="store_true", help="print one JSON object, of every version")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from packaging.utils import canonicalize_name

    from variantctl.cli.candidates import candidate_finder_of
    from variantctl.resolve.published import published_versions
    from variantctl.target.installed import installed_packages

    name = canonicalize_name(args.name)
    environment = options.environment_of(args, for_changes=False)
    package = installed_packages(environment).get(name) if environment is not None else None
    with candidate_finder_of(args, environment) as candidate_finder:
        versions = published_versions(name, candidate_finder)
        source = candidate_finder.project(name).source
    installed = package.version if package is not None else None
    if args.json:
        there = str(installed) if installed is not None else None
        found = [version.as_json() for version in versions]
        render.print_json(
            {"format": 1, "name": name, "source": source, "installed": there, "versions": found}
        )
        return 0
    shown = [each for each in versions if args.pre or not each.version.is_prerelease] or versions
    rows = [(str(each.version), ", ".join(each.labels), _remark(each, installed)) for each in shown]
    sys.stdout.write(tables.plain(("Version", "Variants", ""), rows))
    return 0


def _remark(each: PublishedVersion, installed: Version | None) -> str:
    said: Sequence[str] = (
        "installed" if installed is not None and installed.public == each.version.public else "",
        "yanked" if each.is_yanked else "",
        ""
        if each.has_wheel
        else "source distribution only"
        if each.has_sdist
        else "no wheel for this Python",
    )
    return ", ".join(filter(None, said))
