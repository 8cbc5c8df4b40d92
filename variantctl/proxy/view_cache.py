"""The projects that were asked for lately; each is looked up once, however many ask for it at a time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable

import anyio
import anyio.to_thread
from packaging.utils import NormalizedName

from variantctl.indexes.errors import ProjectNotFound
from variantctl.proxy.project_view import ProjectView
from variantctl.values import dataclass

LIFETIME = 60.0
"""Seconds after which a project is looked up again; whether its index is asked then, the page cache says."""
_KEPT = 64
_AT_ONCE = 8


@dataclass(frozen=True)
class Viewed:
    """A project with its pages as they are sent; ``missing``: no source has it."""

    shelf: ProjectView | None
    html: bytes = b""
    json: bytes = b""
    missing: ProjectNotFound | None = None
    since: float = 0.0


class ProjectViewCache:
    """Remembers a few dozen projects for a minute each.

    Args:
        look_up: finds a project and writes its pages; called in a thread.
    """

    def __init__(self, look_up: Callable[[NormalizedName], Viewed]) -> None:
        self._look_up = look_up
        self._kept: OrderedDict[NormalizedName, Viewed] = OrderedDict()
        self._coming: dict[NormalizedName, asyncio.Task[Viewed]] = {}
        self._limit: anyio.CapacityLimiter | None = None

    async def get(self, name: NormalizedName) -> Viewed:
        """A project; raises what ``look_up`` raises, which is not remembered."""
        kept = self._kept.get(name)
        if kept is not None and time.monotonic() < kept.since + LIFETIME:
            self._kept.move_to_end(name)
            return kept
        task = self._coming.get(name)
        if task is None:
            task = self._coming[name] = asyncio.create_task(self._fetch(name))
        # Whoever asked first may go away: the others still wait for it.
        return await asyncio.shield(task)

    async def _fetch(self, name: NormalizedName) -> Viewed:
        self._limit = self._limit or anyio.CapacityLimiter(_AT_ONCE)
        try:
            found = await anyio.to_thread.run_sync(self._look_up, name, limiter=self._limit)
            self._kept[name] = found
            self._kept.move_to_end(name)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return found
        finally:
            del self._coming[name]
