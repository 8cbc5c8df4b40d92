"""The demo's packages, served once for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from variant_index.build import build_index

from tests.lock.bench import Bench, counted
from variantctl.demo.recipe import build_wheels


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    folder = tmp_path_factory.mktemp("demo")
    build_wheels(folder / "wheels")
    build_index(folder / "wheels", folder / "site")
    with counted(folder / "site") as (url, asked):
        yield f"{url}/simple/", asked


@pytest.fixture
def bench(tmp_path: Path, served: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]) -> Bench:
    index, asked = served
    return Bench(tmp_path, index, capsys, asked)
