"""``variantctl config``: what a project's ``[tool.variantctl]`` may say, and whether one is right."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from variantctl.cli import render
from variantctl.cli.project import FILENAME
from variantctl.cli.terminal import sink


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser(
        "schema", help="print the JSON schema of [tool.variantctl], for editors and other tools"
    )
    check = actions.add_parser("check", help="say whether [tool.variantctl] of a pyproject.toml is right")
    check.add_argument(
        "file", nargs="?", type=Path, default=Path(FILENAME), metavar="FILE", help=f"(default: {FILENAME})"
    )
    check.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from variantctl.config.project import project_settings, schema_text
    from variantctl.net.errors import SettingsError

    if args.action == "schema":
        sink(sys.stdout).exact(schema_text())
        return 0
    if not args.file.is_file():
        raise SettingsError(f"there is no file {args.file}", hint="Name a pyproject.toml.")
    settings = project_settings(args.file)
    if args.json:
        render.print_json({"format": 1, "file": str(args.file), "has_table": settings is not None})
    elif not render.is_quiet():
        said = (
            "[tool.variantctl] is right"
            if settings is not None
            else "has no [tool.variantctl] that can be read"
        )
        sys.stdout.write(f"{args.file}: {said}\n")
    return 0
