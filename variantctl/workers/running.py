"""Handing out work and taking in what comes of it, in bounded memory."""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from types import MappingProxyType
from typing import Any, TypeVar

from variantctl import __version__
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.workers.executors import BY_CORES, Load, Pool, Workers, WorkersError, open_pool

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

Progress = Callable[[int, int], None]
"""Called with the bytes done so far and the bytes in all, from several threads in turn."""

Report = Callable[[int], None]
"""Called with the bytes that were done since it was called last."""

# Read-only mappings are what frozen values hold; pickle does not know them.
copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))


def _read_only(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


@dataclass(frozen=True)
class _Call:
    """A function of one task, as it is handed out.

    Attributes:
        function: a function of a module, so that its name is enough.
        version: our version here, which has to be that of the worker.
    """

    function: Callable[..., Any]
    version: str

    def __call__(self, task: object) -> Any:
        if self.version != __version__:
            raise WorkersError(
                f"a worker has variantctl {__version__}, and this is {self.version}",
                hint="Install the same version on every worker.",
            )
        return self.function(task)


def run_all(
    function: Callable[..., _Result],
    tasks: Sequence[_Task],
    sizes: Sequence[int],
    workers: Workers = BY_CORES,
    load: Load | None = None,
    *,
    progress: Progress | None = None,
    tells: bool = False,
) -> Iterator[tuple[int, _Result]]:
    """The number of each task, and what came of it, in the order in which they are done.

    Args:
        function: does one task: a function of a module. It is given the task, and gives a value.
        tasks: values.
        sizes: how many bytes each task is about.
        workers: who does it.
        load: how much work it is; ``None``: as the sizes have it.
        progress: told how many bytes are done.
        tells: whether the function takes a second argument, a ``Report``; where nobody can call back it is
            left out, and a task counts when it is done.

    Raises:
        WorkersError: nobody can do it.
    """
    if not tasks:
        return
    meter = _Meter(progress, sum(sizes))
    with open_pool(workers, load or Load(len(tasks), sum(sizes))) as pool:
        if tells and pool.shares_memory:
            done = _handed_out(pool, lambda task: function(task, meter.add), tasks)
            yield from done
            return
        for number, result in _handed_out(pool, _Call(function, __version__), tasks):
            meter.add(sizes[number])
            yield number, result


def run_one(pool: Pool, function: Callable[[_Task], _Result], task: _Task) -> _Result:
    """Have one task done by a pool that is open, and wait for it.

    Args:
        pool: who does it.
        function: does it: a function of a module.
        task: a value.

    Raises:
        WorkersError: nobody can do it.
    """
    future: Future[_Result] = pool.executor.submit(_Call(function, __version__), task)
    return _result(future, pool)


def _handed_out(
    pool: Pool, call: Callable[[_Task], _Result], tasks: Sequence[_Task]
) -> Iterator[tuple[int, _Result]]:
    """Hand out tasks in their order, never more than ``pool.at_once`` that are not done."""
    waiting: dict[Future[_Result], int] = {}
    left = iter(enumerate(tasks))
    try:
        while True:
            for number, task in left:
                waiting[pool.executor.submit(call, task)] = number
                if len(waiting) >= pool.at_once:
                    break
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), _result(future, pool)
    finally:
        for future in waiting:
            future.cancel()


def _result(future: Future[_Result], pool: Pool) -> _Result:
    """What came of a task; what went wrong with its worker is said in our words."""
    try:
        return future.result()
    except VariantctlError:
        raise
    except ImportError as error:
        if not pool.away:
            raise
        raise WorkersError(
            f"a worker cannot import what the work needs: {error}",
            hint="Install variantctl there, in the same version, with the same extras.",
        ) from error
    except CancelledError as error:
        if not pool.away:
            raise
        raise WorkersError(
            "the scheduler gave the work up", hint="Is it still running? Run the same again when it is."
        ) from error
    except Exception as error:
        # By its name: dask is imported only where it is used.
        if type(error).__name__ != "KilledWorker":
            raise
        raise WorkersError(
            f"a file cost several workers their lives: {str(error).splitlines()[0]:.300}",
            hint="Look at the log of a worker: often memory is short (dask worker --memory-limit).",
        ) from error


class _Meter:
    """Bytes done over all tasks."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        from threading import Lock

        self._progress, self._total, self._done = progress, total, 0
        self._lock = Lock()

    def add(self, size: int) -> None:
        """So many more are done."""
        if self._progress is not None:
            with self._lock:
                self._done += size
                self._progress(self._done, self._total)
