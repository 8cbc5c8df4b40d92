"""A console of rich's on which only our own styling steers the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

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
    """A table that becomes a list, one line a cell, where its columns would break words every few letters."""

    _NARROWEST = 12

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table, or the list."""
        columns = [[Text.from_markup(str(cell)) for cell in (c.header, *c.cells)] for c in self.columns]
        needed = [min(self._NARROWEST, max(cell.cell_len for cell in column)) for column in columns]
        if sum(needed) + 3 * len(columns) + 1 <= options.max_width:  # with the lines between the columns
            yield from super().__rich_console__(console, options)
            return
        for row in zip(*(column[1:] for column in columns), strict=True):
            said = [(column[0], cell) for column, cell in zip(columns, row, strict=True) if cell.plain]
            for place, (title, cell) in enumerate(said):
                line = Text.assemble(title, ": ", cell)
                yield Padding(line, (0, 0, 0, 2 if place else 0))
