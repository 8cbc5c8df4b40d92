"""The floor plan as a picture, from the import contract; ``python -m docs.generate.floor_plan`` draws it."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs/images/floors.svg"
_ROW, _GAP, _LEFT, _WIDTH = 38, 6, 44, 620
_STYLE = """
    text { fill: #24292f; font: 14px sans-serif } .small { font-size: 12px; fill: #57606a }
    .room { fill: #f6f8fa; stroke: #8c959f } .beside { fill: none; stroke: #8c959f; stroke-dasharray: 5 4 }
    .name { font-weight: bold }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 } .small { fill: #9aa4ae } .room { fill: #21262d; stroke: #6e7681 }
    }
"""


def floors() -> list[list[str]]:
    """The rooms of each floor, the highest floor first, as the contract in pyproject.toml has them."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (each for each in tool["contracts"] if each.get("containers") == ["variantctl"])
    rows = [[name.strip() for name in line.split("|")] for line in contract["layers"]]
    return [rooms for rooms in rows if rooms != ["__main__"]]


def promises() -> dict[str, str]:
    """Room -> the first clause of what the page says that it promises."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| `([a-z_]+)(?:\.py)?` \| (.*) \|$", page, re.MULTILINE)
    return {room: re.split(r"[.;]|: ", said.replace("`", ""))[0] for room, said in rows}


def picture() -> str:
    """The SVG."""
    rows, said = floors(), promises()
    height = len(rows) * (_ROW + _GAP) + 20
    shapes = [line for number, rooms in enumerate(rows) for line in _floor(number, rooms, len(rows), said)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 {height}" role="img"'
            ' aria-label="The rooms of variantctl; each imports only those below it">',
            f"  <style>{_STYLE}  </style>",
            *shapes,
            *_beside(height),
            "</svg>",
            "",
        ]
    )


def _floor(number: int, rooms: list[str], floor_count: int, said: dict[str, str]) -> Iterator[str]:
    top = 10 + number * (_ROW + _GAP)
    yield f'  <text class="small" x="12" y="{top + 24}">{floor_count - number}</text>'
    width = (_WIDTH - (len(rooms) - 1) * _GAP) / len(rooms)
    for place, room in enumerate(sorted(rooms)):
        left = _LEFT + place * (width + _GAP)
        yield (
            f'  <rect class="room" x="{left:.0f}" y="{top}" width="{width:.0f}" height="{_ROW}" rx="5">'
            f"<title>{html.escape(said.get(room, ''))}</title></rect>"
        )
        yield f'  <text class="name" x="{left + 10:.0f}" y="{top + 24}">{room}</text>'
        if len(rooms) == 1:
            promise = html.escape(said.get(room, ""))
            yield f'  <text class="small" x="{left + 120:.0f}" y="{top + 24}">{promise}</text>'


def _beside(height: int) -> Iterator[str]:
    """The two packages that are no rooms of variantctl."""
    lines = {
        "variant_index": (
            "the static index.",
            "Only cli imports it; it sees",
            "indexes, wheels and variants",
        ),
        "variant_providers": ("the detectors, a folder a vendor.", "Reached through entry", "points only"),
    }
    half = (height - 26) / 2
    for number, (name, texts) in enumerate(lines.items()):
        top = 10 + number * (half + 6)
        yield f'  <rect class="beside" x="680" y="{top:.0f}" width="208" height="{half:.0f}" rx="5"/>'
        yield f'  <text class="name" x="694" y="{top + 28:.0f}">{name}</text>'
        for row, text in enumerate(texts):
            yield f'  <text class="small" x="694" y="{top + 52 + row * 20:.0f}">{text}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
