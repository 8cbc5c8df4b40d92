"""Wheels are unpacked while they are received, and nothing of that counts before the whole file is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.indexes.server import LoopbackServer
from variantctl.cache.folder import Cache
from variantctl.cache.manifest import UnpackedWheel
from variantctl.cache.progress import silent
from variantctl.cache.unpacked import Built, UnpackedStore
from variantctl.cache.wheels import WheelCache as Fetched
from variantctl.filesystem.digests import file_digest
from variantctl.install.fetching import StreamingUnpacker
from variantctl.net import streaming_zip
from variantctl.net.client import HttpClient, HttpSettings
from variantctl.net.errors import HashMismatch, NetworkError
from variantctl.net.remote_file import RemoteFile
from variantctl.variants.filenames import parse_wheel_filename
from variantctl.wheels.build import build_wheel
from variantctl.wheels.errors import WheelError


@dataclass
class Scene:
    """A wheel of 3 MB behind a server, and the two stores."""

    wheel: Path
    server: LoopbackServer
    client: HttpClient
    store: UnpackedStore
    cache: Cache

    @property
    def path(self) -> str:
        return f"/{self.wheel.name}"

    def install(self, sha256: str | None = None) -> UnpackedWheel | None:
        """Fetch and unpack; ``None`` where it was fetched, but not unpacked early."""
        right = file_digest(self.wheel)
        file = RemoteFile(self.wheel.name, self.server.url + self.path, {"sha256": sha256 or right})
        with StreamingUnpacker(self.store, parse_wheel_filename(self.wheel.name), silent) as early:
            fetched = Fetched(self.cache, self.client).fetch(file, reader=early.start)
            built = early.finish(fetched.path)
        return self.store.add_built(built, fetched.sha256) if built is not None else None

    def left(self) -> list[str]:
        return [path.name for path in self.store.root.iterdir()] if self.store.root.exists() else []


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(streaming_zip, "SMALLEST", 1 << 20)
    noise = bytes(range(256)) * 12_000
    files = {"pkg/a.py": b"a", "pkg/big.bin": noise} | {f"pkg/m{i}.py": b"%d" % i for i in range(50)}
    site = tmp_path / "site"
    site.mkdir()
    wheel = build_wheel(site, name="pkg", version="1", files=files)
    # Stored, so that it is as large as its files.
    _store_uncompressed(wheel)
    settings = HttpSettings(timeout=5)
    with LoopbackServer(site) as server, HttpClient(settings, environ={}, sleep=lambda _: None) as client:
        yield Scene(wheel, server, client, UnpackedStore(tmp_path / "unpacked"), Cache(tmp_path / "cache"))


def _store_uncompressed(wheel: Path) -> None:
    from zipfile import ZipFile

    with ZipFile(wheel) as old:
        members = [(info, old.read(info)) for info in old.infolist()]
    with ZipFile(wheel, "w") as new:
        for info, data in members:
            info.compress_type = 0
            new.writestr(info, data)


def test_unpacked_while_it_comes(scene: Scene) -> None:
    scene.server.rule(scene.path, pace=0.005, times=1)
    wheel = scene.install()
    assert wheel is not None and wheel.read("pkg/m7.py") == b"7"
    assert scene.store.get(wheel.filename, wheel.sha256) == wheel
    assert [request.status for request in scene.server.requests] == [200, 206]
    assert scene.left() == [wheel.root.parent.name]


def test_a_transfer_that_breaks_off_goes_on(scene: Scene) -> None:
    scene.server.rule(scene.path, truncate=1_500_000, times=1)
    assert scene.install() is not None
    assert sorted(request.status for request in scene.server.requests) == [200, 206, 206]


def test_a_fault_of_our_own_is_not_kept_quiet(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object) -> Built:
        raise RuntimeError("no wheel's fault")

    monkeypatch.setattr(UnpackedStore, "build", build)
    with pytest.raises(RuntimeError, match="no wheel's fault"):
        scene.install()


def test_a_wheel_that_cannot_be_unpacked_is_left_to_the_ordinary_way(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_: object) -> Built:
        raise WheelError(scene.wheel.name, "it is damaged")

    monkeypatch.setattr(UnpackedStore, "build", build)
    assert scene.install() is None


def test_a_wrong_hash_leaves_nothing(scene: Scene) -> None:
    with pytest.raises(HashMismatch):
        scene.install(sha256="0" * 64)
    assert scene.left() == []


def test_a_broken_transfer_leaves_nothing(scene: Scene) -> None:
    scene.server.rule(scene.path, pace=0.002, truncate=1_500_000, times=1)
    scene.server.rule(scene.path, times=1)
    scene.server.rule(scene.path, status=404)
    with pytest.raises(NetworkError):
        scene.install()
    assert scene.left() == []


@pytest.mark.parametrize("ranges", ["ignore", "refuse"])
def test_without_ranges_it_is_unpacked_afterwards(scene: Scene, ranges: str) -> None:
    scene.server.ranges = ranges
    assert scene.install() is None
    assert scene.left() == []


def test_an_end_that_is_not_the_files_counts_for_nothing(scene: Scene) -> None:
    data = scene.wheel.read_bytes()
    start = len(data) - (1 << 18)
    end = bytearray(data[start:])
    # Every file executable, as the first entry of the directory has it.
    end[end.index(b"PK\x01\x02") + 40] |= 0o100
    lie = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
    scene.server.rule(scene.path, pace=0.005, times=1)
    scene.server.rule(scene.path, status=206, body=bytes(end), headers=lie, times=1)
    assert scene.install() is None
    assert [request.status for request in scene.server.requests] == [200, 206]
    assert scene.left() == []
