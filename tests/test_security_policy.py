"""SECURITY.md names the test of each threat; each is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
NAMED = re.compile(r"^\| [^|]+ \| `(tests/[\w/]+\.py)::(\w+)` \|$", re.MULTILINE)


def test_every_named_test_exists() -> None:
    named = NAMED.findall((REPOSITORY / "SECURITY.md").read_text(encoding="utf-8"))
    assert len(named) >= 15
    for path, name in named:
        tree = ast.parse((REPOSITORY / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (
            f"{path}::{name}"
        )
