"""Carrying changes out, so that readers and other publishers may be at work at the same time.

The order of writes is what keeps an index readable at every moment, and after a kill at any moment:

1. wheels, sdists, their ``.metadata``, index-level metadata: to URLs that no page names yet;
2. ``index.json``, if it is still the page that the change was applied to (else: read, apply and try again).
   This one write is the change;
3. ``index.html`` and the pages for people, made from ``index.json`` as it is then; they are made again until
   ``index.json`` did not change meanwhile, so that the last publisher leaves them right;
4. the root pages, once the project's pages are there;
5. last, what no page names any more is deleted.
"""

from __future__ import annotations

import json
import posixpath
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from packaging.utils import NormalizedName, canonicalize_name

from variant_index.changes import Change
from variant_index.destinations import Destination, Listed, Stored
from variant_index.errors import Conflict, DestinationError, FolderError, IndexStateError
from variant_index.extra_pages import ExtraPages, ProjectView
from variant_index.folder import LocalFolder
from variant_index.indexed_file import IndexedFile
from variant_index.layout import (
    HTML_PAGE,
    JSON_PAGE,
    PAGES,
    ROOT,
    folder_of,
    is_by_hash,
    known_files,
    page_path,
    path_of,
    paths_of,
    sidecar,
)
from variant_index.state import ProjectState, html_page_of, json_page_of, read_state
from variantctl.indexes.page_writer import GENERATOR, PageFile, root_html, root_json
from variantctl.values import dataclass, replace

#: A reader may still use a page for this long, in seconds, after another one took its place.
GRACE = 3600
_ATTEMPTS = 200
_UPLOADS = 8


@dataclass(frozen=True)
class Committed:
    """What a change did.

    Attributes:
        state: the project's state now.
        changed: whether its page is another one than before.
        removed: the files that were deleted, as paths.
    """

    state: ProjectState
    changed: bool
    removed: tuple[str, ...] = ()


#: A key that no specification has; and seconds.
_MARK = b"_variantctl_withdrawn"
_WITHDRAWN_WITHIN, _POLL = 30.0, 0.1


@dataclass(frozen=True)
class _Page:
    stored: Stored | None
    state: ProjectState


@dataclass(frozen=True)
class Plan:
    """What a change would do: the page that it was applied to, and the state that came of it."""

    before: _Page
    after: ProjectState


class Publisher:
    """Reads projects of one index, and changes them.

    Args:
        destination: where the index is. The caller holds ``destination.exclusive()`` around changes.
        extra: makes the pages for people; ``None`` for none.
        uploaded: told the size of each file that was placed.

    Attributes:
        destination, extra: as they were given.
        notes: what a publisher may want to know, one line each.
    """

    def __init__(
        self,
        destination: Destination,
        extra: ExtraPages | None = None,
        uploaded: Callable[[int], None] | None = None,
    ) -> None:
        self.destination = destination
        self.notes: list[str] = []
        self.extra = extra
        self._uploaded = uploaded or (lambda _size: None)

    def names(self) -> list[str] | None:
        """The projects of the index; ``None`` where there is none.

        Raises:
            IndexStateError: the root page cannot be read.
        """
        stored = self.destination.read(f"{ROOT}/{JSON_PAGE}")
        return None if stored is None else _read_root(stored.content, f"{self.destination.name}/{ROOT}")

    def state(self, name: NormalizedName) -> ProjectState:
        """What the index has of a project; an empty state where it has nothing."""
        return self._page(name).state

    def known(self, name: NormalizedName) -> dict[str, PageFile]:
        """The entries of a project whose files are there, whole and with what belongs to them."""
        state = self.state(name)
        if not state.files:
            return {}
        listed = self._listed(name)
        outside = [path for path in paths_of(state) if path not in listed]
        for folder in {posixpath.dirname(path) for path in outside}:
            listed |= {found.path: found for found in self.destination.list(folder)}
        return known_files(state, listed)

    def plan(self, name: NormalizedName, change: Change) -> Plan:
        """What a change would lead to. Raises what the change raises."""
        page = self._page(name)
        return Plan(page, self._applied(page.state, change))

    def check_ours(self, *, force: bool = False) -> None:
        """Refuse to write into a tree that is not an index of ours.

        Raises:
            FolderError: there is something else in the place of the index.
        """
        if force or self._is_marked():
            return
        # A publisher that is just beginning, or was killed then, left no more than these.
        begun = {f"{ROOT}/{JSON_PAGE}"}
        others = (f for f in self.destination.list(ROOT) if not f.path.rpartition("/")[2].startswith("."))
        # The mark is written before any other file: asked for again, it is there if these are ours.
        if any(found.path not in begun for found in others) and not self._is_marked():
            raise FolderError(
                f"{self.destination.name}/{ROOT}: is not empty and was not made by variantctl",
                hint="Choose another output folder, or replace it with --force.",
            )

    def _is_marked(self) -> bool:
        page = self.destination.read(f"{ROOT}/{HTML_PAGE}")
        return page is not None and GENERATOR.encode() in page.content

    def commit(
        self,
        name: NormalizedName,
        change: Change,
        files: Sequence[IndexedFile] = (),
        planned: Plan | None = None,
    ) -> Committed:
        """Carry a change out, and ``register`` a new project afterwards.

        Args:
            name: the project.
            change: what to do to it.
            files: those that the change publishes.
            planned: what ``plan`` gave for it before.

        Raises:
            IndexStateError, InvalidVariantError, UnpublishableError: what the change raises.
            DestinationError: the index cannot be read or written.
        """
        plan = planned or self.plan(name, change)
        self._upload(plan.after, files, self._listed(name))
        before, after = self._replace_page(name, change, plan)
        self._derive(name)
        return Committed(after, not before.state.same_pages(after), self._tidy(before, after, files))

    def begin(self) -> None:
        """Leave the mark of ours in a new tree, so that a run that is cut short is taken up by the next."""
        if self.destination.read(f"{ROOT}/{HTML_PAGE}") is None:
            self.register(())

    def register(self, names: Iterable[str], gone: Iterable[str] = ()) -> None:
        """List projects on the root pages, and others no more."""
        added, removed = set(names), set(gone)
        path = f"{ROOT}/{JSON_PAGE}"
        for _ in self._attempts(path):
            # Before the names: a page that somebody writes after this one was read is not overwritten.
            front = self.destination.read(self.extra.front) if self.extra else None
            html = self.destination.read(f"{ROOT}/{HTML_PAGE}")
            stored = self.destination.read(path)
            old = _read_root(stored.content, path) if stored else []
            new = sorted((set(old) | added) - removed)
            try:
                if stored is None or new != old:
                    self.destination.replace(path, root_json(new), stored.version if stored else None)
                content = root_html(new)
                if html is None or html.content != content:
                    self.destination.replace(f"{ROOT}/{HTML_PAGE}", content, html.version if html else None)
                self._write_extra_root(new, front)
            except Conflict:
                continue
            if (again := self.destination.read(path)) and again.content == root_json(new):
                break
        if self.extra is not None:
            for name in sorted(removed - set(new)):
                self.destination.delete(self.extra.gone(canonicalize_name(name)))

    def orphans(self, name: NormalizedName) -> dict[str, Listed]:
        """The files of a project's folder that no page names and that are no pages."""
        listed = self._listed(name)
        return {path: found for path, found in listed.items() if path not in self.named(self.state(name))}

    def withdraw(self, name: NormalizedName) -> bool:
        """Delete the pages of a project that has no files: an empty page says "here it is, without files".

        Clients then ask no other index. A store deletes under no condition, so that another publisher's new
        page could go with it: first the page is marked, which succeeds only where nobody changed it, and
        whoever finds a mark waits until the page is gone.

        Returns:
            Whether they are gone; not where somebody published to the project meanwhile.
        """
        path = page_path(name, JSON_PAGE)
        stored = self.destination.read(path)
        if stored is not None and _MARK not in stored.content:
            if read_state(name, stored.content, f"{self.destination.name}/{path}").files:
                return False
            try:
                self.destination.replace(path, _marked(stored.content), stored.version)
            except Conflict:
                return False
        # The marked page last: as long as it is there, nobody writes the other one.
        self.destination.delete([page_path(name, HTML_PAGE)])
        self.destination.delete([path])
        return True

    def _read_page(self, path: str) -> Stored | None:
        """A project's page, once nobody is deleting it; a mark whose publisher was killed is deleted."""
        began = time.monotonic()
        while (stored := self.destination.read(path)) is not None and _MARK in stored.content:
            if time.monotonic() - began > _WITHDRAWN_WITHIN:
                self.destination.delete([path])
            time.sleep(_POLL)
        return stored

    def _page(self, name: NormalizedName) -> _Page:
        path = page_path(name, JSON_PAGE)
        stored = self._read_page(path)
        if stored is None:
            return _Page(None, ProjectState(name))
        return _Page(stored, read_state(name, stored.content, f"{self.destination.name}/{path}"))

    def _applied(self, state: ProjectState, change: Change) -> ProjectState:
        """The state after a change, its documents read before."""
        for version in change.touches(state):
            if version in state.links and version not in state.documents:
                path = path_of(state.name, state.links[version])
                stored = self.destination.read(path) if path else None
                if stored is not None:
                    documents = {**state.documents, version: stored.content}
                    state = replace(state, documents=documents)
        return change.apply(state)

    def _replace_page(self, name: NormalizedName, change: Change, plan: Plan) -> tuple[_Page, ProjectState]:
        path = page_path(name, JSON_PAGE)
        for _ in self._attempts(path):
            before = self._page(name)
            # Mostly nobody changed the page since, and the plan is what is to be done.
            after = plan.after if before == plan.before else self._applied(before.state, change)
            self._write_documents(before.state, after)
            content = json_page_of(after)
            if before.stored is not None and before.stored.content == content:
                return before, after
            try:
                self.destination.replace(path, content, before.stored.version if before.stored else None)
            except Conflict:
                continue
            return before, after
        raise AssertionError

    def _write_documents(self, before: ProjectState, after: ProjectState) -> None:
        for version, document in after.documents.items():
            link = after.links[version]
            path = path_of(after.name, link)
            if path is not None and before.links.get(version) != link:
                self.destination.write(path, document)
            if isinstance(self.destination, LocalFolder) and path is not None:
                # A second name beside the page: what people look for, and find-links.
                alias = f"{folder_of(after.name)}/{link.filename}"
                self.destination.place(alias, self.destination.root / path)

    def _derive(self, name: NormalizedName) -> None:
        path = page_path(name, HTML_PAGE)
        for _ in self._attempts(path):
            html = self.destination.read(path)
            page = self._page(name)
            content = html_page_of(page.state)
            view = ProjectView(page.state, self.destination)
            try:
                if html is None or html.content != content:
                    self.destination.replace(path, content, html.version if html else None)
                for target, text in self.extra.project(view).items() if self.extra else ():
                    self._write_extra(target, text, self.destination.read(target))
            except Conflict:
                continue
            again = self.destination.read(page_path(name, JSON_PAGE))
            if again is None or page.stored is None or again.version == page.stored.version:
                return

    def _upload(
        self, planned: ProjectState, files: Sequence[IndexedFile], there: Mapping[str, Listed]
    ) -> None:
        """Place files and sidecars where the planned page will name them."""

        def place(file: IndexedFile) -> None:
            path = path_of(planned.name, planned.files[file.filename])
            if path is None:
                return
            if file.metadata is not None and not file.beside:
                beside = sidecar(path)
                if not (is_by_hash(path) and beside in there):
                    self._write_changed(beside, file.metadata)
            if file.path is not None and not (is_by_hash(path) and path in there):
                self.destination.place(path, file.path)
            self._uploaded(file.size)

        wanted = [file for file in files if file.filename in planned.files]
        if not self.destination.by_hash:
            for file in wanted:
                place(file)
            return
        with ThreadPoolExecutor(max_workers=_UPLOADS) as pool:
            list(pool.map(place, wanted))

    def _tidy(self, before: _Page, after: ProjectState, files: Sequence[IndexedFile]) -> tuple[str, ...]:
        """Delete what the change took off the page; upload again what somebody deleted meanwhile."""
        listed = self._listed(after.name)
        named = self.named(after)
        lost = [
            f for f in files if (path := path_of(after.name, after.files[f.filename])) and path not in listed
        ]
        if self.destination.by_hash and any(file.path is not None for file in lost):
            self._upload(after, lost, {})
        for version, document in after.documents.items():
            path = path_of(after.name, after.links[version])
            if path is not None and path not in listed:
                self.destination.write(path, document)
        removed = []
        for path in paths_of(before.state):
            if path not in named and not path.endswith("-variants.json"):
                removed += [found for found in (path, sidecar(path)) if found in listed]
        page_age = time.time() - (before.stored.modified if before.stored else 0)
        superseded = [
            path
            for path, found in listed.items()
            if path not in named
            and path.endswith("-variants.json")
            and (not is_by_hash(path) or min(page_age, time.time() - found.modified) > GRACE)
        ]
        gone = [path for path in (*removed, *superseded) if path.startswith(f"{folder_of(after.name)}/")]
        if gone:
            self.destination.delete(gone)
        return tuple(sorted(gone))

    def named(self, state: ProjectState) -> set[str]:
        """Every path that the pages of a project name or are."""
        named = {page_path(state.name, page) for page in PAGES}
        for path, file in paths_of(state).items():
            named.add(path)
            if file.core_metadata:
                named.add(sidecar(path))
        if not self.destination.by_hash:
            named |= {f"{folder_of(state.name)}/{link.filename}" for link in state.links.values()}
        return named

    def _listed(self, name: NormalizedName) -> dict[str, Listed]:
        return {found.path: found for found in self.destination.list(folder_of(name))}

    def _write_changed(self, path: str, content: bytes) -> None:
        stored = self.destination.read(path)
        if stored is None or stored.content != content:
            self.destination.write(path, content)

    def _write_extra_root(self, names: Sequence[str], front: Stored | None) -> None:
        """Write the pages for people about the whole, of which ``front`` is one as it was.

        Raises:
            Conflict: somebody else just did.
        """
        if self.extra is None:
            return
        for path, content in self.extra.root(names, front.content if front else None).items():
            self._write_extra(
                path, content, front if path == self.extra.front else self.destination.read(path)
            )

    def _write_extra(self, path: str, content: bytes, stored: Stored | None) -> None:
        """Write a page for people in the place of *stored*, unless that is somebody's own page.

        Raises:
            Conflict: it is something else by now.
        """
        if stored is not None and path.endswith(".html") and GENERATOR.encode() not in stored.content:
            note = f"{path}: not a page of ours; it is left as it is"
            if note not in self.notes:
                self.notes.append(note)
        elif stored is None or stored.content != content:
            self.destination.replace(path, content, stored.version if stored else None)

    def _attempts(self, path: str) -> Iterable[int]:
        """Count attempts, with longer and longer pauses of random length between them.

        Raises:
            DestinationError: there were too many.
        """
        for attempt in range(_ATTEMPTS):
            if attempt:
                time.sleep(random.uniform(0, min(1.0, 0.02 * 1.5**attempt)))
            yield attempt
        raise DestinationError(
            f"{self.destination.name}/{path}: others changed it each time that it was to be written",
            hint="Run it again; if nobody else is publishing, the store's conditional writes are broken.",
        )


def _marked(page: bytes) -> bytes:
    """A project's page that its publisher is about to delete; to clients it is the same page."""
    return json.dumps({_MARK.decode(): True, **json.loads(page)}).encode()


def _read_root(content: bytes, where: str) -> list[str]:
    try:
        return [canonicalize_name(project["name"]) for project in json.loads(content)["projects"]]
    except (ValueError, KeyError, TypeError) as error:
        raise IndexStateError(
            f"{where}: is not a list of projects: {error}",
            hint="Build the index again with 'variantctl index build'.",
        ) from error
