"""A folder over HTTP: negotiation, ranges, conditional requests, and what nobody may ask."""

from __future__ import annotations

import gzip
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from variantctl.serving import client_limits
from variantctl.serving.files import Folder
from variantctl.serving.http_server import Address, ServingError, is_loopback, listening
from variantctl.serving.responses import HTML, HTML_V1, JSON, choose_type

SECRET = "nobody reads this"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "secret.txt").write_text(SECRET)
    root = folder / "out"
    (root / "simple/demo").mkdir(parents=True)
    (root / "simple/demo/index.html").write_text("<html>" + "<a>x</a>" * 1000)
    (root / "simple/demo/index.json").write_text('{"files": []}' + " " * 5000)
    (root / "simple/demo/demo-1.0-py3-none-any.whl").write_bytes(bytes(range(256)) * 4096)
    (root / "simple/plain").mkdir()
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "up").symlink_to("..")
    return root


@pytest.fixture(scope="module")
def server(site: Path) -> Iterator[Address]:
    with listening(Folder(site)) as address:
        yield address


@pytest.fixture
def client(server: Address) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        yield client


def raw(server: Address, data: bytes, wait: float = 5) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        connection.sendall(data)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


WHEEL = "/simple/demo/demo-1.0-py3-none-any.whl"
CLOSE = b"Host: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, HTML),
        ("*/*", HTML),
        ("text/html", HTML),
        (JSON, JSON),
        (f"{JSON}, {HTML_V1}; q=0.2, text/html; q=0.01", JSON),
        (f"{HTML_V1}, {HTML};q=0.5", HTML_V1),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/*", JSON),
        ("text/*;q=0.1, application/json", HTML),
        (f"*/*, {HTML};q=0, {JSON};q=0", HTML_V1),
        ("image/png", None),
        (f"{JSON};q=0", None),
        (f"{JSON};q=x, text/html;q=0.001", HTML),
    ],
)
def test_negotiation(accept: str | None, kind: str | None) -> None:
    assert choose_type(accept) == kind


def test_pages_are_negotiated_and_zipped(client: httpx.Client) -> None:
    page = client.get("/simple/demo/", headers={"Accept": JSON})
    assert page.headers["content-type"] == JSON
    assert page.headers["content-encoding"] == "gzip"
    assert "Accept" in page.headers["vary"]
    plain = client.get("/simple/demo/", headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-type"] == "text/html; charset=utf-8"
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != page.headers["etag"]
    assert client.get("/simple/demo/", headers={"Accept": "image/png"}).status_code == 406
    again = client.get(
        "/simple/demo/", headers={"If-None-Match": plain.headers["etag"], "Accept-Encoding": ""}
    )
    assert (again.status_code, again.content) == (304, b"")
    with client.stream("GET", "/simple/demo/index.json") as stream:
        assert gzip.decompress(b"".join(stream.iter_raw())).startswith(b'{"files"')


def test_a_folder_without_a_slash_redirects(client: httpx.Client) -> None:
    answer = client.get("/simple/demo")
    assert (answer.status_code, answer.headers["location"]) == (301, "./demo/")
    assert client.get("/simple/plain/").status_code == 404
    assert client.get(f"{WHEEL}/").status_code == 404


def test_ranges(client: httpx.Client, site: Path) -> None:
    body = (site / WHEEL[1:]).read_bytes()
    for text, expected in [("bytes=0-9", body[:10]), ("bytes=-7", body[-7:]), ("bytes=5-", body[5:])]:
        answer = client.get(WHEEL, headers={"Range": text})
        assert (answer.status_code, answer.content) == (206, expected)
    assert client.get(WHEEL, headers={"Range": f"bytes={len(body)}-"}).status_code == 416
    assert client.get(WHEEL, headers={"Range": "bytes=0-99999999999999999999"}).content == body
    for nonsense in ("lines=0-1", "bytes=5-2", "bytes=-", "bytes=a-b", "bytes", "bytes=0-1,x", "bytes=٣-"):
        answer = client.get(WHEEL, headers={b"Range": nonsense.encode()})
        assert (answer.status_code, len(answer.content)) == (200, len(body)), "what is malformed is ignored"
    etag = client.head(WHEEL).headers["etag"]
    assert client.get(WHEEL, headers={"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    assert client.get(WHEEL, headers={"Range": "bytes=0-9", "If-Range": '"old"'}).content == body
    assert client.get(WHEEL, headers={"If-None-Match": etag}).status_code == 304
    head = client.head(WHEEL)
    assert (head.headers["content-length"], head.headers["accept-ranges"]) == (str(len(body)), "bytes")


def test_many_ranges_cost_no_more_than_the_file(client: httpx.Client, site: Path) -> None:
    size = (site / WHEEL[1:]).stat().st_size
    for text in (
        "bytes=" + ",".join("0-" for _ in range(90)),
        "bytes=" + ",".join(f"{n}-" for n in range(3000)),
        "bytes=" + ",".join(["0-0"] * 3000),
        "bytes=-" + "9" * 5000,
    ):
        assert len(client.get(WHEEL, headers={"Range": text}).content) <= size + 20_000


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/simple/%2e%2e/%2e%2e/secret.txt",
        "/simple/..%2f..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%5csecret.txt",
        "//secret.txt",
        "/%252e%252e/secret.txt",
        "/out.txt",
        "/up/secret.txt",
        "/up/out/simple/%00",
        "/simple/" + "a" * 5000,
        "/simple/%ff%fe/",
        "secret.txt",
        "http://127.0.0.1/../secret.txt",
    ],
)
def test_nothing_outside_is_served(server: Address, path: str) -> None:
    answer = raw(server, b"GET " + path.encode() + b" HTTP/1.1\r\n" + CLOSE)
    assert answer.split()[1] in (b"404", b"400"), answer
    assert SECRET.encode() not in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /simple/demo/ HTTP/1.1\r\n" + CLOSE, b"405"),
        (b"GET / HTTP/1.1\r\nContent-Length: 1000000000\r\n" + CLOSE, b"413"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + CLOSE, b"413"),
        (b"GET /simple/demo/ HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", b"421"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000 + b"\r\n" + CLOSE, b"431"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 60_000, b"431"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + CLOSE, b"414"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    ],
)
def test_the_right_status(server: Address, request_: bytes, status: bytes) -> None:
    assert raw(server, request_).split()[1] == status


def test_a_slow_head_is_given_up(
    server: Address, monkeypatch: pytest.MonkeyPatch, client: httpx.Client
) -> None:
    monkeypatch.setattr(client_limits, "HEAD_SECONDS", 0.4)
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"GET /simple/demo/ HTTP/1.1\r\nHost: local")
    started = time.monotonic()
    assert client.get(WHEEL).status_code == 200
    assert time.monotonic() - started < 2
    for connection in slow:
        connection.settimeout(5)
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
        connection.close()


def test_who_does_not_read_is_left(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_limits, "STALL_SECONDS", 0.4)
    (site / "big.whl").write_bytes(bytes(64 << 20))
    with listening(Folder(site)) as server:
        lazy = socket.socket()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", server.port))
        lazy.sendall(b"GET /big.whl HTTP/1.1\r\n" + CLOSE)
        time.sleep(1.2)
        lazy.settimeout(5)
        received = 0
        # What was sent already arrives; then the connection ends short of what Content-Length promised.
        while piece := lazy.recv(1 << 20):
            received += len(piece)
        assert received < 32 << 20
        lazy.close()


def test_stopping_does_not_wait_for_transfers(site: Path) -> None:
    (site / "big.whl").write_bytes(bytes(64 << 20))
    started = time.monotonic()
    with listening(Folder(site)) as server:
        lazy = socket.create_connection(("127.0.0.1", server.port))
        lazy.sendall(b"GET /big.whl HTTP/1.1\r\n" + CLOSE)
        lazy.recv(10)
    assert time.monotonic() - started < 5
    lazy.close()


def test_only_loopback_is_loopback() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "", "example.org", "192.168.1.1"))


def test_a_port_that_is_taken(server: Address, site: Path) -> None:
    with pytest.raises(ServingError, match=f"port {server.port}"), listening(Folder(site), port=server.port):
        pass


def test_an_error_of_the_application_is_reported_and_told_to_nobody() -> None:
    async def broken(scope: object, receive: object, send: object) -> None:
        raise RuntimeError(SECRET)

    reported: list[Exception] = []
    with listening(broken, report=reported.append) as address:
        answer = httpx.get(address.url, trust_env=False)
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert [str(error) for error in reported] == [SECRET]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(site: Path, client: httpx.Client) -> None:
    (site / "closed.json").write_text("{}")
    (site / "closed.json").chmod(0)
    assert client.get("/closed.json").status_code == 403
