"""Pages on disk: fresh ones cost nothing, stale ones are asked about, damaged ones do not count."""

from __future__ import annotations

import time
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from variantctl.cache.folder import Cache
from variantctl.cache.pages import CachedPages, lifetime
from variantctl.net.client import HttpClient, HttpSettings
from variantctl.net.errors import NetworkError, OfflineError, SettingsError

ACCEPT = "text/html"


@pytest.fixture
def page(site: Site) -> Path:
    path = site.folder / "page.html"
    path.write_bytes(b"first")
    return path


def pages_of(cache: Cache, *, offline: bool = False, refresh: bool = False) -> CachedPages:
    return CachedPages(HttpClient(HttpSettings(offline=offline), environ={}), cache, refresh=refresh)


def test_a_fresh_page_is_not_asked_for(page: Path, server: LoopbackServer, cache: Cache) -> None:
    url = f"{server.url}/page.html"
    assert pages_of(cache).get(url, accept=ACCEPT).content == b"first"
    page.write_bytes(b"second")
    again = pages_of(cache).get(url, accept=ACCEPT)
    assert (again.content, again.status, again.content_type) == (b"first", 200, "text/html")
    assert len(server.requests) == 1
    assert pages_of(cache).get(url, accept="application/json").content == b"second"
    assert pages_of(cache, refresh=True).get(url, accept=ACCEPT).content == b"second"
    assert pages_of(cache).get(url, accept=ACCEPT, refresh=True).content == b"second"


def test_stale_pages_are_validated(page: Path, server: LoopbackServer, cache: Cache) -> None:
    server.cache_control = "max-age=0"
    url = f"{server.url}/page.html"
    for _ in range(2):
        assert pages_of(cache).get(url, accept=ACCEPT).content == b"first"
    assert [request.status for request in server.requests] == [200, 304]
    page.write_bytes(b"second")
    assert pages_of(cache).get(url, accept=ACCEPT).content == b"second"


def test_a_304_makes_a_page_fresh_again(page: Path, server: LoopbackServer, cache: Cache) -> None:
    url = f"{server.url}/page.html"
    pages_of(cache).get(url, accept=ACCEPT)
    pages_of(cache, refresh=True).get(url, accept=ACCEPT)
    assert pages_of(cache).get(url, accept=ACCEPT).content == b"first"
    assert [request.status for request in server.requests] == [200, 304]


@pytest.mark.parametrize("control", ["no-store", "no-cache", "private, no-cache"])
def test_pages_that_must_not_be_reused(
    page: Path, server: LoopbackServer, cache: Cache, control: str
) -> None:
    server.cache_control = control
    server.etags = False
    for content in (b"first", b"second"):
        page.write_bytes(content)
        assert pages_of(cache).get(f"{server.url}/page.html", accept=ACCEPT).content == content
    if control == "no-store":
        assert not list(cache.root.glob("pages-*")) and not list((cache.root / "locks").iterdir())


def test_a_304_need_not_repeat_the_headers(page: Path, server: LoopbackServer, cache: Cache) -> None:
    url = f"{server.url}/page.html"
    pages_of(cache).get(url, accept=ACCEPT)
    server.rule("/page.html", status=304, headers={"Cache-Control": "max-age=1000"})
    for refresh in (True, False):
        response = pages_of(cache, refresh=refresh).get(url, accept=ACCEPT)
        assert (response.status, response.content_type) == (200, "text/html")
    assert len(server.requests) == 2


def test_absence_is_remembered(server: LoopbackServer, cache: Cache, site: Site) -> None:
    url = f"{server.url}/page.html"
    assert pages_of(cache).get(url, accept=ACCEPT).status == 404
    assert pages_of(cache).get(url, accept=ACCEPT).status == 404
    assert len(server.requests) == 1
    (site.folder / "page.html").write_bytes(b"now")
    assert pages_of(cache).get(url, accept=ACCEPT, refresh=True).content == b"now"


def test_errors_are_not_remembered(page: Path, server: LoopbackServer, cache: Cache) -> None:
    server.rule("/page.html", status=403, times=1)
    url = f"{server.url}/page.html"
    assert pages_of(cache).get(url, accept=ACCEPT).status == 403
    assert pages_of(cache).get(url, accept=ACCEPT).content == b"first"


def test_offline_uses_a_page_of_any_age(page: Path, server: LoopbackServer, cache: Cache) -> None:
    server.cache_control = "max-age=0"
    url = f"{server.url}/page.html"
    pages_of(cache).get(url, accept=ACCEPT)
    assert pages_of(cache, offline=True).get(url, accept=ACCEPT).content == b"first"
    assert pages_of(cache, offline=True, refresh=True).get(url, accept=ACCEPT).content == b"first"
    with pytest.raises(OfflineError, match="other"):
        pages_of(cache, offline=True).get(f"{server.url}/other", accept=ACCEPT)
    assert len(server.requests) == 1


@pytest.mark.parametrize("damage", ["truncate", "extend", "head", "other-key", "empty"])
def test_damaged_entries_do_not_count(page: Path, server: LoopbackServer, cache: Cache, damage: str) -> None:
    url = f"{server.url}/page.html"
    pages_of(cache).get(url, accept=ACCEPT)
    entry = cache.path("pages-v1", url, ACCEPT)
    data = entry.read_bytes()
    broken = {
        "truncate": data[:-1],
        "extend": data + b"x",
        "head": b"{}\nfirst",
        "other-key": data.replace(b"page.html", b"gape.html"),
        "empty": b"",
    }[damage]
    entry.write_bytes(broken)
    page.write_bytes(b"second")
    assert pages_of(cache).get(url, accept=ACCEPT).content == b"second"


def test_a_truncated_answer_is_never_stored(page: Path, server: LoopbackServer, cache: Cache) -> None:
    server.rule("/page.html", truncate=2)
    url = f"{server.url}/page.html"
    client = HttpClient(environ={}, sleep=lambda seconds: None)
    with pytest.raises(NetworkError):
        CachedPages(client, cache).get(url, accept=ACCEPT)
    server.clear()
    assert pages_of(cache).get(url, accept=ACCEPT).content == b"first"


def test_credentials_are_not_written(page: Path, server: LoopbackServer, cache: Cache) -> None:
    pages_of(cache).get(server.url.replace("://", "://me:secret@") + "/page.html", accept=ACCEPT)
    stored = b"".join(path.read_bytes() for path in cache.root.rglob("*") if path.is_file())
    assert b"first" in stored and b"secret" not in stored
    assert pages_of(cache).get(f"{server.url}/page.html", accept=ACCEPT).content == b"first"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 600),
        ({"cache-control": "max-age=60"}, 60),
        ({"cache-control": "public, Max-Age=60", "age": "20"}, 40),
        ({"cache-control": "s-maxage=60"}, 600),
        ({"cache-control": "max-age=60, no-cache"}, 0),
        ({"cache-control": "max-age=10", "age": "20"}, 0),
        ({"expires": "0"}, 0),
        ({"expires": formatdate(1000, usegmt=True), "date": formatdate(900, usegmt=True)}, 100),
        ({"cache-control": "max-age=5", "expires": formatdate(time.time() + 999, usegmt=True)}, 5),
    ],
)
def test_lifetimes(headers: dict[str, str], seconds: float) -> None:
    assert lifetime(headers) == seconds


# --- the folder ---


def test_which_folder(tmp_path: Path) -> None:
    assert Cache.open(tmp_path / "a", environ={"VARIANTCTL_CACHE_DIR": "b"}).root == tmp_path / "a"
    assert Cache.open(environ={"VARIANTCTL_CACHE_DIR": str(tmp_path / "b")}).root == tmp_path / "b"
    assert Cache.open(environ={}).root.name == "variantctl"
    temporary = Cache.open(no_cache=True)
    temporary.write(b"x", "bucket", "key")
    root = temporary.root
    assert temporary.read("bucket", "key") == b"x" and root.is_dir()
    del temporary
    assert not root.exists()


def test_writing_is_whole_or_not_at_all(cache: Cache) -> None:
    cache.write(b"old", "bucket", "key")
    with pytest.raises(RuntimeError), cache.writing(cache.path("bucket", "key")) as file:
        file.write(b"half")
        raise RuntimeError
    assert cache.read("bucket", "key") == b"old"
    assert [path.name for path in cache.root.rglob(".tmp-*")] == []
    assert (cache.root / "CACHEDIR.TAG").is_file()


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SettingsError, match="cannot be written") as caught:
        Cache(tmp_path / "file" / "cache").write(b"x", "bucket", "key")
    assert "--cache-dir" in (caught.value.hint or "")
