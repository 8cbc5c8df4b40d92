"""The processes of builds: without a terminal, with all they say in a file, and ended when the user is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from variantctl.values import dataclass

#: After how long a build that still runs is told of first; each next time after twice as long.
_TELL_AFTER = 60.0
_LINES_OF_OUTPUT = 20
_MOST_SHOWN = 16 << 10
_GRACE = 5.0


@dataclass(frozen=True)
class BuildLog:
    """What a process said that failed.

    Attributes:
        path: the file with all of it.
        tail: the last lines.
    """

    path: Path
    tail: str


class BuildFailedError(Exception):
    """A process of a build ended otherwise than well."""

    def __init__(self, log: BuildLog) -> None:
        self.log = log
        super().__init__(log.tail)


def run_build(
    command: Sequence[str],
    *,
    cwd: str | None,
    environ: Mapping[str, str],
    name: str,
    tell: Callable[[str], None],
) -> None:
    """Run a command, and wait for it however long it takes.

    It reads nothing from the terminal, and is in a group of its own: where this process is interrupted, all
    that it started is ended.

    Args:
        command: the words.
        cwd: where it runs.
        environ: its variables.
        name: for the file's name.
        tell: told now and then that it still runs.

    Raises:
        BuildFailedError: it failed; the file with what it said is kept.
    """
    prefix = f"variantctl-build-{name}-"
    with tempfile.NamedTemporaryFile(prefix=prefix, suffix=".log", delete=False) as log:
        path = Path(log.name)
        keep = False
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=os.name == "posix",
            )
            try:
                code = _waited(process, path, tell)
            finally:
                _end(process)
            if code:
                keep = True
                raise BuildFailedError(BuildLog(path, _tail(path)))
        finally:
            if not keep:
                log.close()
                path.unlink(missing_ok=True)


def _waited(process: subprocess.Popen[bytes], log: Path, tell: Callable[[str], None]) -> int:
    started, after = time.monotonic(), _TELL_AFTER
    while True:
        try:
            return process.wait(after - (time.monotonic() - started))
        except subprocess.TimeoutExpired:
            minutes = round((time.monotonic() - started) / 60)
            tell(f"still running after {minutes} min; what it says is in {log}")
            after *= 2


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the group: also of a build that ended, and left something running."""
    if sys.platform == "win32":
        if process.poll() is None:
            process.kill()
        process.wait()
        return
    if process.poll() is None:
        _signal(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _signal(group: int, number: int) -> None:
    if sys.platform != "win32":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _MOST_SHOWN))
        text = file.read().decode("utf-8", errors="replace")
    return "\n".join(text.strip().splitlines()[-_LINES_OF_OUTPUT:])
