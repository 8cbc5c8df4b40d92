"""An import: fetch what is missing, make variant wheels of it, index them. A killed one can go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event, Lock

from variant_index.build import build_index
from variant_index.extra_pages import ExtraPages
from variant_index.importing.code import by_code
from variant_index.importing.discovery import with_what_is_there
from variant_index.importing.family import FamilyListing, FamilyNaming
from variant_index.importing.labels import Naming
from variant_index.importing.listing import Listing
from variant_index.importing.making import Made, Making, make
from variant_index.importing.plan import Bar, ImportPlan, ImportSummary, Progress, nothing
from variant_index.importing.selection import Selection, Wanted
from variant_index.importing.state import ImportState
from variant_index.importing.work import FETCH, KEEP, PER_WHEEL, REMAKE, UNITED, Item, plan_items, unite
from variantctl.backends.source import BackendSource
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import WheelCache
from variantctl.families.family import Family
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import WheelLink
from variantctl.indexes.wheel_metadata import WheelMetadataReader
from variantctl.net.client import HttpClient
from variantctl.net.download import Cancelled, download
from variantctl.net.errors import HashMismatch
from variantctl.net.hashes import check
from variantctl.net.partial import Partial
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import is_file_url, url_to_path
from variantctl.values import dataclass, field, replace
from variantctl.wheels.metadata import parse_core_metadata
from variantctl.workers.executors import BY_CORES, Load, Pool, Workers, open_pool
from variantctl.workers.running import run_one


class Import:
    """One import into one folder.

    Args:
        place: the URL or folder with the sub-indexes.
        out: the output folder.
        source: the mapping.
        selection: what is asked for.
        client: makes the requests.
        dependencies: ``per-wheel`` or ``united``.
        jobs: how many wheels are worked on at a time.
        workers: who reads and writes them; they are always fetched by this process.
        package_finder: where the members of a family come from; then ``source`` is that family.
    """

    def __init__(
        self,
        place: str,
        out: Path,
        source: BackendSource,
        selection: Selection,
        client: HttpClient,
        *,
        dependencies: str = PER_WHEEL,
        jobs: int = 4,
        workers: Workers = BY_CORES,
        package_finder: PackageFinder | None = None,
    ) -> None:
        self._package_finder = package_finder
        # Credentials in the URL are the client's; nothing that is written or shown has them.
        self._place = client.credentials.take(place) if "://" in place else place
        self._out = out
        self._source = source
        self._selection = selection
        self._client = client
        self._dependencies = dependencies
        self._jobs = max(jobs, workers.processes or 0)
        self._workers = workers
        self._pool: Pool | None = None
        self._state = ImportState(out)
        self._lock = Lock()
        self._contradictions: list[str] = []

    def plan(self) -> ImportPlan:
        """Read the pages, and say what there is to do.

        Raises:
            SelectionError: what is asked for is not there.
            NetworkError, SourceError, FolderError: the place cannot be read.
        """
        found_out: list[str] = []
        naming, wanted, listing = self._what_there_is(found_out.append)
        found = listing.wheels(list(wanted.packages))
        chosen = wanted.chosen(found)
        if not chosen:
            raise nothing(wanted, [link for _, link in found], self._place)
        entries = self._state.entries()
        items, notes = plan_items(naming, chosen, entries)
        items, differences = by_code(items, entries)
        notes = [*found_out, *notes, *differences]
        if self._dependencies == UNITED:
            items = unite(items, self._source.packages, self._reader(notes))
        actions = {item.name: item.action(self._source.packages) for item in items}
        items.sort(key=lambda item: item.name)
        return ImportPlan(tuple(items), actions, tuple(notes))

    def _what_there_is(self, note: Callable[[str], None]) -> tuple[Naming, Wanted, Listing | FamilyListing]:
        """What the wheels are called, what is asked for, and where it is looked for."""
        if self._package_finder is not None and isinstance(self._source, Family):
            wanted = self._selection.resolved(self._source)
            members = FamilyListing(self._package_finder, self._source, wanted.backends)
            return FamilyNaming(self._source), wanted, members
        source = with_what_is_there(self._source, self._place, self._client, self._selection.backends, note)
        wanted = self._selection.resolved(source)
        return Naming(source), wanted, Listing(self._place, source, self._client, wanted.backends)

    def run(self, bar: Bar | None = None, *, extra: ExtraPages | None = None) -> ImportSummary:
        """Do what ``plan`` says, and build the index.

        Args:
            bar: shows how far each of the two parts is.
            extra: makes the pages for people.

        Raises:
            NetworkError, HashMismatch, WheelError: a wheel cannot be had, or is unsound. What was finished
                stays, and the next run goes on from there.
            SelectionError, FolderError, SourceError: as ``plan``; and as ``build_index``.
        """
        bar = bar or (lambda _title: nullcontext())
        with Cache(self._state.folder / "cache").exclusive_lock("import"):
            # Another process may have imported while this one waited.
            self._state = ImportState(self._out)
            plan = self.plan()
            self._state.wheels.mkdir(parents=True, exist_ok=True)
            self._state.begin()
            work = [item for item in plan.items if plan.actions[item.name] != KEEP]
            fetched = [item.link.file for item in work if item.link and plan.actions[item.name] == FETCH]
            with bar(f"importing {len(work):,} wheels") as progress, self._opened(work):
                meter = _Meter(fetched, progress)
                self._in_parallel(work, plan.actions, meter)
                plan = self._by_code(plan, meter)
            with bar("indexing") as progress:
                built = build_index(self._state.wheels, self._out, progress=progress, extra=extra)
        return ImportSummary(plan, meter.done, built, tuple(sorted(self._contradictions)))

    @contextmanager
    def _opened(self, work: Sequence[Item]) -> Iterator[None]:
        """Somebody asked for processes or a cluster: they do the work until this ends."""
        if self._workers == BY_CORES or not work:
            yield
            return
        with open_pool(self._workers, Load(len(work), 0)) as self._pool:
            try:
                yield
            finally:
                self._pool = None

    def _by_code(self, plan: ImportPlan, meter: _Meter) -> ImportPlan:
        """Make those wheels again of which the code shows more than the mapping says."""
        entries = self._state.entries()
        there = [replace(item, before=(item.name, entries[item.name])) for item in plan.items]
        items, notes = by_code(there, entries)
        packages = self._source.packages
        again = {item.name: REMAKE for item in items if item.action(packages) == REMAKE}
        self._in_parallel([item for item in items if item.name in again], again, meter)
        return replace(plan, items=tuple(items), notes=tuple(dict.fromkeys((*plan.notes, *notes))))

    def _in_parallel(self, work: Iterable[Item], actions: Mapping[str, str], meter: _Meter) -> None:
        cancel = Event()

        def do(item: Item) -> None:
            if cancel.is_set():
                return
            try:
                if actions[item.name] == REMAKE:
                    self._remake(item)
                else:
                    self._fetch(item, meter, cancel)
            except BaseException:
                cancel.set()
                raise

        with ThreadPoolExecutor(self._jobs) as pool:
            futures = [pool.submit(do, item) for item in work]
            try:
                # The first in order that failed by itself; the others were only told to stop.
                failures = [error for future in futures if (error := future.exception()) is not None]
            except BaseException:
                cancel.set()
                raise
        if failures:
            raise next((error for error in failures if not isinstance(error, Cancelled)), failures[0])

    def _reader(self, notes: list[str]) -> Callable[[WheelLink], tuple[str, ...]]:
        cache = Cache.open(no_cache=True)
        reader = WheelMetadataReader(cache, self._client, WheelCache(cache, self._client), notes.append)

        def read(link: WheelLink) -> tuple[str, ...]:
            return parse_core_metadata(reader.metadata(link), link.file.filename).requires_dist

        return read

    def _fetch(self, item: Item, meter: _Meter, cancel: Event) -> None:
        assert item.link is not None
        file = item.link.file
        if is_file_url(file.url):
            path = url_to_path(file.url)
            self._make(item, path, own=None)
            meter.add(file, path.stat().st_size, path.stat().st_size, local=True)
            return
        part = self._state.folder / f"{item.backend}-{file.filename}.part"
        self._download(file, part, meter, cancel)
        self._make(item, part, own=None)
        part.unlink()
        part.with_name(f"{part.name}.log").unlink(missing_ok=True)

    def _download(self, file: RemoteFile, part: Path, meter: _Meter, cancel: Event) -> None:
        """Fetch a file, going on with what an earlier run left of it."""
        partial = Partial.open(part, file.url)
        left = partial.taken_up
        try:
            came = download(
                self._client,
                file.url,
                partial,
                algorithms=file.hashes,
                size=file.size,
                progress=lambda done, total: meter.add(file, done, total),
                cancel=cancel,
            )
        except BaseException as error:
            partial.close(keep=partial.can_go_on)
            if isinstance(error, OSError) and error.filename is None:
                # A write that fails (a full disk) does not say where.
                error.filename = str(part)
            raise
        promised_by = file.source or "its source"
        try:
            check(file.filename, came.hashes, file.hashes, promised_by=promised_by, read_from=file.url)
        except HashMismatch:
            partial.close(keep=False)
            if not left:
                raise
            # What an earlier run left may be of a file that has been replaced since: once from the beginning.
            self._download(file, part, meter, cancel)
        else:
            partial.close(keep=True)

    def _remake(self, item: Item) -> None:
        """Make a wheel again of the one that was made before; its source is not fetched again."""
        assert item.before is not None
        name, entry = item.before
        self._make(item, self._state.wheels / name, own=entry.requires)
        if name != item.name:
            with self._lock:
                self._state.forget(name)

    def _make(self, item: Item, path: Path, own: tuple[str, ...] | None) -> None:
        """Write the variant wheel; ``own`` is what its source needs, if that is not what ``path`` says."""
        aside = self._state.folder / item.name
        made = self._done(Making(item, path.absolute(), aside.absolute(), self._source.packages, own))
        aside.replace(self._state.wheels / item.name)
        before = item.before[1].shown if own is not None and item.before is not None else None
        with self._lock:
            self._contradictions += made.contradictions
            self._state.record(
                item.name,
                source=item.wheel.filename,
                backend=item.backend,
                identity=item.identity,
                requires=made.requires,
                made=made.digest,
                shown=before if made.shown is None else made.shown,
            )

    def _done(self, task: Making) -> Made:
        return make(task) if self._pool is None else run_one(self._pool, make, task)


@dataclass
class _Meter:
    """Bytes fetched over all wheels; the sizes that no page told are taken for the average of the others."""

    files: list[RemoteFile]
    progress: Progress | None
    done: int = 0
    _parts: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, file: RemoteFile, done: int, total: int | None, *, local: bool = False) -> None:
        """So much of one file is there."""
        with self._lock:
            before = self._parts.get(file.url, (0, None))[0]
            self._parts[file.url] = (done, total)
            if not local:
                self.done += max(0, done - before)
            if self.progress is not None:
                self.progress(sum(part for part, _ in self._parts.values()), self._expected())

    def _expected(self) -> int:
        sizes = {file.url: file.size for file in self.files if file.size is not None}
        sizes |= {url: total for url, (_, total) in self._parts.items() if total is not None}
        average = sum(sizes.values()) // max(len(sizes), 1)
        return sum(sizes.values()) + average * (len(self.files) - len(sizes))
