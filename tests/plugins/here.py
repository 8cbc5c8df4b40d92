"""A recorded machine that a detector takes for the one it runs on: libraries and tools are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from variant_providers import plugin as plugin_module
from variant_providers.plugin import Plugin
from variant_providers.probing.tree import Tree

MACHINES = Path(__file__).parents[2] / "fixtures" / "machines"


class Here(Tree):
    """A tree whose files stand for this machine's."""

    @property
    def is_local(self) -> bool:
        return True


def detect_here(plugin: type[Plugin], machine: str | Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a plugin reports on a machine of ``fixtures/machines``, or in a folder, taken for this one."""
    root = machine if isinstance(machine, Path) else MACHINES / machine / "tree"
    assert root.is_dir()
    with patch.context() as during:
        during.setattr(plugin_module, "Tree", lambda _root: Here(str(root)))
        return plugin.detect()


def in_tree(plugin: type[Plugin], machine: str) -> dict[str, Any]:
    """What a plugin reports on a machine of ``fixtures/machines``, by its files alone."""
    return plugin.detect(str(MACHINES / machine / "tree"))


def values(report: dict[str, Any]) -> dict[str, list[str]]:
    """Feature -> values of a report."""
    return {feature["name"]: feature["values"] for feature in report["features"]}
