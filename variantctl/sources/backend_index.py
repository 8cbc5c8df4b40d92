"""The pages of a source of kind ``backends``: those of the sub-indexes that the machine can use, as one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from threading import Lock

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.sources.backends import Ask, Backend, BackendSource
from variantctl.sources.contact import Contact
from variantctl.sources.errors import OfflineError
from variantctl.sources.files import BackendBuild, ProjectFiles, WheelLink
from variantctl.sources.http import HttpClient
from variantctl.sources.page_cache import CachedPages
from variantctl.sources.simple import SimpleIndex
from variantctl.sources.urls import redact
from variantctl.values import dataclass, field, replace
from variantctl.variants.metadata import VariantMetadata

_PARALLEL = 8


class BackendIndex:
    """One source: at most one page of each project for each backend that the machine supports.

    Attributes:
        source: what is mapped to what.
        url: of the source, without credentials.
        environment: the markers of the platform that is installed for.
    """

    def __init__(
        self,
        source: BackendSource,
        client: HttpClient,
        pages: CachedPages,
        contact: Contact,
        warn: Callable[[str], None],
    ) -> None:
        self.source = source
        self.url = client.credentials.take(source.url)
        self.environment: Mapping[str, str] = {}
        self._machine: _Machine | None = None
        self._indexes = {
            backend.label: SimpleIndex(f"{source.url}/{backend.path}", client, pages)
            for backend in source.backends
        }
        self._contact = contact
        self._warn = warn
        self._offline = client.settings.offline

    @property
    def backends(self) -> Sequence[Backend]:
        """Those whose pages are asked for, the best first; all of them where no machine is known."""
        return self.source.backends if self._machine is None else self._machine.backends

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
        """
        project = canonicalize_name(name)
        if not self.source.serves(project) or not self.backends:
            return None
        if self.source.by_default and not self._in_reach(project):
            return None
        with ThreadPoolExecutor(_PARALLEL) as pool:
            pages = list(pool.map(lambda backend: self._page(backend, project, refresh), self.backends))
        found = [
            (backend, files) for backend, files in zip(self.backends, pages, strict=True) if files is not None
        ]
        return _joined(project, self.source, self.url, found) if found else None

    def _page(self, backend: Backend, project: str, refresh: bool | None) -> ProjectFiles | None:
        try:
            return self._indexes[backend.label].project(project, refresh=refresh)
        except OfflineError:
            if not self.source.by_default:
                self._warn(
                    f"{self.source.name}: the page of {project} for {backend.label} is not in the cache"
                )
            return None

    def _in_reach(self, project: str) -> bool:
        try:
            problem = self._contact.problem(f"{self._indexes[self.backends[0].label].url}/{project}/")
        except OfflineError:
            return False
        if problem is not None:
            self._warn(
                f"{self.source.name}'s own builds cannot be had ({redact(problem)}), so {project} comes from "
                "the default index: perhaps not the best build for this machine "
                "(--no-backends does without them, --refresh tries again)"
            )
        return problem is None

    def metadata(self, name: NormalizedName, version: Version, links: Sequence[WheelLink]) -> VariantMetadata:
        """What says of each label that *links* have what its wheels were built for."""
        labels = {link.wheel.label for link in links if link.backend is not None} - {None}
        return self.source.metadata(name, version, self.environment, (label for label in labels if label))


@dataclass
class _Machine:
    """What one machine can use of a source: found out at the first question, by whichever thread has it."""

    source: BackendSource
    ask: Ask | None
    environment: Mapping[str, str]
    _found: tuple[Backend, ...] | None = None
    _lock: Lock = field(default_factory=Lock)

    @property
    def backends(self) -> tuple[Backend, ...]:
        with self._lock:
            if self._found is None:
                self._found = self.source.supported(self.ask, self.environment) if self.ask else ()
            return self._found


def _joined(
    project: NormalizedName,
    source: BackendSource,
    url: str,
    found: Sequence[tuple[Backend, ProjectFiles]],
) -> ProjectFiles:
    """The wheels of every backend as variants of their public versions. Source archives are left out: they
    would be the same everywhere, and are built for nothing."""
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
    return ProjectFiles(project, url, tuple(wheels), skipped=tuple(dict.fromkeys(skipped)))
