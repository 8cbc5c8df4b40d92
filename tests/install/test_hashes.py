"""A hash that somebody names is kept to, wherever a wheel comes from; --require-hashes wants one of each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from tests.install.support import Place
from variantctl.cli import app

WRONG = "0" * 64
FROM = ("find-links", "index", "path", "url", "cache")


class Shop:
    """A wheel that can be had from everywhere, and the command that installs it."""

    def __init__(self, folder: Path, place: Place, server: LoopbackServer, site: Site) -> None:
        self.folder, self.place, self.server = folder, place, server
        self.wheel = site.wheel("pkg")
        site.publish("pkg")
        self.digest = hashlib.sha256(self.wheel.read_bytes()).hexdigest()

    def named(self, source: str) -> str:
        """The requirement by which it is had from a source."""
        url = f"{self.server.url}/files/{self.wheel.name}"
        return {"path": f"pkg @ {self.wheel.as_uri()}", "url": f"pkg @ {url}"}.get(source, "pkg")

    def sources(self, source: str) -> tuple[str, ...]:
        if source in ("index", "cache"):
            return ("-i", f"{self.server.url}/simple/")
        return ("--no-index", *(("-f", str(self.wheel.parent)) if source == "find-links" else ()))

    def install(self, source: str, *arguments: str) -> int:
        where = ("--target", str(self.place.environment.prefix))
        return app.run(["install", *self.sources(source), *where, *arguments])

    def file(self, text: str) -> tuple[str, str]:
        path = self.folder / "wanted.txt"
        path.write_text(text)
        return "-r", str(path)


@pytest.fixture
def shop(tmp_path: Path, target: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    site = Site(tmp_path / "site")
    with LoopbackServer(site.folder) as server:
        yield Shop(tmp_path, target, server, site)


@pytest.mark.parametrize("source", FROM)
def test_wrong_hashes_are_refused_from_everywhere(
    source: str, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    if source == "cache":
        # It is unpacked and verified already: that it was wanted with another hash then changes nothing now.
        assert shop.install(source, "pkg") == 0
        assert app.run(["uninstall", "-y", "--target", str(shop.place.environment.prefix), "pkg"]) == 0
    capsys.readouterr()
    assert shop.install(source, *shop.file(f"{shop.named(source)} --hash=sha256:{WRONG}\n")) == 1
    said = capsys.readouterr().err
    assert "is none of those given for" in said
    assert shop.place.names() == {}
    assert shop.install(source, *shop.file(f"{shop.named(source)} --hash=sha256:{shop.digest}\n")) == 0
    assert shop.place.names() == {"pkg": "1.0"}


@pytest.mark.parametrize("source", FROM[2:4])
def test_fragments_are_kept_to(source: str, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.install(source, f"{shop.named(source)}#sha256={WRONG}") == 1
    assert "sha256" in capsys.readouterr().err
    assert shop.place.names() == {}
    assert shop.install(source, f"{shop.named(source)}#sha256={shop.digest}") == 0


@pytest.mark.parametrize("source", FROM)
def test_required_hashes(source: str, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    named = shop.named(source)
    pinned = named if "@" in named else f"{named}==1.0"
    assert shop.install(source, "--require-hashes", *shop.file(f"{pinned}\n")) == 1
    assert "hash" in capsys.readouterr().err
    assert shop.place.names() == {}
    good = shop.file(f"{pinned} --hash=sha256:{shop.digest}\n")
    assert shop.install(source, "--require-hashes", *good) == 0


def test_index_that_lies_about_a_hash(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    page = shop.folder / "site/simple/pkg"
    for path in page.iterdir():
        path.write_text(path.read_text().replace(shop.digest, WRONG))
    assert shop.install("index", "pkg") == 1
    assert WRONG[:12] in capsys.readouterr().err
    assert shop.place.names() == {}


@pytest.mark.parametrize("source", ["path", "url"])
def test_hashes_of_a_lock(source: str, shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    name = shop.wheel.name
    where = {
        "path": f'path = "site/files/{name}"',
        "url": f'url = "{shop.server.url}/files/{name}"',
    }[source]
    lock = shop.folder / "pylock.toml"
    command = ["sync", "--target", str(shop.place.environment.prefix), str(lock)]
    for digest, code in ((WRONG, 1), (shop.digest, 0)):
        lock.write_text(
            'lock-version = "1.0"\ncreated-by = "test"\n[[packages]]\nname = "pkg"\nversion = "1.0"\n'
            f'wheels = [{{ name = "{name}", {where}, hashes = {{ sha256 = "{digest}" }} }}]\n'
        )
        assert app.run(command) == code
        assert ("hash" in capsys.readouterr().err) == bool(code)
    assert shop.place.names() == {"pkg": "1.0"}
