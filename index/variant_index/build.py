"""A folder of wheels becomes a static index: ``OUT/simple/``, to be served by anything that serves files."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from packaging.utils import NormalizedName, canonicalize_name

from variant_index.changes import Sync
from variant_index.destinations import Destination
from variant_index.errors import FolderError, IndexStateError, UnpublishableError, refuse
from variant_index.extra_pages import ExtraPages
from variant_index.folder import LocalFolder
from variant_index.indexed_file import by_project
from variant_index.layout import JSON_PAGE, PAGES, ROOT, is_by_hash, known_files, paths_of
from variant_index.locations import is_store_url, open_destination
from variant_index.one_file import ALWAYS, IF_READ, NEVER
from variant_index.publisher import GRACE, Committed, Plan, Publisher
from variant_index.scan import Reading, Scan, forget_notes, scan_folder, scan_paths, scan_stored
from variant_index.state import ProjectState, parse_filename
from variantctl.indexes.page_writer import PageFile
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.workers.executors import BY_CORES, Workers
from variantctl.workers.running import Progress

_OUR_SUFFIXES = (".whl", ".whl.metadata", "-variants.json", ".tar.gz", ".zip", ".part")


@dataclass(frozen=True)
class BuildSummary:
    """What was built.

    Attributes:
        simple: the folder to point an index URL at, or its URL.
        projects: how many projects.
        wheels: how many wheels, variants among them.
        variants: how many variant wheels.
        sdists: how many source distributions.
        variants_json: the index-level metadata files, as ``project/filename``.
        removed: files of an earlier build that are gone now, as ``project/filename``.
        notes: what a publisher may want to know: files passed over, odd wheels.
        read: how many wheels and sdists were read; the others were published already.
    """

    simple: Path | str
    projects: int
    wheels: int
    variants: int
    sdists: int
    variants_json: tuple[str, ...]
    removed: tuple[str, ...]
    notes: tuple[str, ...]
    read: int = 0

    def as_json(self) -> dict[str, object]:
        """The object that ``index build --json`` prints."""
        return {
            "format": 1,
            "simple": str(self.simple),
            "projects": self.projects,
            "wheels": self.wheels,
            "variants": self.variants,
            "sdists": self.sdists,
            "read": self.read,
            "variants_json": list(self.variants_json),
            "removed": list(self.removed),
            "notes": list(self.notes),
        }


def build_index(
    wheel_dir: Path | str,
    out: Path | str,
    *,
    verify: bool = False,
    force: bool = False,
    progress: Progress | None = None,
    extra: ExtraPages | None = None,
    waiting: Callable[[], None] | None = None,
    workers: Workers = BY_CORES,
    audit: bool | None = None,
) -> BuildSummary:
    """Write ``out/simple/`` so that it holds what ``wheel_dir`` holds, and nothing else.

    Nothing is written before everything was found publishable. Then each project is changed as
    ``variant_index.publisher`` says, and what an earlier build left goes last. What the pages have from
    before is kept: upload times, yanks with reasons, status, provenance. Wheels whose size and date are
    those that were published are not opened.

    Args:
        wheel_dir: a folder of wheels and sdists. It may be ``out`` itself, or hold it. Or the URL of one
            below ``out``, if that is a store: its wheels stay where they lie.
        out: where ``simple/`` goes: a folder, made if it is not there, or the URL of an object store. In a
            folder wheels are hard links where that is possible.
        verify: compare every file of every wheel with its RECORD, too.
        force: replace a ``simple/`` that is not an index of ours.
        progress: told how far hashing is.
        extra: makes the pages for people.
        waiting: called once when another process is writing the index.
        workers: who reads the wheels.
        audit: whether the code in them is looked into; ``None``: see ``audit_mode``.

    Raises:
        FolderError, DestinationError: a folder or store cannot be used.
        WheelError, InvalidVariantError, UnpublishableError: wheels are unsound or inconsistent.
        IndexStateError: a project takes no new files.
        WorkersError: nobody can read the wheels.
    """
    destination = open_destination(out)
    stored = is_store_url(str(wheel_dir))
    if isinstance(destination, LocalFolder) and not stored:
        _check_folders(Path(wheel_dir), destination.root / ROOT)
    if waiting is not None:
        destination.waiting = waiting
    publisher = Publisher(destination, extra)
    publisher.check_ours(force=force)
    before = read_index(publisher, force=force)
    reading = Reading(verify, audit_mode(audit, extra, stored=stored), workers, destination, progress)
    if stored:
        scan = scan_stored(destination, [str(wheel_dir)], before.known_of, reading)
        changes, plans = _plan(
            publisher, scan, lambda names: _again(destination, str(wheel_dir), names, reading)
        )
    else:
        folder = Path(wheel_dir)
        scan = scan_folder(folder, before.known, reading)
        changes, plans = _plan(
            publisher, scan, lambda names: scan_paths([folder / name for name in names], None, reading)
        )
    with destination.exclusive():
        publisher.begin()
        done = {
            name: publisher.commit(name, change, change.files, plans[name])
            for name, change in changes.items()
        }
        emptied = sorted(set(before.states) - set(changes))
        publisher.register(done, gone=emptied)
        removed, foreign = _clear(publisher, [committed.state for committed in done.values()], emptied)
    forget_notes(destination, [scan])
    removed += [path for committed in done.values() for path in committed.removed]
    left = (
        f"{path.removeprefix(f'{ROOT}/')}: not a file of ours; it is left where it is" for path in foreign
    )
    return _summary(destination, scan, done, removed, (*left, *publisher.notes))


@dataclass(frozen=True)
class PublishedIndex:
    """What an index has.

    Attributes:
        states: project -> state.
        known: filename -> entry, of the files that are there, whole and with all that belongs to them.
    """

    states: Mapping[NormalizedName, ProjectState]
    known: Mapping[str, PageFile]

    def known_of(self, name: NormalizedName) -> dict[str, PageFile]:
        """The entries of one project, of ``known``."""
        files = self.states[name].files if name in self.states else {}
        return {filename: self.known[filename] for filename in files if filename in self.known}


def audit_mode(asked: bool | None, extra: ExtraPages | None, *, stored: bool) -> str:
    """Whether code is looked into: what is on this machine is, where there are pages to show it.

    Of a wheel in a store that is not read anyway, all of it would have to be fetched: that is asked for.
    """
    if asked is not None:
        return ALWAYS if asked else NEVER
    if extra is None:
        return NEVER
    return IF_READ if stored else ALWAYS


def read_index(publisher: Publisher, *, force: bool = False) -> PublishedIndex:
    """Every project of an index; with ``force`` those whose page is not ours are left out.

    Raises:
        IndexStateError: a page cannot be read.
    """
    listed = {found.path: found for found in publisher.destination.list(ROOT)}
    states: dict[NormalizedName, ProjectState] = {}
    known: dict[str, PageFile] = {}
    for path in listed:
        parts = path.split("/")
        if len(parts) != 3 or parts[2] != JSON_PAGE or canonicalize_name(parts[1]) != parts[1]:
            continue
        name = canonicalize_name(parts[1])
        try:
            state = publisher.state(name)
        except IndexStateError:
            if force:
                continue
            raise
        states[name] = state
    outside = {path for state in states.values() for path in paths_of(state) if path not in listed}
    for folder in sorted({posixpath.dirname(path) for path in outside if not path.startswith(f"{ROOT}/")}):
        listed |= {found.path: found for found in publisher.destination.list(folder)}
    for state in states.values():
        known.update(known_files(state, listed))
    return PublishedIndex(states, known)


def _again(destination: Destination, url: str, names: Iterable[str], reading: Reading) -> Scan:
    """Read wheels of a store that were not read, as they are published."""
    return scan_stored(destination, [f"{url.rstrip('/')}/{name}" for name in names], reading=reading)


def _check_folders(wheel_dir: Path, simple: Path) -> None:
    if wheel_dir.resolve().is_relative_to(simple.resolve()):
        raise FolderError(
            f"{wheel_dir}: lies within {simple}, which the build replaces",
            hint="Keep the wheels in a folder outside of the index, or choose another output folder.",
        )
    if simple.exists() and not simple.is_dir():
        raise FolderError(f"{simple}: is not a folder", hint="Choose another output folder.")


def _plan(
    publisher: Publisher, scan: Scan, read_again: Callable[[Iterable[str]], Scan]
) -> tuple[dict[NormalizedName, Sync], dict[NormalizedName, Plan]]:
    """A change for each project, and its plan; nothing is written before all of them are possible.

    Raises:
        InvalidVariantError: the wheels of one version are not consistent; two files are named.
        UnpublishableError: that is so for several versions.
    """
    read = by_project(scan.files)
    unchanged: dict[NormalizedName, set[str]] = {}
    for filename in scan.unchanged:
        unchanged.setdefault(parse_filename(filename).name, set()).add(filename)
    changes: dict[NormalizedName, Sync] = {}
    plans: dict[NormalizedName, Plan] = {}
    problems: list[VariantctlError] = []
    for name in sorted({*read, *unchanged}):
        same = frozenset(unchanged.get(name, ()))
        change = Sync(tuple(read.get(name, ())), same, publisher.destination.by_hash)
        try:
            try:
                plans[name] = publisher.plan(name, change)
            except (InvalidVariantError, IndexStateError):
                if not same:
                    raise
                # What is published may say more than its wheels do: priorities of wheels that are gone.
                again = read_again(sorted(same))
                change = Sync((*change.files, *again.files), by_hash=change.by_hash)
                plans[name] = publisher.plan(name, change)
        except UnpublishableError as error:
            problems += error.problems
        except VariantctlError as error:
            problems.append(error)
        changes[name] = change
    refuse(problems)
    return changes, plans


def _clear(
    publisher: Publisher, states: Sequence[ProjectState], emptied: Sequence[NormalizedName]
) -> tuple[list[str], list[str]]:
    """Delete what no page names; gives the files deleted, and those that we never write.

    In a store other publishers are at work, and their uploads have no page yet: there only the files of
    projects without wheels go.
    """
    destination = publisher.destination
    if not isinstance(destination, LocalFolder):
        return [path for name in emptied for path in publisher.commit(name, Sync(())).removed], []
    named = {f"{ROOT}/{page}" for page in PAGES}.union(*(publisher.named(state) for state in states))
    removed, foreign = [], []
    for found in list(destination.list(ROOT)):
        folder, _, name = found.path.rpartition("/")
        if found.path in named or folder == ROOT:
            continue
        if name not in PAGES and not name.endswith(_OUR_SUFFIXES):
            foreign.append(found.path)
        elif not (is_by_hash(found.path) and time.time() - found.modified < GRACE):
            removed.append(found.path)
    destination.delete(removed)
    destination.drop_empty_folders(ROOT)
    return removed, foreign


def _summary(
    destination: Destination,
    scan: Scan,
    done: Mapping[NormalizedName, Committed],
    removed: Sequence[str],
    notes: Sequence[str],
) -> BuildSummary:
    names = [parse_filename(name) for committed in done.values() for name in committed.state.files]
    wheels = [name for committed in done.values() for name in committed.state.files if name.endswith(".whl")]
    simple = destination.root / ROOT if isinstance(destination, LocalFolder) else f"{destination.name}/{ROOT}"
    return BuildSummary(
        simple=simple,
        projects=len(done),
        wheels=len(wheels),
        variants=sum(name.label is not None for name in names),
        sdists=len(names) - len(wheels),
        variants_json=tuple(
            f"{name}/{link.filename}"
            for name, committed in done.items()
            for _, link in sorted(committed.state.links.items())
        ),
        removed=tuple(sorted(path.removeprefix(f"{ROOT}/") for path in removed)),
        notes=(
            *(f"{name}: {why}; it is left out" for name, why in scan.skipped),
            *scan.remarks,
            *(note for file in scan.files for note in file.notes),
            *notes,
        ),
        read=len(scan.files),
    )
