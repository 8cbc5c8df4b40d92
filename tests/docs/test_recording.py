"""README's picture of a terminal shows what the commands print."""

from __future__ import annotations

import os

import pytest

from docs.generate.recording import COMMANDS, PICTURE, lines, picture
from tests.docs.blocks import ROOT


@pytest.mark.skipif(os.name == "nt", reason="the paths in the picture are Unix's")
def test_the_picture_is_what_the_commands_print() -> None:
    printed = lines()
    assert [line[2:] for line in printed if line.startswith("$ ")] == list(COMMANDS)
    told = "the output has changed: python -m docs.generate.recording draws it anew"
    assert PICTURE.read_text(encoding="utf-8") == picture(printed), told
    assert str(PICTURE.relative_to(ROOT)) in (ROOT / "README.md").read_text(encoding="utf-8")
