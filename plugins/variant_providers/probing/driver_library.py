"""What the child processes that load a driver's library share; it imports nothing of this package.

A child prints one JSON object a line, each as soon as it is known, so that a driver that hangs half-way has
still said something.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePath
from typing import Any

Say = Callable[..., None]
"""``say(key=value)`` prints ``{"key": value}`` to the parent."""


def run(ask: Callable[[ctypes.CDLL, Say], None], library: str) -> int:
    """Load ``library`` and let ``ask`` talk to it; says ``library``, ``file`` and ``unloadable``."""
    _without_core_dumps()
    say = _private_way_to_the_parent()
    try:
        loaded = ctypes.CDLL(library)
    except OSError as error:
        say(unloadable=f"{library}: {error}")
        return 0
    say(library=library)
    file = _file_of(library)
    if file is not None:
        say(file=file)
    ask(loaded, say)
    return 0


class DriverLibrary:
    """A driver's library, with every call checked and reported.

    Its functions return 0 for success, as those of NVML (``nvmlReturn_t``), libcuda (``CUresult``) and Level
    Zero (``ze_result_t``) do.

    Args:
        library: the loaded library.
        say: the way to the parent.
        missing: the code that is reported for a function that the library does not have.
        result: the C type of a result.
    """

    def __init__(self, library: ctypes.CDLL, say: Say, missing: int, result: Any = ctypes.c_int) -> None:
        self._library = library
        self._say = say
        self._missing = missing
        self._result = result

    def has(self, name: str) -> bool:
        """Whether the library is new enough for a function."""
        return getattr(self._library, name, None) is not None

    def call(self, names: Sequence[str], *arguments: Any) -> bool:
        """Call the first of ``names`` that the library has; whether it returned success."""
        name = next((name for name in names if self.has(name)), None)
        code = self._missing if name is None else self._code(name, arguments)
        if code != 0:
            self._say(error={"call": name or names[0], "code": code})
        return code == 0

    def quietly(self, name: str, *arguments: Any) -> bool:
        """Call a function that may well be missing or not be supported; whether it returned success."""
        return self.has(name) and self._code(name, arguments) == 0

    def text(self, name: str, size: int, *arguments: Any) -> str | None:
        """Call a function that fills a buffer of ``size`` bytes."""
        buffer = ctypes.create_string_buffer(size + 1)
        if not self.call((name,), *arguments, buffer, ctypes.c_uint(size)):
            return None
        return buffer.value.decode("utf-8", "replace")

    def _code(self, name: str, arguments: tuple[Any, ...]) -> int:
        function = getattr(self._library, name)
        function.restype = self._result
        return int(function(*arguments))


def _private_way_to_the_parent() -> Say:
    """Whatever a driver prints to standard output goes nowhere."""
    private = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)

    def say(**thing: object) -> None:
        os.write(private, json.dumps(thing).encode("ascii") + b"\n")

    return say


def _file_of(library: str) -> str | None:
    """The file that the loader chose for a library, by Linux's list of what is mapped into this process."""
    name = PurePath(library).name.partition(".so")[0] + ".so"
    try:
        mapped = Path("/proc/self/maps").read_text("utf-8", "replace").splitlines()
    except OSError:
        return None  # not Linux, or a sandbox
    files = (line[line.index("/") :] for line in mapped if "/" in line)
    return next((file for file in files if PurePath(file).name.startswith(name)), None)


def _without_core_dumps() -> None:
    """A crashing driver should leave no core file in the user's folder."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
