"""What a killed command left: the next one that changes things undoes or finishes it, others say so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from variantctl.cli import render

if TYPE_CHECKING:
    from variantctl.cache.progress import ProgressEvent
    from variantctl.target.environment import Environment


def recover(environment: Environment, *, for_changes: bool) -> None:
    """Undo or finish, and say so; a command that only reads says what is left to do, and touches nothing.

    Args:
        for_changes: wait for others that change the environment, and fail where it is not possible.

    Raises:
        InstallError: it is needed, and could not be done.
    """
    from variantctl.wheels.names import STATE_FOLDER

    # Asked here, too: where nothing was left, the installer need not be imported.
    if not os.path.lexists(environment.scheme["purelib"] / STATE_FOLDER):
        return
    from variantctl.install.apply import Options, pending_change, recover_environment

    if for_changes:
        if said := recover_environment(environment, Options(progress=say_waiting)):
            render.note(said)
    elif said := pending_change(environment):
        render.warning(said)


def say_waiting(event: ProgressEvent) -> None:
    """Say what a change waits for."""
    if event.stage == "wait":
        render.note(f"waiting for another variantctl that changes {event.name}")
