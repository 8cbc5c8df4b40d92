"""Asking ahead: pages and METADATA of what comes next are fetched together, once each, without the wheels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from threading import Thread, current_thread

import pytest

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from tests.resolve.world import PLATFORM, machine
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.indexes import project_files_cache
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request, resolve
from variantctl.values import replace

LEAVES = [f"leaf{number}" for number in range(8)]
DELAY = 0.1


@pytest.mark.parametrize("sidecars", [True, False])
def test_what_comes_next_is_asked_for_at_once(tmp_path: Path, sidecars: bool) -> None:
    site = Site(tmp_path / "site")
    site.wheel("root", requires=tuple(LEAVES))
    wheels = {name: site.wheel(name, padding=200_000) for name in LEAVES}
    for name in ("root", *LEAVES):
        site.publish(name, sidecars=sidecars)
    with LoopbackServer(site.folder) as server:
        server.rule("*", delay=DELAY)
        request = Request(requirements=(parse_user_requirement("root"),))
        settings = IndexSettings(index_url=f"{server.url}/simple/")
        with PackageFinder(settings, cache=Cache(tmp_path / "cache"), environ={}) as package_finder:
            plan = resolve(request, package_finder=package_finder, machine=machine(), platform=PLATFORM)
        assert {planned.name for planned in plan.install} == {"root", *LEAVES}
        asked = Counter(server.paths)
    # One page and one METADATA for each, a sidecar or the end of the wheel; nothing twice.
    ending = ".metadata" if sidecars else ""
    expected = {f"/simple/{name}/" for name in ("root", *LEAVES)}
    expected |= {f"/files/{wheel.name}{ending}" for wheel in wheels.values()}
    assert expected <= asked.keys() and set(asked.values()) == {1} and len(asked) == 2 * len(LEAVES) + 2
    ranges = [request.headers.get("range") for request in server.requests if request.path.endswith(".whl")]
    assert all(ranges) and bool(ranges) != sidecars
    # Together: never more connections at a time than threads, and many at a time.
    assert 4 <= server.most_at_once <= 16


def test_offline_no_thread_reads_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for; threads would only take turns with the search."""
    site = Site(tmp_path / "site")
    site.wheel("root", requires=tuple(LEAVES))
    for name in LEAVES:
        site.wheel(name)
    for name in ("root", *LEAVES):
        site.publish(name, sidecars=True)
    readers: list[set[Thread]] = []
    load = project_files_cache.load

    def seen(data: bytes) -> ProjectFiles | None:
        readers[-1].add(current_thread())
        return load(data)

    monkeypatch.setattr(project_files_cache, "load", seen)
    request = Request(requirements=(parse_user_requirement("root"),))
    cache = Cache(tmp_path / "cache")
    with LoopbackServer(site.folder) as server:
        settings = IndexSettings(index_url=f"{server.url}/simple/")
        for offline in (False, True):
            readers.append(set())
            terms = replace(settings, offline=offline)
            with PackageFinder(terms, cache=cache, environ={}) as package_finder:
                plan = resolve(request, package_finder=package_finder, machine=machine(), platform=PLATFORM)
            assert {planned.name for planned in plan.install} == {"root", *LEAVES}
    assert readers[1] == {current_thread()}
