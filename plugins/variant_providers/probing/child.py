"""Foreign driver code runs in a child process: it may hang, crash or print, and costs a note when it does."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import subprocess

TIME_LIMIT_S = 2.0
TIME_LIMIT_VARIABLE = "VARIANT_PROVIDERS_TIMEOUT"
"""Seconds that a driver may take; 2 s is short for many GPUs without a persistence daemon."""

Transcript = list[tuple[str, list[str]]]
"""The commands that were run, by their names, and what each printed: for support bundles."""

TRANSCRIPT: ContextVar[Transcript] = ContextVar("TRANSCRIPT")
"""Where the detection that runs in this thread writes down what it runs; ``Plugin.detect`` sets it."""

_KILL_WAIT_S = 0.2
_SMALLEST_LIMIT_S = 0.1
_OUTPUT_LIMIT = 1024 * 1024


class ChildAnswer(NamedTuple):
    """What a child process said.

    Attributes:
        lines: its output's lines, complete or not to the end: what it said before it hung or crashed counts.
        trouble: how it ended, in words (``"did not answer within 2 s"``), or ``None`` when it ended well.
        hung: whether its time was up before it ended.
    """

    lines: list[str]
    trouble: str | None = None
    hung: bool = False

    def objects(self) -> list[dict[str, object]]:
        """The JSON objects among the lines; anything malformed is left out."""
        found = []
        for line in self.lines:
            try:
                said = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(said, dict):
                found.append(said)
        return found


def time_limit(otherwise: float = TIME_LIMIT_S) -> float:
    """The seconds a driver may take: ``VARIANT_PROVIDERS_TIMEOUT`` where that is a sane number."""
    try:
        limit = float(os.environ.get(TIME_LIMIT_VARIABLE, ""))
    except ValueError:
        return otherwise
    return limit if 0 < limit <= 600 else otherwise


class Deadline:
    """When a time limit that several children share is over."""

    def __init__(self, limit: float) -> None:
        self._end = time.monotonic() + limit

    def left(self) -> float:
        """The seconds that are left, and at least enough for a child to start."""
        return max(self._end - time.monotonic(), _SMALLEST_LIMIT_S)


def ask_libraries(
    script: Path,
    libraries: Sequence[str],
    answered: Callable[[ChildAnswer], bool],
    deadline: Deadline,
    *arguments: str,
) -> list[ChildAnswer]:
    """Ask one library after the other until one answers or hangs, each in a child of its own.

    A machine may have several libraries of one name, such as WSL2's and the distribution's, of which only one
    fits the driver. The same file under two names is asked once.

    Args:
        script: the child's script, which is given a library and ``arguments``.
        libraries: names or paths, most likely first.
        answered: whether an answer is one, so that no other library needs to be asked.
        deadline: until when, all libraries together.
        arguments: the script's other arguments.

    Returns:
        What each library said; the last is the one that answered, if any did.
    """
    answers: list[ChildAnswer] = []
    files: set[str] = set()
    for library in libraries:
        if os.path.realpath(library) in files:
            continue
        answer = ask_script(script, [library, *arguments], deadline.left())
        answers.append(answer)
        if answer.hung or answered(answer):
            break
        said = [os.path.realpath(library), *(one.get("file") for one in answer.objects())]
        files.update(file for file in said if isinstance(file, str))
    return answers


def ask_script(script: Path, arguments: Sequence[str], limit: float) -> ChildAnswer:
    """Run a script of this package (``nvml_child.py``) in a bare interpreter and return what it printed."""
    if not sys.executable:
        return ChildAnswer([], "could not be asked: this program does not know its Python interpreter")
    return ask_command([sys.executable, "-I", "-S", str(script), *arguments], limit)


def ask_command(
    command: Sequence[str], limit: float | None = None, also: Mapping[str, str] | None = None
) -> ChildAnswer:
    """Run a command and return what it printed.

    Args:
        command: the program and its arguments.
        limit: seconds, by default ``time_limit()``.
        also: environment variables that it is given besides this process's own.
    """
    import subprocess

    limit = time_limit() if limit is None else limit
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, **also} if also else None,
        )
    except OSError as error:
        return ChildAnswer([], f"could not be asked: {error}")
    try:
        output, _none = process.communicate(timeout=limit)
        trouble, hung = _how_it_ended(process.returncode), False
    except subprocess.TimeoutExpired as expired:
        output, hung = expired.output or b"", True
        trouble = f"did not answer within {round(limit, 1):g} s ({TIME_LIMIT_VARIABLE} sets another limit)"
        _kill(process)
        try:
            process.wait(_KILL_WAIT_S)
        except subprocess.TimeoutExpired:
            # A process stuck inside the kernel cannot be killed; waiting for it would hang us as well.
            trouble += ", and cannot be ended"
        if process.stdout is not None:
            process.stdout.close()
    lines = output[:_OUTPUT_LIMIT].decode("ascii", "replace").splitlines()
    TRANSCRIPT.get([]).append((_name(command), lines))
    return ChildAnswer(lines, trouble, hung)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a child and what it has started: ``rocm_agent_enumerator`` waits for a ``rocminfo`` that hangs."""
    import signal

    if os.name != "posix":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _name(command: Sequence[str]) -> str:
    """What a command is called: its script's name, or the tool's own."""
    script = next((part for part in command if part.endswith(".py")), command[0])
    return Path(script).stem


def _how_it_ended(code: int) -> str | None:
    if code == 0:
        return None
    if code > 0:
        return f"ended with exit status {code}"
    import signal

    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"crashed ({name})"
