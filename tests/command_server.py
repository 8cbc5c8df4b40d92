"""Runs ``python -m variantctl`` in copies of itself: a program for ``tests.commands``, which says why.

It reads requests from the socket whose descriptor is its argument: a JSON object with ``arguments``,
``environment`` and ``folder``, and four descriptors: standard input, output and error, and a pipe. To the
pipe goes the number of the process, a line, and what ``waitpid`` said of it when it has ended, another.
"""

from __future__ import annotations

import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

#: Imported once, in place of once a command. Nothing here may do more than define things.
PACKAGES = ("variantctl", "variant_providers", "variant_index")
LIBRARIES = (
    "email.parser",
    "httpx",
    "rich.console",
    "ssl",
    "tomllib" if sys.version_info >= (3, 11) else "tomli",
)


def serve(connection: socket.socket) -> dict[str, Any] | None:
    """Answer requests until the other side has gone; a copy that is to be a command gets its request."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 4)
        if not request:
            return None
        if os.fork() == 0:
            # Between this process and the command stands one that waits for it.
            connection.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            *streams, said = descriptors
            number = os.fork()
            if number == 0:
                os.close(said)
                return {**json.loads(request), "streams": streams}
            for stream in streams:
                os.close(stream)
            os.write(said, b"%d\n" % number)
            os.write(said, b"%d\n" % os.waitpid(number, 0)[1])
            os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)


def become(request: dict[str, Any]) -> None:
    """What the interpreter does before it runs a module: streams, folder, variables, ``sys.path``."""
    for number, stream in enumerate(request["streams"]):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["-m", *request["arguments"]]
    sys.orig_argv = [sys.executable, "-m", "variantctl", *request["arguments"]]
    sys.path[0] = str(Path.cwd())


def _preload() -> None:
    for name in (*PACKAGES, *LIBRARIES):
        import_module(name)
    for name in PACKAGES:
        package = sys.modules[name]
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith("__main__"):
                import_module(found.name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    # What waits for a command is nobody's to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _preload()
    asked = serve(socket.socket(fileno=int(sys.argv[1])))
    if asked is not None:
        become(asked)
        runpy.run_module("variantctl", run_name="__main__", alter_sys=True)
