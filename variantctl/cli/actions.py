"""Commands that are groups of actions (``cache``, ``index``, ``wheel``): a package with a module for each."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from importlib import import_module
from keyword import iskeyword
from typing import Any


def add_actions(parser: argparse.ArgumentParser, package: str, names: Iterable[str]) -> None:
    """Declare every action with its options.

    Args:
        parser: the command's.
        package: the dotted name of the package whose modules have ``HELP``, ``add_arguments`` and ``run``.
        names: the actions, in the order in which the command's ``--help`` lists them.
    """
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    for name in names:
        module = _module(package, name)
        module.add_arguments(actions.add_parser(name, help=module.HELP, description=module.__doc__))


def run_action(args: argparse.Namespace, package: str) -> int:
    """Run the action that was asked for."""
    code: int = _module(package, args.action).run(args)
    return code


def _module(package: str, action: str) -> Any:
    # A module cannot well be called 'import'.
    return import_module(f"{package}.{action}_" if iskeyword(action) else f"{package}.{action}")
