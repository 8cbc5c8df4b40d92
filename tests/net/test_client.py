"""Requests: retries, credentials, redirects, certificates, proxies, and errors a person can act on."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from variantctl.net.auth import Credentials
from variantctl.net.client import HttpClient, HttpSettings, RetryPolicy, retry_after
from variantctl.net.errors import NetworkError, OfflineError, SettingsError, SourceError
from variantctl.net.urls import path_to_url, redact, url_to_path


def test_get_says_where_the_answer_came_from(server: LoopbackServer, client: HttpClient, site: Site) -> None:
    (site.folder / "a.html").write_bytes(b"hello")
    server.rule("/old", redirect="/a.html")
    response = client.get(f"{server.url}/old", accept="text/html")
    assert (response.status, response.content, response.content_type) == (200, b"hello", "text/html")
    assert response.url == f"{server.url}/a.html"
    assert server.requests[0].headers["accept"] == "text/html"
    assert server.requests[0].headers["user-agent"].startswith("variantctl/")


def test_connections_are_reused(server: LoopbackServer, client: HttpClient) -> None:
    server.rule("*", body=b"x")
    for number in range(3):
        client.get(f"{server.url}/{number}")
    assert server.connections == 1


@pytest.mark.parametrize("status", [404, 403, 401, 400, 418])
def test_other_statuses_are_errors_at_once(server: LoopbackServer, client: HttpClient, status: int) -> None:
    server.rule("/x", status=status)
    with pytest.raises(NetworkError, match=rf"{server.url}/x answered {status}") as caught:
        client.get(f"{server.url}/x")
    assert caught.value.status == status and caught.value.hint
    assert len(server.requests) == 1
    assert client.get(f"{server.url}/x", allow=(status,)).status == status


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_passing_trouble_is_waited_out(
    server: LoopbackServer, client: HttpClient, waits: list[float], site: Site, status: int
) -> None:
    (site.folder / "x").write_bytes(b"fine")
    server.rule("/x", status=status, times=2)
    assert client.get(f"{server.url}/x").content == b"fine"
    assert len(waits) == 2 and 0.15 <= waits[0] <= 0.45 and 0.3 <= waits[1] <= 0.9


def test_lasting_trouble_is_an_error(server: LoopbackServer, client: HttpClient) -> None:
    server.rule("/x", status=500)
    with pytest.raises(NetworkError, match=r"500 Internal Server Error \(tried 4 times\)"):
        client.get(f"{server.url}/x")
    assert len(server.requests) == 4


def test_retry_after_is_heeded_within_reason(
    server: LoopbackServer, client: HttpClient, waits: list[float]
) -> None:
    server.rule("/x", status=429, headers={"Retry-After": "7"}, times=1)
    server.rule("/y", status=503, headers={"Retry-After": "86400"}, times=1)
    for path in ("/x", "/y"):
        client.get(f"{server.url}{path}", allow=(404,))
    assert waits == [7.0, 30.0]


def test_retry_after_forms() -> None:
    assert retry_after("12") == 12
    assert 50 < (retry_after(formatdate(time.time() + 60, usegmt=True)) or 0) <= 60
    assert retry_after(formatdate(0, usegmt=True)) == 0
    assert retry_after("") is None
    assert retry_after("soon") is None


def test_broken_bodies_are_asked_for_again(server: LoopbackServer, client: HttpClient, site: Site) -> None:
    (site.folder / "x").write_bytes(b"0123456789")
    server.rule("/x", truncate=4, times=2)
    assert client.get(f"{server.url}/x").content == b"0123456789"
    server.rule("/x", truncate=4)
    with pytest.raises(NetworkError, match="tried 4 times"):
        client.get(f"{server.url}/x")


def test_nobody_listens(client: HttpClient) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(NetworkError, match=rf"127.0.0.1:{port}/x: .*refused") as caught:
        client.get(f"http://user:secret@127.0.0.1:{port}/x")
    assert "secret" not in str(caught.value) + str(caught.value.hint)
    assert caught.value.status is None


def test_no_such_host(client: HttpClient) -> None:
    with pytest.raises(NetworkError, match=r"host\.invalid"):
        client.get("http://host.invalid/simple/")


def test_slow_server(server: LoopbackServer) -> None:
    server.rule("/x", delay=1.0)
    settings = HttpSettings(timeout=0.1, retry=RetryPolicy(retries=0))
    with HttpClient(settings, environ={}) as client, pytest.raises(NetworkError, match="timed out"):
        client.get(f"{server.url}/x")


def test_redirect_loop(server: LoopbackServer, client: HttpClient) -> None:
    server.rule("/a", redirect="/b")
    server.rule("/b", redirect="/a")
    with pytest.raises(NetworkError, match="redirects in a loop"):
        client.get(f"{server.url}/a")
    assert len(server.requests) < 15


@pytest.mark.parametrize("target", ["file:///etc/hostname", "ftp://127.0.0.1/x", "http://[bad/"])
def test_redirects_that_are_not_followed(server: LoopbackServer, client: HttpClient, target: str) -> None:
    server.rule("/a", redirect=target)
    with pytest.raises(NetworkError):
        client.get(f"{server.url}/a")


@pytest.mark.parametrize("url", ["http://", "http://[::1", "http://host:port/", "gopher://host/"])
def test_urls_that_make_no_sense(client: HttpClient, url: str) -> None:
    with pytest.raises((NetworkError, SourceError)):
        client.get(url)


def test_too_long_answers_are_refused(server: LoopbackServer, client: HttpClient) -> None:
    server.rule("/x", body=b"x" * 1000)
    with pytest.raises(NetworkError, match="longer than 999"):
        client.get(f"{server.url}/x", max_bytes=999)


# --- credentials ---


def with_credentials(url: str, user_info: str) -> str:
    return url.replace("://", f"://{user_info}@")


def test_credentials_of_the_url_are_sent_and_never_shown(server: LoopbackServer, client: HttpClient) -> None:
    server.credentials = ("me@work", "pä:ss")
    server.rule("/x", body=b"ok")
    assert client.get(with_credentials(f"{server.url}/x", "me%40work:p%C3%A4%3Ass")).content == b"ok"
    assert client.get(f"{server.url}/x").content == b"ok"  # known for this host from now on
    server.rule("/y", status=500)
    with pytest.raises(NetworkError) as caught:
        client.get(with_credentials(f"{server.url}/y", "me%40work:p%C3%A4%3Ass"))
    assert "ss" not in str(caught.value).replace("answered", "").replace("Internal Server", "")
    assert caught.value.url == f"{server.url}/y"


def test_missing_credentials_say_what_to_do(server: LoopbackServer, client: HttpClient) -> None:
    server.credentials = ("me", "pass")
    with pytest.raises(NetworkError, match="401") as caught:
        client.get(f"{server.url}/x")
    assert "USER:TOKEN@127.0.0.1" in (caught.value.hint or "")


def test_credentials_stay_with_their_host(server: LoopbackServer, client: HttpClient, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"elsewhere")
    with LoopbackServer(tmp_path) as other:
        server.rule("/x", redirect=f"{other.url}/x")
        assert client.get(with_credentials(f"{server.url}/x", "me:pass")).content == b"elsewhere"
        client.get(f"{other.url}/x")
        assert server.requests[0].headers["authorization"].startswith("Basic ")
        assert all("authorization" not in request.headers for request in other.requests)


def test_credentials_of_netrc(server: LoopbackServer, tmp_path: Path) -> None:
    server.credentials = ("me", "pass")
    server.rule("/x", body=b"ok")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password pass\ndefault login any password body\n")
    with HttpClient(environ={"NETRC": str(netrc)}) as client:
        assert client.get(f"{server.url}/x").content == b"ok"
    credentials = Credentials({"NETRC": str(netrc)})
    assert credentials.header("https://elsewhere.test/") is None
    netrc.write_text("nonsense {")
    assert Credentials({"NETRC": str(netrc)}).header(server.url) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:pass@host/x", "https://me:****@host/x"),
        ("https://token@host/x", "https://****@host/x"),
        ("https://me:p@ss@host/x", "https://me:****@ss@host/x"),
        ("see https://a:b@h/ and http://c@i/", "see https://a:****@h/ and http://****@i/"),
        ("https://host/@scope/x", "https://host/@scope/x"),
    ],
)
def test_redaction(text: str, expected: str) -> None:
    if "p@ss" in text:
        assert "p@" not in redact(text)
    else:
        assert redact(text) == expected


# --- certificates and proxies ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key, in one PEM file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = [
        openssl,
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    command += ["-days", "30", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text(key.read_text() + cert.read_text())
    return both


def test_certificates(certificate: Path, site: Site) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    authority = certificate.with_name("cert.pem")
    with LoopbackServer(site.folder, tls=context) as server:
        server.rule("*", body=b"ok")
        with HttpClient(environ={}) as client, pytest.raises(NetworkError, match="CERTIFICATE") as caught:
            client.get(f"{server.url}/x")
        assert "SSL_CERT_FILE" in (caught.value.hint or "")
        assert "tried" not in str(caught.value)
        host = server.url.rpartition("/")[2]
        trusting = [
            HttpClient(HttpSettings(cert=str(authority)), environ={}),
            HttpClient(environ={"SSL_CERT_FILE": str(authority)}),
            HttpClient(environ={"REQUESTS_CA_BUNDLE": str(authority)}),
            HttpClient(HttpSettings(trusted_hosts=(host,)), environ={}),
            HttpClient(HttpSettings(trusted_hosts=("127.0.0.1",)), environ={}),
        ]
        for client in trusting:
            with client:
                assert client.get(f"{server.url}/x").content == b"ok"


def test_unreadable_certificates(tmp_path: Path, certificate: Path, site: Site) -> None:
    (tmp_path / "bad.pem").write_text("not a certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with LoopbackServer(site.folder, tls=context) as server:
        for settings, environ in [
            (HttpSettings(cert=str(tmp_path / "missing.pem")), {}),
            (HttpSettings(cert=str(tmp_path / "bad.pem")), {}),
            (HttpSettings(client_cert=str(tmp_path / "bad.pem")), {}),
            (HttpSettings(), {"SSL_CERT_FILE": str(tmp_path / "bad.pem")}),
        ]:
            with (
                HttpClient(settings, environ=environ) as client,
                pytest.raises(SettingsError, match=r"\.pem"),
            ):
                client.get(f"{server.url}/x")


def test_proxy_of_settings_and_of_the_environment(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.rule("*", body=b"through the proxy")
    with HttpClient(HttpSettings(proxy=server.url), environ={}) as client:
        assert client.get("http://index.test/simple/").content == b"through the proxy"
    assert server.paths == ["http://index.test/simple/"]
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with HttpClient(environ={}) as client:
        assert client.get("http://index.test/other/").content == b"through the proxy"
    monkeypatch.setenv("no_proxy", "index.test")
    direct = HttpClient(HttpSettings(retry=RetryPolicy(retries=0)), environ={})
    with direct, pytest.raises(NetworkError):
        direct.get("http://index.test/other/")


def test_unusable_proxy() -> None:
    client = HttpClient(HttpSettings(proxy="nonsense://me:secret@x"), environ={})
    with client, pytest.raises(SourceError, match="proxy") as caught:
        client.get("http://index.test/")
    assert "secret" not in str(caught.value)


# --- no network ---


def test_offline(server: LoopbackServer) -> None:
    client = HttpClient(HttpSettings(offline=True), environ={})
    with client, pytest.raises(OfflineError, match="not in the cache") as caught:
        client.get(f"{server.url}/x")
    assert caught.value.kind == "offline" and server.requests == []


def test_file_urls(tmp_path: Path, client: HttpClient) -> None:
    file = tmp_path / "a b+ü#1.json"
    file.write_bytes(b"{}")
    url = path_to_url(file)
    assert url_to_path(url) == file
    assert client.get(url).content_type == "application/json"
    assert client.get(path_to_url(tmp_path / "no"), allow=(404,)).status == 404
    with pytest.raises(SourceError, match="does not exist"):
        client.get(path_to_url(tmp_path / "no"))
    with pytest.raises(SourceError, match="cannot be read"):
        client.get(path_to_url(tmp_path))


def test_httpx_is_imported_for_requests_only(tmp_path: Path) -> None:
    script = (
        "import sys, json, variantctl.indexes.finder, variantctl.config.settings as s;"
        "from variantctl.net.client import HttpClient;"
        "HttpClient().get(sys.argv[1]);"
        "print(json.dumps([name for name in ('httpx', 'rich', 'ssl', 'zipfile') if name in sys.modules]))"
    )
    (tmp_path / "x").write_bytes(b"")
    command = [sys.executable, "-c", script, path_to_url(tmp_path / "x")]
    loaded = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert loaded == []
