"""Several builds of one version in one sub-index (2.10.0+cu128.9, 2.10.0+cu128.10): PEP 440 decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from packaging.version import Version

from tests.indexes.server import LoopbackServer
from tests.resolve.test_pytorch_backends import World, builds, installed
from variantctl.resolve.errors import NoCandidateError
from variantctl.select.preferences import VariantPreferences
from variantctl.wheels.build import build_wheel

TAG = "cp312-cp312-manylinux_2_28_x86_64"

Make = Callable[..., World]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """A source with the sub-index cu128, which has torch with these local versions."""
    servers: list[LoopbackServer] = []

    def make(*locals_: str, tags: tuple[str, ...] = (TAG,), build: str | None = None, **wheel: Any) -> World:
        page = tmp_path / "whl" / "cu128" / "torch"
        for local in locals_:
            for tag in tags:
                build_wheel(page, name="torch", version=f"2.10.0+{local}", tag=tag, build=build, **wheel)
        names = sorted(path.name for path in page.glob("*.whl"))
        anchors = (f'<a href="{quote(name)}">{name}</a>' for name in names)
        (page / "index.html").write_text("".join(anchors))
        if servers:
            return World(servers[0], tmp_path)
        servers.append(LoopbackServer(tmp_path).__enter__())
        return World(servers[0], tmp_path)

    yield make
    for server in servers:
        server.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("locals_", "best"),
    [
        # As text "cu128.10" comes before "cu128.9", and "cu128-" before "cu128.".
        (("cu128.9", "cu128.10"), "cu128.10"),
        (("cu128", "cu128.with.pypi.cudnn"), "cu128.with.pypi.cudnn"),
        (("cu128.1", "cu128.a"), "cu128.1"),
        (("cu128", "cu128.1"), "cu128.1"),
        (("cu128.git123", "cu128.2"), "cu128.2"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_goes_first(make: Make, locals_: tuple[str, ...], best: str, order: int) -> None:
    assert max(locals_, key=lambda local: Version(f"2.10.0+{local}")) == best
    world = make(*locals_[::order])
    assert builds(world.plan("h100", "torch"))["torch"] == (f"2.10.0+{best}", "cu128")


@pytest.mark.parametrize("local", ["cu128.9", "cu128.10", "cu128.11"])
def test_equals_takes_exactly_one(make: Make, local: str) -> None:
    world = make("cu128.9", "cu128.10", "cu128.11")
    for operator in ("==", "==="):
        requirement = f"torch{operator}2.10.0+{local}"
        assert builds(world.plan("h100", requirement))["torch"][0] == f"2.10.0+{local}"
        said = world.explain("h100", requirement)
        assert said.selected is not None and said.selected.link.version == Version(f"2.10.0+{local}")
        assert [wheel.verdict for wheel in said.wheels].count("selected") == 1
    with pytest.raises(NoCandidateError):
        world.plan("h100", "torch==2.10.0+cu128.12")


def test_not_equal_takes_the_next(make: Make) -> None:
    world = make("cu128.9", "cu128.10")
    assert builds(world.plan("h100", "torch!=2.10.0+cu128.10"))["torch"][0] == "2.10.0+cu128.9"


def test_what_one_needs_and_cannot_have_leads_to_the_next_build(make: Make) -> None:
    make("cu128.9")
    world = make("cu128.10", requires=["not-there>=1"])
    assert builds(world.plan("h100", "torch"))["torch"][0] == "2.10.0+cu128.9"


def test_a_newer_build_goes_before_better_tags(make: Make) -> None:
    make("cu128.9", tags=("cp312-cp312-manylinux_2_34_x86_64",))
    world = make("cu128.10", tags=("cp312-cp312-manylinux_2_17_x86_64",))
    assert builds(world.plan("h100", "torch"))["torch"][0] == "2.10.0+cu128.10"
    last = world.explain("h100", "torch").wheels[-1].reasons[0].detail
    assert last.endswith("which is the newer 2.10.0+cu128.10")


def test_the_reason_is_what_the_order_came_from(make: Make) -> None:
    make("cu128", build="1")
    make("cu128", build="12a")
    make("cu128", tags=("cp312-cp312-manylinux_2_17_x86_64",), build="99")
    world = make("cu128.1", tags=("py3-none-any",))
    said = {
        wheel.link.file.filename: wheel.reasons[0].detail for wheel in world.explain("h100", "torch").wheels
    }
    names = list(said)
    assert names == [
        "torch-2.10.0+cu128.1-py3-none-any.whl",
        f"torch-2.10.0+cu128-12a-{TAG}.whl",
        f"torch-2.10.0+cu128-1-{TAG}.whl",
        "torch-2.10.0+cu128-99-cp312-cp312-manylinux_2_17_x86_64.whl",
    ]
    before = dict(zip(names[1:], names, strict=False))
    assert said[names[1]] == f"comes after {before[names[1]]}, which is the newer 2.10.0+cu128.1"
    assert said[names[2]] == f"comes after {before[names[2]]}, whose build number 12a is higher"
    assert said[names[3]] == f"comes after {before[names[3]]}, whose tags fit better"


def test_what_is_installed_stays_until_upgraded(make: Make, tmp_path: Path) -> None:
    world = make("cu128.9", "cu128.10")
    there = installed(tmp_path / "there", "torch", "2.10.0+cu128.9")
    assert world.plan("h100", "torch", installed=there).install == ()
    again = world.plan("h100", "torch", installed=there, upgrade=True)
    assert builds(again)["torch"][0] == "2.10.0+cu128.10"


def test_a_lock_keeps_its_build(make: Make) -> None:
    world = make("cu128.9", "cu128.10")
    for policy in ("prefer", "any"):
        plan = world.plan(
            "h100",
            "torch",
            preferred={"torch": Version("2.10.0+cu128.9")},
            preferences=VariantPreferences.parse(accelerator=policy),
        )
        assert builds(plan)["torch"][0] == "2.10.0+cu128.9"
