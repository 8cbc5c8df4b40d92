"""``--workers``, for the commands that read many wheels."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from variantctl.workers.executors import Workers


def add_workers_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--workers``."""
    parser.add_argument(
        "--workers",
        metavar="N|dask://HOST:PORT",
        help="who reads the wheels: processes of this machine (default: one a core, if there is enough to "
        "do), or the workers of a dask scheduler (docs/scale.md)",
    )


def add_audit_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--audit`` and ``--no-audit``."""
    parser.add_argument(
        "--audit",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="read from the code in wheels what they were built for, for the pages for people (default: of "
        "wheels that are read whole anyway; --audit fetches those of a store for it)",
    )


def add_journal_argument(parser: argparse.ArgumentParser) -> None:
    """Declare ``--journal``."""
    parser.add_argument(
        "--journal",
        default="",
        metavar="FOLDER|URL",
        help="note there what is done, so that a run that is cut short goes on where it was",
    )


def workers_of(args: argparse.Namespace) -> Workers:
    """Who is to do the work.

    Raises:
        UsageError: what was given names nobody.
    """
    from variantctl.cli.app import UsageError
    from variantctl.workers.executors import BY_CORES, WorkersError, parse_workers

    if args.workers is None:
        return BY_CORES
    try:
        return parse_workers(args.workers)
    except WorkersError as error:
        raise UsageError(f"argument --workers: {error.message}; {error.hint}") from error
