"""The work on one wheel of an import: verified, looked into, written as a variant. From value to value.

It runs in a thread of this process, in another process, or on a machine that has the output folder at the
same path.
"""

from __future__ import annotations

from pathlib import Path

from packaging.utils import NormalizedName

from variant_index.importing.code import shown_by
from variant_index.importing.work import Item
from variantctl.values import dataclass
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.audit import audit_archive
from variantctl.wheels.contradictions import contradictions
from variantctl.wheels.metadata import parse_core_metadata
from variantctl.wheels.rewrite import rewrite
from variantctl.wheels.verify import verify_archive


@dataclass(frozen=True)
class Making:
    """A variant wheel that is to be written.

    Attributes:
        item: which one.
        path: what it is made of: its source, or what was made of that before.
        aside: where it is written.
        packages: those of the source, whose local versions are dropped.
        own: what its source needs; ``None``: ``path`` is the source, which says so itself.
    """

    item: Item
    path: Path
    aside: Path
    packages: tuple[NormalizedName, ...]
    own: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Made:
    """A variant wheel that was written.

    Attributes:
        requires: what its source needs.
        digest: how it was made (``Item.made``).
        shown: the properties that its code shows; ``None``: it was not looked into.
        contradictions: what the mapping says of it and its code contradicts.
    """

    requires: tuple[str, ...]
    digest: str
    shown: tuple[str, ...] | None = None
    contradictions: tuple[str, ...] = ()


def make(task: Making) -> Made:
    """Write a variant wheel.

    Raises:
        WheelError: its source is unsound.
        OSError: it cannot be written.
    """
    item, own = task.item, task.own
    shown, said = None, []
    with WheelArchive.open(task.path, item.wheel if own is None else None) as archive:
        if own is None:
            verify_archive(archive)
            name = archive.filename.filename
            own = parse_core_metadata(archive.metadata_bytes(), name).requires_dist
            audit = audit_archive(archive, task.path)
            properties = item.metadata.variants[item.label]
            shown = shown_by(audit, properties)
            found = contradictions(audit, properties, item.label, item.wheel.tags)
            said = [problem.message for problem in found]
        rewriting = item.rewriting(own, task.packages)
        rewrite(archive, task.aside, rewriting)
    return Made(own, item.made(rewriting), shown, tuple(said))
