"""Sub-indexes that the place itself shows, and places that do not want to show them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_layout import Layout, Release
from variantctl.backends.tables import shipped_source
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.indexes import backend_discovery
from variantctl.indexes.finder import PackageFinder
from variantctl.values import replace
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Supported

LABELS = ("cpu", "cu126", "cu134", "rocm7.15")
RELEASES = [Release({"torch": "3.1.0", "torchvision": "1.1.0"}, dict.fromkeys(LABELS, "l"))]
X86 = {"platform_machine": "x86_64", "platform_system": "Linux"}
TORCH, VISION = canonicalize_name("torch"), canonicalize_name("torchvision")


def with_gpu(_metadata: VariantMetadata) -> Supported:
    bounds = [f"13.{minor}" for minor in range(4, -1, -1)] + ["12.0"]
    return {
        "nvidia": {"cuda_version_lower_bound": bounds, "sm_arch": ["90_real"]},
        "priority": {"order": [str(number) for number in range(1, 40)]},
    }


def without_gpu(_metadata: VariantMetadata) -> Supported:
    return {"priority": {"order": [str(number) for number in range(1, 40)]}}


class Place:
    """A server with such a layout, and what a machine sees of it."""

    def __init__(self, server: LoopbackServer, cache: Cache) -> None:
        self.server = server
        self._cache = cache

    def package_finder(self) -> PackageFinder:
        source = replace(shipped_source("pytorch"), url=f"{self.server.url}/whl", by_default=False)
        return PackageFinder(IndexSettings(None, backends=(source,)), cache=self._cache, environ={})

    def labels(self, *projects: str, gpu: bool = True, names: tuple[str, ...] = ()) -> set[str | None]:
        with self.package_finder() as package_finder:
            package_finder.expect_backends(names)
            seen = package_finder.for_machine(with_gpu if gpu else without_gpu, X86)
            found = [seen.project(name) for name in projects or ("torch",)]
            self.notes = package_finder.notes
            for files in found:
                (version,) = files.by_version
                metadata = seen.variant_metadata(files, version)
                assert metadata is not None
                assert {link.wheel.label for link in files.wheels} == set(metadata.variants)
            return {link.wheel.label for files in found for link in files.wheels}

    @property
    def further(self) -> list[str]:
        """The pages asked for that are no project's of a sub-index."""
        return [path for path in self.server.paths if path in ("/whl/", "/whl/torch/", "/whl/torchvision/")]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    with LoopbackServer(tmp_path / "site") as server:
        yield server


@pytest.fixture
def place(server: LoopbackServer, tmp_path: Path) -> Place:
    return Place(server, Cache(tmp_path / "cache"))


def test_the_parent_page_tells_by_local_versions(place: Place, tmp_path: Path) -> None:
    Layout(tmp_path / "site", RELEASES, listed=False)
    assert place.labels("torch", "torchvision") == {"cpu", "cu126", "cu134"}
    assert place.further == ["/whl/torch/"]
    assert any("cu134 is in no table" in note for note in place.notes)
    # The page cache keeps it: another run asks for nothing.
    place.server.clear()
    assert place.labels() == {"cpu", "cu126", "cu134"}
    assert place.server.paths == []


def test_the_list_tells_where_there_is_no_parent_page(place: Place, tmp_path: Path) -> None:
    Layout(tmp_path / "site", RELEASES, parent=False)
    assert place.labels() == {"cpu", "cu126", "cu134"}


def test_the_list_may_be_json_with_normalized_names(place: Place, tmp_path: Path) -> None:
    Layout(tmp_path / "site", RELEASES, parent=False, listed=False)
    body = b'{"meta": {"api-version": "1.1"}, "projects": [{"name": "cu134"}, {"name": "torch"}, 7]}'
    place.server.rule("/whl/", body=body, headers={"Content-Type": "application/vnd.pypi.simple.v1+json"})
    assert place.labels() == {"cpu", "cu126", "cu134"}


@pytest.mark.parametrize("status", [403, 404, 410, 500, 503])
def test_a_place_that_hides_its_list(place: Place, tmp_path: Path, status: int) -> None:
    Layout(tmp_path / "site", RELEASES)
    place.server.rule("/whl/", status=status)
    assert place.labels() == {"cpu", "cu126", "cu134"}
    assert place.further == ["/whl/torch/"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_place_that_shows_nothing_at_all(place: Place, tmp_path: Path, status: int) -> None:
    Layout(tmp_path / "site", RELEASES)
    place.server.rule("/whl/", status=status)
    place.server.rule("/whl/torch/", status=status)
    assert place.labels() == {"cpu", "cu126"}
    # What somebody names counts all the same.
    assert place.labels(names=("cu134",)) == {"cpu", "cu126", "cu134"}


def test_a_page_that_is_no_page_is_no_error(place: Place, tmp_path: Path) -> None:
    Layout(tmp_path / "site", RELEASES)
    place.server.rule("/whl/torch/", body=b"\x00\xff", headers={"Content-Type": "application/octet-stream"})
    assert place.labels() == {"cpu", "cu126", "cu134"}


def test_a_slow_list_is_not_waited_for(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_discovery, "PATIENCE", 0.3)
    Layout(tmp_path / "site", RELEASES)
    place.server.rule("/whl/torch/", delay=8.0)
    place.server.rule("/whl/", delay=8.0)
    began = time.monotonic()
    assert place.labels("torch", "torchvision") == {"cpu", "cu126"}
    assert time.monotonic() - began < 6
    assert any("slow" in note for note in place.notes)


def test_a_machine_without_an_accelerator_asks_for_no_list(place: Place, tmp_path: Path) -> None:
    Layout(tmp_path / "site", RELEASES)
    assert place.labels(gpu=False) == {"cpu"}
    assert place.further == []


def test_a_folder_shows_its_folders(tmp_path: Path) -> None:
    Layout(tmp_path / "site", RELEASES, parent=False, listed=False)
    source = replace(shipped_source("pytorch"), url=(tmp_path / "site" / "whl").as_uri(), by_default=False)
    settings = IndexSettings(None, backends=(source,))
    with PackageFinder(settings, cache=Cache(tmp_path / "cache"), environ={}) as package_finder:
        found = package_finder.for_machine(with_gpu, X86).project("torch")
    assert {link.wheel.label for link in found.wheels} == {"cpu", "cu126", "cu134"}
