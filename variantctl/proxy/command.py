"""A command that runs for as long as it takes, with its exit code and the signals that are meant for it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from variantctl.config.pip import read_pip_config
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
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        # What comes while the command is being started is kept for it.
        children[0].send_signal(number) if children else early.append(number)

    # Before it starts, or a signal might meet us unprepared. A function, not SIG_IGN: that is inherited.
    before = {signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: None)}
    for name in _PASSED_ON:
        if hasattr(signal, name):
            before[signal.Signals[name]] = signal.signal(signal.Signals[name], pass_on)
    try:
        children.append(subprocess.Popen([program, *command[1:]], env=dict(environ)))
        while early:
            children[0].send_signal(early.pop(0))
        code = children[0].wait()
    except OSError as error:
        raise CommandError(f"{program} cannot be run: {error.strerror}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for child in children:
            if child.poll() is None:
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


EMPTY = "/empty/"
"""The path of a page without links: it takes the place of find-links that pip's files name."""
_OTHER_SOURCES = (
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_NO_INDEX",
)
_LOOPBACK = "127.0.0.1,localhost,::1"


def client_environment(root: str, environ: Mapping[str, str], prefix: Path) -> dict[str, str]:
    """*environ* for a command whose tools are to use the proxy.

    The sources that *environ* and pip's files name are the proxy's business: it asks them itself.

    Args:
        root: the URL of the proxy, without a slash at the end.
        environ: the environment variables.
        prefix: of the environment that the command installs into: its pip.conf counts.
    """
    url = f"{root}/simple/"
    kept = {name: value for name, value in environ.items() if name not in _OTHER_SOURCES}
    without_pips = {
        name: value
        for name, value in kept.items()
        if not name.startswith("PIP_") or name == "PIP_CONFIG_FILE"
    }
    files = read_pip_config(without_pips, prefix)
    from_files = {"extra-index-url": url, "find-links": root + EMPTY, "no-index": "0"}
    return {
        **kept,
        "PIP_INDEX_URL": url,
        **{
            f"PIP_{name.replace('-', '_').upper()}": value
            for name, value in from_files.items()
            if name in files.values
        },
        "UV_DEFAULT_INDEX": url,
        "UV_INDEX_URL": url,
        "PDM_PYPI_URL": url,
        "POETRY_PYPI_MIRROR_URL": url,
        **{
            name: f"{environ[name]},{_LOOPBACK}" if environ.get(name) else _LOOPBACK
            for name in ("NO_PROXY", "no_proxy")
        },
    }
