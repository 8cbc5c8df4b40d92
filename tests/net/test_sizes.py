"""A download ends with the promised size, or at a limit; the room is looked at before."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import commands
from tests.indexes.server import JSON_TYPE, LoopbackServer
from tests.install.support import new_place
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import WheelCache
from variantctl.filesystem import space
from variantctl.filesystem.errors import NoSpaceError
from variantctl.net import download as downloads
from variantctl.net.client import HttpClient, HttpSettings, RetryPolicy
from variantctl.net.errors import NetworkError, SizeMismatch
from variantctl.net.ranges import RangeFile, RangesUnsupported
from variantctl.net.remote_file import RemoteFile
from variantctl.wheels.build import build_wheel


class Endless:
    """A server that sends without end; ``sent`` counts the bytes that it could get rid of."""

    def __init__(self, head: str) -> None:
        self.sent = 0
        self._head = head.replace("\n", "\r\n").encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        piece = b"x" * 65536
        frame = b"10000\r\n" + piece + b"\r\n" if b"chunked" in self._head else piece
        try:
            connection.recv(65536)
            connection.sendall(self._head)
            while self.sent < 1 << 30:
                connection.sendall(frame)
                self.sent += len(piece)
        except OSError:
            return
        finally:
            connection.close()


CHUNKED = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n"


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with HttpClient(HttpSettings(timeout=5, retry=RetryPolicy(retries=2)), environ={}) as client:
        yield client


@pytest.fixture
def store(tmp_path: Path, client: HttpClient) -> WheelCache:
    return WheelCache(Cache(tmp_path / "cache"), client)


def kept(store: WheelCache) -> int:
    files = store._cache.root.rglob("*")
    return sum(path.stat().st_size for path in files if path.is_file() and path.name != "CACHEDIR.TAG")


@pytest.mark.parametrize(
    "head",
    [CHUNKED, "HTTP/1.1 200 OK\nConnection: close\n\n", "HTTP/1.1 200 OK\nContent-Length: 7000000000\n\n"],
    ids=["chunked", "until it closes", "announced"],
)
@pytest.mark.parametrize("hashes", [{}, {"sha256": "0" * 64}], ids=["unhashed", "hashed"])
def test_it_stops_at_the_promised_size(store: WheelCache, head: str, hashes: dict[str, str]) -> None:
    server = Endless(head)
    file = RemoteFile("one-1-py3-none-any.whl", f"{server.url}/one-1-py3-none-any.whl", hashes, size=861)
    with pytest.raises(SizeMismatch, match="861 bytes"):
        store.fetch(file)
    assert server.sent < 50_000_000
    assert kept(store) < 10_000


def test_without_a_promise_it_stops_at_a_limit(store: WheelCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MOST_BYTES", 3_000_000)
    server = Endless(CHUNKED)
    with pytest.raises(SizeMismatch, match="at most 3,000,000"):
        store.fetch(RemoteFile("one-1-py3-none-any.whl", f"{server.url}/one-1-py3-none-any.whl"))
    assert kept(store) < 10_000


def test_a_shorter_file_than_promised(store: WheelCache, tmp_path: Path) -> None:
    (tmp_path / "x.whl").write_bytes(b"y" * 100)
    with LoopbackServer(tmp_path) as server, pytest.raises(SizeMismatch, match="100 bytes"):
        store.fetch(RemoteFile("x.whl", f"{server.url}/x.whl", size=101))


@pytest.mark.parametrize("size", [None, 5_000_000])
def test_room_is_looked_at_before(
    store: WheelCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None
) -> None:
    (tmp_path / "x.whl").write_bytes(b"y" * 5_000_000)
    real = os.statvfs(tmp_path)

    class Full:
        f_bavail, f_frsize, f_files, f_favail = 1000, 1000, real.f_files, real.f_favail

    monkeypatch.setattr(space.os, "statvfs", lambda _path: Full)  # type: ignore[attr-defined]
    with LoopbackServer(tmp_path) as server:
        with pytest.raises(NoSpaceError, match=r"x\.whl needs 5,000,000 bytes"):
            store.fetch(RemoteFile("x.whl", f"{server.url}/x.whl", size=size))
        assert len(server.requests) == 1
    assert kept(store) < 10_000


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 206 x\nContent-Range: bytes 0-99/100\nTransfer-Encoding: chunked\n\n",
        "HTTP/1.1 206 x\nContent-Range: bytes 0-6999999999/7000000000\nTransfer-Encoding: chunked\n\n",
    ],
)
@pytest.mark.parametrize("size", [None, 100])
def test_a_range_without_end(client: HttpClient, head: str, size: int | None) -> None:
    server = Endless(head)
    with pytest.raises((NetworkError, RangesUnsupported)):
        RangeFile(client, f"{server.url}/x.whl", size)
    assert server.sent < 50_000_000


def run(*words: str, cache: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environ |= {"PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CACHE_DIR": str(cache)}
    return commands.run(*words, env=environ)


@pytest.mark.parametrize("place", ["index", "folder"])
def test_sync_checks_the_size_of_a_lock(tmp_path: Path, place: str) -> None:
    wheel = build_wheel(tmp_path / "site", name="one", version="1", files={"one.py": b""})
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    at = ("-p", str(new_place(tmp_path / "around").environment.prefix))
    with LoopbackServer(tmp_path / "site") as server:
        where = f"url = '{server.url}/{wheel.name}'" if place == "index" else f"path = 'site/{wheel.name}'"
        for cache, size, code in (("a", wheel.stat().st_size + 1, 1), ("b", wheel.stat().st_size, 0)):
            lock = tmp_path / "pylock.toml"
            lock.write_text(
                "lock-version = '1.0'\ncreated-by = 'x'\n[[packages]]\nname = 'one'\nversion = '1'\n"
                f"[[packages.wheels]]\n{where}\nsize = {size}\nhashes = {{sha256 = '{digest}'}}\n"
            )
            done = run("sync", str(lock), *at, "--json", cache=tmp_path / cache)
            assert done.returncode == code, done.stdout
            if code:
                error = json.loads(done.stdout)["error"]
                assert error["kind"] == "size-mismatch" and f"{size:,}" in error["message"]


def test_an_index_that_lies_about_the_size(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path / "site" / "files", name="one", version="1", files={"one.py": b""})
    entry = {"filename": wheel.name, "url": f"/files/{wheel.name}", "hashes": {}, "size": 10}
    page = {"meta": {"api-version": "1.1"}, "name": "one", "files": [entry]}
    with LoopbackServer(tmp_path / "site") as server:
        server.rule("/simple/one/", body=json.dumps(page).encode(), headers={"Content-Type": JSON_TYPE})
        at = ("-p", str(new_place(tmp_path / "around").environment.prefix))
        done = run("install", "one", "-i", f"{server.url}/simple/", *at, cache=tmp_path / "cache")
    assert done.returncode == 1
    assert "10 bytes" in done.stderr and "bug" not in done.stderr
