"""Downloads: hashed on the way, resumed, verified, kept once; and wheels read by ranges."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site, sha256
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import WheelCache
from variantctl.net.client import HttpClient, HttpSettings
from variantctl.net.download import Cancelled, download
from variantctl.net.errors import HashMismatch, NetworkError, OfflineError, SourceError
from variantctl.net.ranges import BLOCK, RangeFile, RangesUnsupported
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import path_to_url
from variantctl.values import replace


@pytest.fixture
def wheel(site: Site) -> Path:
    return site.wheel("foo", padding=1_000_000)


def remote(server: LoopbackServer, wheel: Path, **hashes: str) -> RemoteFile:
    return RemoteFile(wheel.name, f"{server.url}/files/{wheel.name}", hashes, source=f"{server.url}/simple")


def test_a_wheel_is_fetched_once(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    data = wheel.read_bytes()
    store = WheelCache(cache, client)
    file = remote(server, wheel, sha256=sha256(data), sha512=hashlib.sha512(data).hexdigest())
    seen: list[tuple[int, int | None]] = []
    fetched = store.fetch(file, progress=lambda done, total: seen.append((done, total)))
    assert fetched.path.read_bytes() == data and fetched.path.name == wheel.name
    assert fetched.sha256 == sha256(data) and fetched.hashes.keys() == {"sha256", "sha512"}
    assert fetched.path.is_relative_to(cache.root)
    assert os.name == "nt" or fetched.path.stat().st_mode & 0o777 == 0o400
    assert seen[-1] == (len(data), len(data)) and sorted(seen) == seen and len(seen) > 1
    assert store.fetch(file) == fetched
    assert store.fetch(replace(file, hashes={"sha256": sha256(data)})) == fetched
    assert len(server.requests) == 1
    assert list(cache.root.rglob("*tmp*")) == []


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512", "md5"])
def test_every_hash_is_checked(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient, algorithm: str
) -> None:
    good = hashlib.new(algorithm, wheel.read_bytes()).hexdigest()
    bad = good[:-1] + ("0" if good[-1] != "0" else "1")
    store = WheelCache(cache, client)
    assert store.fetch(remote(server, wheel, **{algorithm: good})).sha256
    with pytest.raises(HashMismatch) as caught:
        store.fetch(remote(server, wheel, **{algorithm: bad}))
    message = str(caught.value)
    for part in (wheel.name, algorithm, good, bad, f"{server.url}/simple", f"{server.url}/files/"):
        assert part in message
    assert caught.value.kind == "hash-mismatch"
    assert len(list(cache.root.rglob("*.whl"))) == 1
    assert list(cache.root.rglob("*tmp*")) == []


def test_a_wrong_hash_beside_a_right_one(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    store = WheelCache(cache, client)
    right = sha256(wheel.read_bytes())
    store.fetch(remote(server, wheel, sha256=right))
    with pytest.raises(HashMismatch, match="sha512"):
        store.fetch(remote(server, wheel, sha256=right, sha512="0" * 128))


def test_unknown_algorithms_prove_nothing_and_break_nothing(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    file = remote(server, wheel, sha256=sha256(wheel.read_bytes()), rot13="abc", shake_128="00")
    assert WheelCache(cache, client).fetch(file).hashes.keys() == {"sha256"}


def test_broken_transfers_go_on_where_they_stopped(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    data = wheel.read_bytes()
    path = f"/files/{wheel.name}"
    server.rule(path, truncate=600_000, times=1)
    fetched = WheelCache(cache, client).fetch(remote(server, wheel, sha256=sha256(data)))
    assert fetched.path.read_bytes() == data
    assert [request.status for request in server.requests] == [200, 206]
    assert server.requests[1].headers["range"].startswith("bytes=")
    assert "if-range" in server.requests[1].headers


@pytest.mark.parametrize("mode", ["no-etags", "ignore", "refuse", "changed"])
def test_where_the_rest_cannot_be_had_all_is_fetched_again(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient, mode: str
) -> None:
    data = wheel.read_bytes()
    server.etags = mode != "no-etags"
    server.ranges = mode if mode in ("ignore", "refuse") else "serve"
    headers = {"ETag": '"older"'} if mode == "changed" else None
    server.rule(f"/files/{wheel.name}", truncate=600_000, times=1, headers=headers)
    fetched = WheelCache(cache, client).fetch(remote(server, wheel))
    assert fetched.path.read_bytes() == data


def test_another_part_than_was_asked_for(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    data = wheel.read_bytes()
    path = f"/files/{wheel.name}"
    server.rule(path, truncate=600_000, times=1)
    wrong = {"Content-Range": f"bytes 7-{len(data) - 1}/{len(data)}"}
    server.rule(path, status=206, body=data[7:], headers=wrong, times=1)
    assert WheelCache(cache, client).fetch(remote(server, wheel)).path.read_bytes() == data
    assert [request.status for request in server.requests] == [200, 206, 200]


def test_a_transfer_that_always_breaks_is_an_error(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    server.etags = False
    server.rule(f"/files/{wheel.name}", truncate=1000)
    with pytest.raises(NetworkError, match="tried 4 times"):
        WheelCache(cache, client).fetch(remote(server, wheel))
    assert list(cache.root.rglob("*.whl")) == []


def test_a_size_that_the_index_lies_about(server: LoopbackServer, wheel: Path, client: HttpClient) -> None:
    body = wheel.read_bytes()[:-1]
    server.rule(
        "/chunked",
        body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
        headers={"Transfer-Encoding": "chunked", "Content-Length": ""},
    )
    with pytest.raises(NetworkError, match="bytes came of"):
        download(client, f"{server.url}/chunked", io.BytesIO(), size=len(body) + 1)


def test_cancelling(server: LoopbackServer, wheel: Path, client: HttpClient) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        download(client, f"{server.url}/files/{wheel.name}", io.BytesIO(), cancel=cancel)


def test_files_without_hashes_are_asked_about(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient, site: Site
) -> None:
    file = remote(server, wheel)
    store = WheelCache(cache, client)
    first = store.fetch(file)
    assert store.fetch(file) == first
    assert [request.status for request in server.requests] == [200, 304]
    offline = WheelCache(cache, HttpClient(HttpSettings(offline=True), environ={}))
    assert offline.fetch(file) == first
    wheel.unlink()
    site.wheel("foo", padding=2_000_000)
    second = store.fetch(file)
    assert second.sha256 != first.sha256 and second.path.read_bytes() == wheel.read_bytes()


def test_a_strong_hash_other_than_sha256_identifies_a_stored_wheel(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient
) -> None:
    file = remote(server, wheel, sha512=hashlib.sha512(wheel.read_bytes()).hexdigest())
    store = WheelCache(cache, client)
    assert store.fetch(file) == store.fetch(file)
    assert len(server.requests) == 1


@pytest.mark.parametrize("damage", [b"", b"other bytes"])
def test_a_damaged_stored_wheel_is_fetched_again(
    server: LoopbackServer, wheel: Path, cache: Cache, client: HttpClient, damage: bytes
) -> None:
    file = remote(server, wheel, sha256=sha256(wheel.read_bytes()))
    store = WheelCache(cache, client)
    path = store.fetch(file).path
    path.chmod(0o644)
    path.write_bytes(damage)
    assert store.fetch(file).path.read_bytes() == wheel.read_bytes()
    os.utime(path, (1, 1))
    assert store.fetch(file).path == path
    assert len(server.requests) == 2


def test_offline_without_the_wheel(server: LoopbackServer, wheel: Path, cache: Cache) -> None:
    store = WheelCache(cache, HttpClient(HttpSettings(offline=True), environ={}))
    with pytest.raises(OfflineError, match=wheel.name):
        store.fetch(remote(server, wheel, sha256="0" * 64))


def test_local_files_are_verified_and_not_copied(wheel: Path, cache: Cache, client: HttpClient) -> None:
    digest = sha256(wheel.read_bytes())
    file = RemoteFile(wheel.name, path_to_url(wheel), {"sha256": digest}, source="the index")
    store = WheelCache(cache, client)
    assert store.fetch(file).path == wheel
    with pytest.raises(HashMismatch, match="the index promises"):
        store.fetch(replace(file, hashes={"sha256": "0" * 64}))
    wheel.write_bytes(b"changed")
    with pytest.raises(HashMismatch):
        store.fetch(file)
    wheel.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        store.fetch(file)
    assert list(cache.root.rglob("*.whl")) == []


# --- ranges ---


def test_a_wheel_read_by_ranges(server: LoopbackServer, wheel: Path, client: HttpClient) -> None:
    with RangeFile(client, f"{server.url}/files/{wheel.name}") as file, ZipFile(file) as archive:
        assert b"Name: foo" in archive.read("foo-1.0.dist-info/METADATA")
        assert len(server.requests) == 1
        assert archive.read("foo/data.bin") == ZipFile(wheel).read("foo/data.bin")
    assert all(request.status == 206 for request in server.requests)


@pytest.mark.parametrize("known", [True, False])
def test_requests_for_metadata_do_not_fetch_the_wheel(
    server: LoopbackServer, wheel: Path, client: HttpClient, known: bool
) -> None:
    size = wheel.stat().st_size if known else None
    with RangeFile(client, f"{server.url}/files/{wheel.name}", size) as file:
        assert file.size == wheel.stat().st_size
        file.seek(-22, 2)
        assert file.read(4) == b"PK\5\6"
    assert len(server.requests) == 1


@pytest.mark.parametrize("mode", ["ignore", "refuse", "no-suffix"])
def test_servers_without_ranges(server: LoopbackServer, wheel: Path, client: HttpClient, mode: str) -> None:
    server.ranges = mode
    url = f"{server.url}/files/{wheel.name}"
    with pytest.raises(RangesUnsupported):
        RangeFile(client, url)
    if mode == "no-suffix":
        assert RangeFile(client, url, wheel.stat().st_size).read(2) == b"PK"


def test_a_file_that_changes_while_it_is_read(
    server: LoopbackServer, wheel: Path, client: HttpClient, site: Site
) -> None:
    file = RangeFile(client, f"{server.url}/files/{wheel.name}")
    data = bytearray(wheel.read_bytes())
    data[100] ^= 1
    wheel.write_bytes(data)
    with pytest.raises(RangesUnsupported):
        file.read(10)


@pytest.mark.parametrize("change", ["size", "etag"])
def test_a_change_that_the_server_does_not_mind(
    server: LoopbackServer, wheel: Path, client: HttpClient, change: str
) -> None:
    server.heeds_if_range = False
    server.etags = change == "etag"
    file = RangeFile(client, f"{server.url}/files/{wheel.name}")
    data = bytearray(wheel.read_bytes())
    data[100] ^= 1
    wheel.write_bytes(data + b"x" if change == "size" else data)
    with pytest.raises(RangesUnsupported):
        file.read(10)


def test_a_range_shorter_than_it_claims(server: LoopbackServer, client: HttpClient) -> None:
    headers = {
        "Content-Range": "bytes 0-99/100",
        "Transfer-Encoding": "chunked",
        "Content-Length": "",
    }
    server.rule("/x", status=206, body=b"2\r\nPK\r\n0\r\n\r\n", headers=headers)
    with pytest.raises(NetworkError, match="2 bytes came of a range of 100"):
        RangeFile(client, f"{server.url}/x", 100)


def test_broken_ranges_are_asked_for_again(server: LoopbackServer, wheel: Path, client: HttpClient) -> None:
    path = f"/files/{wheel.name}"
    server.rule(path, truncate=100, times=1)
    RangeFile(client, f"{server.url}{path}")
    server.rule(path, status=503, times=1)
    assert RangeFile(client, f"{server.url}{path}").read(2) == b"PK"


def test_a_missing_file_is_an_error(server: LoopbackServer, client: HttpClient) -> None:
    with pytest.raises(NetworkError, match="404"):
        RangeFile(client, f"{server.url}/files/nothing.whl")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.sampled_from([0, 1, BLOCK - 1, BLOCK, 4 * BLOCK, 4 * BLOCK + 1, 7 * BLOCK + 123]),
    known=st.booleans(),
    reads=st.lists(st.tuples(st.integers(0, 8 * BLOCK), st.integers(0, 3 * BLOCK)), max_size=4),
)
def test_any_reads_equal_those_of_the_file(
    server: LoopbackServer, client: HttpClient, size: int, known: bool, reads: list[tuple[int, int]]
) -> None:
    data = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(size // 32 + 1))[:size]
    (server.folder / "blob").write_bytes(data)
    if not known and size == 0:
        return  # no range of an empty file can be served
    remote_file = RangeFile(client, f"{server.url}/blob", size if known else None)
    for offset, length in reads:
        remote_file.seek(offset)
        assert remote_file.read(length) == data[offset : offset + length]
        assert remote_file.tell() == max(offset, min(offset + length, size))
    assert remote_file.size == size
