"""How far an installation is, told to whoever draws it."""

from __future__ import annotations

from collections.abc import Callable

from variantctl.values import dataclass


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """One step.

    Attributes:
        stage: ``fetch``, ``unpack``, ``wait`` (for another variantctl), ``stage``, ``swap``, ``compile``.
        name: the package or environment it is about.
        done: how much of it is done: bytes for ``unpack``, else packages or files.
        total: out of how much, or None where that is not known.
    """

    stage: str
    name: str
    done: int
    total: int | None = None


#: Called from several threads, one call at a time for one package.
Progress = Callable[[ProgressEvent], None]


def silent(event: ProgressEvent) -> None:
    """Nobody is watching."""
