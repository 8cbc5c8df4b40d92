"""``variantctl export``: what this machine, or another, would get, for those who stay with their tool."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render, target_machine
from variantctl.cli.app import UsageError
from variantctl.cli.building import add_build_arguments, with_builds
from variantctl.cli.request import add_project_arguments, add_requirement_files, is_anything_named
from variantctl.cli.terminal import sink

if TYPE_CHECKING:
    from variantctl.resolve.plan import Plan

_FORMATS = ("requirements", "uv", "poetry")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "requirements", nargs="*", metavar="REQUIREMENT", help="'torch', 'torch[opt]>=2', ..."
    )
    add_requirement_files(parser)
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        default=_FORMATS[0],
        help="URLs with hashes for pip and uv (the default), or tables for a pyproject.toml that uv or "
        "poetry reads: an index for each backend, and the packages that come from it",
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, help="where to (default: standard output)"
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument("--no-deps", action="store_true", help="only what is named")
    parser.add_argument("--json", action="store_true", help="print one JSON object: the text, and the plan")
    add_project_arguments(parser)
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)
    add_build_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Resolve as ``install`` does for an empty environment, and write."""
    # What is written here is read by tools for which a name is a name.
    is_off, args.no_families = args.no_families, True
    from variantctl.cli.request import requirement_files
    from variantctl.config.families import known_families
    from variantctl.lock.exports import other_members
    from variantctl.resolve.resolver import resolve

    if not is_anything_named(args):
        raise UsageError("nothing is named to export", hint="Name a package, or a file with -r FILE.")
    files = requirement_files(args)
    environment = options.environment_of(args, for_changes=False)
    subject = target_machine.subject_of(args, environment, files)
    with options.open_finder(args, environment, files) as package_finder:
        request = with_builds(args, files, environment, subject, package_finder)
        plan = resolve(
            request,
            package_finder=package_finder,
            machine=subject.machine,
            platform=subject.platform,
            who=subject.who,
        )
    target_machine.show_notes(subject, plan.notes)
    if not is_off:
        ask, markers = subject.machine.supported, subject.platform.markers
        for text in other_members(plan, known_families(os.environ), ask, markers):
            render.warning(text)
    text = _text(args, plan, subject.who)
    if args.output is not None:
        from variantctl.filesystem.atomic import written_whole

        with written_whole(args.output) as file:
            file.write(text.encode())
    if args.json:
        render.print_json({**plan.as_json(), "format": 1, "text": text})
    elif args.output is None:
        sink(sys.stdout).exact(text)
    elif not render.is_quiet():
        sys.stdout.write(f"Wrote {args.output}\n")
    return 0


def _text(args: argparse.Namespace, plan: Plan, who: str) -> str:
    from variantctl.lock.exports import poetry_tables, requirements_of, unnamed, uv_tables

    head = f"# By variantctl export, for {who}.\n"
    if args.format == "requirements":
        return head + requirements_of(plan)
    tables = uv_tables(plan) if args.format == "uv" else poetry_tables(plan)
    for item in unnamed(plan):
        render.warning(
            f"{item.name} {item.version} {item.label} is a variant of one index (PEP 825), which a table for "
            f"{args.format} cannot name; `variantctl proxy` shows it to other tools"
        )
    if not tables:
        render.note("nothing comes from an index of one backend: no table is needed")
        return ""
    return head + tables
