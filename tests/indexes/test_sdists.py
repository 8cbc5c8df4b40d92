"""Building with ``build``, where there is no uv (with uv: tests/cli/test_build.py)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from packaging.utils import NormalizedName

from tests.cli.test_build import add_sdist
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import WheelCache
from variantctl.config.settings import IndexSettings
from variantctl.indexes import sdists
from variantctl.indexes.find_links import FindLinks
from variantctl.indexes.sdists import BuildError, Builds
from variantctl.net.client import HttpClient


@pytest.fixture(autouse=True)
def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdists, "_uv", lambda: None)


def built(tmp_path: Path, client: HttpClient, python: Path) -> str:
    """The name of the wheel that is built of ``thing-1.0.tar.gz``."""
    add_sdist(tmp_path / "files", "1.0")
    cache = Cache(tmp_path / "cache")
    building = Builds(
        {NormalizedName("thing")}, python, lambda link: True, "py3-none-any", cache, IndexSettings()
    )
    files = FindLinks(str(tmp_path / "files"), client).project("thing")
    assert files is not None
    (promised,) = building.offered(files).wheels
    return building.wheel(promised, WheelCache(cache, client).fetch).file.filename


@pytest.mark.skipif(importlib.util.find_spec("build") is None, reason="'build' is not installed")
def test_build_takes_the_place_of_uv(tmp_path: Path, client: HttpClient) -> None:
    assert built(tmp_path, client, Path(sys.executable)) == "thing-1.0-py3-none-any.whl"


def test_nothing_to_build_with(tmp_path: Path, client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BuildError, match="nothing is there to build it with") as caught:
        built(tmp_path, client, Path(sys.executable))
    assert "variantctl[build]" in (caught.value.hint or "")
