"""A console of rich's on which only our own styling steers the terminal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from variantctl.cli.tables import NARROW, NARROWEST, fold
from variantctl.cli.terminal import hidden, visible

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType, RenderResult


class StyledConsole(Console):
    """Shows control characters in what it is given; writes to a stream without a ``Sink``.

    Whatever is rendered becomes segments in ``render``: text, which is shown, and rich's own controls, which
    move the cursor for progress bars.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """Show the controls before the text is measured, so that columns stay in line."""
        return super().render_str(visible(hidden(text)), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does, with the controls of every text shown."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(hidden(segment.text)))


class StackedTable(Table):
    """A table for narrow terminals, too.

    Cells are folded at spaces, ``_`` and ``-``. Where a terminal has less than a hundred columns and the rows
    do not fit, columns that are empty or spare are given up. Below sixty, and where columns would break words
    every few letters, the table becomes a list, one line a cell.

    Args:
        headers: titles of the first columns.
        spare: titles of columns that a narrow terminal can do without, since the others say the same.
    """

    _SPARING = 100

    def __init__(self, *headers: str, spare: Collection[str] = ()) -> None:
        super().__init__(*headers)
        self._spare = spare

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or the list."""
        columns = self._texts()
        fits = self._fits(columns, options.max_width)
        if not fits and NARROW <= options.max_width < self._SPARING:
            self.columns = [
                column
                for column, texts in zip(self.columns, columns, strict=True)
                if column.header not in self._spare and any(text.plain for text in texts[1:])
            ]
            columns = self._texts()
        needed = [min(NARROWEST, max(cell.cell_len for cell in column)) for column in columns]
        room = sum(needed) + 3 * len(columns) + 1 <= options.max_width  # with the lines between the columns
        if fits or (room and options.max_width >= NARROW):
            self._fold(columns, console, options)
            yield from super().__rich_console__(console, options)
            return
        for row in zip(*(column[1:] for column in columns), strict=True):
            said = [(column[0], cell) for column, cell in zip(columns, row, strict=True) if cell.plain]
            for place, (title, cell) in enumerate(said):
                line = Text.assemble(title, ": ", cell)
                yield Padding(line, (0, 0, 0, 2 if place else 0))

    def _texts(self) -> list[list[Text]]:
        return [[Text.from_markup(str(cell)) for cell in (c.header, *c.cells)] for c in self.columns]

    def _fits(self, columns: Sequence[Sequence[Text]], width: int) -> bool:
        return sum(max(cell.cell_len for cell in column) + 3 for column in columns) + 1 <= width

    def _fold(self, columns: Sequence[Sequence[Text]], console: Console, options: ConsoleOptions) -> None:
        """Break cells as ``tables.fold`` does, for the widths that rich gives the columns."""
        room = options.update_width(options.max_width - self._extra_width)
        widths = self._calculate_column_widths(console, room)
        for column, texts, width in zip(self.columns, columns, widths, strict=True):
            column._cells = [_folded(text, width - 2) for text in texts[1:]]


def _folded(text: Text, width: int) -> Text:
    """Lines of at most *width*, each with its style."""
    lines, end = [], 0
    for line in fold(text.plain, max(width, 1)):
        begin = text.plain.index(line, end)
        end = begin + len(line)
        lines.append(text[begin:end])
    return Text("\n").join(lines)
