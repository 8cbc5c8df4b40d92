"""All sources together: which one answers, what is read from where, and how many requests it costs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from tests.indexes.server import LoopbackServer
from tests.indexes.site import CUDA, Site
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings, SourceLayer
from variantctl.indexes.errors import ProjectNotFound
from variantctl.indexes.finder import PackageFinder
from variantctl.net.client import HttpClient, HttpSettings
from variantctl.net.errors import HashMismatch, NetworkError, OfflineError, SourceError
from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.wheels.errors import WheelError

V1 = Version("1.0")


@pytest.fixture
def public(tmp_path: Path) -> Site:
    """A second index, below the first in every test."""
    return Site(tmp_path / "public")


@pytest.fixture
def public_server(public: Site) -> Iterator[LoopbackServer]:
    with LoopbackServer(public.folder) as server:
        yield server


def catalog_of(cache: Cache, settings: IndexSettings) -> PackageFinder:
    client = HttpClient(
        HttpSettings(timeout=5, offline=settings.offline), environ={}, sleep=lambda seconds: None
    )
    return PackageFinder(settings, client=client, cache=cache, environ={})


def names(package_finder: PackageFinder, project: str) -> list[str]:
    return [link.file.filename for link in package_finder.project(project).wheels]


# --- which source answers ---


def test_extra_indexes_go_first_and_the_first_wins(
    site: Site, server: LoopbackServer, public: Site, public_server: LoopbackServer, cache: Cache
) -> None:
    site.wheel("foo", "1.0")
    site.publish("foo")
    public.wheel("foo", "99.0")
    public.wheel("bar", "1.0")
    public.publish("foo")
    public.publish("bar")
    settings = IndexSettings(f"{public_server.url}/simple", (f"{server.url}/simple",))
    package_finder = catalog_of(cache, settings)
    assert names(package_finder, "foo") == ["foo-1.0-py3-none-any.whl"]
    assert public_server.requests == []
    assert names(package_finder, "bar") == ["bar-1.0-py3-none-any.whl"]
    assert server.paths == ["/simple/foo/", "/simple/bar/"]


@pytest.mark.parametrize("status", [401, 403, 500])
def test_an_index_in_trouble_is_not_passed_over(
    site: Site,
    server: LoopbackServer,
    public: Site,
    public_server: LoopbackServer,
    cache: Cache,
    status: int,
) -> None:
    public.wheel("foo", "99.0")
    public.publish("foo")
    server.rule("*", status=status)
    package_finder = catalog_of(
        cache, IndexSettings(f"{public_server.url}/simple", (f"{server.url}/simple",))
    )
    with pytest.raises(NetworkError, match=str(status)):
        package_finder.project("foo")
    assert public_server.requests == []


def test_find_links_are_joined(site: Site, server: LoopbackServer, cache: Cache, tmp_path: Path) -> None:
    site.wheel("foo", "1.0")
    site.wheel("foo", "3.0")
    site.publish("foo")
    folder = Site(tmp_path / "folder")
    folder.wheel("foo", "1.0")
    folder.wheel("foo", "2.0")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple", find_links=(str(folder.files),)))
    files = package_finder.project("foo")
    assert [str(version) for version in files.by_version] == ["3.0", "2.0", "1.0"]
    (first,) = files.wheels_of(V1)
    assert first.file.url.startswith("file://")
    assert "has it too" in dict(files.skipped)["foo-1.0-py3-none-any.whl"]


def test_variants_of_a_version_come_from_one_source(
    site: Site, server: LoopbackServer, cache: Cache, tmp_path: Path
) -> None:
    for label in (None, "cu128", "cu130"):
        site.wheel("foo", label=label)
    site.wheel("foo", "2.0", label="cu128")
    for version in ("1.0", "2.0"):
        site.variants_json("foo", version)
    site.publish("foo")
    folder = Site(tmp_path / "folder")
    folder.wheel("foo", label="null")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple", find_links=(str(folder.files),)))
    files = package_finder.project("foo")
    assert [link.wheel.label for link in files.wheels_of(V1)] == ["null", None]
    assert "taken from" in dict(files.skipped)["foo-1.0-py3-none-any-cu128.whl"]
    metadata = package_finder.variant_metadata(files, V1)
    assert metadata is not None and list(metadata.variants) == ["null"]
    assert list(files.variants_json) == [Version("2.0")]


def test_layers(tmp_path: Path, cache: Cache) -> None:
    """What a nearer layer's index has is never looked for further down; the rest is."""
    near, far = Site(tmp_path / "near"), Site(tmp_path / "far")
    near.wheel("foo", "1.0")
    near.publish("foo")
    far_files = Site(tmp_path / "far-files")
    for place in (far, far_files):
        place.wheel("foo", "9.0" if place is far else "8.0")
        place.wheel("bar", "9.0" if place is far else "8.0")
    far.publish("foo")
    far.publish("bar")
    below = SourceLayer(
        "pip", "https://default.invalid/simple", (str(far.folder / "simple"),), (str(far_files.files),)
    )
    package_finder = catalog_of(cache, IndexSettings(str(near.folder / "simple"), below=(below,)))
    assert names(package_finder, "foo") == ["foo-1.0-py3-none-any.whl"]
    assert names(package_finder, "bar") == ["bar-8.0-py3-none-any.whl", "bar-9.0-py3-none-any.whl"]
    with pytest.raises(ProjectNotFound) as caught:
        package_finder.project("nope")
    assert "default.invalid" not in str(caught.value)  # -i replaces pip's default index
    alone = catalog_of(cache, IndexSettings(find_links=(str(near.files),), no_index=True, below=(below,)))
    assert names(alone, "foo") == ["foo-1.0-py3-none-any.whl"]
    assert names(alone, "bar") == ["bar-8.0-py3-none-any.whl"]
    joined = catalog_of(cache, IndexSettings(find_links=(str(near.files),), below=(below,)))
    assert [name.split("-")[1] for name in names(joined, "foo")] == ["1.0", "8.0", "9.0"]


def test_not_found_says_who_was_asked(server: LoopbackServer, cache: Cache, tmp_path: Path) -> None:
    url = server.url.replace("://", "://me:secret@")
    missing = tmp_path / "missing"
    settings = IndexSettings(f"{url}/simple", (str(missing),), (str(tmp_path / "nowhere"),))
    with pytest.raises(ProjectNotFound) as caught:
        catalog_of(cache, settings).project("No.Such")
    message = f"{caught.value} {caught.value.hint}"
    assert "no-such was not found" in message and f"{server.url}/simple" in message
    assert "secret" not in message
    assert f"{missing}: named by the command line, and is not a folder" in message
    assert f"{tmp_path / 'nowhere'}: named by the command line, and does not exist" in message


def test_nothing_configured(cache: Cache) -> None:
    with pytest.raises(ProjectNotFound, match="no source is configured") as caught:
        catalog_of(cache, IndexSettings()).project("foo")
    assert "--index-url" in (caught.value.hint or "")


def test_an_absence_remembered_from_before_is_asked_about(
    site: Site, server: LoopbackServer, cache: Cache
) -> None:
    settings = IndexSettings(f"{server.url}/simple")
    with pytest.raises(ProjectNotFound):
        catalog_of(cache, settings).project("foo")
    site.wheel("foo")
    site.publish("foo")
    assert names(catalog_of(cache, settings), "foo") == ["foo-1.0-py3-none-any.whl"]


def test_refreshing_one_project(site: Site, server: LoopbackServer, cache: Cache) -> None:
    site.wheel("foo", "1.0")
    site.publish("foo")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    package_finder.project("foo")
    site.wheel("foo", "2.0")
    site.publish("foo")
    assert len(package_finder.project("foo").wheels) == 1
    assert len(package_finder.project("foo", refresh=True).wheels) == 2
    assert len(package_finder.project("foo").wheels) == 2


# --- variant metadata ---


@pytest.fixture
def variants(site: Site) -> Site:
    for label in (None, "null", "cu128", "cu130"):
        site.wheel("foo", label=label, padding=200_000)
    site.wheel("foo", label="cu128", tag="cp310-abi3-linux_x86_64", padding=200_000)
    site.wheel("foo", "2.0")
    return site


def test_index_level_metadata(variants: Site, server: LoopbackServer, cache: Cache) -> None:
    variants.variants_json("foo")
    variants.publish("foo")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    project = package_finder.project("foo")
    assert package_finder.variant_metadata(project, V1) == CUDA
    assert package_finder.variant_metadata(project, Version("2.0")) is None
    assert server.paths == ["/simple/foo/", "/files/foo-1.0-variants.json"]
    again = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    assert again.variant_metadata(again.project("foo"), V1) == CUDA
    assert len(server.requests) == 2


def test_index_level_metadata_of_a_rebuilt_index(
    variants: Site, server: LoopbackServer, cache: Cache
) -> None:
    variants.variants_json("foo")
    variants.publish("foo")
    settings = IndexSettings(f"{server.url}/simple")
    first = catalog_of(cache, settings)
    first.variant_metadata(first.project("foo"), V1)
    smaller = json.loads((variants.files / "foo-1.0-variants.json").read_text())
    del smaller["variants"]["cu130"]
    variants.variants_json("foo", content=json.dumps(smaller).encode())
    variants.publish("foo")
    second = catalog_of(cache, replace(settings, refresh=True))
    metadata = second.variant_metadata(second.project("foo"), V1)
    assert metadata is not None and "cu130" not in metadata.variants
    third = catalog_of(cache, settings)
    assert third.variant_metadata(third.project("foo"), V1) == metadata


def test_index_level_metadata_with_a_wrong_hash(variants: Site, server: LoopbackServer, cache: Cache) -> None:
    path = variants.variants_json("foo")
    variants.publish("foo")
    path.write_bytes(path.read_bytes() + b"\n")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    with pytest.raises(HashMismatch, match=r"foo-1\.0-variants\.json.*promises sha256"):
        package_finder.variant_metadata(package_finder.project("foo"), V1)


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b"\xff", b'{"$schema": "x"}'])
@pytest.mark.parametrize("local", [True, False])
def test_malformed_index_level_metadata(
    variants: Site, server: LoopbackServer, cache: Cache, content: bytes, local: bool
) -> None:
    variants.variants_json("foo", content=content)
    variants.publish("foo")
    where = str(variants.folder / "simple") if local else f"{server.url}/simple"
    package_finder = catalog_of(cache, IndexSettings(where))
    with pytest.raises(InvalidVariantError, match=r"foo-1\.0-variants\.json"):
        package_finder.variant_metadata(package_finder.project("foo"), V1)


def test_a_promised_index_level_file_that_is_not_there(
    variants: Site, server: LoopbackServer, cache: Cache
) -> None:
    path = variants.variants_json("foo")
    variants.publish("foo", hashes=False)
    path.unlink()
    for where in (f"{server.url}/simple", str(variants.folder / "simple")):
        package_finder = catalog_of(cache, IndexSettings(where))
        with pytest.raises(SourceError, match=r"foo-1\.0-variants\.json.*not there"):
            package_finder.variant_metadata(package_finder.project("foo"), V1)


@pytest.mark.parametrize("where", ["http", "folder", "find-links"])
def test_without_index_level_metadata_one_wheel_a_label_is_read(
    variants: Site, server: LoopbackServer, cache: Cache, where: str
) -> None:
    variants.publish("foo")
    settings = {
        "http": IndexSettings(f"{server.url}/simple"),
        "folder": IndexSettings(str(variants.folder / "simple")),
        "find-links": IndexSettings(find_links=(str(variants.files),), no_index=True),
    }[where]
    package_finder = catalog_of(cache, settings)
    assert package_finder.variant_metadata(package_finder.project("foo"), V1) == CUDA
    if where == "http":
        assert len(server.requests) == 4  # the page, and one range for each of three labels
        assert all(request.status == 206 for request in server.requests[1:])
        again = catalog_of(cache, settings)
        assert again.variant_metadata(again.project("foo"), V1) == CUDA
        assert len(server.requests) == 4


def test_only_the_wheels_in_question_are_read(variants: Site, server: LoopbackServer, cache: Cache) -> None:
    variants.publish("foo")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    project = package_finder.project("foo")
    wanted = [link for link in project.wheels_of(V1) if link.wheel.label == "cu130"]
    metadata = package_finder.variant_metadata(project, V1, wanted)
    assert metadata is not None and list(metadata.variants) == ["cu130"]
    assert len(server.requests) == 2


def test_wheels_whose_metadata_disagrees(cache: Cache, site: Site) -> None:
    site.wheel("foo", label="cu128")
    other = replace(CUDA, namespaces=("amd", "nvidia"), providers={})
    from variantctl.wheels.build import build_wheel

    build_wheel(
        site.files, name="foo", version="1.0", label="null", metadata=replace(other, variants={"null": {}})
    )
    package_finder = catalog_of(cache, IndexSettings(find_links=(str(site.files),), no_index=True))
    with pytest.raises(InvalidVariantError) as caught:
        package_finder.variant_metadata(package_finder.project("foo"), V1)
    assert "foo-1.0-py3-none-any-cu128.whl" in str(caught.value)
    assert "foo-1.0-py3-none-any-null.whl" in str(caught.value)


def test_a_label_without_variant_json(cache: Cache, site: Site) -> None:
    site.wheel("foo").rename(site.files / "foo-1.0-py3-none-any-cu128.whl")
    package_finder = catalog_of(cache, IndexSettings(find_links=(str(site.files),), no_index=True))
    with pytest.raises(WheelError, match=r"no variant\.json"):
        package_finder.variant_metadata(package_finder.project("foo"), V1)


# --- core metadata ---


@pytest.mark.parametrize("how", ["sidecar", "ranges", "whole", "folder"])
def test_core_metadata(site: Site, server: LoopbackServer, cache: Cache, how: str) -> None:
    site.wheel("foo", requires=("bar>=1", "baz; extra == 'x'"), padding=300_000)
    site.publish("foo", sidecars=how == "sidecar")
    server.ranges = "ignore" if how == "whole" else "serve"
    index = str(site.folder / "simple") if how == "folder" else f"{server.url}/simple"
    package_finder = catalog_of(cache, IndexSettings(index))
    (link,) = package_finder.project("foo").wheels
    metadata = package_finder.core_metadata(link)
    assert metadata.requires_dist == ("bar>=1", "baz; extra == 'x'")
    assert package_finder.core_metadata(link) is metadata
    file = "/files/foo-1.0-py3-none-any.whl"
    expected = {"sidecar": [f"{file}.metadata"], "ranges": [file], "whole": [file, file], "folder": []}[how]
    assert [path for path in server.paths if path.startswith("/files/")] == expected
    count = len(server.requests)
    again = catalog_of(cache, IndexSettings(index))
    assert again.core_metadata(again.project("foo").wheels[0]) == metadata
    assert len(server.requests) == count
    assert bool(package_finder.notes) == (how == "whole")


def test_a_sidecar_that_is_not_the_promised_one(site: Site, server: LoopbackServer, cache: Cache) -> None:
    wheel = site.wheel("foo")
    site.publish("foo", sidecars=True)
    wheel.with_name(wheel.name + ".metadata").write_bytes(b"Name: foo\nVersion: 1.0\n")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    with pytest.raises(HashMismatch, match=r"\.whl\.metadata"):
        package_finder.core_metadata(package_finder.project("foo").wheels[0])


def test_a_promised_sidecar_that_is_not_there(site: Site, server: LoopbackServer, cache: Cache) -> None:
    wheel = site.wheel("foo", requires=("bar",))
    site.publish("foo", sidecars=True)
    wheel.with_name(wheel.name + ".metadata").unlink()
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    assert package_finder.core_metadata(package_finder.project("foo").wheels[0]).requires_dist == ("bar",)
    assert "not there" in package_finder.notes[0]


@pytest.mark.parametrize("content", [b"Name: evil\nVersion: 1.0\n", b"Name: foo\nVersion: 2.0\n"])
def test_metadata_that_lies(site: Site, server: LoopbackServer, cache: Cache, content: bytes) -> None:
    wheel = site.wheel("foo")
    site.publish("foo", hashes=False, attributes={wheel.name: {"data-core-metadata": "true"}}, pages=["html"])
    wheel.with_name(wheel.name + ".metadata").write_bytes(b"Metadata-Version: 2.1\n" + content)
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    with pytest.raises(WheelError, match="its METADATA is that of"):
        package_finder.core_metadata(package_finder.project("foo").wheels[0])


@pytest.mark.parametrize("content", [b"", b"not a zip file at all" * 10_000])
def test_a_remote_file_that_is_no_wheel(
    site: Site, server: LoopbackServer, cache: Cache, content: bytes
) -> None:
    (site.files / "foo-1.0-py3-none-any.whl").write_bytes(content)
    site.publish("foo")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    with pytest.raises(WheelError, match=r"foo-1\.0-py3-none-any\.whl"):
        package_finder.core_metadata(package_finder.project("foo").wheels[0])


def test_metadata_of_one_index_does_not_answer_for_another(
    site: Site, server: LoopbackServer, public: Site, public_server: LoopbackServer, cache: Cache
) -> None:
    wheel = site.wheel("foo", requires=("bar",))
    site.publish("foo", pages=["html"])
    (public.files / wheel.name).write_bytes(wheel.read_bytes())
    lie = public.files / f"{wheel.name}.metadata"
    lie.write_bytes(b"Metadata-Version: 2.1\nName: foo\nVersion: 1.0\nRequires-Dist: evil\n")
    public.publish("foo", attributes={wheel.name: {"data-core-metadata": "true"}}, pages=["html"])
    liar = catalog_of(cache, IndexSettings(f"{public_server.url}/simple"))
    assert liar.core_metadata(liar.project("foo").wheels[0]).requires_dist == ("evil",)
    honest = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    assert honest.core_metadata(honest.project("foo").wheels[0]).requires_dist == ("bar",)


@pytest.mark.parametrize("hashes", [True, False])
def test_metadata_of_a_wheel_without_a_hash_is_remembered_as_long_as_a_page(
    site: Site, server: LoopbackServer, cache: Cache, monkeypatch: pytest.MonkeyPatch, hashes: bool
) -> None:
    site.wheel("foo", requires=("old",))
    site.publish("foo", hashes=hashes, pages=["html"])
    settings = IndexSettings(f"{server.url}/simple")

    def read() -> tuple[str, ...]:
        package_finder = catalog_of(cache, settings)
        return package_finder.core_metadata(package_finder.project("foo").wheels[0]).requires_dist

    assert read() == ("old",)
    site.wheel("foo", requires=("new",))
    assert read() == ("old",)
    now = time.time()
    monkeypatch.setattr("variantctl.indexes.wheel_metadata.time.time", lambda: now + 601)
    assert read() == (("old",) if hashes else ("new",))


# --- files ---


def test_many_wheels_at_once(site: Site, server: LoopbackServer, cache: Cache) -> None:
    for number in range(6):
        site.wheel(f"foo{number}", padding=100_000)
        site.publish(f"foo{number}")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    links = [package_finder.project(f"foo{number}").wheels[0] for number in range(6)]
    server.rule(f"/files/{links[0].file.filename}", delay=0.1)
    seen: dict[str, int] = {}
    threads: set[int] = set()

    def progress_of(link: object) -> object:
        name = links[len(seen)].file.filename
        seen[name] = 0

        def progress(done: int, total: int | None) -> None:
            threads.add(threading.get_ident())
            seen[name] = done

        return progress

    fetched = package_finder.fetch_many(links, progress=progress_of)  # type: ignore[arg-type]
    assert [wheel.path.name for wheel in fetched] == [link.file.filename for link in links]
    assert all(seen[wheel.path.name] == wheel.path.stat().st_size for wheel in fetched)
    assert len(threads) > 1 and threading.get_ident() not in threads
    assert package_finder.fetch_many([]) == []


def test_the_first_failure_stops_the_others(site: Site, server: LoopbackServer, cache: Cache) -> None:
    for number in range(3):
        site.wheel(f"foo{number}", padding=100_000)
        site.publish(f"foo{number}")
    package_finder = catalog_of(cache, IndexSettings(f"{server.url}/simple"))
    links = [package_finder.project(f"foo{number}").wheels[0] for number in range(3)]
    bad = replace(links[0], file=replace(links[0].file, hashes={"sha256": "0" * 64}))
    for link in links[1:]:
        server.rule(f"/files/{link.file.filename}", delay=0.5)
    with pytest.raises(HashMismatch):
        package_finder.fetch_many([*links[1:], bad])
    assert len(list(cache.root.rglob("*.whl"))) == 0


# --- offline ---


def test_a_second_run_needs_no_network(variants: Site, server: LoopbackServer, cache: Cache) -> None:
    variants.variants_json("foo")
    variants.publish("foo", sidecars=True)
    settings = IndexSettings(f"{server.url}/simple")

    def run(settings: IndexSettings) -> list[object]:
        package_finder = catalog_of(cache, settings)
        project = package_finder.project("foo")
        link = project.wheels_of(V1)[0]
        return [
            package_finder.variant_metadata(project, V1),
            package_finder.core_metadata(link),
            package_finder.fetch(link),
        ]

    first = run(settings)
    count = len(server.requests)
    assert run(settings) == first
    assert run(replace(settings, offline=True)) == first
    assert len(server.requests) == count


def test_offline_with_an_empty_cache(site: Site, server: LoopbackServer, cache: Cache) -> None:
    settings = IndexSettings(f"{server.url}/simple", offline=True)
    with pytest.raises(OfflineError, match="foo is not in the cache"):
        catalog_of(cache, settings).project("foo")
    site.wheel("foo")
    local = replace(settings, find_links=(str(site.files),))
    assert names(catalog_of(cache, local), "foo") == ["foo-1.0-py3-none-any.whl"]
    assert server.requests == []
