"""What installing reads of a plan: the lock and sync rooms make plans of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from variantctl.net.streaming_zip import StreamingZip


class PlannedWheel(Protocol):
    """What is read of ``resolve.plan.PlannedInstall``."""

    @property
    def filename(self) -> str: ...
    @property
    def hashes(self) -> Mapping[str, str]: ...
    @property
    def requested(self) -> bool: ...
    @property
    def direct_url(self) -> Mapping[str, Any] | None: ...


class PlannedRemoval(Protocol):
    """What is read of ``resolve.plan.PlannedRemoval``."""

    @property
    def name(self) -> str: ...


class Fetch(Protocol):
    """Gives the file of a planned wheel, every known hash checked."""

    def __call__(self, planned: Any, reader: Callable[[StreamingZip], None], /) -> Path:
        """``reader`` may be given the file once while it is being received, to unpack it meanwhile."""


class ChangePlan(Protocol):
    """What is read of ``resolve.plan.Plan``: the lock and sync rooms make plans of their own."""

    @property
    def install(self) -> Sequence[PlannedWheel]: ...
    @property
    def remove(self) -> Sequence[PlannedRemoval]: ...
