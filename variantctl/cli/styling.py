"""A console of rich's on which only our own styling steers the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.segment import Segment

from variantctl.cli.terminal import hidden, visible

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderableType
    from rich.text import Text


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
