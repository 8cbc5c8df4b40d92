"""Downloads that break off go on later, in this run or the next; large ones come by several connections."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site, sha256
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import WheelCache
from variantctl.net.client import HttpClient, HttpSettings, RetryPolicy
from variantctl.net.download import Cancelled, download
from variantctl.net.errors import HashMismatch, NetworkError
from variantctl.net.partial import Partial
from variantctl.net.parts import Splitting
from variantctl.net.remote_file import RemoteFile

SIZE = 4_000_000
AT_ONCE = Splitting(smallest=0, after=0, remaining=-1, connections=3, part=300_000)

_FETCH = """
import sys
from pathlib import Path
from variantctl.cache.folder import Cache
from variantctl.net.remote_file import RemoteFile
from variantctl.net.client import HttpClient
from variantctl.net.parts import Splitting
from variantctl.cache.wheels import WheelCache

store = WheelCache(Cache(Path(sys.argv[1])), HttpClient(environ={}))
if sys.argv[4] == "split":
    store.splitting = Splitting(smallest=0, after=0, remaining=-1, connections=3, part=300_000)
store.fetch(RemoteFile("foo-1.0-py3-none-any.whl", sys.argv[2], {"sha256": sys.argv[3]}))
"""


@pytest.fixture
def wheel(site: Site) -> Path:
    return site.wheel("foo", padding=SIZE)


@pytest.fixture
def once() -> Iterator[HttpClient]:
    """A client that does not try again."""
    with HttpClient(HttpSettings(timeout=5, retry=RetryPolicy(retries=0)), environ={}) as client:
        yield client


def remote(server: LoopbackServer, wheel: Path) -> RemoteFile:
    return RemoteFile(wheel.name, f"{server.url}/files/{wheel.name}", {"sha256": sha256(wheel.read_bytes())})


def left(cache: Cache) -> list[Path]:
    return [path for path in cache.root.glob("partial-v1/*") if path.suffix != ".log"]


def cut_off(store: WheelCache, server: LoopbackServer, file: RemoteFile, at: int = 2_500_000) -> None:
    server.rule(f"/files/{file.filename}", truncate=at, times=1)
    with pytest.raises(NetworkError):
        store.fetch(file)


def test_the_next_run_goes_on(
    server: LoopbackServer, wheel: Path, cache: Cache, once: HttpClient, client: HttpClient
) -> None:
    file = remote(server, wheel)
    cut_off(WheelCache(cache, once), server, file)
    (kept,) = (path.stat().st_size for path in left(cache))
    assert 2_000_000 < kept <= 2_500_000
    told: list[int] = []
    fetched = WheelCache(cache, client).fetch(file, progress=lambda done, _total: told.append(done))
    assert fetched.path.read_bytes() == wheel.read_bytes()
    assert server.requests[-1].headers["range"] == f"bytes={kept}-"
    assert told[0] > kept and told[-1] == wheel.stat().st_size
    assert list(cache.root.glob("partial-v1/*")) == []


@pytest.mark.parametrize("how", ["one", "split"])
def test_a_killed_process_is_taken_up(server: LoopbackServer, wheel: Path, cache: Cache, how: str) -> None:
    file = remote(server, wheel)
    server.rule(f"/files/{wheel.name}", pace=0.02)
    command = [sys.executable, "-c", _FETCH, str(cache.root), file.url, file.hashes["sha256"], how]
    with subprocess.Popen(command) as first:
        until = time.monotonic() + 20
        while not any(path.stat().st_blocks * 512 > SIZE // 3 for path in left(cache)):
            assert time.monotonic() < until and first.poll() is None
            time.sleep(0.005)
        first.kill()
    server.clear()
    subprocess.run(command, check=True, timeout=30)
    assert {request.status for request in server.requests} == {206}
    asked = [request.headers["range"].removeprefix("bytes=").split("-") for request in server.requests]
    assert sum(int(end or wheel.stat().st_size - 1) + 1 - int(start) for start, end in asked) < 3_400_000
    (stored,) = cache.root.glob("wheels-v1/*/*/*.whl")
    assert stored.read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize("harm", ["bytes", "shorter", "log", "no log"])
def test_what_is_left_is_not_trusted(
    server: LoopbackServer, wheel: Path, cache: Cache, once: HttpClient, harm: str
) -> None:
    file, store = remote(server, wheel), WheelCache(cache, once)
    cut_off(store, server, file)
    (path,) = left(cache)
    log = path.with_name(path.name + ".log")
    if harm == "bytes":
        path.write_bytes(bytes(2_500_000))
    elif harm == "shorter":
        path.write_bytes(path.read_bytes()[:1_000_000])
    elif harm == "log":
        log.write_text('{"url": 1')
    else:
        log.unlink()
    assert store.fetch(file).path.read_bytes() == wheel.read_bytes()


def test_another_file_at_the_same_place(
    server: LoopbackServer, wheel: Path, cache: Cache, once: HttpClient, site: Site
) -> None:
    file, store = remote(server, wheel), WheelCache(cache, once)
    cut_off(store, server, file)
    wheel.unlink()
    site.wheel("foo", padding=SIZE + 1000)
    with pytest.raises(HashMismatch):
        store.fetch(file)
    assert server.requests[-1].status == 200
    assert list(cache.root.glob("partial-v1/*")) == []


def test_without_a_hash_nothing_is_kept(
    server: LoopbackServer, wheel: Path, cache: Cache, once: HttpClient
) -> None:
    file = RemoteFile(wheel.name, f"{server.url}/files/{wheel.name}")
    cut_off(WheelCache(cache, once), server, file)
    assert list(cache.root.glob("partial-v1/*")) == []


def test_several_connections(server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient) -> None:
    server.rule("*", pace=0.005)
    store, told = WheelCache(cache, client), list[int]()
    store.splitting = AT_ONCE
    fetched = store.fetch(remote(server, wheel), progress=lambda done, _total: told.append(done))
    assert fetched.path.read_bytes() == wheel.read_bytes()
    first, *parts = [request.status for request in server.requests]
    # How many there are depends on how much the first connection had brought.
    assert (first, set(parts)) == (200, {206})
    assert len(parts) in (13, 14)
    assert server.connections >= 3
    assert told == sorted(told) and told[-1] == wheel.stat().st_size


def test_a_fast_server_gets_one_request(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    store = WheelCache(cache, client)
    store.splitting = Splitting(smallest=0, after=0, remaining=60)
    store.fetch(remote(server, wheel))
    assert [request.status for request in server.requests] == [200]


def test_parts_that_are_here_are_not_asked_for_again(
    server: LoopbackServer, wheel: Path, cache: Cache, once: HttpClient
) -> None:
    file, path = remote(server, wheel), f"/files/{wheel.name}"
    store = WheelCache(cache, once)
    store.splitting = AT_ONCE
    server.rule(path, pace=0.005, times=6)
    server.rule(path, status=503, times=1)
    with pytest.raises(NetworkError, match="503"):
        store.fetch(file)
    server.clear()
    assert store.fetch(file).path.read_bytes() == wheel.read_bytes()
    assert 0 < len(server.requests) < 13
    assert {request.status for request in server.requests} == {206}


@pytest.mark.parametrize("lie", ["ignore", "refuse", "other"])
def test_a_server_that_only_claims_to_give_parts(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient, lie: str
) -> None:
    path = f"/files/{wheel.name}"
    if lie == "other":
        server.rule(path, times=1)
        server.rule(path, headers={"Content-Range": "bytes 0-1/2"}, times=3)
    else:
        server.ranges = lie
        server.rule(path, headers={"Accept-Ranges": "bytes"})
    store = WheelCache(cache, client)
    store.splitting = AT_ONCE
    assert store.fetch(remote(server, wheel)).path.read_bytes() == wheel.read_bytes()


def test_parts_stop_when_told(server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient) -> None:
    cancel, store = threading.Event(), WheelCache(cache, client)
    store.splitting = AT_ONCE
    server.rule("*", pace=0.05)

    def progress(done: int, total: int | None) -> None:
        if done > 500_000:
            cancel.set()

    with pytest.raises(Cancelled):
        store.fetch(remote(server, wheel), progress=progress, cancel=cancel)
    assert len(left(cache)) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 3_000_000),
    part=st.integers(100_000, 1_000_000),
    cuts=st.lists(st.integers(0, 400_000), max_size=3),
)
def test_any_cuts_give_the_file(
    server: LoopbackServer, client: HttpClient, tmp_path: Path, size: int, part: int, cuts: list[int]
) -> None:
    data = (b"%07d" * (size // 7 + 1) % tuple(range(size // 7 + 1)))[:size]
    (server.folder / "blob").write_bytes(data)
    server.clear()
    for cut in cuts:
        server.rule("/blob", truncate=cut, times=1)
    splitting = Splitting(smallest=0, after=0, remaining=-1, connections=2, part=part)
    partial = Partial.open(tmp_path / "partial", f"{server.url}/blob")
    partial.restart()
    got = download(client, f"{server.url}/blob", partial, splitting=splitting)
    assert (got.size, got.hashes["sha256"]) == (size, sha256(data))
    partial.move(tmp_path / "whole")
    assert (tmp_path / "whole").read_bytes() == data
    (tmp_path / "whole").unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_an_interrupted_install_goes_on(
    server: LoopbackServer, wheel: Path, site: Site, cache: Cache, tmp_path: Path
) -> None:
    """Ctrl-C does not wait for downloads that are under way, and the next run needs only the rest."""
    site.wheel("bar")
    for name in ("foo", "bar"):
        site.publish(name, sidecars=True)
    server.rule(f"/files/{wheel.name}", pace=0.1)
    command = [sys.executable, "-m", "variantctl", "install", "foo", "bar", "-i", f"{server.url}/simple/"]
    command += ["--target", str(tmp_path / "target"), "--cache-dir", str(cache.root)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as first:
        until = time.monotonic() + 20
        while not any(path.stat().st_size > 1_000_000 for path in left(cache)):
            assert time.monotonic() < until and first.poll() is None
            time.sleep(0.01)
        first.send_signal(signal.SIGINT)
        assert first.wait(timeout=20) == 130
    assert len(left(cache)) == 1 and not (tmp_path / "target").exists()
    server.clear()
    subprocess.run(command, check=True, timeout=30)
    asked = [request for request in server.requests if request.path == f"/files/{wheel.name}"]
    assert [request.status for request in asked] == [206]
    assert (tmp_path / "target/foo/data.bin").stat().st_size == SIZE
