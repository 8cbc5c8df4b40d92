"""Small wheels unpacked by processes of their own, beside the threads that fetch them.

Of a small wheel nearly all is the interpreter's own work, and the threads of one process only hand that to
each other: by four threads 91 wheels (the cold ``jupyterlab`` of docs/performance.md) took as long as by one.
Processes take a quarter off the whole command on two cores: 3.1 s for 4.3, the least of five runs in turn.

A process is forked from a process without other threads, on Linux, and is sent one file after another, whose
hashes were compared before. It verifies, unpacks and publishes as ``UnpackedStore`` does. Where it cannot, or
is not there any more, it says no, and whoever asked unpacks the wheel himself, which says what is wrong.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

from variantctl.wheels.archive import WheelArchive

if TYPE_CHECKING:
    from variantctl.cache.unpacked import UnpackedStore
    from variantctl.variants.filenames import WheelFilename

#: From this size on (in bytes) a file is worth the threads of this process, which inflate and hash beside
#: each other, and begin while it is received.
LARGE = 8 << 20
#: So many wheels are worth the processes: each takes some milliseconds to fork.
FEWEST = 8
#: One process that fetches has not enough for more.
_MOST = 4
#: Seconds. A wheel takes a core some 0.01 to 0.02, so that this is had back with a few of them.
_PATIENCE = 0.25
_DONE, _FAILED = b"+", b"-"


def can_fork() -> bool:
    """Whether a fork of this process is sound: there is no other thread that could hold a lock just now.

    Threads that are about to end are waited for a moment: those of a search that is over may have a request
    under way that nobody needs any more.
    """
    if sys.platform != "linux":
        return False
    until = time.monotonic() + _PATIENCE
    while not _is_alone():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def _is_alone() -> bool:
    if threading.active_count() != 1:
        return False
    try:
        # Libraries have threads too, of which Python knows nothing.
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


class UnpackProcesses:
    """Processes that unpack into one store; in a ``with`` block, at whose end they end."""

    def __init__(self, store: UnpackedStore, wheels: int) -> None:
        """Fork them, where that is possible and worth it.

        Args:
            store: where wheels go.
            wheels: how many are to be unpacked.
        """
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        self._all: list[_Process] = []
        if wheels >= FEWEST and can_fork():
            self._fork(store, min(_MOST, os.cpu_count() or 1))

    def __enter__(self) -> UnpackProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._all:
            process.end()

    def take(self, size: int) -> bool:
        """Whether wheel files of so many bytes are left to them."""
        return bool(self._all) and size < LARGE

    def add(self, path: Path, filename: WheelFilename, sha256: str) -> bool:
        """Verify, unpack and publish a wheel; to be called where one is ``adding`` it.

        Args:
            path: the wheel file, whose hashes are right.
            filename: of the wheel.
            sha256: of the wheel file, in hexadecimal.

        Returns:
            Whether it is in the store now. If not, nothing was left there.
        """
        if not self.take(path.stat().st_size):
            return False
        process = self._idle.get()
        try:
            return process.ask([os.fspath(path), filename.filename, sha256])
        finally:
            self._idle.put(process)

    def _fork(self, store: UnpackedStore, count: int) -> None:
        def unpack(path: str, name: str, sha256: str) -> None:
            from variantctl.variants.filenames import parse_wheel_filename

            with WheelArchive.open(Path(path), parse_wheel_filename(name)) as archive:
                store.publish(store.build(archive, threads=1), sha256)

        # What is there now is never looked at again by the collector: its pages stay shared.
        gc.freeze()
        try:
            for _ in range(count):
                self._all.append(_Process(unpack, self._all))
        except OSError:
            # No process or no memory to be had: as many as there are.
            pass
        finally:
            gc.unfreeze()
        for process in self._all:
            self._idle.put(process)


class _Process:
    """One process, as the one that forked it sees it."""

    def __init__(self, unpack: Callable[[str, str, str], None], others: list[_Process]) -> None:
        self._socket, theirs = socket.socketpair()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(unpack, theirs, [process._socket for process in (self, *others)])
        theirs.close()

    def ask(self, task: list[str]) -> bool:
        """Whether the task was done; not, too, where the process is gone."""
        try:
            self._socket.sendall(json.dumps(task).encode() + b"\n")
            return self._socket.recv(1) == _DONE
        except OSError:
            return False

    def end(self) -> None:
        """Let it end; what it is about is finished first."""
        self._socket.close()
        # A program that we are a library of may have asked for it.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def _serve(
    unpack: Callable[[str, str, str], None], asking: socket.socket, held: list[socket.socket]
) -> NoReturn:
    """Do what is asked until nobody asks any more; Ctrl-C and SIGTERM take away what is half done."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        # Else it would keep itself and the others from seeing that nobody asks any more.
        for other in held:
            other.close()
        for line in cast(BinaryIO, asking.makefile("rb")):
            answer = _DONE
            try:
                unpack(*json.loads(line))
            except Exception:  # noqa: BLE001 - who asks does it himself, and finds out
                answer = _FAILED
            asking.sendall(answer)
    finally:
        # Neither buffers nor exit handlers of the process that was forked are ours, nor is its traceback.
        os._exit(0)
