"""A plan from PyTorch's indexes in the tables of uv and poetry."""

from __future__ import annotations

import sys

from tests.resolve.test_pytorch_backends import World, server, world  # noqa: F401 - fixtures
from variantctl.lock.exports import poetry_tables, requirements_of, uv_tables

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def test_tables_name_the_index_of_the_backend(world: World) -> None:  # noqa: F811 - a fixture
    plan = world.plan("h100", "torch", "torchvision")
    name, url = "pytorch-cu128", f"{world.server.url}/whl/cu128"
    uv = tomllib.loads(uv_tables(plan))["tool"]["uv"]
    assert [{**index, "url": index["url"].rstrip("/")} for index in uv["index"]] == [
        {"name": name, "url": url, "explicit": True}
    ]
    assert uv["sources"] == {"torch": {"index": name}, "torchvision": {"index": name}}
    poetry = tomllib.loads(poetry_tables(plan))["tool"]["poetry"]
    assert poetry["source"][0]["priority"] == "explicit"
    assert poetry["dependencies"]["torch"] == {"version": "2.10.0+cu128", "source": name}
    (line,) = (line for line in requirements_of(plan).splitlines() if line.startswith("torch @"))
    assert line.startswith(f"torch @ {url}/torch/torch-2.10.0%2Bcu128-") and line.endswith("  # cu128")
    assert "#sha256=" in line
