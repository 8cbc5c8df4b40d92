"""Reading an index as its clients do, and saying everything that one of them could trip over."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variant_index.destinations import Destination, Listed
from variant_index.errors import DestinationError, IndexStateError
from variant_index.layout import (
    HTML_PAGE,
    JSON_PAGE,
    PAGES,
    ROOT,
    folder_of,
    is_by_hash,
    page_path,
    path_of,
    sidecar,
)
from variant_index.one_file import remember
from variant_index.publisher import Publisher
from variant_index.state import STATUSES, ProjectState, html_page_of, parse_filename
from variant_index.verify_file import CheckedFile, Problem, PublishedFile, check_file
from variantctl.indexes.page_writer import PageFile, root_html
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import variants_json_filename
from variantctl.variants.merge import merge_metadata
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_metadata
from variantctl.workers.executors import BY_CORES, Load, Workers
from variantctl.workers.running import Progress, run_all


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        index: the folder or URL.
        projects: how many projects were read.
        files: how many wheels and sdists were read.
        problems: in order of their paths.
        superseded: index-level metadata of older pages, kept for readers that still have one.
    """

    index: str
    projects: int
    files: int
    problems: tuple[Problem, ...]
    superseded: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """The object that ``index verify --json`` prints."""
        return {
            "format": 1,
            "index": self.index,
            "status": "broken" if self.problems else "ok",
            "projects": self.projects,
            "files": self.files,
            "problems": [problem.as_json() for problem in self.problems],
            "superseded": list(self.superseded),
        }


def verify_index(
    publisher: Publisher,
    projects: Sequence[NormalizedName] = (),
    *,
    quick: bool = False,
    progress: Progress | None = None,
    workers: Workers = BY_CORES,
    journal: str = "",
) -> Verification:
    """Check pages against each other, against files, and files against what they contain.

    Args:
        publisher: the index.
        projects: only these; default: all.
        quick: read no wheel: compare pages, listings, sidecars and index-level metadata only.
        progress: told how many bytes of wheels were read.
        workers: who reads the wheels.
        journal: a folder or URL where it is noted of each wheel that nothing is wrong with it: as long as it
            and its page stay the same, it is not read again. ``""``: nowhere.

    Raises:
        IndexStateError: there is no index, or it has no such project.
        DestinationError: the index cannot be read at all.
        WorkersError: nobody can read the wheels.
    """
    names = publisher.names()
    if names is None:
        raise IndexStateError(
            f"{publisher.destination.name}: there is no index there",
            hint="Give the folder or URL that has simple/ in it.",
        )
    check = _Check(publisher, quick, progress, workers, journal)
    check.run([canonicalize_name(name) for name in names], projects)
    return Verification(
        publisher.destination.name,
        check.projects,
        check.files,
        tuple(sorted(set(check.problems))),
        tuple(sorted(check.superseded)),
    )


class _Check:
    """One verification: what was found so far."""

    def __init__(
        self, publisher: Publisher, quick: bool, progress: Progress | None, workers: Workers, journal: str
    ) -> None:
        self.problems: list[Problem] = []
        self.superseded: list[str] = []
        self.projects = self.files = 0
        self._publisher = publisher
        self._destination: Destination = publisher.destination
        self._quick = quick
        self._progress = progress
        self._listed: dict[str, Listed] = {}
        self._unreadable: list[str] = []
        self._workers = workers
        self._journal = journal if "://" in journal or not journal else str(Path(journal).absolute())

    def run(self, names: Sequence[NormalizedName], wanted: Sequence[NormalizedName]) -> None:
        folders = [folder_of(name) for name in wanted] or [ROOT]
        self._listed = {f.path: f for folder in folders for f in self._destination.list(folder)}
        pages = {p.split("/")[1] for p in self._listed if p.endswith(f"/{JSON_PAGE}") and p.count("/") == 2}
        if not wanted:
            self._root(names, pages)
        states = []
        for name in sorted({canonicalize_name(page) for page in pages}):
            try:
                states.append(self._publisher.state(name))
            except (IndexStateError, DestinationError) as error:
                self._say(page_path(name, JSON_PAGE), "page", error.message)
                self._unreadable.append(f"{folder_of(name)}/")
        if missing := set(wanted) - {state.name for state in states}:
            raise IndexStateError(f"{self._destination.name}: there is no {min(missing)}")
        self.projects = len(states)
        named: set[str] = {f"{ROOT}/{page}" for page in PAGES}
        for state in states:
            self._project(state)
            named |= self._publisher.named(state)
        variants = self._files(states)
        for state in states:
            self._documents(state, variants[state.name])
        self._orphans(named)

    def _say(self, where: str, kind: str, message: str) -> None:
        self.problems.append(Problem(where, kind, message))

    def _root(self, names: Sequence[NormalizedName], pages: set[str]) -> None:
        for name in sorted(set(names) - pages):
            self._say(f"{ROOT}/{JSON_PAGE}", "missing", f"it lists {name}, which has no page")
        for folder in sorted(pages - set(names)):
            # A store keeps the page of an emptied project (variant_index.operations).
            with suppress(IndexStateError):
                if self._publisher.state(canonicalize_name(folder)).files:
                    self._say(f"{ROOT}/{JSON_PAGE}", "page", f"it does not list {folder}, which has a page")
        stored = self._destination.read(f"{ROOT}/{HTML_PAGE}")
        if stored is None or stored.content != root_html(names):
            self._say(f"{ROOT}/{HTML_PAGE}", "page", f"is not what {JSON_PAGE} says")

    def _project(self, state: ProjectState) -> None:
        """The pages of a project."""
        stored = self._destination.read(page_path(state.name, HTML_PAGE))
        if stored is None or stored.content != html_page_of(state):
            self._say(page_path(state.name, HTML_PAGE), "page", f"is not what {JSON_PAGE} says")
        if state.status.status not in STATUSES:
            message = f"{state.status.status!r} is no status of a project (PEP 792)"
            self._say(page_path(state.name, JSON_PAGE), "page", message)
        self.files += len(state.files)

    def _files(self, states: Sequence[ProjectState]) -> dict[str, dict[str, VariantMetadata]]:
        """Every wheel and sdist, read; gives project -> filename -> variant metadata."""
        found: dict[str, dict[str, VariantMetadata]] = {state.name: {} for state in states}
        asked = [(state, self._to_check(state, file)) for state in states for file in state.files.values()]
        tasks = [(state, task) for state, task in asked if task is not None]
        done: dict[int, CheckedFile] = {}
        sizes = [0 if self._quick else task.size for _, task in tasks]
        load = Load(len(tasks), sum(sizes), self._destination.by_hash, self._quick)
        remember(self._destination)
        each = [task for _, task in tasks]
        done.update(
            run_all(check_file, each, sizes, self._workers, load, progress=self._progress, tells=True)
        )
        for number, (state, task) in enumerate(tasks):
            self.problems += done[number].problems
            variant = done[number].variant
            if variant is not None:
                found[state.name][task.entry.filename] = variant
        return found

    def _documents(self, state: ProjectState, variants: Mapping[str, VariantMetadata]) -> None:
        """The index-level metadata of every version."""
        named = {parse_filename(name).version for name in variants}
        versions = {parse_filename(n).version for n in state.files if parse_filename(n).label is not None}
        for version in sorted({*named, *versions, *state.links}):
            self._document(state, version, variants)

    def _to_check(self, state: ProjectState, file: PageFile) -> PublishedFile | None:
        """What is to be read of one wheel or sdist; ``None`` where what is listed says enough."""
        path = path_of(state.name, file)
        if path is None:
            if file.link.startswith("/"):
                self._say(page_path(state.name, JSON_PAGE), "link", f"{file.link} leads out of the index")
            return None
        if parse_filename(file.filename).name != state.name:
            self._say(path, "page", f"belongs to {parse_filename(file.filename).name}, not to {state.name}")
        if posixpath.basename(path) != file.filename:
            self._say(path, "link", f"the page calls it {file.filename}")
        if not self._there(state, path, file):
            return None
        listed = self._listed[path]
        modified = [self._listed[each].modified for each in (path, sidecar(path)) if each in self._listed]
        place = self._destination.target
        return PublishedFile(place, path, file, listed.size, tuple(modified), self._quick, self._journal)

    def _there(self, state: ProjectState, path: str, file: PageFile) -> bool:
        if path not in self._listed and not path.startswith(f"{folder_of(state.name)}/"):
            folder = posixpath.dirname(path)
            self._listed.update({found.path: found for found in self._destination.list(folder)})
        if path not in self._listed:
            self._say(path, "missing", "a page names it, and it is not there")
            return False
        size = self._listed[path].size
        if file.size is not None and size != file.size:
            self._say(path, "size", f"has {size} bytes, the page says {file.size}")
            return False
        return True

    def _document(
        self, state: ProjectState, version: Version, variants: Mapping[str, VariantMetadata]
    ) -> None:
        """The index-level metadata of one version: there, as linked, and what the wheels say together."""
        labels = state.labels(version)
        link = state.links.get(version)
        if link is None:
            message = f"{variants_json_filename(state.name, version)} is missing: there are variant wheels"
            self._say(page_path(state.name, JSON_PAGE), "variants", message)
            return
        path = path_of(state.name, link)
        if path is None or not self._there(state, path, link):
            return
        stored = self._destination.read(path)
        content = stored.content if stored else b""
        if hashlib.sha256(content).hexdigest() != link.hashes.get("sha256"):
            self._say(path, "hash", "its SHA-256 is not the one on the page")
        try:
            metadata = load_metadata(content)
        except VariantctlError as error:
            self._say(path, "variants", error.message)
            return
        for label in sorted(set(metadata.variants) ^ labels):
            what = (
                "is the label of a wheel, and not in it"
                if label in labels
                else "is in it, and no wheel's label"
            )
            self._say(path, "variants", f"{label!r} {what}")
        items = [(n, m) for n, m in variants.items() if parse_filename(n).version == version]
        for item in items:
            try:
                merged = merge_metadata([(link.filename, metadata), item])
            except VariantctlError as error:
                self._say(path, "variants", error.message)
                continue
            if merged.namespaces != metadata.namespaces or merged.providers != metadata.providers:
                self._say(path, "variants", f"says less than {item[0]}: it is of an older build")

    def _orphans(self, named: Iterable[str]) -> None:
        wanted = set(named)
        for path in sorted(set(self._listed) - wanted):
            if posixpath.basename(path).startswith(".") or not path.startswith(f"{ROOT}/"):
                continue
            if path.startswith(tuple(self._unreadable)):  # nobody can say what its page names
                continue
            if is_by_hash(path) and path.endswith("-variants.json"):
                self.superseded.append(path)
            elif path.count("/") > 1:
                self._say(path, "orphan", "no page names it")
