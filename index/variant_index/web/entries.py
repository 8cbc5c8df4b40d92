"""What the front page says of each project, and reading it back from a front page.

A change to one project reads no other project: what is said of the others is taken from the page as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from variant_index.web.contents import Project
from variantctl.values import dataclass

_BLOCK = re.compile(rb'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """A project, as the front page lists it.

    Attributes:
        name: the normalized name.
        version: the newest version that has a wheel which is not yanked, releases first; or ``""``.
        summary: one line, or ``""``.
        labels: of the variants of that version.
    """

    name: str
    version: str = ""
    summary: str = ""
    labels: tuple[str, ...] = ()


def entry_of(project: Project) -> Entry:
    """What the front page says of a project."""
    offered = [release for release in project.releases if not all(wheel.yanked for wheel in release.wheels)]
    offered.sort(key=lambda release: release.version.is_prerelease)
    if not offered:
        return Entry(project.name, summary=project.summary)
    labels = tuple(label for label in offered[0].labels if label is not None)
    return Entry(project.name, str(offered[0].version), project.summary, labels)


def entries_json(entries: Iterable[Entry]) -> list[list[object]]:
    """Entries as the page's data block has them."""
    return [[entry.name, entry.version, entry.summary, list(entry.labels)] for entry in entries]


def read_entries(page: bytes | None) -> Mapping[str, Entry]:
    """Name -> entry, as a front page has them; empty for a page of another time, or of somebody else's."""
    block = _BLOCK.search(page or b"")
    try:
        listed = json.loads(block[1]) if block else []
        return {
            name: Entry(str(name), str(version), str(summary), tuple(map(str, labels)))
            for name, version, summary, labels in listed
        }
    except (ValueError, TypeError):
        return {}
