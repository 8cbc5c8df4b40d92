"""Processes and threads that share a cache: each thing is fetched once, and a crash blocks nobody."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site, sha256
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import WheelCache
from variantctl.filesystem.locks import exclusive_lock, shared_lock
from variantctl.net.client import HttpClient
from variantctl.net.download import Cancelled
from variantctl.net.remote_file import RemoteFile

_FETCH = """
import sys
from pathlib import Path
from variantctl.cache.folder import Cache
from variantctl.indexes.finder import PackageFinder
from variantctl.config.settings import load_index_settings

cache = Cache(Path(sys.argv[1]))
settings = load_index_settings(index_url=sys.argv[2], environ={}, cache=cache)
with PackageFinder(settings, cache=cache, environ={}) as package_finder:
    print("ready", flush=True)
    sys.stdin.readline()
    link = package_finder.project("foo").wheels[0]
    print(package_finder.core_metadata(link).version, package_finder.fetch(link).sha256)
"""


def start(cache: Cache, server: LoopbackServer) -> subprocess.Popen[str]:
    """A process that asks for foo's page, METADATA and wheel as soon as it gets a line."""
    command = [sys.executable, "-c", _FETCH, str(cache.root), f"{server.url}/simple"]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()


@pytest.fixture
def wheel(site: Site) -> Path:
    wheel = site.wheel("foo", padding=1_000_000)
    site.publish("foo", sidecars=True)
    return wheel


def test_processes_fetch_nothing_twice(server: LoopbackServer, wheel: Path, cache: Cache) -> None:
    server.rule("*", delay=0.2)
    processes = [start(cache, server) for _ in range(4)]
    for process in processes:
        go(process)
    outputs = [process.communicate(timeout=30) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, outputs
    assert {out for out, _ in outputs} == {f"1.0 {sha256(wheel.read_bytes())}\n"}
    assert {path: count for path, count in Counter(server.paths).items() if count > 1} == {}
    assert any(path.endswith(".whl") for path in server.paths)
    assert list((cache.root / "locks").iterdir()) == []


def test_a_killed_process_blocks_nobody(server: LoopbackServer, wheel: Path, cache: Cache) -> None:
    server.rule(f"/files/{wheel.name}", delay=30, times=1)
    with start(cache, server) as first:
        go(first)
        until = time.monotonic() + 20
        while f"/files/{wheel.name}.metadata" not in server.paths or not list(
            (cache.root / "locks").iterdir()
        ):
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(0.3)
        assert first.poll() is None
        first.kill()
    assert list((cache.root / "locks").iterdir())
    started = time.monotonic()
    with start(cache, server) as second:
        go(second)
        out, err = second.communicate(timeout=30)
    assert out == f"1.0 {sha256(wheel.read_bytes())}\n", err
    assert time.monotonic() - started < 20


def test_threads_fetch_nothing_twice(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    server.rule("*", delay=0.1)
    store = WheelCache(cache, client)
    file = RemoteFile(wheel.name, f"{server.url}/files/{wheel.name}")
    threads = [threading.Thread(target=store.fetch, args=(file,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The index gives no hash: only who waited may take what the other fetched, without asking.
    assert [request.status for request in server.requests] == [200]


def test_who_waits_can_be_told_to_stop(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    file = RemoteFile(wheel.name, f"{server.url}/files/{wheel.name}", {"sha256": "0" * 64})
    cancel = threading.Event()
    cancel.set()
    with cache.exclusive_lock("wheels-v1", "0" * 64), pytest.raises(Cancelled):
        WheelCache(cache, client).fetch(file, cancel=cancel)


def test_turns(tmp_path: Path) -> None:
    """Work that must not overlap does not, though each holder removes the lock's file."""
    path, inside, most, waited = tmp_path / "lock", 0, 0, []

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with exclusive_lock(path) as after_somebody:
                inside += 1
                most = max(most, inside)
                waited.append(after_somebody)
                time.sleep(0.0005)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, len(waited)) == (1, 80) and {True, False} >= set(waited) and any(waited)
    assert not path.exists()


def test_shared_and_exclusive(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with shared_lock(path, exclusive=False) as one, shared_lock(path, exclusive=False) as two:
        assert one and two
        with shared_lock(path, exclusive=True, wait=False) as alone:
            assert not alone
    with shared_lock(path, exclusive=True, wait=False) as alone:
        assert alone
        with shared_lock(path, exclusive=False, wait=False) as beside:
            assert not beside
