"""``variantctl check``: whether what is installed has what it needs, as ``pip check`` asks."""

from __future__ import annotations

import argparse
import sys

from variantctl.cli import render
from variantctl.cli.options import add_environment_arguments, named_environment
from variantctl.cli.recovery import recover


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = (
        "Exits 1 where something is missing or has the wrong version. Only dependencies are looked at: "
        "'variantctl doctor' checks variants, files and drivers, too."
    )
    add_environment_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from variantctl.cli.remedies import commands_for
    from variantctl.doctor.checks import is_healthy
    from variantctl.doctor.dependencies import check_dependencies
    from variantctl.doctor.leftovers import graph_of
    from variantctl.target.installed import installed_packages, packages_in

    environment = named_environment(args, for_changes=False)
    recover(environment, for_changes=False)
    installed = installed_packages(environment)
    others = packages_in(path for path in environment.site_paths if path not in environment.site_packages)
    versions = {name: package.version for name, package in {**others, **installed}.items()}
    findings = check_dependencies(graph_of(installed, environment), versions, commands_for(args.arguments))
    if args.json:
        found = {"packages": len(installed), "findings": [finding.as_json() for finding in findings]}
        render.print_json({"format": 1, **found})
    else:
        for finding in findings:
            sys.stdout.write(
                f"{finding.severity}: {finding.detail}\n" + (f"  {finding.hint}\n" * bool(finding.hint))
            )
        if not findings and not render.is_quiet():
            sys.stdout.write(_all_well(len(installed)))
    return 0 if is_healthy(findings) else 1


def _all_well(packages: int) -> str:
    if packages == 1:
        return "The package that is installed has everything that it needs.\n"
    return f"{packages} packages have everything that they need.\n"
