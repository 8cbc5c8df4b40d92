"""``variantctl index``: build, change, check and serve a static index of wheels."""

from __future__ import annotations

import argparse

from variantctl.cli.actions import Action, action_of, add_actions, run_action


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every action with its options."""
    add_actions(parser, _actions())


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    return run_action(args, _actions())


def _actions() -> tuple[Action, ...]:
    # Late: the modules of the actions are below this package.
    from variantctl.cli.index import build, flatten, import_, publish, selector, serve

    return (
        action_of("build", build),
        *publish.ACTIONS,
        action_of("import", import_),
        action_of("flatten", flatten),
        action_of("selector", selector),
        action_of("serve", serve),
    )
