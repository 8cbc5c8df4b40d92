"""What a project's page is about: its releases and their wheels, as plain values."""

from __future__ import annotations

from functools import cached_property

from packaging.version import Version

from variant_index.inside import Inside
from variant_index.web.audience import Platform
from variantctl.values import dataclass, field
from variantctl.variants.filenames import WheelFilename
from variantctl.variants.metadata import VariantMetadata


@dataclass(frozen=True, slots=True)
class PublishedWheel:
    """A wheel that the project's Simple page lists.

    Attributes:
        filename: its name, taken apart.
        size: its length in bytes; ``None`` where the page does not say.
        requires_python: as the page has it, or ``""``.
        yanked: ``False``, ``True``, or the reason (PEP 592).
        requires: its dependencies as METADATA has them, with variant markers.
        link: its URL, relative to the project's Simple page where it does not leave the index.
        inside: what its code is for; ``None`` where nobody looked.
        index: the URL of the index that a stock tool finds it in, where it lies in one of somebody else's.
        version: the version that a stock tool knows it by there, where that is another (``2.10.0+cu128``).
        distribution: what a stock tool is told in place of the project's name (``jax[cuda13]``), or ``""``.
        is_described: whether its METADATA was read; else ``requires`` is not known.
    """

    filename: WheelFilename
    size: int | None = None
    requires_python: str = ""
    yanked: bool | str = False
    requires: tuple[str, ...] = ()
    link: str = ""
    inside: Inside | None = None
    index: str = ""
    version: str = ""
    distribution: str = ""
    is_described: bool = True


@dataclass(frozen=True)
class Release:
    """One version.

    Attributes:
        version: which.
        wheels: in the Simple page's order.
        metadata: what its variants were built for; ``None`` where there are none.
        elsewhere: platforms on which they were built for something else, and for what.
    """

    version: Version
    wheels: tuple[PublishedWheel, ...]
    metadata: VariantMetadata | None = None
    elsewhere: tuple[tuple[Platform, VariantMetadata], ...] = ()

    @cached_property
    def labels(self) -> tuple[str | None, ...]:
        """The labels there are wheels of, each once; ``None``, for the non-variant wheels, is last."""
        labels = dict.fromkeys(wheel.filename.label for wheel in self.wheels)
        return tuple(sorted(labels, key=lambda label: (label is None, label == "null", label or "")))

    def wheels_of(self, label: str | None) -> tuple[PublishedWheel, ...]:
        """The wheels of one label."""
        return tuple(wheel for wheel in self.wheels if wheel.filename.label == label)


@dataclass(frozen=True)
class Project:
    """One project.

    Attributes:
        name: the normalized name.
        releases: those that have wheels, newest first.
        summary: one line, as the newest release says it, or ``""``.
        notice: what everybody should know about it first (its PEP 792 status), or ``""``.
    """

    name: str
    releases: tuple[Release, ...] = field(default=())
    summary: str = ""
    notice: str = ""
