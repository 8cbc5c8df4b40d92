"""Names that belong to no family read no table; the ten lines of docs/families.md make a new one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.families.test_one_identity import CUDA_12, CUDA_13, shipped
from tests.resolve.world import World, machine
from variantctl.families.knowledge import FamilyKnowledge
from variantctl.families.registry import Families, read_families
from variantctl.providers.algorithm import Machine

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = Path(__file__).parents[2] / "docs" / "families.md"


def test_no_table_is_read_where_no_name_is_a_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    table = FamilyKnowledge.table

    def noted(self: FamilyKnowledge, name: str) -> tuple[Mapping[str, object] | None, str, str]:
        read.append(name)
        return table(self, name)

    monkeypatch.setattr(FamilyKnowledge, "table", noted)
    world = World(tmp_path, machine(nvidia=CUDA_13), families=shipped())
    world.add("app", "1.0", ["numpy", "requests[socks]"])
    for name in ("numpy", "requests", "cupy-cuda13x"):
        world.add(name, "1.0")
    world.plan("app")
    assert read == []
    world.plan("app", "cupy")
    assert set(read) == {"cupy"}


@pytest.mark.parametrize(
    ("offers", "expected"),
    [(machine(nvidia=CUDA_13), "acme-cu13"), (machine(nvidia=CUDA_12), "acme-cu12"), (machine(), "acme")],
)
def test_the_ten_lines_of_the_page(tmp_path: Path, offers: Machine, expected: str) -> None:
    text = PAGE.read_text().partition("## A new family in ten lines")[2]
    block = text.partition("```toml\n")[2].partition("```")[0]
    assert len(block.splitlines()) <= 10
    _, changes = read_families(tomllib.loads(block)["families"], str(PAGE))
    families = Families(lambda: FamilyKnowledge(None), changes)
    world = World(tmp_path, offers, families=families)
    for name in ("acme", "acme-cu12", "acme-cu13"):
        world.add(name, "1.0")
    assert [each.distribution for each in world.plan("acme").install] == [expected]
