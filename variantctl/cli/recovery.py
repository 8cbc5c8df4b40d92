"""What a killed command left is undone or finished before the next one looks at the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from variantctl.cli import render

if TYPE_CHECKING:
    from variantctl.install.progress import ProgressEvent
    from variantctl.target.environment import Environment


def recover(environment: Environment, *, for_changes: bool) -> None:
    """Undo or finish, and say so.

    Args:
        for_changes: wait for others that change the environment, and fail where it is not possible; a command
            that only reads just says that what it shows may be half of a change.

    Raises:
        InstallError: it is needed, and could not be done.
    """
    from variantctl.install.lock import STATE_FOLDER

    # Asked here, too: where nothing was left, the installer need not be imported.
    if not (environment.scheme["purelib"] / STATE_FOLDER).is_dir():
        return
    from variantctl.install.apply import Options, recover_environment, recover_for_reading

    if for_changes:
        said = recover_environment(environment, Options(progress=say_waiting))
    else:
        said = recover_for_reading(environment)
    if said:
        render.note(said)


def say_waiting(event: ProgressEvent) -> None:
    """Say what a change waits for."""
    if event.stage == "wait":
        render.note(f"waiting for another variantctl that changes {event.name}")
