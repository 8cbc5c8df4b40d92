"""``variantctl cache``: one module of this folder an action, with ``HELP``, ``add_arguments`` and ``run``."""

from __future__ import annotations

import argparse
from importlib import import_module

HELP = "look into the cache, shrink it, check it"

#: In the order in which ``cache --help`` lists them.
ACTIONS = ("dir", "info", "list", "prune", "clean", "verify")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every action with its options."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    for name in ACTIONS:
        module = import_module(f"{__name__}.{name}")
        module.add_arguments(actions.add_parser(name, help=module.HELP, description=module.__doc__))


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    code: int = import_module(f"{__name__}.{args.action}").run(args)
    return code
