"""An import into an object store: workers read the wheels where they lie, and write the variants.

Nothing but values goes through this process. What is done is noted in the store, for each wheel, by the
worker that did it (``remote_making``): a run that was killed, or a worker, costs only what was being done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

from variant_index.audit_file import WheelAt, wheels_at
from variant_index.bucket import Bucket
from variant_index.build import build_index
from variant_index.errors import FolderError
from variant_index.extra_pages import ExtraPages
from variant_index.importing.code import by_code
from variant_index.importing.discovery import names_below, with_names
from variant_index.importing.labels import Naming
from variant_index.importing.listing import wheels_below
from variant_index.importing.plan import Bar, ImportPlan, ImportSummary, nothing
from variant_index.importing.remote_making import (
    LOOKED,
    MADE,
    WHEELS,
    Looked,
    Looking,
    Writing,
    look,
    name_noted,
    write,
)
from variant_index.importing.selection import Selection
from variant_index.importing.state import Imported
from variant_index.importing.work import FETCH, KEEP, PER_WHEEL, REMAKE, UNITED, Item, plan_items, unite
from variant_index.journal import Journal
from variant_index.layout import sidecar
from variant_index.locations import open_destination
from variant_index.one_file import remember
from variantctl.backends.source import BackendSource
from variantctl.indexes.project_files import WheelLink
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import is_file_url, url_to_path
from variantctl.values import replace
from variantctl.workers.executors import BY_CORES, Load, Workers
from variantctl.workers.running import run_all


class RemoteImport:
    """One import into a store.

    Args:
        place: the URL of a store, or a folder (at the same path on every worker), with the sub-indexes.
        out: the URL of the store that is written.
        source: the mapping.
        selection: what is asked for. Wheels of another selection, which are there, stay as they are.
        dependencies: ``per-wheel`` or ``united``.
        workers: who reads and writes.

    Raises:
        FolderError: the place is a web site, of which workers cannot read ranges with the store's means.
        DestinationError: the store cannot be used.
    """

    def __init__(
        self,
        place: str,
        out: str,
        source: BackendSource,
        selection: Selection,
        *,
        dependencies: str = PER_WHEEL,
        workers: Workers = BY_CORES,
    ) -> None:
        if place.lower().startswith(("http://", "https://")):
            raise FolderError(
                f"{place}: only wheels of a store or a folder are imported into a store",
                hint="Import into a folder, and publish its wheels with 'variantctl index add'.",
            )
        self._place = str(url_to_path(place)) if is_file_url(place) else place
        output = open_destination(out)
        assert isinstance(output, Bucket)
        self._output = output
        remember(output)
        self._source = source
        self._selection = selection
        self._dependencies = dependencies
        self._workers = workers

    def plan(self) -> ImportPlan:
        """List the place, and say what there is to do, as far as that is known without reading wheels.

        Raises:
            SelectionError: what is asked for is not there.
            DestinationError, FolderError: the place cannot be listed.
        """
        items, looking, notes = self._listed()
        there = self._there()
        actions = {
            item.name: KEEP if looking[item.name].noted and item.name in there else FETCH for item in items
        }
        return ImportPlan(tuple(items), actions, tuple(notes))

    def run(self, bar: Bar | None = None, *, extra: ExtraPages | None = None) -> ImportSummary:
        """Do what ``plan`` says, and build the index.

        Args:
            bar: shows how far each of the three parts is.
            extra: makes the pages for people.

        Raises:
            WheelError: a wheel is unsound. What was finished stays, and the next run goes on from there.
            WorkersError: nobody can do the work.
            DestinationError, SelectionError, FolderError: as ``plan``; and as ``build_index``.
        """
        bar = bar or (lambda _title: nullcontext())
        items, looking, notes = self._listed()
        looked = self._looked(items, looking, bar)
        items, differences = self._settled(items, looked)
        there = self._there()
        writing = [self._writing(item, looking[item.name], looked[item.name], there) for item in items]
        with bar(f"writing {len(writing):,} wheels") as progress:
            sizes = [task.at.size for task in writing]
            written = dict(
                run_all(write, writing, sizes, self._workers, _load(sizes), progress=progress, tells=True)
            )
        self._take_away_old(writing, looking.values())
        actions = {
            item.name: FETCH if looked[item.name].read else REMAKE if written[number] else KEEP
            for number, item in enumerate(items)
        }
        with bar("indexing") as progress:
            wheels = f"{self._output.name}/{WHEELS}"
            built = build_index(
                wheels, self._output.name, progress=progress, extra=extra, workers=self._workers
            )
        fetched = sum(looking[item.name].at.size for item in items if looked[item.name].read)
        said = sorted(text for each in looked.values() for text in each.made.contradictions)
        found = ImportPlan(tuple(items), actions, tuple(dict.fromkeys((*notes, *differences))))
        return ImportSummary(found, fetched, built, tuple(said))

    def _listed(self) -> tuple[list[Item], dict[str, Looking], list[str]]:
        """The wheels of the result, what each is made of, and notes."""
        notes: list[str] = []
        there = {wheel.path: wheel for wheel in wheels_at(self._place, self._output.target)}
        by_url = {_url_of(wheel): wheel for wheel in there.values()}
        files = {path: _as_file(wheel, self._place) for path, wheel in there.items()}
        names = self._selection.backends or list(names_below(self._place, there, self._source, notes.append))
        source = with_names(self._source, names, notes.append)
        wanted = self._selection.resolved(source)
        found = wheels_below(self._place, files, list(wanted.packages), source, wanted.backends)
        chosen = wanted.chosen(found)
        if not chosen:
            raise nothing(wanted, [link for _, link in found], self._place)
        items, left_out = plan_items(Naming(source), chosen, {})
        noted = Journal(self._output, LOOKED).noted()
        looking = {}
        for item in items:
            task = Looking(by_url[_link_of(item).file.url], item)
            looking[item.name] = replace(task, noted=task.key in noted)
        return sorted(items, key=lambda item: item.name), looking, [*notes, *left_out]

    def _looked(self, items: Sequence[Item], looking: Mapping[str, Looking], bar: Bar) -> dict[str, Looked]:
        tasks = [looking[item.name] for item in items]
        sizes = [task.at.size for task in tasks]
        with bar(f"reading {len(tasks):,} wheels") as progress:
            done = run_all(look, tasks, sizes, self._workers, _load(sizes), progress=progress, tells=True)
            return {items[number].name: looked for number, looked in done}

    def _settled(
        self, items: Sequence[Item], looked: Mapping[str, Looked]
    ) -> tuple[list[Item], Sequence[str]]:
        """The same wheels, with what all of their code shows, and their dependencies."""
        entries = {
            item.name: Imported(
                source=item.wheel.filename,
                backend=item.backend,
                identity=item.identity,
                requires=looked[item.name].made.requires,
                made="",
                size=0,
                time=0,
                shown=looked[item.name].made.shown,
            )
            for item in items
        }
        known = [replace(item, before=(item.name, entries[item.name])) for item in items]
        settled, differences = by_code(known, entries)
        if self._dependencies == UNITED:
            settled = unite(settled, self._source.packages, _never)
        return sorted(settled, key=lambda item: item.name), differences

    def _writing(self, item: Item, looking: Looking, looked: Looked, there: Mapping[str, int]) -> Writing:
        edits = item.rewriting(looked.made.requires, self._source.packages)
        key = f"{looking.key}.{item.made(edits)}"
        return Writing(looking.at, looked.sha256, item.name, edits, key, there.get(item.name))

    def _there(self) -> dict[str, int]:
        """The wheels of the output, and how large they are."""
        start = len(f"{WHEELS}/")
        return {found.path[start:]: found.size for found in self._output.list(WHEELS)}

    def _take_away_old(self, writing: Sequence[Writing], looking: Iterable[Looking]) -> None:
        """Variants that have other names now, and what is noted of other ways to make them."""
        journal = Journal(self._output, MADE)
        current, names = {task.key for task in writing}, {task.name for task in writing}
        sources = {task.key for task in looking}
        old = [key for key in journal.noted() - current if key.partition(".")[0] in sources]
        gone = {name for key in old if (name := name_noted(journal.text(key)))} - names
        paths = [f"{WHEELS}/{name}" for name in sorted(gone)]
        self._output.delete([*paths, *map(sidecar, paths)])
        journal.forget(old)


def _load(sizes: Sequence[int]) -> Load:
    return Load(len(sizes), sum(sizes), remote=True)


def _url_of(wheel: WheelAt) -> str:
    where = wheel.where
    return where.as_uri() if isinstance(where, Path) else where


def _as_file(wheel: WheelAt, place: str) -> RemoteFile:
    url = _url_of(wheel)
    return RemoteFile(wheel.path.rpartition("/")[2], url, size=wheel.size, source=place)


def _link_of(item: Item) -> WheelLink:
    """Every wheel here is one that is asked for now."""
    assert item.link is not None
    return item.link


def _never(link: WheelLink) -> tuple[str, ...]:
    raise AssertionError(f"{link.file.filename}: what it needs is known")
