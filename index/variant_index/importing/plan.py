"""What an import comes to, before and after; for imports into a folder and into a store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from packaging.version import Version

from variant_index.build import BuildSummary
from variant_index.importing.selection import Wanted
from variant_index.importing.tags import SelectionError
from variant_index.importing.work import Item
from variantctl.indexes.project_files import WheelLink
from variantctl.values import dataclass
from variantctl.variants.suggestions import listed

Progress = Callable[[int, int], None]
"""Called with the bytes fetched so far, and in all as far as that is known."""

Bar = Callable[[str], AbstractContextManager["Progress | None"]]
"""Opens a progress bar with a title; what it gives is called as ``Progress`` says."""


@dataclass(frozen=True)
class ImportPlan:
    """What an import comes to.

    Attributes:
        items: the wheels of the result.
        actions: filename -> ``fetch``, ``remake`` or ``keep``.
        notes: what a person should know.
    """

    items: tuple[Item, ...]
    actions: dict[str, str]
    notes: tuple[str, ...] = ()

    def count(self, action: str) -> int:
        """How many wheels it is that."""
        return sum(each == action for each in self.actions.values())

    def as_json(self, out: Path | str) -> list[dict[str, object]]:
        """The ``wheels`` of ``index import --json``."""
        return [
            {
                "wheel": f"{out}/wheels/{item.name}",
                "label": item.label,
                "backend": item.backend,
                "source": item.wheel.filename,
                "url": item.link.file.url if item.link else None,
                "size": item.link.file.size if item.link else None,
                "action": self.actions[item.name],
            }
            for item in self.items
        ]


@dataclass(frozen=True)
class ImportSummary:
    """What was done.

    Attributes:
        plan: for each wheel.
        fetched_bytes: how many bytes came over the network.
        index: what was built.
        contradictions: of the wheels that were fetched, what the mapping says and their code contradicts.
    """

    plan: ImportPlan
    fetched_bytes: int
    index: BuildSummary
    contradictions: tuple[str, ...] = ()


def nothing(wanted: Wanted, links: list[WheelLink], place: str) -> SelectionError:
    """The error where nothing of what is there is asked for."""
    names = listed(wanted.packages)
    if not links:
        paths = listed(backend.path for backend in wanted.backends)
        return SelectionError(
            f"{place} has no wheels of {names} in the indexes {paths}",
            hint="Look at the URL, which is the one below which the backends' indexes lie, and at --backend.",
        )
    versions = sorted({Version(link.wheel.version.public) for link in links})
    platforms = sorted({tag.platform for link in links for tag in link.wheel.tags})
    return SelectionError(
        f"nothing of what {place} has is asked for: there are {len(links):,} wheels of {names}",
        hint=f"Versions: {listed(map(str, versions))}; platforms: {listed(platforms)}.",
    )
