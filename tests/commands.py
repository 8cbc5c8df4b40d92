"""``variantctl`` as a process of its own, without the time that its imports take.

A command is a process with arguments, variables, a folder, streams and an exit code. Of the fifth of a second
of CPU that a small one takes, three quarters are the interpreter's start and some 400 imports, the same for
each of the thousand that the tests run. So a process that has imported them is copied for each (``fork``).
``tests/test_commands.py`` compares both ways; whatever is about start-up (imports, closed streams, signals,
an interpreter's options) uses ``subprocess`` itself.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

#: What an interpreter reads at its start: commands that agree on these are copies of one process.
_READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "MALLOC_")
_SERVER = Path(__file__).with_name("command_server.py")
_servers: dict[tuple[tuple[str, str], ...], _Server] = {}
_starting = threading.Lock()


class _Server:
    """A process that was started with some variables, and the socket to it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._here, there = socket.socketpair()
        # Not by its path, whose folder would be where modules are looked for first.
        command = [sys.executable, "-c", _SERVER.read_text(encoding="utf-8"), str(there.fileno())]
        with there:
            self._process = subprocess.Popen(
                command, env=environment, cwd=os.sep, stdin=subprocess.DEVNULL, pass_fds=[there.fileno()]
            )
        self._sending = threading.Lock()

    def ask(self, request: Mapping[str, object], descriptors: Sequence[int]) -> None:
        """Have one command started."""
        with self._sending:
            socket.send_fds(self._here, [json.dumps(request).encode()], descriptors)

    def close(self) -> None:
        """End it; commands that still run are not waited for."""
        self._here.close()
        self._process.wait()


def run(
    *arguments: str | os.PathLike[str],
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """``python -m variantctl ARGUMENTS``, as ``subprocess.run(capture_output=True, text=True)`` does it.

    Raises:
        subprocess.TimeoutExpired: it was ended, as it took longer than ``timeout`` seconds.
    """
    words = [os.fspath(argument) for argument in arguments]
    command = [sys.executable, "-m", "variantctl", *words]
    environment = dict(os.environ if env is None else env)
    if not hasattr(os, "fork"):
        return subprocess.run(
            command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
        )
    request = {"arguments": words, "environment": environment, "folder": os.fspath(cwd or Path.cwd())}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        code = _ended(_server(environment), request, (output, errors), timeout, command)
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(command, code, _text(output), _text(errors))


def _server(environment: Mapping[str, str]) -> _Server:
    read = {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}
    with _starting:
        key = tuple(sorted(read.items()))
        if key not in _servers:
            _servers[key] = _Server(read)
            atexit.register(_servers[key].close)
        return _servers[key]


def _ended(
    server: _Server,
    request: Mapping[str, object],
    files: Sequence[IO[bytes]],
    timeout: float,
    command: Sequence[str],
) -> int:
    """The exit code, minus the number of the signal that ended it where one did."""
    deadline = time.monotonic() + timeout
    reading, writing = os.pipe()
    with Path(os.devnull).open("rb") as nothing, os.fdopen(reading, "rb", buffering=0) as said:
        try:
            server.ask(request, [nothing.fileno(), *(file.fileno() for file in files), writing])
        finally:
            os.close(writing)
        number = int(_line(said))
        if not select.select([said], [], [], max(0.0, deadline - time.monotonic()))[0]:
            os.kill(number, signal.SIGKILL)
            _line(said)
            raise subprocess.TimeoutExpired(list(command), timeout)
        return os.waitstatus_to_exitcode(int(_line(said)))


def _line(said: IO[bytes]) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        received = said.read(1)
        if not received:
            raise RuntimeError("the process that runs commands has ended")
        line += received
    return line


def _text(file: IO[bytes]) -> str:
    return file.read().decode().replace("\r\n", "\n")
