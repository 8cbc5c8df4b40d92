"""Say what a project as a whole is (PEP 792): active, archived, deprecated or quarantined. An archived or
quarantined project takes no new files; a quarantined one offers none. Without STATUS, show it."""

from __future__ import annotations

import argparse
import sys

from variantctl.cli.index.common import add_index_option, index_at, tell
from variantctl.cli.render import print_json

HELP = "show or set the status of a project"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("name", metavar="NAME", help="the project")
    parser.add_argument(
        "status",
        metavar="STATUS",
        nargs="?",
        choices=("active", "archived", "deprecated", "quarantined"),
        help="active, archived, deprecated or quarantined",
    )
    add_index_option(parser)
    parser.add_argument("--reason", default="", help="why, shown to users")


def run(args: argparse.Namespace) -> int:
    """Show or set the status."""
    from variant_index.operations import project_state, set_status

    from variantctl.indexes.page_writer import ProjectStatus

    if args.status is not None:
        summary = set_status(args.name, ProjectStatus(args.status, args.reason), index_at(args.index))
        return tell(args, summary, f"{summary.projects[0]} is {args.status} now")
    state = project_state(args.name, index_at(args.index))
    versions = [str(version) for version in state.versions]
    if args.json:
        print_json(
            {
                "format": 1,
                "name": state.name,
                "status": state.status.status,
                "reason": state.status.reason,
                "versions": versions,
                "files": len(state.files),
            }
        )
        return 0
    reason = f" ({state.status.reason})" if state.status.reason else ""
    sys.stdout.write(
        f"{state.name} is {state.status.status}{reason}: {len(state.files)} files of {', '.join(versions)}\n"
    )
    return 0
