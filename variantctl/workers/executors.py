"""One interface, that of ``concurrent.futures``, for whoever does the work.

Little work is done by threads, since a process takes a third of a second to start. Processes and a cluster
get functions and values only (they are pickled), never anything that is open.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

from variantctl.values import dataclass
from variantctl.variants.digits import whole_number
from variantctl.variants.errors import VariantctlError

DASK = "dask://"
#: From so much work on, processes are worth their start.
MANY, LARGE = 500, 256 << 20
_LARGE_FILE = 4 << 20
#: Requests to a store at a time.
_REQUESTS = 8
#: Seconds that a scheduler, and then its first worker, may take to answer.
PATIENCE = 30
_ADDRESS = re.compile(r"[\w.-]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}")


class WorkersError(VariantctlError):
    """Nobody can do the work: no scheduler, no workers, or workers that are not what is needed."""

    kind = "workers"


@dataclass(frozen=True)
class Workers:
    """Who is to do the work.

    Attributes:
        processes: how many processes of this machine; ``None``: one a core, if it is worth it.
        scheduler: the address of a dask scheduler, ``HOST:PORT``; ``""``: this machine does it.
    """

    processes: int | None = None
    scheduler: str = ""


BY_CORES = Workers()


@dataclass(frozen=True)
class Load:
    """How much work there is.

    Attributes:
        files: how many there are.
        size: their bytes.
        remote: whether they are in a store, which one waits for.
        light: whether it is little more than waiting.
    """

    files: int
    size: int
    remote: bool = False
    light: bool = False

    @property
    def is_little(self) -> bool:
        """Whether to start a process takes longer than it saves."""
        return self.light or (self.files < MANY and self.size < LARGE)

    def threads(self, cores: int) -> int:
        """How many threads are best. Of small files most of the work is Python, which one does at a time."""
        if self.remote:
            return max(cores, _REQUESTS)
        return cores if self.size // max(self.files, 1) >= _LARGE_FILE else 1


@dataclass(frozen=True)
class Pool:
    """An executor that is open.

    Attributes:
        executor: takes the work.
        at_once: how much is handed over before something of it has to be done.
        shares_memory: whether what is done there can call back.
        away: whether the workers may be on other machines.
    """

    executor: Executor
    at_once: int
    shares_memory: bool = False
    away: bool = False


def parse_workers(text: str) -> Workers:
    """``4``, or ``dask://HOST:PORT``.

    Raises:
        WorkersError: it is neither.
    """
    if text.startswith(DASK) and _ADDRESS.fullmatch(text.removeprefix(DASK).rstrip("/")):
        return Workers(scheduler=text.removeprefix(DASK).rstrip("/"))
    if 1 <= (count := whole_number(text) or 0) <= 1024:
        return Workers(count)
    raise WorkersError(
        f"{text[:80]!r} names no workers",
        hint="Give a number of processes (--workers 4), or a dask scheduler (--workers dask://HOST:8786).",
    )


@contextmanager
def open_pool(workers: Workers, load: Load) -> Iterator[Pool]:
    """Whoever is to do the work; what was not begun is dropped when this ends with an error.

    Raises:
        WorkersError: the scheduler does not answer, has no workers, or dask is not installed.
    """
    if workers.scheduler:
        with _cluster(workers.scheduler) as pool:
            yield pool
        return
    count = workers.processes or os.cpu_count() or 1
    if count == 1 or (workers.processes is None and load.is_little):
        at_once = 1 if workers.processes == 1 else load.threads(count)
        threads = ThreadPoolExecutor(at_once)
        with _ended(threads):
            yield Pool(threads, 4 * at_once, shares_memory=True)
        return
    with _processes(min(count, max(load.files, 1))) as pool:
        yield pool


@contextmanager
def _processes(count: int) -> Iterator[Pool]:
    # Late: to import these takes longer than little work does.
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
    from multiprocessing import get_context

    # Not by fork: there may be threads, of a progress bar for one.
    executor = ProcessPoolExecutor(count, get_context("spawn"), initializer=_ignore_interrupts)
    try:
        with _ended(executor):
            yield Pool(executor, 4 * count)
    except BrokenProcessPool as error:
        raise WorkersError(
            "a process that did a part of the work was ended by somebody else (is there enough memory?)",
            hint="Run it again, with fewer --workers; what is noted as done is not done again.",
        ) from error


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; the one that was started by a person ends the others."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _ended(executor: Executor) -> Iterator[None]:
    """Wait for what was handed over; after an error, or Ctrl-C, for nothing that was not begun."""
    try:
        yield
    except BaseException:
        executor.shutdown(wait=False, cancel_futures=True)
        _end_processes()
        raise
    executor.shutdown()


def _end_processes() -> None:

    if "multiprocessing" in sys.modules:
        from multiprocessing import active_children

        for process in active_children():
            process.terminate()


@contextmanager
def _cluster(address: str) -> Iterator[Pool]:
    """The workers of a dask scheduler, which hands the work out, and again where a worker is lost."""
    try:
        # Late, and not among our dependencies: it takes a second to import.
        from distributed import Client
    except ImportError as error:
        raise WorkersError(
            f"{DASK}{address}: the package distributed is not installed",
            hint=f"Install it: `{shlex.quote(sys.executable)} -m pip install distributed obstore`.",
        ) from error
    try:
        client = Client(f"tcp://{address}", timeout=PATIENCE, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise WorkersError(
            f"{DASK}{address}: no scheduler answers there",
            hint="Start one with 'dask scheduler', and workers on each machine with "
            f"'dask worker tcp://{address}' (docs/scale.md).",
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise WorkersError(
                f"{DASK}{address}: the scheduler has no workers",
                hint=f"Start some, on each machine, with `dask worker tcp://{address}`.",
            ) from error
        # A worker that is lost costs its tasks nothing but time: the scheduler gives them to others.
        executor = client.get_executor(pure=False, retries=2)
        try:
            yield Pool(executor, 10_000, away=True)
        finally:
            executor.shutdown(wait=False)
