"""Threads, processes and a scheduler are one interface; who cannot do the work says why."""

from __future__ import annotations

import os
import pickle
import signal
import socket
from pathlib import Path

import pytest

from tests.workers.cluster import cluster
from variantctl.variants.errors import InvalidVariantError
from variantctl.wheels.errors import WheelError
from variantctl.workers.executors import Load, Workers, WorkersError, open_pool, parse_workers
from variantctl.workers.running import Report, run_all


def double(number: int, report: Report = lambda _size: None) -> tuple[int, int]:
    """Twice the number, and who did it."""
    report(number)
    return 2 * number, os.getpid()


def refuse(number: int) -> int:
    raise WheelError(f"wheel-{number}", "is bad", member="a.so", hint="make a good one")


def be_killed(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_what_names_workers() -> None:
    assert parse_workers("4") == Workers(4)
    assert parse_workers("dask://node-1.local:8786") == Workers(scheduler="node-1.local:8786")
    assert parse_workers("dask://[::1]:8786/").scheduler == "[::1]:8786"


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "many", "1e3", "dask://", "dask://host", "tcp://host:1", "99999"]
)
def test_what_does_not(text: str) -> None:
    with pytest.raises(WorkersError, match="names no workers"):
        parse_workers(text)


@pytest.mark.parametrize("workers", [Workers(), Workers(1), Workers(2)])
def test_all_is_done_whoever_does_it(workers: Workers) -> None:
    told: list[tuple[int, int]] = []
    tasks = list(range(1, 30))
    found = dict(run_all(double, tasks, tasks, workers, progress=lambda *at: told.append(at), tells=True))
    assert {number: result[0] for number, result in found.items()} == {n - 1: 2 * n for n in tasks}
    assert told[-1] == (sum(tasks), sum(tasks))
    others = {result[1] for result in found.values()} - {os.getpid()}
    assert bool(others) == (workers == Workers(2))


def test_little_work_is_done_here_and_much_by_processes() -> None:
    with open_pool(Workers(), Load(10, 1000)) as pool:
        assert pool.shares_memory
    if (os.cpu_count() or 1) > 1:
        with open_pool(Workers(), Load(10, 1 << 40)) as pool:
            assert not pool.shares_memory


@pytest.mark.parametrize("workers", [Workers(1), Workers(2)])
def test_an_error_is_the_same_from_another_process(workers: Workers) -> None:
    with pytest.raises(WheelError) as caught:
        list(run_all(refuse, [7], [1], workers))
    error = caught.value
    assert (error.message, error.hint) == ("wheel-7: 'a.so': is bad", "make a good one")
    assert (error.wheel, error.member, error.kind) == ("wheel-7", "a.so", "invalid-wheel")
    other = InvalidVariantError("is not allowed", source="x.whl", key="variants.a")
    copied = pickle.loads(pickle.dumps(other))
    assert (type(copied), vars(copied), copied.args) == (type(other), vars(other), other.args)


def test_a_process_that_is_killed_is_said_to_be() -> None:
    with pytest.raises(WorkersError, match="ended by somebody else") as caught:
        list(run_all(be_killed, [1, 2], [1, 1], Workers(2)))
    assert "Run it again" in (caught.value.hint or "")


def test_no_scheduler_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("variantctl.workers.executors.PATIENCE", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(WorkersError, match="no scheduler answers") as caught:
        list(run_all(double, [1], [1], Workers(scheduler=address)))
    assert f"dask worker tcp://{address}" in (caught.value.hint or "")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(WorkersError, match="distributed is not installed") as caught:
        list(run_all(double, [1], [1], Workers(scheduler="127.0.0.1:1")))
    assert "-m pip install distributed obstore" in (caught.value.hint or "")


def test_a_scheduler_without_workers_then_one_of_another_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster(tmp_path / "cluster", 0) as dask:
        workers = Workers(scheduler=dask.address)
        with monkeypatch.context() as patched:
            patched.setattr("variantctl.workers.executors.PATIENCE", 1)
            with pytest.raises(WorkersError, match="has no workers"):
                list(run_all(len, ["abc"], [3], workers))
        monkeypatch.setattr("variantctl.workers.executors.PATIENCE", 120)
        dask.add_worker()
        assert list(run_all(len, ["abc", "de"], [3, 2], workers)) != []
        # A function that a worker cannot import, as where another version, or none, is installed.
        monkeypatch.setattr("variantctl.workers.running.__version__", "0.0.1")
        with pytest.raises(WorkersError, match=r"a worker has variantctl .*, and this is 0\.0\.1"):
            list(run_all(len, ["abc"], [3], workers))
