"""Downloads with a progress bar for each wheel, drawn only where somebody is watching."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any

from variantctl.cli import render
from variantctl.cli.recovery import say_waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from variantctl.install.progress import ProgressEvent
    from variantctl.resolve.plan import PlannedInstall
    from variantctl.sources.arriving import Arriving
    from variantctl.sources.cache import Cache
    from variantctl.sources.catalog import Catalog
    from variantctl.sources.store import FetchedWheel


class Downloads:
    """Fetches planned wheels from a catalog; may be called from several threads.

    Bars appear on standard error, one for each wheel that comes over the network; nothing is drawn (and rich
    is not imported) where that is no terminal, under ``--quiet``, or where all wheels are here already.
    As long as this is open, nothing is taken out of the cache.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._visible = sys.stderr.isatty() and not render.is_quiet()
        self._bars: Any = None
        self._lock = Lock()
        self._fetched = False
        self._cancel = Event()
        self._in_use = ExitStack()

    def __enter__(self) -> Downloads:
        self._in_use.enter_context(self._catalog.cache.in_use())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._bars is not None:
                self._bars.stop()
                self._bars = None
        self._in_use.close()
        if self._fetched and error is None:
            _enforce_limit(self._catalog.cache)

    def fetch(self, planned: PlannedInstall, reader: Callable[[Arriving], None] | None = None) -> Path:
        """The wheel's file, every known hash checked; ``reader`` is given one that is being received."""
        self._fetched = True
        return self._fetch(planned, reader).path

    def sha256(self, planned: PlannedInstall) -> str:
        """The digest of the wheel's file, which is fetched for it."""
        return self._fetch(planned).sha256

    def show(self, event: ProgressEvent) -> None:
        """Say what an installation waits for, and give up what it does not want any more."""
        if event.stage == "stop":
            self._cancel.set()
        say_waiting(event)

    def _fetch(
        self, planned: PlannedInstall, reader: Callable[[Arriving], None] | None = None
    ) -> FetchedWheel:
        task: Any = None

        def progress(done_bytes: int, total: int | None) -> None:
            nonlocal task
            with self._lock:
                if self._bars is None:
                    self._bars = _bars()
                    self._bars.start()
                if task is None:
                    label = f" {planned.label}" if planned.label else ""
                    task = self._bars.add_task(f"{planned.name} {planned.version}{label}", total=None)
                self._bars.update(task, completed=done_bytes, total=total or planned.size)

        fetched = self._catalog.fetch(
            planned.link,
            progress=progress if self._visible else None,
            cancel=self._cancel,
            reader=reader,
        )
        with self._lock:
            if self._bars is not None and task is not None:
                self._bars.remove_task(task)
        return fetched


def _enforce_limit(cache: Cache) -> None:
    """Shrink the cache to what was configured, now that there is more in it; unless others use it."""
    from variantctl.sources.cache_limit import cache_limit

    limit = cache_limit()
    if limit is None:
        return
    from variantctl.install.clearing import enforce_limit

    cleared = enforce_limit(cache, limit)
    if cleared is not None and cleared.removed:
        render.detail(f"{len(cleared.removed)} wheels were taken out of the cache, which was over its limit")


def _bars() -> Any:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    return Progress(*columns, console=render.console(stderr=True), transient=True)
