"""A real dask scheduler on the loopback interface, with workers that are processes of their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Cluster:
    """A running scheduler.

    Attributes:
        address: where it is, ``HOST:PORT``.
        workers: their processes.
    """

    address: str
    folder: Path
    environ: Mapping[str, str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What ``--workers`` is given."""
        return f"dask://{self.address}"

    def add_worker(self) -> subprocess.Popen[bytes]:
        """One more worker, with one thread. Nobody starts it again when it ends."""
        number = len(self.workers)
        command = ["dask_worker", f"tcp://{self.address}", "--no-nanny", "--nthreads", "1", "--no-dashboard"]
        command += ["--local-directory", str(self.folder / f"worker-{number}"), "--host", "127.0.0.1"]
        worker = _start(command, self.folder / f"worker-{number}.log", self.environ)
        self.workers.append(worker)
        return worker

    def logs(self) -> str:
        """What the workers and the scheduler wrote."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


@contextmanager
def cluster(folder: Path, workers: int, environ: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """Start a scheduler with workers, and stop all of them in the end."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**(environ or os.environ), "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "60s"}
    command = ["dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    running = Cluster(f"127.0.0.1:{port}", folder, environ)
    scheduler = _start(command, folder / "scheduler.log", environ)
    try:
        _wait(port, scheduler)
        for _ in range(workers):
            running.add_worker()
        yield running
    finally:
        for process in (*running.workers, scheduler):
            process.kill()
            process.wait()


def _start(command: list[str], log: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    module, *arguments = command
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
            stdout=file, stderr=subprocess.STDOUT, env=dict(environ), cwd=log.parent,
        )  # fmt: skip


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the scheduler ended with {process.returncode}")
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the scheduler did not start")
