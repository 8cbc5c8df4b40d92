"""A progress bar for work on bytes, drawn only when somebody is watching and it takes a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from variantctl.cli.render import console, is_quiet


@contextmanager
def progress_bar(title: str, *, after: float = 1.0) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on standard error for work that takes longer than ``after`` seconds.

    Yields what to call with the bytes done and the bytes in all; ``None`` where nobody would see a bar.
    """
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    state: dict[str, Any] = {}

    def advance(done: int, total: int) -> None:
        if "bar" not in state:
            if time.monotonic() - started < after:
                return
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
            state["bar"] = Progress(*columns, console=console(stderr=True), transient=True)
            state["bar"].start()
            state["task"] = state["bar"].add_task(title, total=total)
        state["bar"].update(state["task"], completed=done, total=total)

    try:
        yield advance
    finally:
        if "bar" in state:
            state["bar"].stop()
