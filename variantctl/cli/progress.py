"""Progress bars, drawn only when somebody is watching and it takes a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Timer
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

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                DownloadColumn(),
                TimeRemainingColumn(),
            )
            state["bar"] = Progress(*columns, console=console(stderr=True), transient=True)
            state["bar"].start()
            state["task"] = state["bar"].add_task(title, total=total)
        state["bar"].update(state["task"], completed=done, total=total)

    try:
        yield advance
    finally:
        if "bar" in state:
            state["bar"].stop()


class _Steps:
    """A bar that a timer starts, and that steps move whether or not it is shown yet."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total = title, total
        self._done, self._name = -1, ""
        self._bar: Any = None
        self._ended = False
        self._lock = Lock()

    def show(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        with self._lock:
            if self._ended:
                return
            self._bar = Progress(*columns, console=console(stderr=True), transient=True)
            self._bar.add_task(self._said(), total=self._total, completed=self._done)
            self._bar.start()

    def begin(self, name: str) -> None:
        with self._lock:
            self._done, self._name = self._done + 1, name
            if self._bar is not None:
                self._bar.update(self._bar.task_ids[0], description=self._said(), completed=self._done)

    def end(self) -> None:
        with self._lock:
            self._ended = True
            if self._bar is not None:
                self._bar.stop()

    def _said(self) -> str:
        return f"{self._title}: {self._name}"


@contextmanager
def progress_steps(title: str, total: int, *, after: float = 1.0) -> Iterator[Callable[[str], None]]:
    """A bar on standard error for work in steps that takes longer than ``after`` seconds.

    Yields what to call with the name of each step when it begins; it does nothing where nobody would see.
    """
    if is_quiet() or not sys.stderr.isatty():
        yield lambda _name: None
        return
    steps = _Steps(title, total)
    timer = Timer(after, steps.show)
    timer.daemon = True
    timer.start()
    try:
        yield steps.begin
    finally:
        timer.cancel()
        steps.end()
