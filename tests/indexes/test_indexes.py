"""Simple indexes over HTTP and in folders, and find-links of every kind."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.version import Version

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from variantctl.indexes.find_links import FindLinks
from variantctl.indexes.simple import SimpleIndex
from variantctl.net.client import HttpClient
from variantctl.net.errors import NetworkError, SourceError
from variantctl.net.urls import path_to_url


@pytest.fixture
def index(site: Site) -> Site:
    """Project foo-bar: two wheels, a variant, its variants.json."""
    site.wheel("foo-bar", "1.0")
    site.wheel("foo-bar", "2.0")
    site.wheel("foo-bar", "2.0", label="cu128")
    site.variants_json("foo_bar", "2.0")
    site.publish("foo-bar", sidecars=True)
    return site


@pytest.mark.parametrize("kind", ["json", "html", "folder", "folder-url", "folder-json"])
def test_a_project(index: Site, server: LoopbackServer, client: HttpClient, kind: str) -> None:
    server.negotiate = kind == "json"
    if kind == "folder-json":
        (index.folder / "simple/foo-bar/index.html").unlink()
    local = index.folder / "simple"
    where: dict[str, str | Path] = {
        "folder": local,
        "folder-json": str(local),
        "folder-url": path_to_url(local) + "/",
    }
    source = SimpleIndex(where.get(kind, f"{server.url}/simple/"), client)
    files = source.project("Foo.Bar")
    assert files is not None and files.skipped == ()
    assert [(str(link.wheel.version), link.wheel.label) for link in files.wheels] == [
        ("1.0", None),
        ("2.0", "cu128"),
        ("2.0", None),
    ]
    assert list(files.variants_json) == [Version("2.0")]
    first = files.wheels[0].file
    assert first.hashes.keys() == {"sha256"} and isinstance(first.core_metadata, dict)
    assert client.get(first.url).content == (index.files / first.filename).read_bytes()
    assert files.source == source.url and not source.url.endswith("/")
    if not kind.startswith("folder"):
        assert server.requests[0].path == "/simple/foo-bar/"
        assert "application/vnd.pypi.simple.v1+json" in server.requests[0].headers["accept"]


def test_unknown_projects(index: Site, server: LoopbackServer, client: HttpClient, tmp_path: Path) -> None:
    assert SimpleIndex(f"{server.url}/simple", client).project("nope") is None
    assert SimpleIndex(index.folder / "simple", client).project("nope") is None
    assert SimpleIndex(tmp_path / "no such folder", client).project("foo-bar") is None


def test_relative_links_start_where_the_page_really_is(
    index: Site, server: LoopbackServer, client: HttpClient
) -> None:
    server.rule("/a/mirror/foo-bar/", redirect="/simple/foo-bar/")
    files = SimpleIndex(f"{server.url}/a/mirror", client).project("foo-bar")
    assert files is not None
    assert files.wheels[0].file.url.startswith(f"{server.url}/files/")


@pytest.mark.parametrize(
    ("body", "content_type", "says"),
    [
        (b"{", "application/vnd.pypi.simple.v1+json", "broken JSON"),
        (b"GIF89a", "image/gif", "image/gif"),
        (b"plain", "text/plain", "text/plain"),
    ],
)
def test_no_project_page(
    server: LoopbackServer, client: HttpClient, body: bytes, content_type: str, says: str
) -> None:
    server.rule("/simple/foo/", body=body, headers={"Content-Type": content_type})
    with pytest.raises(SourceError, match=says) as caught:
        SimpleIndex(f"{server.url}/simple", client).project("foo")
    assert f"{server.url}/simple/foo/" in str(caught.value)


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_index_in_trouble_is_not_one_without_the_project(
    server: LoopbackServer, client: HttpClient, status: int
) -> None:
    server.rule("/simple/foo/", status=status)
    with pytest.raises(NetworkError, match=rf"/simple/foo/ answered {status}"):
        SimpleIndex(f"{server.url}/simple", client).project("foo")


def test_an_object_store_says_403_for_what_it_does_not_have(
    server: LoopbackServer, client: HttpClient
) -> None:
    body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    server.rule("/simple/foo/", status=403, body=body, headers={"Content-Type": "application/xml"})
    assert SimpleIndex(f"{server.url}/simple", client).project("foo") is None
    private = SimpleIndex(server.url.replace("://", "://me:pass@") + "/simple", client)
    with pytest.raises(NetworkError, match="403"):
        private.project("foo")


def test_credentials_of_an_index_never_leave_it_in_urls(
    index: Site, server: LoopbackServer, client: HttpClient
) -> None:
    server.credentials = ("me", "secret")
    source = SimpleIndex(server.url.replace("://", "://me:secret@") + "/simple", client)
    files = source.project("foo-bar")
    assert files is not None and "secret" not in repr(files) + repr(source.url)
    assert client.get(files.wheels[0].file.url).status == 200


def test_credentials_in_links_are_used_and_hidden(
    index: Site, server: LoopbackServer, client: HttpClient
) -> None:
    link = server.url.replace("://", "://me:secret@") + "/files/foo_bar-1.0-py3-none-any.whl"
    page = f'<a href="{link}">x</a>'.encode()
    server.rule("/simple/foo-bar/", body=page, headers={"Content-Type": "text/html"})
    files = SimpleIndex(f"{server.url}/simple", client).project("foo-bar")
    assert files is not None and "secret" not in repr(files)
    server.credentials = ("me", "secret")
    assert client.get(files.wheels[0].file.url).status == 200


# --- find-links ---


def test_a_folder_of_wheels(index: Site, client: HttpClient) -> None:
    (index.files / "notes.txt").write_text("nothing")
    (index.files / "broken-1.0.whl").write_text("nothing")
    place = FindLinks(index.files, client)
    files = place.project("foo_bar")
    assert files is not None
    assert len(files.wheels) == 3 and list(files.variants_json) == [Version("2.0")]
    assert files.wheels[0].file.size == (index.files / files.wheels[0].file.filename).stat().st_size
    assert files.source == str(index.files)
    assert place.project("other") is None
    broken = place.project("broken")
    assert broken is not None and broken.wheels == () and broken.skipped[0][0] == "broken-1.0.whl"


def test_pages_in_a_folder_are_read_too(index: Site, client: HttpClient) -> None:
    files = FindLinks(str(index.folder / "simple/foo-bar"), client).project("foo-bar")
    assert files is not None and len(files.wheels) == 3
    assert files.wheels[0].file.hashes


@pytest.mark.parametrize("kind", ["path", "file-url", "http"])
def test_a_page(index: Site, server: LoopbackServer, client: HttpClient, kind: str) -> None:
    page = index.folder / "simple/foo-bar/index.html"
    where = {"path": str(page), "file-url": path_to_url(page), "http": f"{server.url}/simple/foo-bar/"}[kind]
    files = FindLinks(where, client).project("foo-bar")
    assert files is not None and len(files.wheels) == 3
    url = files.wheels[0].file.url
    assert url.startswith(server.url if kind == "http" else "file://")
    assert client.get(url).status == 200


@pytest.mark.parametrize("kind", ["path", "http"])
def test_one_wheel(index: Site, server: LoopbackServer, client: HttpClient, kind: str) -> None:
    name = "foo_bar-1.0-py3-none-any.whl"
    where = {"path": str(index.files / name), "http": f"{server.url}/files/{name}"}[kind]
    files = FindLinks(where, client).project("foo-bar")
    assert files is not None and [link.file.filename for link in files.wheels] == [name]
    assert server.requests == []


def test_relative_and_home_paths(index: Site, client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(index.folder)
    monkeypatch.setenv("HOME", str(index.folder))
    monkeypatch.setenv("USERPROFILE", str(index.folder))
    for location in ("files", "./files", "~/files"):
        assert FindLinks(location, client).project("foo-bar") is not None


def test_missing_and_broken_places(server: LoopbackServer, client: HttpClient, tmp_path: Path) -> None:
    missing = FindLinks(tmp_path / "nowhere", client)
    assert missing.project("foo") is None and missing.missing
    with pytest.raises(NetworkError, match="404"):
        FindLinks(f"{server.url}/nowhere/", client).project("foo")
    server.rule("/links", body=b"%PDF", headers={"Content-Type": "application/pdf"})
    with pytest.raises(SourceError, match="application/pdf"):
        FindLinks(f"{server.url}/links", client).project("foo")


def test_sdists_with_dashes_in_their_names(client: HttpClient, tmp_path: Path) -> None:
    for name in ("foo-2bar-1.0.tar.gz", "foo_2bar-1.1.zip"):
        (tmp_path / name).write_bytes(b"")
    files = FindLinks(tmp_path, client).project("foo-2bar")
    assert files is not None
    assert sorted(file.filename for file in files.sdists) == ["foo-2bar-1.0.tar.gz", "foo_2bar-1.1.zip"]
