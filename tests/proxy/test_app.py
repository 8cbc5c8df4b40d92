"""The proxy over HTTP, in front of a server that wants a password: what is shown, passed on and kept back."""

from __future__ import annotations

import hashlib
import io
import json
import random
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from variant_index.build import build_index

from tests.indexes.server import LoopbackServer
from tests.resolve.world import PLATFORM, machine, variant_metadata
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.net.client import HttpSettings
from variantctl.proxy.app import Proxy
from variantctl.proxy.project_view import ClientTarget
from variantctl.select.preferences import VariantPreferences
from variantctl.serving.http_server import Address, listening
from variantctl.serving.responses import JSON
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.build import build_wheel
from variantctl.wheels.verify import verify_archive

PASSWORD = "s3cr3t-t0ken"
METADATA = variant_metadata(
    ["gpu"], {"a": {"gpu": {"arch": ["9"]}}, "b": {"gpu": {"arch": ["8", "9"]}}, "null": {}}
)
GPU9 = machine(gpu={"arch": ("9", "8")})
BIG = random.Random(825).randbytes(1 << 17)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    wheels = folder / "wheels"
    for label in METADATA.variants:
        build_wheel(
            wheels, name="plain", version="1.0", label=label, metadata=METADATA, files={"plain.bin": BIG}
        )
        build_wheel(
            wheels,
            name="marked",
            version="1.0",
            label=label,
            metadata=METADATA,
            files={"marked.bin": BIG},
            requires=["always>=1", "gpu-only; 'gpu' in variant_namespaces", "cpu; variant_label == 'null'"],
        )
    build_wheel(wheels, name="ordinary", version="1.0", files={"ordinary.bin": BIG})
    build_wheel(wheels, name="ordinary", version="2.0", requires_python=">=3.8")
    (wheels / "ordinary-2.0.tar.gz").write_bytes(b"source")
    build_index(wheels, folder / "out")
    return folder / "out"


@pytest.fixture
def upstream(site: Path) -> Iterator[LoopbackServer]:
    with LoopbackServer(site) as server:
        server.credentials = ("me", PASSWORD)
        yield server


class Running:
    """A proxy that runs, and what it had to say."""

    def __init__(self, address: Address, said: list[str]) -> None:
        self.said = said
        self.url = address.url
        self.port = address.port
        self.client = httpx.Client(base_url=address.url, trust_env=False)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    def files(self, project: str) -> list[dict[str, object]]:
        page = self.get(f"/simple/{project}/", Accept=JSON)
        assert page.status_code == 200, page.text
        listed: list[dict[str, object]] = page.json()["files"]
        return listed

    def file(self, project: str) -> str:
        """The path of its only file."""
        (file,) = self.files(project)
        return str(httpx.URL(f"{self.url}/simple/{project}/").join(str(file["url"])).path)


@contextmanager
def running(settings: IndexSettings, folder: Path, buyer: ClientTarget | None = None) -> Iterator[Running]:
    said: list[str] = []
    buyer = buyer or ClientTarget(GPU9, PLATFORM, VariantPreferences(), "the test machine")
    proxy = Proxy(settings, Cache(folder / "cache"), buyer, said.append)
    with listening(proxy) as address:
        yield Running(address, said)
    proxy.close()


def settings_for(upstream: LoopbackServer) -> IndexSettings:
    return IndexSettings(index_url=f"{upstream.url.replace('//', f'//me:{PASSWORD}@')}/simple/")


@pytest.fixture
def proxy(upstream: LoopbackServer, tmp_path: Path) -> Iterator[Running]:
    with running(settings_for(upstream), tmp_path) as proxy:
        yield proxy


def variants_json(site: Path, project: str) -> str:
    """The path of the index-level metadata of its one version."""
    (found,) = (site / "simple" / project).glob("*/*-variants.json")
    return f"/{found.relative_to(site)}"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_chosen_variant_is_an_ordinary_wheel_with_its_hash(proxy: Running, site: Path) -> None:
    (file,) = proxy.files("plain")
    original = (site / "simple/plain/plain-1.0-py3-none-any-a.whl").read_bytes()
    assert file["filename"] == "plain-1.0-py3-none-any.whl"
    assert file["hashes"] == {"sha256": sha256(original)}
    assert file["size"] == len(original)
    assert proxy.get(proxy.file("plain")).content == original
    html = proxy.get("/simple/plain/").text
    assert html.count("<a ") == 1 and f"#sha256={sha256(original)}" in html


def test_a_wheel_with_variant_markers_arrives_without_them(proxy: Running, site: Path) -> None:
    (file,) = proxy.files("marked")
    assert file["hashes"] == {} and file["core-metadata"] is True
    path = proxy.file("marked")
    body = proxy.get(path)
    head = proxy.client.head(path)
    assert int(head.headers["content-length"]) == len(body.content)
    with WheelArchive.from_file(io.BytesIO(body.content), "marked-1.0-py3-none-any-a.whl") as archive:
        verify_archive(archive)
        metadata = archive.metadata_bytes()
        assert archive.variant_json_bytes() is not None
    assert proxy.get(f"{path}.metadata").content == metadata
    assert [line for line in metadata.splitlines() if line.startswith(b"Requires-Dist")] == [
        b"Requires-Dist: always>=1",
        b"Requires-Dist: gpu-only",
    ]
    original = (site / "simple/marked/marked-1.0-py3-none-any-a.whl").stat().st_size
    assert abs(len(body.content) - original) < 500


def test_a_rewritten_wheel_that_is_not_the_promised_one_is_cut_short(
    upstream: LoopbackServer, tmp_path: Path, site: Path
) -> None:
    name = "/simple/marked/marked-1.0-py3-none-any-a.whl"
    original = (site / name[1:]).read_bytes()
    changed = original.replace(BIG[:4096], b"x" * 4096, 1)
    assert changed != original
    with running(settings_for(upstream), tmp_path) as proxy:
        path = proxy.file("marked")
        (site / name[1:]).unlink()  # a hard link: the folder of wheels keeps its own
        (site / name[1:]).write_bytes(changed)
        try:
            with pytest.raises(httpx.RemoteProtocolError):
                proxy.get(path)
        finally:
            (site / name[1:]).write_bytes(original)


def test_without_ranges_a_wheel_is_rewritten_all_the_same(upstream: LoopbackServer, proxy: Running) -> None:
    upstream.ranges = "ignore"
    body = proxy.get(proxy.file("marked")).content
    with WheelArchive.from_file(io.BytesIO(body), "marked-1.0-py3-none-any-a.whl") as archive:
        verify_archive(archive)


def test_what_is_no_variant_is_passed_through(proxy: Running, site: Path) -> None:
    files = {str(file["filename"]): file for file in proxy.files("ordinary")}
    assert set(files) == {
        "ordinary-1.0-py3-none-any.whl",
        "ordinary-2.0-py3-none-any.whl",
        "ordinary-2.0.tar.gz",
    }
    assert files["ordinary-2.0-py3-none-any.whl"]["requires-python"] == ">=3.8"
    assert files["ordinary-2.0.tar.gz"]["hashes"] == {"sha256": sha256(b"source")}
    assert proxy.get("/files/ordinary/-/ordinary-2.0.tar.gz").content == b"source"
    metadata = (site / "simple/ordinary/ordinary-1.0-py3-none-any.whl.metadata").read_bytes()
    assert proxy.get("/files/ordinary/-/ordinary-1.0-py3-none-any.whl.metadata").content == metadata
    page = proxy.get("/simple/ordinary/", Accept=JSON).json()
    assert page["versions"] == ["1.0", "2.0"]


def test_ranges_and_conditions_are_passed_on(proxy: Running, upstream: LoopbackServer, site: Path) -> None:
    path = "/files/ordinary/-/ordinary-1.0-py3-none-any.whl"
    original = (site / "simple/ordinary/ordinary-1.0-py3-none-any.whl").read_bytes()
    part = proxy.get(path, Range="bytes=10-19")
    assert (part.status_code, part.content) == (206, original[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(original)}"
    etag = part.headers["etag"]
    assert proxy.get(path, If_None_Match=etag).status_code == 304
    assert proxy.get(path, Range="bytes=0-4", If_Range='"other"').content == original
    assert proxy.get(path, Range=f"bytes={len(original)}-").status_code == 416
    head = proxy.client.head(path)
    assert (head.headers["content-length"], head.content) == (str(len(original)), b"")


def test_credentials_stay_here(proxy: Running, upstream: LoopbackServer, site: Path) -> None:
    """Not in pages, headers, redirects, errors or what is said; and they are used."""
    answers = [proxy.get("/"), proxy.get("/simple/nope/"), proxy.get("/simple/Plain")]
    answers += [proxy.get(f"/simple/{name}/") for name in ("plain", "marked", "ordinary")]
    answers += [proxy.get(proxy.file("plain")), proxy.get(f"{proxy.file('marked')}.metadata")]
    upstream.rule("*", status=500)
    answers += [proxy.get(proxy.file("plain")), proxy.get("/simple/another/")]
    upstream.clear()
    upstream.rule("*", status=401, headers={"WWW-Authenticate": f'Basic realm="{PASSWORD}"'})
    answers += [proxy.get(proxy.file("plain"))]
    upstream.clear()
    upstream.rule("*", redirect=f"http://me:{PASSWORD}@127.0.0.1:9/x")
    answers += [proxy.get(proxy.file("plain")), proxy.get("/simple/third/")]
    assert [answer.status_code for answer in answers[-5:]] == [502] * 5
    for answer in answers:
        text = answer.text + repr(answer.headers)
        assert PASSWORD not in text and "d3cr3t" not in text and "authorization" not in text.lower()
    assert PASSWORD not in "".join(proxy.said)


def test_a_link_to_another_host_gets_no_credentials(site: Path, tmp_path: Path) -> None:
    with LoopbackServer(site) as files, LoopbackServer(tmp_path / "pages") as pages:
        page = tmp_path / "pages/simple/ordinary/index.html"
        page.parent.mkdir(parents=True)
        link = f"{files.url}/simple/ordinary/ordinary-1.0-py3-none-any.whl"
        page.write_text(f'<a href="{link}">x</a>')
        pages.credentials = ("me", PASSWORD)
        with running(settings_for(pages), tmp_path) as proxy:
            assert proxy.get(proxy.file("ordinary")).status_code == 200
        assert [request.headers.get("authorization") for request in files.requests] == [None]


def test_what_is_not_there(proxy: Running, upstream: LoopbackServer) -> None:
    for path in (
        "/simple/nope/",
        "/simple/",
        "/nope",
        "/files/plain/a/nope.whl",
        "/files/plain/zz/plain-1.0-py3-none-any.whl",
        "/files/nope/-/nope-1.0-py3-none-any.whl",
        "/files/ordinary/-/ordinary-2.0.tar.gz.metadata",
        "/files/plain/../plain/a",
        "/simple/%2e%2e/",
        "/simple/%00",
        "/simple/x%0d%0aSet-Cookie:%20y",
        "/simple/x%0d%0aSet-Cookie:%20y/",
    ):
        assert proxy.get(path).status_code in (301, 404), path
    assert proxy.get("/simple/Big.Thing/").headers["location"] == "/simple/big-thing/"
    assert proxy.get("/simple/plain/", Accept="image/png").status_code == 406


def test_an_index_that_cannot_be_asked_is_no_missing_project(
    upstream: LoopbackServer, tmp_path: Path, site: Path
) -> None:
    upstream.credentials = None
    upstream.rule(variants_json(site, "plain"), status=418)
    with running(IndexSettings(index_url=f"{upstream.url}/simple/"), tmp_path) as proxy:
        answer = proxy.get("/simple/plain/")
        assert answer.status_code == 502, "without the metadata, no wheel is known to be the best"
        upstream.clear()
        assert proxy.get("/simple/plain/").status_code == 200, "a failure is not remembered"


def test_a_version_with_unsound_metadata_is_left_out_and_said(site: Path, tmp_path: Path) -> None:
    with LoopbackServer(site) as upstream:
        upstream.rule(variants_json(site, "plain"), body=b"{}")
        with running(IndexSettings(index_url=f"{upstream.url}/simple/"), tmp_path) as proxy:
            assert proxy.files("plain") == []
            assert any("plain 1.0 is left out" in text for text in proxy.said)


def test_a_page_costs_what_it_must(proxy: Running, upstream: LoopbackServer, site: Path) -> None:
    """One page, one variants.json and one METADATA a version; then nothing, for as long as they are fresh."""
    proxy.get("/simple/marked/")
    assert set(upstream.paths) == {
        "/simple/marked/",
        variants_json(site, "marked"),
        "/simple/marked/marked-1.0-py3-none-any-a.whl.metadata",
    }
    assert len(upstream.paths) == 3
    upstream.clear()
    proxy.get("/simple/ordinary/")
    assert upstream.paths == ["/simple/ordinary/"]
    upstream.clear()
    proxy.get("/simple/marked/")
    proxy.get("/simple/marked/", Accept=JSON)
    proxy.get(f"{proxy.file('marked')}.metadata")
    assert upstream.paths == []


def test_many_who_ask_at_once_cost_one_page(proxy: Running, upstream: LoopbackServer) -> None:
    upstream.rule("/simple/ordinary/", status=None, delay=0.5)
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(proxy.get("/simple/ordinary/").status_code))
        for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 20
    assert upstream.paths == ["/simple/ordinary/"]


def test_a_client_that_leaves_stops_the_transfer(site: Path, tmp_path: Path) -> None:
    """What nobody reads is not fetched: the source is read as fast as the client reads."""
    sent = 0

    def serve(listener: socket.socket) -> None:
        nonlocal sent
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(65536)
                if b"/simple/big/ " in request:
                    page = b'<a href="/big-1.0-py3-none-any.whl">x</a>'
                    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n"
                    connection.sendall(head % len(page) + page)
                    continue
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                try:
                    while True:
                        sent += connection.send(bytes(1 << 16))
                except OSError:
                    continue

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/simple/"
        with running(IndexSettings(index_url=url), tmp_path) as proxy:
            path = proxy.file("big")
            client = socket.create_connection(("127.0.0.1", proxy.port))
            client.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode())
            client.recv(1000)
            time.sleep(0.8)
            paused = sent
            assert paused < 100 << 20
            client.close()
            time.sleep(0.8)
            assert sent < 200 << 20


def test_a_transfer_that_breaks_off_is_not_taken_for_a_whole_file(
    proxy: Running, upstream: LoopbackServer
) -> None:
    path = proxy.file("plain")
    upstream.rule("/simple/plain/plain-1.0-py3-none-any-a.whl", truncate=1000, body=BIG)
    with pytest.raises(httpx.RemoteProtocolError):
        proxy.get(path)


@pytest.mark.parametrize(
    ("supported", "preferences", "label"),
    [
        ({"gpu": {"arch": ("8",)}}, {}, "b"),
        ({}, {}, "null"),
        ({"gpu": {"arch": ("9",)}}, {"labels": ["plain=null"]}, "null"),
        ({"gpu": {"arch": ("9",)}}, {"exclude": ["gpu"]}, "null"),
    ],
)
def test_other_machines_and_preferences(
    site: Path,
    tmp_path: Path,
    supported: Mapping[str, Mapping[str, tuple[str, ...]]],
    preferences: dict[str, list[str]],
    label: str,
) -> None:
    buyer = ClientTarget(machine(**supported), PLATFORM, VariantPreferences.parse(**preferences), "x")  # type: ignore[arg-type]
    settings = IndexSettings(index_url=(site / "simple").as_uri())
    with running(settings, tmp_path, buyer) as proxy:
        assert proxy.file("plain") == f"/files/plain/{label}/plain-1.0-py3-none-any.whl"
        original = (site / f"simple/plain/plain-1.0-py3-none-any-{label}.whl").read_bytes()
        assert proxy.get(proxy.file("plain")).content == original
        assert proxy.get(proxy.file("plain"), Range="bytes=0-9").content == original[:10]
        # What a lock of another machine names is there, too.
        assert proxy.get("/files/plain/a/plain-1.0-py3-none-any.whl").status_code == 200


def test_a_folder_of_wheels_without_hashes(site: Path, tmp_path: Path) -> None:
    settings = IndexSettings(no_index=True, find_links=(str(site.parent / "wheels"),))
    with running(settings, tmp_path) as proxy:
        (file,) = proxy.files("plain")
        assert file["hashes"] == {}
        assert str(file["filename"]).startswith("plain-1.0-0v")
        original = (site / "simple/plain/plain-1.0-py3-none-any-a.whl").read_bytes()
        assert proxy.get(proxy.file("plain")).content == original


def test_offline_what_is_stored_is_served(upstream: LoopbackServer, tmp_path: Path, site: Path) -> None:
    with running(settings_for(upstream), tmp_path) as proxy:
        path = proxy.file("plain")
    offline = IndexSettings(index_url=settings_for(upstream).index_url, offline=True)
    upstream.clear()
    with running(offline, tmp_path) as proxy:
        assert proxy.file("plain") == path
        assert proxy.get("/simple/ordinary/").status_code in (404, 503)
    assert upstream.paths == []
    assert HttpSettings().offline is False


def test_the_page_is_json_that_says_what_it_is(proxy: Running) -> None:
    page = json.loads(proxy.get("/simple/plain/", Accept=JSON).text)
    assert page["name"] == "plain" and page["versions"] == ["1.0"]
