"""``variantctl wheel``: one module of this folder an action, with ``HELP``, ``add_arguments`` and ``run``."""

from __future__ import annotations

import argparse

from variantctl.cli.actions import add_actions, run_action

HELP = "make, check and inspect variant wheels"

#: In the order in which ``wheel --help`` lists them.
ACTIONS = ("make", "unmake", "inspect", "validate")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every action with its options."""
    add_actions(parser, __name__, ACTIONS)


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    return run_action(args, __name__)
