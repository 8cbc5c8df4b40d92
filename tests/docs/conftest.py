"""An index of stand-in wheels, made once for all pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from variant_index.build import build_index

from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve
from variantctl.wheels.build import build_wheel


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stand-ins")
    build_wheels(folder)
    for name in ("torchvision", "helper", "jieba"):
        requires = ["torch"] if name == "torchvision" else []
        build_wheel(folder, name=name, version="1.0", files={f"{name}.py": b"\n"}, requires=requires)
    return folder


@pytest.fixture(scope="session")
def index(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    site = tmp_path_factory.mktemp("site")
    build_index(wheels, site)
    with serve(site) as root:
        yield f"{root}/simple/"
