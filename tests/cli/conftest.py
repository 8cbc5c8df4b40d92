"""What tests of several commands ask: the demo's index over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from variant_index.build import build_index

from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo's index (torch 2.10.0 as it was published); the URL of its pages."""
    folder = tmp_path_factory.mktemp("demo-index")
    build_wheels(folder / "wheels")
    build_index(folder / "wheels", folder / "site")
    with serve(folder / "site") as root:
        yield f"{root}/simple/"
