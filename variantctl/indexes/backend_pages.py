"""The pages of a source of kind ``backends``: those of the sub-indexes that the machine can use, as one."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Lock

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.backends.backend import Backend
from variantctl.backends.source import Ask, BackendSource
from variantctl.cache.pages import CachedPages
from variantctl.indexes.backend_discovery import BackendDiscovery
from variantctl.indexes.project_files import BackendBuild, ProjectFiles, WheelLink
from variantctl.indexes.reachability import Contact
from variantctl.indexes.simple import SimpleIndex
from variantctl.net.client import HttpClient
from variantctl.net.errors import AccessDeniedError, OfflineError
from variantctl.net.urls import redact
from variantctl.values import replace
from variantctl.variants.accelerators import accelerators_of
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.properties import Supported

_PARALLEL = 8


class BackendIndex:
    """One source: at most one page of each project for each backend that the machine supports.

    Attributes:
        source: what the table maps to what; ``whole`` has what was discovered, too.
        url: of the source, without credentials.
        environment: the markers of the platform that is installed for.
        discovery: which sub-indexes the place itself shows; shared by all machines.
    """

    def __init__(
        self,
        source: BackendSource,
        client: HttpClient,
        pages: CachedPages,
        contact: Contact,
        warn: Callable[[str], None],
        note: Callable[[str], None],
        ignored: Collection[int] = (),
    ) -> None:
        self.source = source
        self.url = client.credentials.take(source.url)
        self.environment: Mapping[str, str] = {}
        self.discovery = BackendDiscovery(source, client, pages, note)
        self._machine: _Machine | None = None
        self._wholes: dict[tuple[str, ...], BackendSource] = {}
        self._client = client
        self._pages = pages
        self._ignored = frozenset(ignored)
        self._denied: dict[tuple[str, NormalizedName], AccessDeniedError] = {}
        self._contact = contact
        self._warn = warn
        if source.problem:
            warn(f"{source.name}: {source.problem}; what comes with variantctl is used")
        self._note = note

    @property
    def whole(self) -> BackendSource:
        """The source with every sub-index: those of the table, and what the place shows, by its names.

        A machine without an accelerator has no use for them, and a server that is not in reach is not asked.
        """
        names = self.discovery.names() if self._may_discover() else self.discovery.named
        known = self._wholes.get(names)
        if known is None:
            known = self._wholes[names] = self.source.with_names(names)
            for backend in known.backends:
                if backend.rule:
                    self._note(f"{self.source.name}: {backend.label} is in no table: {backend.rule}")
        return known

    @property
    def backends(self) -> Sequence[Backend]:
        """Those whose pages are asked for, the best first; all of them where no machine is known."""
        return self.whole.backends if self._machine is None else self._machine.supported(self.whole)

    def view(self, project: NormalizedName) -> str:
        """What tells the files of a project for one machine from those for another; asks for no page."""
        if not self.source.serves(project):
            return ""
        return f"{self.url} {'every machine' if self._machine is None else self._machine.view}"

    def for_machine(self, ask: Ask | None, environment: Mapping[str, str]) -> BackendIndex:
        """The same source as one machine sees it; what was found out about the server is shared.

        Args:
            ask: what the machine offers, asked when the first page is; ``None``: it wants none of this.
            environment: the markers of the platform that is installed for.
        """
        seen = copy(self)
        seen.environment = environment
        seen._machine = _Machine(self.source, ask, environment)
        return seen

    def project(self, name: str, *, refresh: bool | None = None) -> ProjectFiles | None:
        """The files of a project; ``None`` where it is not looked for here, or no backend has it.

        Raises:
            NetworkError, SourceError: as ``SimpleIndex.project``. A source that is only asked by default and
                cannot be reached is warned about instead, and has nothing.
            AccessDeniedError: an object store answers so for every backend, and for the first package, too.
        """
        project = canonicalize_name(name)
        if not self.source.serves(project) or not self._known:
            return None
        if self.source.by_default and not self._in_reach(project):
            return None
        if self._may_discover():
            self.discovery.start()
        # What the table knows is asked for while the place is asked what else there is.
        found = self._pages_of(self._known, project, refresh)
        found |= self._pages_of([each for each in self.backends if each.label not in found], project, refresh)
        if found and all(self._is_denied(label, project) for label in found):
            self._settle_denied(project, [each for each in self.backends if each.label in found])
            return None
        listed = [(each, files) for each in self.backends if (files := found.get(each.label)) is not None]
        return _joined(project, self.source, self.url, listed) if listed else None

    @property
    def _known(self) -> Sequence[Backend]:
        """Those of the table that the machine supports."""
        return self.source.backends if self._machine is None else self._machine.supported(self.source)

    def _may_discover(self) -> bool:
        """Whether the place is asked what else it has: an accelerator could use it, and it is in reach."""
        if not self.source.discover or (self._machine is not None and not self._machine.has_accelerator):
            return False
        if not self.source.by_default:
            return True
        try:
            return (
                bool(self._known) and self._contact.problem(self._first_page(self.source.packages[0])) is None
            )
        except OfflineError:
            return False

    def _pages_of(
        self, backends: Sequence[Backend], project: str, refresh: bool | None
    ) -> dict[str, ProjectFiles | None]:
        """Label -> the page of the project there, ``None`` where there is none."""
        if not backends:
            return {}
        with ThreadPoolExecutor(_PARALLEL) as pool:
            pages = pool.map(lambda backend: self._page(backend, project, refresh), backends)
            return dict(zip((backend.label for backend in backends), pages, strict=True))

    def _page(self, backend: Backend, project: str, refresh: bool | None) -> ProjectFiles | None:
        key = (backend.label, canonicalize_name(project))
        try:
            page = self._index(backend).project(project, refresh=refresh)
            self._denied.pop(key, None)
            return page
        except AccessDeniedError as error:
            if self._client.credentials.header(error.url) is not None:
                raise
            self._denied[key] = error
            return None
        except OfflineError:
            if not self.source.by_default:
                self._warn(
                    f"{self.source.name}: the page of {project} for {backend.label} is not in the cache"
                )
            return None

    def _index(self, backend: Backend) -> SimpleIndex:
        return SimpleIndex(f"{self.source.url}/{backend.path}", self._client, self._pages, self._ignored)

    def _is_denied(self, label: str, project: str) -> bool:
        return (label, canonicalize_name(project)) in self._denied

    def _settle_denied(self, project: NormalizedName, backends: Sequence[Backend]) -> None:
        """Decide what AccessDenied from every backend means: that the package is not there, or a closed door.

        Object stores answer so for what they lack. Where they do for the first package of the source, too,
        which every backend has, they would for anything: then no other index's package may take its place.
        """
        first = self.source.packages[0]
        if project != first:
            self._pages_of(backends, first, None)
            if not all(self._is_denied(backend.label, first) for backend in backends):
                return
        error = self._denied[backends[0].label, project]
        problem = (
            f"{self.source.name}: {error.url} and every other page of {project} for this machine answered "
            "403 Forbidden (AccessDenied)"
        )
        if self.source.by_default:
            self._warn(f"{problem}; {project} comes from the default index (--no-backends does without them)")
            return
        raise AccessDeniedError(
            f"{problem}, and so no other index is asked in its place",
            url=error.url,
            status=403,
            hint="Give credentials that may read it, or do without the source (--no-backends). If it "
            "answers so for what it does not have, let the search go on: "
            f'[index.ignore-error-codes] "{self.url}" = [403] in the configuration.',
        )

    def _first_page(self, project: str) -> str:
        return f"{self._index(self._known[0]).url}/{project}/"

    def _in_reach(self, project: str) -> bool:
        try:
            problem = self._contact.problem(self._first_page(project))
        except OfflineError:
            return False
        if problem is not None:
            self._warn(
                f"{self.source.name}'s own builds cannot be had ({redact(problem)}), so {project} comes from "
                "the default index: perhaps not the best build for this machine "
                "(--no-backends does without them, --refresh tries again)"
            )
        return problem is None

    def parent_page(self, project: NormalizedName, wanted: Callable[[Version], bool]) -> ProjectFiles | None:
        """What the parent index has of a project for every accelerator, where discovery came by it.

        Of its wheels those whose own version is wanted: thousands are of others.
        """
        if project != self.source.packages[0] or not self._may_discover():
            return None
        page = self.discovery.parent_page()
        if page is None:
            return None
        links = tuple(link for link in page.wheels if wanted(link.version))
        return _by_local_version(ProjectFiles(page.name, page.source, links), self.whole, self.url)

    def metadata(self, name: NormalizedName, version: Version, links: Sequence[WheelLink]) -> VariantMetadata:
        """What says of each label that *links* have what its wheels were built for."""
        labels = {link.wheel.label for link in links if link.backend is not None} - {None}
        return self.whole.metadata(name, version, self.environment, (label for label in labels if label))


class _Machine:
    """What one machine can use of a source: found out at the first question, by whichever thread has it."""

    def __init__(self, source: BackendSource, ask: Ask | None, environment: Mapping[str, str]) -> None:
        self._source = source
        self._ask = ask
        self._environment = environment
        self._found: dict[int, tuple[BackendSource, tuple[Backend, ...]]] = {}
        self._offered: Supported | None = None
        self._lock = Lock()

    def supported(self, source: BackendSource) -> tuple[Backend, ...]:
        """The backends of the source, or of that with more, which the machine can use; best first."""
        if self._ask is None:
            return ()
        with self._lock:
            known = self._found.get(len(source.backends))
            if known is None or known[0] != source:
                known = (source, source.supported(self._ask, self._environment))
                self._found[len(source.backends)] = known
            return known[1]

    @property
    def offered(self) -> Supported:
        """What the machine offers of the namespaces that the source's builds use."""
        with self._lock:
            if self._offered is None:
                metadata = self._source.every_build(self._environment)
                offered = self._ask(metadata) if self._ask is not None else {}
                devices = accelerators_of(offered, metadata)
                self._offered = {name: offered[name] for name in devices}
            return self._offered

    @property
    def has_accelerator(self) -> bool:
        """Whether it has a device that a build may be for."""
        return bool(self.offered)

    @property
    def view(self) -> str:
        """What its answers follow from."""
        offered = {name: dict(features) for name, features in self.offered.items()}
        return json.dumps([self._ask is not None, offered, sorted(self._environment.items())], default=list)


def _by_local_version(page: ProjectFiles, source: BackendSource, url: str) -> ProjectFiles:
    """The wheels of a page of the parent index whose version names a backend, each as that backend's."""
    named: dict[str | None, list[WheelLink]] = {}
    for link in page.wheels:
        named.setdefault(source.label_of(page.name, link.version), []).append(link)
    found = [
        (backend, ProjectFiles(page.name, page.source, tuple(named[backend.label])))
        for backend in source.backends
        if backend.label in named
    ]
    return _joined(page.name, source, url, found)


def _joined(
    project: NormalizedName,
    source: BackendSource,
    url: str,
    found: Sequence[tuple[Backend, ProjectFiles]],
) -> ProjectFiles:
    """The wheels of every backend as variants of their public versions.

    Source archives are left out where there are wheels: they would be the same everywhere, and are built for
    nothing. ROCm's selector package has nothing else.
    """
    wheels: list[WheelLink] = []
    skipped: list[tuple[str, str]] = []
    for backend, files in found:
        skipped += files.skipped
        for link in files.wheels:
            if link.wheel.label is not None:
                reason = f"has a variant label of its own, in the {backend.label} index of {source.name}"
                skipped.append((link.file.filename, reason))
                continue
            version = link.wheel.version
            wheel = replace(link.wheel, version=Version(version.public), label=backend.label)
            wheels.append(replace(link, wheel=wheel, backend=BackendBuild(source.name, version)))
    sdists = {} if wheels else {file.filename: file for _, files in found for file in files.sdists}
    left_out = tuple(dict.fromkeys(skipped))
    return ProjectFiles(project, url, tuple(wheels), tuple(sdists.values()), skipped=left_out)
