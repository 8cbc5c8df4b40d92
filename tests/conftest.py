"""A site, a server for it, clients that do not wait between retries; a fresh world for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.indexes.server import LoopbackServer
from tests.indexes.site import Site
from tests.resolve.world import World
from variantctl.cache.folder import Cache
from variantctl.net.client import HttpClient, HttpSettings

# Where this is set, each of some thousand children compiles all of our modules anew: a second for each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How long it takes to make an example says how busy the machine is, and nothing of the code.
settings.register_profile("busy machines", suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machines")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


@pytest.fixture
def server(site: Site) -> Iterator[LoopbackServer]:
    with LoopbackServer(site.folder) as server:
        yield server


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def waits() -> list[float]:
    """The waits between retries, recorded rather than waited."""
    return []


@pytest.fixture
def client(waits: list[float]) -> Iterator[HttpClient]:
    with HttpClient(HttpSettings(timeout=5), environ={}, sleep=waits.append) as client:
        yield client


@pytest.fixture
def world(tmp_path: Path) -> World:
    """No wheels yet, nothing installed, a machine that supports nothing."""
    return World(tmp_path)
