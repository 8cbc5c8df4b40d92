"""A fresh world for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.resolve.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """No wheels yet, nothing installed, a machine that supports nothing."""
    return World(tmp_path)
