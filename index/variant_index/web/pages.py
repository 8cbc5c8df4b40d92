"""The pages for people, as files of the index that follow its state (``publisher.ExtraPages``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from variant_index.web.audience import Audience
from variant_index.web.entries import Entry, entry_of, read_entries
from variant_index.web.reading import project_of
from variant_index.web.render import assets, front_page, project_page

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variant_index.extra_pages import ProjectView

FRONT = "index.html"
FOLDER = "project"


class PeoplePages:
    """Makes a page for each project, and one that lists them all.

    Args:
        audience: finds out whom they are for; asked once, when the first project's page is made.

    Attributes:
        mark: a file that is there wherever these pages are.
        front: the page that lists all projects.
    """

    mark = f"{FOLDER}/page.css"
    front = FRONT

    def __init__(self, audience: Callable[[], Audience]) -> None:
        self._audience = cache(audience)
        self._entries: dict[str, Entry] = {}

    def project(self, view: ProjectView) -> Mapping[str, bytes]:
        """The page of one project."""
        state = view.state
        project = project_of(
            state.name, state.listed, metadata=view.metadata, variants=view.variants, status=state.status
        )
        self._entries[project.name] = entry_of(project)
        return {path_of(state.name): project_page(project, self._audience())}

    def root(self, names: Sequence[str], front: bytes | None) -> Mapping[str, bytes]:
        """The front page, and what all pages load. Of projects that did not change it says what it said."""
        loaded = {f"{FOLDER}/{name}": content for name, content in assets().items()}
        known = {**read_entries(front), **self._entries}
        return {**loaded, FRONT: front_page([known.get(name, Entry(name)) for name in names])}

    def gone(self, name: NormalizedName) -> Sequence[str]:
        """The files about a project that is not in the index any more."""
        return (path_of(name),)


def path_of(name: NormalizedName) -> str:
    """Where a project's page is."""
    return f"{FOLDER}/{name}/index.html"
