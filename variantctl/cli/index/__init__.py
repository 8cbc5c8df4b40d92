"""``variantctl index``: one module of this folder an action, with ``HELP``, ``add_arguments`` and ``run``."""

from __future__ import annotations

import argparse
from importlib import import_module
from keyword import iskeyword
from typing import Any

HELP = "build, change, check and serve a static index of wheels"

#: In the order in which ``index --help`` lists them.
ACTIONS = ("build", "add", "remove", "yank", "unyank", "status", "verify", "import", "flatten", "serve")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every action with its options."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    for name in ACTIONS:
        module = _module(name)
        module.add_arguments(actions.add_parser(name, help=module.HELP, description=module.__doc__))


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    code: int = _module(args.action).run(args)
    return code


def _module(action: str) -> Any:
    # A module cannot well be called 'import'.
    return import_module(f"{__name__}.{action}_" if iskeyword(action) else f"{__name__}.{action}")
