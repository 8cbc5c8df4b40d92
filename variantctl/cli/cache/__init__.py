"""``variantctl cache``: one module of this folder an action, with ``HELP``, ``add_arguments`` and ``run``."""

from __future__ import annotations

import argparse

from variantctl.cli.actions import add_actions, run_action

HELP = "look into the cache, shrink it, check it"

#: In the order in which ``cache --help`` lists them.
ACTIONS = ("dir", "info", "list", "prune", "clean", "verify")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every action with its options."""
    add_actions(parser, __name__, ACTIONS)


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    return run_action(args, __name__)
