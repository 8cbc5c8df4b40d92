"""The code blocks of the documentation, with what the comments above them say.

A block in `sh` is run by the tests. A comment on the line before it may say more:

`<!-- skip: why -->`        it is not run
`<!-- file: NAME -->`       its content is written to NAME, for the blocks after it
`<!-- with: ONE, TWO -->`   things that are prepared before it (`tests/docs/preparations.py`)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
_BLOCK = re.compile(
    r"(?P<comments>(?:^<!--[^\n]*-->\n)*)^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<content>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)
_COMMENT = re.compile(r"<!-- (skip|file|with): (.*?) -->")


@dataclass(frozen=True)
class Block:
    """One block.

    Attributes:
        page: below the repository's folder.
        line: where it begins.
        language: what stands after the backticks.
        content: without its indentation.
        said: what the comments above it say.
    """

    page: str
    line: int
    language: str
    content: str
    said: Mapping[str, str]


def blocks(path: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(
            str(path.relative_to(ROOT)),
            text.count("\n", 0, found.start("indent")) + 1,
            found["language"],
            re.sub(rf"^{found['indent']}", "", found["content"], flags=re.MULTILINE),
            dict(_COMMENT.findall(found["comments"])),
        )
        for found in _BLOCK.finditer(text)
    ]


def commands(path: Path) -> list[Block]:
    """The blocks of a page that a test runs or prepares."""
    return [
        block
        for block in blocks(path)
        if "skip" not in block.said and (block.language == "sh" or "file" in block.said)
    ]
