"""Progress bars, drawn only when somebody is watching and it takes a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING, Any

from variantctl.cli import render
from variantctl.cli.render import console, is_quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from variantctl.cache.folder import Cache
    from variantctl.cache.wheels import FetchedWheel
    from variantctl.indexes.finder import PackageFinder
    from variantctl.net.streaming_zip import StreamingZip
    from variantctl.resolve.plan import PlannedInstall


#: Off a terminal a download of this many bytes is told in a line when it begins; smaller ones are not.
_LARGE = 10_000_000


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


@contextmanager
def search_progress(*, after: float = 1.0) -> Iterator[Callable[[int, int], None] | None]:
    """One line on standard error while a search takes longer than ``after`` seconds.

    Yields what to call with the packages met and the versions looked at; ``None`` where nobody would see it.
    """
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    started = time.monotonic()
    with ExitStack() as shown:
        status: list[Any] = []

        def tell(packages: int, versions: int) -> None:
            if time.monotonic() - started < after:
                return
            said = f"resolving: {packages:,} packages, {versions:,} versions looked at"
            if not status:
                status.append(shown.enter_context(console(stderr=True).status(said)))
            status[0].update(said)

        yield tell


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


class Downloads:
    """Fetches planned wheels by a finder; may be called from several threads.

    Bars appear on standard error, one for each wheel that comes over the network; nothing is drawn (and rich
    is not imported) where that is no terminal, under ``--quiet``, or where all wheels are here already.
    As long as this is open, nothing is taken out of the cache.
    """

    def __init__(self, package_finder: PackageFinder, *, keep_archives: bool = False) -> None:
        self._package_finder = package_finder
        self._visible = sys.stderr.isatty() and not render.is_quiet()
        self._told = not (sys.stderr.isatty() or render.is_quiet())
        self._bars: Any = None
        self._lock = Lock()
        self._fetched = False
        self._keep_archives = keep_archives
        self._in_use = ExitStack()

    def __enter__(self) -> Downloads:
        self._in_use.enter_context(self._package_finder.cache.in_use())
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
            _enforce_limit(self._package_finder.cache)

    def fetch(
        self, planned: PlannedInstall, *, reader: Callable[[StreamingZip], None], cancel: Event
    ) -> Path:
        """The wheel's file, every known hash checked; ``reader`` is given one that is being received."""
        self._fetched = True
        return self._fetch(planned, reader, cancel).path

    def unpacked(self, planned: PlannedInstall) -> None:
        """Let go of the archive, unless archives are kept: what was unpacked of it is in the cache."""
        if not self._keep_archives:
            self._package_finder.let_go(planned.link)

    def fetched(self, planned: PlannedInstall) -> Path:
        """The wheel's file, every known hash checked; its name may be another one."""
        self._fetched = True
        return self._fetch(planned).path

    def sha256(self, planned: PlannedInstall) -> str:
        """The digest of the wheel's file, which is fetched for it."""
        return self._fetch(planned).sha256

    def _fetch(
        self,
        planned: PlannedInstall,
        reader: Callable[[StreamingZip], None] | None = None,
        cancel: Event | None = None,
    ) -> FetchedWheel:
        task: Any = None
        label = f" {planned.label}" if planned.label else ""
        named = f"{planned.distribution} {planned.version}{label}"
        said = False

        def tell(_done_bytes: int, total: int | None) -> None:
            nonlocal said
            size = total or planned.size
            if not said and size is not None and size >= _LARGE:
                said = True
                render.note(f"downloading {named} ({render.human_size(size)})")

        def progress(done_bytes: int, total: int | None) -> None:
            nonlocal task
            with self._lock:
                if self._bars is None:
                    self._bars = _bars()
                    self._bars.start()
                if task is None:
                    task = self._bars.add_task(named, total=None)
                self._bars.update(task, completed=done_bytes, total=total or planned.size)

        fetched = self._package_finder.fetch(
            planned.link,
            progress=progress if self._visible else tell if self._told else None,
            cancel=cancel,
            reader=reader,
        )
        with self._lock:
            if self._bars is not None and task is not None:
                self._bars.remove_task(task)
        return fetched


def _enforce_limit(cache: Cache) -> None:
    """Shrink the cache to what was configured, now that there is more in it; unless others use it."""
    from variantctl.config.cache import cache_limit

    limit = cache_limit()
    if limit is None:
        return
    from variantctl.cache.prune import enforce_limit

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
