"""Tables in a terminal of 80 columns: words stay whole, and what can be done without is given up."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.text import Text

from tests.cli.test_install import METADATA, Shell
from variantctl.cli.styling import StyledConsole, _folded
from variantctl.cli.tables import fold


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.variants("torch", "2.0", METADATA)
    shell.world.add("torch", "2.0")
    return shell


def table(shell: Shell, columns: int, *arguments: str) -> list[str]:
    shell.environ["COLUMNS"] = str(columns)
    out = shell.run(*arguments, "--profile", "h100", "--no-index", "-f", "wheels", "-p", "env").stdout
    return [line for line in out.splitlines() if line[:1] in "┏┃┡│└"]


def test_explain_at_80_columns(shell: Shell) -> None:
    lines = table(shell, 80, "explain", "torch")
    assert max(map(len, lines)) <= 80
    assert "why" in lines[1] and "wheel" not in lines[1]
    # No name of a property is cut in two where a line has room for it.
    assert any("cuda_version_lower_bound" in line for line in lines)
    wide = table(shell, 160, "explain", "torch")
    assert "wheel" in wide[1] and any("torch-2.0-py3-none-any-cuda12.whl" in line for line in wide)


def test_a_plan_is_folded_between_words(shell: Shell) -> None:
    lines = table(shell, 80, "explain", "--plan", "torch")
    reasons = [line.split("│")[-2].strip() for line in lines if line.startswith("│")]
    assert " ".join(reasons).startswith("nvidia :: cuda_version_lower_bound :: 12.0, sm_arch :: 90_real")


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("nvidia :: cuda_version_lower_bound", 24, ["nvidia ::", "cuda_version_lower_bound"]),
        ("a cuda_version_lower_bound", 14, ["a cuda_", "version_lower_", "bound"]),
        ("torch-2.0-py3-none-any.whl", 12, ["torch-2.0-", "py3-none-", "any.whl"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("", 3, [""]),
    ],
)
def test_where_a_text_is_broken(text: str, width: int, lines: list[str]) -> None:
    assert fold(text, width) == lines
    assert _folded(Text(text), width).plain == "\n".join(lines)


def test_a_folded_text_keeps_its_style() -> None:
    text = Text.assemble("one ", ("two three", "bold"), " four")
    folded = _folded(text, 7)
    assert folded.plain == "one two\nthree\nfour"
    bold = [
        segment.text
        for segment in StyledConsole(width=20).render(folded)
        if segment.style and segment.style.bold
    ]
    assert "".join(bold) == "twothree"
