"""The terminal of README, from what commands print; ``python -m docs.generate.recording`` makes it anew.

The commands run on the demo's stand-in wheels, for machines that ship as profiles: all get the same picture.
"""

from __future__ import annotations

import html
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from variant_index.build import build_index

from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve

PICTURE = Path(__file__).parents[2] / "docs/images/terminal.svg"
COMMANDS = (
    "variantctl matrix torch --profile h100 --profile mi300x --profile x86-64-v3",
    "variantctl explain --plan torch --profile mi300x",
)
_COLUMNS, _LINE, _LETTER, _EDGE = 100, 18, 8.2, 16
_STYLE = """
    .window { fill: #f6f8fa; stroke: #8c959f }
    text { fill: #24292f; font: 13.6px monospace; white-space: pre } .command { font-weight: bold }
    @media (prefers-color-scheme: dark) { .window { fill: #161b22; stroke: #6e7681 } text { fill: #e6edf3 } }
"""


def lines() -> list[str]:
    """The commands, each after a ``$``, and what they print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_wheels(folder / "wheels")
        build_index(folder / "wheels", folder / "site")
        with serve(folder / "site") as root:
            kept = {each: os.environ[each] for each in ("PATH", "SYSTEMROOT") if each in os.environ}
            environ = {
                **kept,
                "HOME": name,
                "COLUMNS": str(_COLUMNS),
                "LC_ALL": "C.UTF-8",
                "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
                "VARIANTCTL_INDEX_URL": f"{root}/simple/",
            }
            found: list[str] = []
            for command in COMMANDS:
                words = [sys.executable, "-m", *command.split()]
                done = subprocess.run(
                    words, cwd=name, env=environ, capture_output=True, text=True, check=True, encoding="utf-8"
                )
                found += [f"$ {command}", *(line.rstrip() for line in done.stdout.splitlines()), ""]
    return found[:-1]


def picture(text: list[str]) -> str:
    """The SVG, which is read on light pages and on dark ones."""
    width, height = _COLUMNS * _LETTER + 2 * _EDGE, len(text) * _LINE + 2 * _EDGE
    shapes = [
        f'  <text x="{_EDGE}" y="{_EDGE + number * _LINE + 13}"{_kind(line)}>{html.escape(line)}</text>'
        for number, line in enumerate(text)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img"'
            ' aria-label="A terminal: what three machines would get of torch, and why">',
            f"  <style>{_STYLE}  </style>",
            f'  <rect class="window" x="1" y="1" width="{width - 2:.0f}" height="{height - 2}" rx="8"/>',
            *shapes,
            "</svg>",
            "",
        ]
    )


def _kind(line: str) -> str:
    return ' class="command"' if line.startswith("$ ") else ""


if __name__ == "__main__":
    PICTURE.write_text(picture(lines()), encoding="utf-8")
