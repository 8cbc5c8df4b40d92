"""docs/doctor.md lists every kind of finding."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import variantctl.doctor

ROOT = Path(__file__).parents[2]


def kinds() -> Iterator[str]:
    """The second argument of every ``Finding(...)`` in the room; of a computed one the words in it."""
    for path in Path(variantctl.doctor.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                second = node.args[1]
                if isinstance(second, ast.Constant):
                    yield str(second.value)


def test_every_kind_is_on_the_page() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text()
    computed = {"run-failed", "run-crashed", "run-hung", "driver-too-old", "other-vendor", "unused-build"}
    found = {*kinds(), *computed}
    assert len(found) > 25
    listed = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", page))
    assert found - listed == set()
