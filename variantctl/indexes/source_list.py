"""Every place that is asked for a project, in order, and what is found there made into one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, TypeAlias

from packaging.utils import NormalizedName

from variantctl.backends.source import Ask, BackendSource
from variantctl.cache.pages import CachedPages
from variantctl.config.settings import BEST_VERSION, IndexSettings, SourceLayer
from variantctl.families.registry import NO_FAMILIES, NO_WISHES, MemberWishes
from variantctl.indexes.backend_pages import BackendIndex
from variantctl.indexes.errors import ProjectNotFound
from variantctl.indexes.find_links import FindLinks
from variantctl.indexes.project_files import ProjectFiles, join_sources
from variantctl.indexes.reachability import ServerReachability
from variantctl.indexes.simple import SimpleIndex
from variantctl.net.client import HttpClient
from variantctl.net.errors import NetworkError, OfflineError
from variantctl.net.urls import is_file_url, is_url, split_credentials
from variantctl.values import dataclass, replace
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.families.family import Member
    from variantctl.indexes.family_pages import FamilyIndex

Place: TypeAlias = SimpleIndex | BackendIndex


class SourceList:
    """The opened sources of some settings.

    Attributes:
        backends: those of kind ``backends``.
        families: which names are members of a family; each is opened when one of its names comes up.
    """

    def __init__(
        self,
        settings: IndexSettings,
        client: HttpClient,
        pages: CachedPages,
        contacts: ServerReachability,
        note: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._client = client
        self._pages = pages
        self._contacts = contacts
        self._note = note
        self._warn = warn
        self.families = settings.families
        self._families: dict[str, FamilyIndex] = {}
        self._ask_machine: tuple[Ask, Mapping[str, str], MemberWishes] | None = None
        self._layers = [self._open_layer(layer) for layer in settings.layers]
        opened = {index.source.name: index for index in self.backends}
        self._pinned: dict[NormalizedName, Place] = {
            name: opened[place] if place in opened else self._simple(place)
            for name, place in settings.pins.items()
            if not settings.no_index and (place in opened or is_url(place))
        }

    @property
    def backends(self) -> list[BackendIndex]:
        return [place for layer in self._layers for place in layer.places if isinstance(place, BackendIndex)]

    def for_machine(
        self, ask: Ask | None, environment: Mapping[str, str], wishes: MemberWishes = NO_WISHES
    ) -> SourceList:
        """The same places, with only the backends and members of families that a machine can use."""
        seen = copy(self)
        views = {index.source.name: index.for_machine(ask, environment) for index in self.backends}

        def view(place: Place) -> Place:
            return views[place.source.name] if isinstance(place, BackendIndex) else place

        seen._layers = [
            replace(layer, places=[view(place) for place in layer.places]) for layer in self._layers
        ]
        seen._pinned = {name: view(place) for name, place in self._pinned.items()}
        seen._families = {}
        seen._ask_machine = (ask, environment, wishes) if ask is not None else None
        if ask is None:
            seen.families = NO_FAMILIES
        return seen

    def family(self, project: NormalizedName) -> FamilyIndex | None:
        """The family of an identity; ``None`` of every other project, a member's own name included."""
        if not self.families or self.families.identity(project) != project:
            return None
        family = self.families.of(project)
        if family is None:
            return None
        opened = self._families.get(family.name)
        if opened is None:
            # Most plans have no member of a family.
            from variantctl.indexes.family_pages import FamilyIndex

            for problem in self.families.problems:
                self._warn(problem)
            elsewhere = self.families.asks_elsewhere(family.name) and not self._settings.no_index
            opened = FamilyIndex(family, self._page_of_member, self._warn, elsewhere=elsewhere)
            if self._ask_machine is not None:
                ask, environment, wishes = self._ask_machine
                opened = opened.for_machine(ask, environment, self._page_of_member, wishes)
            self._families[family.name] = opened
        return opened

    def source_of(self, project: NormalizedName) -> BackendIndex | FamilyIndex | None:
        """What gives a project's wheels labels that their names do not have."""
        found = next((index for index in self.backends if index.source.serves(project)), None)
        return found or self.family(project)

    def source_named(self, names: Collection[str]) -> BackendIndex | FamilyIndex | None:
        """The same by what it is called, among those that are open."""
        opened: list[BackendIndex | FamilyIndex] = [*self.backends, *self._families.values()]
        return next((index for index in opened if index.source.name in names), None)

    def _page_of_member(
        self, project: NormalizedName, member: Member, refresh: bool | None
    ) -> ProjectFiles | None:
        place = member.page or member.index
        if not place:
            return self._plain(project, refresh=refresh)
        if is_url(place) and not is_file_url(place):
            page = member.page or f"{place}/{project}/"
            problem = self._contacts.with_server_of(place).problem(page)
            if problem is not None:
                raise NetworkError(problem, url=place)
        if member.page:
            return FindLinks(member.page, self._client, self._pages).project(project)
        return self._simple(member.index).project(project, refresh=refresh)

    def seen_backends(self, project: NormalizedName) -> tuple[str, ...]:
        """What tells the files of a project for one machine from those for another."""
        views = tuple(view for index in self.backends if (view := index.view(project)))
        family = self.family(project)
        return views if family is None else (*views, family.view())

    def expect_backends(self, names: Iterable[str]) -> None:
        """Somebody named these sub-indexes, in a version like ``2.14.0+rocm7.14``."""
        names = tuple(names)
        for index in self.backends:
            index.discovery.expect(names)

    def project(self, project: NormalizedName, *, refresh: bool | None) -> ProjectFiles | None:
        """The files of a project: see ``PackageFinder.project``; of an identity those of its members."""
        family = self.family(project)
        if family is not None:
            return family.project(project, refresh=refresh)
        files = self._plain(project, refresh=refresh)
        if files is not None and not files.by_version:  # nothing is read for it of a page that is kept
            from variantctl.indexes.project_names import stands_in_for

            if (right := stands_in_for(project)) is not None:
                self._warn(f"{project} is only a placeholder: did you mean {right!r}?")
        return files

    def _plain(self, project: NormalizedName, *, refresh: bool | None) -> ProjectFiles | None:
        if project in self._pinned:
            return self._ask(self._pinned[project], project, refresh)
        everywhere = self._settings.strategy == BEST_VERSION
        found: list[ProjectFiles] = []
        for layer in self._layers:
            found += [files for place in layer.find_links if (files := place.project(project)) is not None]
            for place in layer.places:
                if found and isinstance(place, BackendIndex) and place.source.by_default:
                    continue  # somebody named a place that has it
                files = self._ask(place, project, refresh)
                if files is not None:
                    found.append(files)
                    if not everywhere:
                        return join_sources(project, found)
            if found and layer.closed and not everywhere:
                break
        return join_sources(project, found) if found else None

    def elsewhere(self, project: NormalizedName, found: str) -> list[ProjectFiles]:
        """What the places that were not asked have of a project: only the first that has it counts.

        What cannot be read is passed over: this is for advice alone.

        Args:
            project: the project.
            found: the sources that it was found at, as ``ProjectFiles.source`` names them.
        """
        if project in self._pinned:
            return []
        others: list[ProjectFiles] = []
        for place in (place for layer in self._layers for place in layer.places):
            try:
                files = self._ask(place, project, None)
            except VariantctlError:
                continue
            if files is not None and files.source not in found.split(", "):
                others.append(files)
        return others

    def not_found(self, project: NormalizedName, notes: Sequence[str]) -> VariantctlError:
        """The error for a project that no place has; *notes* say what was odd."""
        odd: list[str] = []
        for layer in self._layers:
            odd += [
                f"{place.location}: named by {layer.origin}, and does not exist"
                for place in layer.find_links
                if place.missing
            ]
            odd += [
                f"{place.folder}: named by {layer.origin}, and is not a folder"
                for place in layer.places
                if isinstance(place, SimpleIndex) and place.folder and not place.folder.is_dir()
            ]
        for note in odd:
            self._note(note)
        if self._settings.offline and any("--offline" in note and f" {project} " in note for note in notes):
            return OfflineError(
                f"{project} is not in the cache, and --offline forbids asking for it",
                url="",
                hint="Run the command once without --offline, or name a folder of wheels with --find-links.",
            )
        hint = "Check the spelling and the sources (-i/--index-url, --extra-index-url, -f/--find-links)."
        from variantctl.indexes.project_names import meant

        if (near := meant(project, self._known_names())) is not None:
            hint = f"{near} Else check the sources (-i/--index-url, --extra-index-url, -f/--find-links)."
        if project in self._pinned:
            hint = f"{project} is looked for there alone, because it is pinned to it."
        elif not any(layer.places for layer in self._layers) and not self._settings.no_index:
            odd.append("no default index is known: name one with --index-url")
        return ProjectNotFound(project, tuple(self._searched(project)), hint=" ".join([hint, *odd]))

    def _known_names(self) -> Iterator[str]:
        """Names that are known without a request: in folders, of families, of backends' packages."""
        for layer in self._layers:
            for links in layer.find_links:
                yield from links.names
            for place in layer.places:
                if isinstance(place, BackendIndex):
                    yield from place.source.packages
                elif isinstance(place, SimpleIndex) and place.folder and place.folder.is_dir():
                    yield from (entry.name for entry in place.folder.iterdir() if entry.is_dir())
        yield from self.families.distributions

    def _searched(self, project: NormalizedName) -> list[str]:
        if project in self._pinned:
            return [self._pinned[project].url]
        searched = [place.location for layer in self._layers for place in layer.find_links]
        places = [place for layer in self._layers for place in layer.places]
        return searched + [
            place.url
            for place in places
            if not isinstance(place, BackendIndex) or place.source.serves(project)
        ]

    def _ask(self, place: Place, project: str, refresh: bool | None) -> ProjectFiles | None:
        try:
            files = place.project(project, refresh=refresh)
        except OfflineError:
            self._note(f"{place.url}: whether it has {project} is not in the cache (--offline)")
            return None
        return files if files is None else self.in_time(files)

    def in_time(self, files: ProjectFiles) -> ProjectFiles:
        """The files that ``--exclude-newer`` leaves."""
        uploads = self._settings.uploads
        if uploads.of(files.name) is None:
            return files
        from variantctl.indexes.upload_times import uploaded_in_time

        return uploaded_in_time(files, uploads, self._warn)

    def _open_layer(self, layer: SourceLayer) -> _Layer:
        """What somebody named goes before what is asked by default, and that before the default index."""
        places: list[Place] = [self._open(source) for source in layer.backends if not source.by_default]
        places += map(self._simple, layer.extra_index_urls)
        places += [self._open(source) for source in layer.backends if source.by_default]
        if layer.index_url:
            places.append(self._simple(layer.index_url))
        if layer.no_index:
            places = []
        find_links = [FindLinks(location, self._client, self._pages) for location in layer.find_links]
        return _Layer(layer.origin, places, find_links, closed=bool(places) or layer.no_index)

    def _simple(self, url: str) -> SimpleIndex:
        """An index, which is taken at its word: only statuses that are configured let the search go on."""
        return SimpleIndex(url, self._client, self._pages, self._ignored(url))

    def _ignored(self, url: str) -> Collection[int]:
        bare = split_credentials(url)[0] if is_url(url) else url
        return self._settings.ignore_error_codes.get(bare.rstrip("/"), ())

    def _open(self, source: BackendSource) -> BackendIndex:
        contact = self._contacts.with_server_of(source.url)
        ignored = self._ignored(source.url)
        return BackendIndex(source, self._client, self._pages, contact, self._warn, self._note, ignored)


@dataclass(frozen=True)
class _Layer:
    """The opened sources of one place that names sources (the command line, a configuration file).

    Attributes:
        origin: the place.
        places: in the order in which they are asked.
        find_links: what is asked in any case.
        closed: what is found here is not looked for in the layers below.
    """

    origin: str
    places: list[Place]
    find_links: list[FindLinks]
    closed: bool
