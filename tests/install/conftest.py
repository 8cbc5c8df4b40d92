"""An environment of its own for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.install.support import Place, new_place, target_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return new_place(tmp_path)


@pytest.fixture
def target(tmp_path: Path) -> Place:
    return target_place(tmp_path)
