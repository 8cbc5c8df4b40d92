"""``variantctl wheel``: make, check, audit and inspect variant wheels."""

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
    from variantctl.cli.wheel import audit, inspect, make, unmake, validate

    return (
        action_of("make", make),
        action_of("unmake", unmake),
        action_of("inspect", inspect),
        action_of("audit", audit),
        action_of("validate", validate),
    )
