"""What a resolution asks of an index: as little as it can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexes.server import JSON_TYPE, LoopbackServer
from tests.resolve.world import PLATFORM, machine, variant_metadata
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.indexes.finder import PackageFinder
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request, resolve
from variantctl.variants.write import metadata_bytes

VERSIONS = [f"{major}.{minor}" for major in range(1, 31) for minor in range(10)]
BOUNDS = [f"12.{minor}" for minor in range(9)]
METADATA = variant_metadata(
    ["nvidia"],
    {"null": {}, **{f"cu{bound}": {"nvidia": {"cuda_version_lower_bound": [bound]}} for bound in BOUNDS}},
)
GPU = machine(nvidia={"cuda_version_lower_bound": ["12.5", "12.4", "12.3", "12.2", "12.1", "12.0"]})


def page(*, requires: dict[str, list[str]] | None = None) -> dict[str, bytes]:
    """An index with one project of 300 versions with 10 variants each: path -> content."""
    needs = requires or {}
    contents: dict[str, bytes] = {}
    files = []
    for version in VERSIONS:
        lines = ["Metadata-Version: 2.1", "Name: thing", f"Version: {version}"]
        lines += [f"Requires-Dist: {need}" for need in needs.get(version, [])]
        names = [f"thing-{version}-py3-none-any-{label}.whl" for label in METADATA.variants]
        for name in names:
            contents[f"/files/{name}.metadata"] = ("\n".join(lines) + "\n").encode()
        for name in (*names, f"thing-{version}-variants.json"):
            wheel = name.endswith(".whl")
            files.append({"filename": name, "url": f"/files/{name}", "hashes": {}, "core-metadata": wheel})
        contents[f"/files/thing-{version}-variants.json"] = metadata_bytes(METADATA)
    listed = {"meta": {"api-version": "1.1"}, "name": "thing", "versions": VERSIONS, "files": files}
    contents["/simple/thing/"] = json.dumps(listed).encode()
    return contents


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LoopbackServer]:
    (tmp_path / "site").mkdir()
    with LoopbackServer(tmp_path / "site") as server:
        yield server


def publish(server: LoopbackServer, contents: dict[str, bytes]) -> None:
    for path, content in contents.items():
        server.rule(path, body=content, headers={"Content-Type": JSON_TYPE if path[:7] == "/simple" else ""})


def label_of(server: LoopbackServer, cache: Path, requirement: str = "thing") -> tuple[str, str | None]:
    """The version and label that are planned for a machine with CUDA 12.5."""
    request = Request((parse_user_requirement(requirement),))
    settings = IndexSettings(index_url=f"{server.url}/simple/")
    with PackageFinder(settings, cache=Cache(cache), environ={}) as package_finder:
        plan = resolve(request, package_finder=package_finder, machine=GPU, platform=PLATFORM)
    (planned,) = plan.install
    return str(planned.version), planned.label


def test_one_page_one_variants_json_one_metadata(server: LoopbackServer, tmp_path: Path) -> None:
    publish(server, page())
    assert label_of(server, tmp_path / "cache") == ("30.9", "cu12.5")
    assert sorted(server.paths) == [
        "/files/thing-30.9-py3-none-any-cu12.5.whl.metadata",
        "/files/thing-30.9-variants.json",
        "/simple/thing/",
    ]


def test_a_bounded_requirement_costs_no_more(server: LoopbackServer, tmp_path: Path) -> None:
    publish(server, page())
    assert label_of(server, tmp_path / "cache", "thing<7") == ("6.9", "cu12.5")
    assert len(server.paths) == 3


def test_backtracking_asks_only_for_the_versions_it_tries(server: LoopbackServer, tmp_path: Path) -> None:
    """Three versions cannot be had; each costs a variants.json and some METADATA."""
    publish(server, page(requires={version: ["missing"] for version in VERSIONS[-3:]}))
    assert label_of(server, tmp_path / "cache") == ("30.6", "cu12.5")
    asked = [path for path in server.paths if path.startswith("/files/")]
    tried = {path.split("-")[1] for path in asked}
    assert {"30.9", "30.8", "30.7", "30.6"} <= tried
    # METADATA is asked for ahead in growing numbers once candidates fall; that is bounded, too.
    assert len(tried) <= 8
    assert server.paths.count("/simple/thing/") == 1
    assert len(asked) == len(set(asked))


def test_a_warm_cache_asks_for_no_page(server: LoopbackServer, tmp_path: Path) -> None:
    """What is fresh in the cache is not asked for."""
    server.cache_control = "max-age=600"
    publish(server, page())
    label_of(server, tmp_path / "cache")
    server.requests.clear()
    assert label_of(server, tmp_path / "cache") == ("30.9", "cu12.5")
    assert [path for path in server.paths if path == "/simple/thing/"] == []
