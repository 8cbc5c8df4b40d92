"""A command that runs for as long as it takes, with its exit code and the signals that are meant for it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from variantctl.proxy.errors import CommandError

_PASSED_ON = ("SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


def run_command(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run *command*; gives its exit code, 128 + N where signal N ended it, as shells have it.

    To be called from the main thread. Ctrl-C reaches the command from the terminal itself; it is waited for
    until it has ended. Other signals are passed on.

    Raises:
        CommandError: there is no such command.
    """
    program = shutil.which(command[0], path=environ.get("PATH"))
    if program is None:
        raise CommandError(f"{command[0]}: there is no such command", hint="Check the words after '--'.")
    try:
        child = subprocess.Popen([program, *command[1:]], env=dict(environ))
    except OSError as error:
        raise CommandError(f"{program} cannot be run: {error.strerror}") from None

    def pass_on(number: int, frame: FrameType | None) -> None:
        child.send_signal(number)

    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    for name in _PASSED_ON:
        if hasattr(signal, name):
            number = signal.Signals[name]
            before[number] = signal.signal(number, pass_on)
    try:
        code = child.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            with suppress(OSError):
                child.kill()
            child.wait()
    return 128 - code if code < 0 else code


def interpreter_beside(command: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """The interpreter that a command installs into, where its name tells: ``pip``, or Python itself."""
    name = Path(command[0]).name
    program = shutil.which(command[0], path=environ.get("PATH"))
    if program is None or not name.startswith(("pip", "python")) or name.startswith("pipx"):
        return None
    if name.startswith("python"):
        return Path(program)
    beside = Path(program).with_name("python.exe" if program.endswith(".exe") else "python")
    return beside if beside.is_file() else None
