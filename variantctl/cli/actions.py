"""Commands that are groups of actions: ``cache``, ``index``, ``wheel``."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import NamedTuple


class Action(NamedTuple):
    """One action of a command, as ``variantctl cache prune``.

    Attributes:
        name: as it is typed.
        help: its line in the command's ``--help``.
        description: the head of its own ``--help``.
        add_arguments: declares its options.
        run: does it; gives the exit code.
    """

    name: str
    help: str
    description: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def action_of(name: str, module: ModuleType) -> Action:
    """The action of a module that has ``HELP``, ``add_arguments`` and ``run``."""
    return Action(name, module.HELP, module.__doc__ or "", module.add_arguments, module.run)


def add_actions(parser: argparse.ArgumentParser, actions: Iterable[Action]) -> None:
    """Declare every action with its options, in the order in which ``--help`` lists them."""
    parsers = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    for action in actions:
        action.add_arguments(
            parsers.add_parser(action.name, help=action.help, description=action.description)
        )


def run_action(args: argparse.Namespace, actions: Iterable[Action]) -> int:
    """Run the action that was asked for."""
    (asked,) = (action for action in actions if action.name == args.action)
    return asked.run(args)
