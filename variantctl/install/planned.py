"""What installing reads of a plan: the lock and sync rooms make plans of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event
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
    @property
    def provenance(self) -> Mapping[str, Any] | None: ...
    @property
    def url(self) -> str: ...
    @property
    def size(self) -> int | None: ...
    @property
    def stands_in_for(self) -> Sequence[str]: ...


class PlannedRemoval(Protocol):
    """What is read of ``resolve.plan.PlannedRemoval``."""

    @property
    def name(self) -> str: ...


class WheelSource(Protocol):
    """Where the files of planned wheels come from; called from several threads."""

    def fetch(self, planned: Any, /, *, reader: Callable[[StreamingZip], None], cancel: Event) -> Path:
        """The wheel's file, every known hash checked.

        Args:
            planned: of which wheel.
            reader: may be given the file once while it is being received, to unpack it meanwhile.
            cancel: is set when nothing is wanted any more.
        """

    def unpacked(self, planned: Any, /) -> None:
        """Be told that the wheel is in the store: its file is not needed any more."""


class ChangePlan(Protocol):
    """What is read of ``resolve.plan.Plan``: the lock and sync rooms make plans of their own."""

    @property
    def install(self) -> Sequence[PlannedWheel]: ...
    @property
    def remove(self) -> Sequence[PlannedRemoval]: ...
