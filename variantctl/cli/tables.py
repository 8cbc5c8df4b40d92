"""Tables of plain text: drawing one with rich would take longer than all else that a command does."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

NARROWEST = 12
"""No column is folded to less than this."""
NARROW = 60
"""Below this width, a table that does not fit becomes a list: its columns would be a few letters wide."""
_GAP = "  "


def plain(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, folded to a terminal's width; in a pipe each row is one line, for what reads it.

    Columns that are empty in every row are left out. Where the columns would break words every few letters,
    each row becomes a list.
    """
    if not rows:
        return ""
    kept = [place for place in range(len(header)) if any(row[place] for row in rows)]
    cells = [[row[place] for place in kept] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    room = _width()
    if room is not None:
        natural, widths = widths, _fitted(widths, room)
        if _needed(widths) > room or (room < NARROW and widths != natural):
            return _stacked(cells, room)
    cells.insert(1, ["-" * width for width in widths])
    return "".join(line for row in cells for line in _lines(row, widths))


def _width() -> int | None:
    """The terminal's; None where it is none, and nobody says COLUMNS."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def _needed(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _stacked(cells: Sequence[Sequence[str]], room: int) -> str:
    """``Package: torch``, and below it, indented, what the other columns have."""
    lines = []
    header, *rows = cells
    for row in rows:
        said = [
            f"{title}: {cell}" if title else cell for title, cell in zip(header, row, strict=True) if cell
        ]
        for place, text in enumerate(said):
            first, *rest = fold(text, max(room - 4, NARROWEST))
            lines += [f"{'  ' if place else ''}{first}", *(f"    {line}" for line in rest)]
    return "".join(f"{line}\n" for line in lines)


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """The widest columns give way until the row fits, each down to a dozen characters."""
    found = list(widths)
    while _needed(found) > room:
        widest = max(range(len(found)), key=found.__getitem__)
        if found[widest] <= NARROWEST:
            break
        found[widest] -= 1
    return found


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    folded = [fold(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(map(len, folded))
    lines = []
    for place in range(height):
        parts = [
            (cell[place] if place < len(cell) else "").ljust(width)
            for cell, width in zip(folded, widths, strict=True)
        ]
        lines.append(_GAP.join(parts).rstrip() + "\n")
    return lines


def fold(text: str, width: int) -> list[str]:
    """Lines of at most *width*, broken after a space behind their first third, else after one of ``_-,/``."""
    lines = []
    while len(text) > width:
        space = text.rfind(" ", width // 3, width + 1) + 1
        at = space or max(text.rfind(mark, 0, width) for mark in " _-,/") + 1 or width
        lines.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [*lines, text]
