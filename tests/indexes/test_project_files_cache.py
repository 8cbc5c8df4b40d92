"""Sorted pages in the cache say the same as the pages, and are not believed when damaged or stale."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from variantctl.cache.folder import Cache
from variantctl.cli import main
from variantctl.config.settings import IndexSettings
from variantctl.indexes import project_files_cache
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles, sort_files
from variantctl.net.remote_file import RemoteFile

NAMES = (
    "thing-1.0-py3-none-any.whl",
    "thing-1.0-2-py3-none-any.whl",
    "thing-2.0rc1-cp312-cp312-win_amd64.whl",
    "thing-1!0.5+local.1-py3-none-any.whl",
    "thing-1.0-py3-none-any-cu128.whl",
    "thing-1.0-variants.json",
    "thing-1.0.tar.gz",
    "thing-nonsense-py3-none-any.whl",
    "other-1.0-py3-none-any.whl",
)


def sorted_page() -> ProjectFiles:
    files = [
        RemoteFile(
            name,
            f"https://files.test/{name}",
            {"sha256": f"{place:064x}"},
            ">=3.8" if place % 2 else None,
            "a reason" if place == 1 else place == 2,
            {"sha256": "ab" * 32} if place == 3 else place == 0,
            place or None,
            "https://index.test/simple",
            "2026-01-01T00:00:00Z" if place else None,
        )
        for place, name in enumerate(NAMES)
    ]
    return sort_files("thing", "https://index.test/simple", files, [("left-out.exe", "a reason")])


def test_what_is_loaded_is_what_was_dumped() -> None:
    files = sorted_page()
    loaded = project_files_cache.load(project_files_cache.dump(files))
    assert loaded is not None
    assert loaded.wheels == files.wheels
    assert loaded.sdists == files.sdists
    assert loaded.variants_json == files.variants_json
    assert loaded.skipped == files.skipped
    assert (loaded.name, loaded.source) == (canonicalize_name("thing"), files.source)
    assert list(loaded.by_version.items()) == list(files.by_version.items())
    for version in (*files.by_version, Version("9")):
        assert loaded.wheels_of(version) == files.wheels_of(version)
        assert loaded.spellings(version) == files.spellings(version)


@pytest.mark.parametrize(
    "damage", ["empty", "cut", "changed", "older", "other lines", "other end", "not json"]
)
def test_damaged_entries_do_not_count(damage: str) -> None:
    data = project_files_cache.dump(sorted_page())
    damaged = {
        "empty": b"",
        "cut": data[:-10],
        "changed": data.replace(b"cp312-win", b"cp313-win"),
        "older": data.replace(b'"format":%d' % project_files_cache.FORMAT, b'"format":4'),
        "other lines": data.replace(b'"ends":[', b'"ends":[2,'),
        "other end": re.sub(rb'("ends":\[[\d,]*)(\d)]', rb"\g<1>0]", data),
        "not json": b"\xff\n" + data,
    }[damage]
    assert damaged != data
    assert project_files_cache.load(damaged) is None


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site")
    site.wheel("thing", "1.0")
    site.publish("thing")
    return site


def ask(server: LoopbackServer, cache: Cache) -> ProjectFiles:
    """In a run of its own."""
    with PackageFinder(
        IndexSettings(index_url=f"{server.url}/simple"), cache=cache, environ={}
    ) as package_finder:
        return package_finder.project("thing")


def test_the_second_run_reads_the_sorted_page(site: Site, server: LoopbackServer, tmp_path: Path) -> None:
    server.cache_control = "max-age=600"
    cache = Cache(tmp_path / "cache")
    first, second = ask(server, cache), ask(server, cache)
    assert type(first) is ProjectFiles
    assert type(second) is not ProjectFiles
    assert second.wheels == first.wheels
    assert len(server.requests) == 1


def test_an_install_reads_the_lines_of_the_versions_that_it_tries(
    site: Site, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who asks for all wheels of a page makes a large resolution take twice the time."""
    for version in ("2.0", "3.0", "4.0"):
        site.wheel("thing", version)
    site.publish("thing")
    server.cache_control = "max-age=600"
    command = ["install", "--dry-run", "--target", str(tmp_path / "target"), "thing<4"]
    command += ["-i", f"{server.url}/simple", "--cache-dir", str(tmp_path / "cache"), "-q"]
    assert main(command) == 0
    read: list[int] = []
    line = project_files_cache._Versions._at

    def counted(self: Any, at: int) -> Any:
        read.append(at)
        return line(self, at)

    monkeypatch.setattr(project_files_cache._Versions, "_at", counted)
    assert main(command) == 0
    assert set(read) == {1}


def test_a_changed_page_is_sorted_anew(site: Site, server: LoopbackServer, tmp_path: Path) -> None:
    server.cache_control = "max-age=0"
    cache = Cache(tmp_path / "cache")
    ask(server, cache)
    site.wheel("thing", "2.0")
    site.publish("thing")
    assert list(ask(server, cache).by_version) == [Version("2.0"), Version("1.0")]


def test_a_damaged_entry_is_made_again(site: Site, server: LoopbackServer, tmp_path: Path) -> None:
    server.cache_control = "max-age=600"
    cache = Cache(tmp_path / "cache")
    first = ask(server, cache)
    (entry,) = (path for path in (cache.root / "projects-v1").rglob("*") if path.is_file())
    entry.write_bytes(b"rubbish")
    assert ask(server, cache).wheels == first.wheels
    assert entry.read_bytes() != b"rubbish"


def test_credentials_in_links_are_not_written_down(server: LoopbackServer, tmp_path: Path) -> None:
    host = server.url.removeprefix("http://")
    page = (
        f'<a href="http://user:secret@{host}/files/thing-1.0-py3-none-any.whl">thing-1.0-py3-none-any.whl</a>'
    )
    headers = {"Content-Type": "text/html", "Cache-Control": "max-age=600"}
    server.rule("/simple/thing/", body=page.encode(), headers=headers)
    cache = Cache(tmp_path / "cache")
    for _ in range(2):
        assert ask(server, cache).wheels[0].file.url == f"{server.url}/files/thing-1.0-py3-none-any.whl"
    assert not (cache.root / "projects-v1").exists()
