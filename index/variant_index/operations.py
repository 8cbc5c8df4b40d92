"""What is done to an index: add, remove, yank, say a project's status. Only the projects named are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from packaging.utils import InvalidName, NormalizedName, canonicalize_name
from packaging.version import InvalidVersion, Version

from variant_index.build import audit_mode
from variant_index.changes import Add, Remove, Selection, SetStatus, Yank
from variant_index.destinations import Destination
from variant_index.errors import FolderError, IndexStateError, UnpublishableError, refuse
from variant_index.extra_pages import ExtraPages
from variant_index.indexed_file import by_project
from variant_index.layout import HTML_PAGE, ROOT
from variant_index.locations import is_store_url, open_destination
from variant_index.publisher import Plan, Publisher
from variant_index.scan import Reading, forget_notes, scan_paths, scan_stored
from variant_index.state import SDIST_SUFFIXES, ProjectState, parse_filename
from variantctl.indexes.page_writer import PageFile, ProjectStatus
from variantctl.values import dataclass, field
from variantctl.variants.errors import VariantctlError
from variantctl.workers.executors import BY_CORES, Workers
from variantctl.workers.running import Progress


@dataclass(frozen=True)
class IndexAt:
    """Which index, and what goes with every change to it.

    Attributes:
        target: a folder, or the URL of an object store.
        extra: makes the pages for people, where the index has them or is new; ``None`` for none.
        waiting: called once when another process is writing the index.
    """

    target: Path | str
    extra: ExtraPages | None = None
    waiting: Callable[[], None] | None = None

    def publisher(self) -> Publisher:
        """Open it.

        Raises:
            DestinationError: it cannot be opened.
        """
        destination = open_destination(self.target)
        if self.waiting is not None:
            destination.waiting = self.waiting
        extra = self.extra
        if extra is not None and destination.read(extra.mark) is None:
            # Whoever built it said that there are to be none.
            extra = extra if destination.read(f"{ROOT}/{HTML_PAGE}") is None else None
        return Publisher(destination, extra)


@dataclass(frozen=True)
class ChangeSummary:
    """What was done.

    Attributes:
        index: the folder or URL.
        projects: the projects that were looked at.
        files: the wheels and sdists that the change was about.
        unchanged: of those to be added, what was published already.
        removed: the files that were deleted, as paths in the index.
        notes: what a publisher may want to know.
    """

    index: str
    projects: tuple[str, ...]
    files: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """The object that ``--json`` prints."""
        return {
            "format": 1,
            "index": self.index,
            "projects": list(self.projects),
            "files": list(self.files),
            "unchanged": list(self.unchanged),
            "removed": list(self.removed),
            "notes": list(self.notes),
        }


def add_files(
    wheels: Sequence[Path | str],
    index: IndexAt,
    *,
    replace: bool = False,
    verify: bool = False,
    progress: Progress | None = None,
    workers: Workers = BY_CORES,
    audit: bool | None = None,
) -> ChangeSummary:
    """Publish wheels and sdists beside what the index has. No other project is read.

    Args:
        wheels: files of this machine; or URLs of objects, or of folders of them, in the index's own store,
            which are linked to where they lie.
        index: the index; it is made if it is not there.
        replace: take the place of a file of the same name with other contents; else that is refused.
        verify: also compare every file of every wheel with its RECORD.
        progress: told how far hashing is.
        workers: who reads the wheels.
        audit: whether the code in them is looked into; ``None``: see ``audit_mode``.

    Raises:
        WheelError, InvalidVariantError, UnpublishableError: wheels are unsound or inconsistent.
        WorkersError: nobody can read the wheels.
        IndexStateError: a name is taken, or a project takes no new files.
        FolderError, DestinationError: the index cannot be read or written.
    """
    publisher = index.publisher()
    destination = publisher.destination
    publisher.check_ours()
    for path in (Path(wheel) for wheel in wheels if not is_store_url(str(wheel))):
        if path.is_dir():
            raise FolderError(f"{path}: is a folder", hint=f"Give its files: {path}/*.whl.")
    paths = {Path(wheel).name: Path(wheel) for wheel in wheels if not is_store_url(str(wheel))}
    urls = [str(wheel) for wheel in wheels if is_store_url(str(wheel))]

    def reading(*, stored: bool) -> Reading:
        mode = audit_mode(audit, publisher.extra, stored=stored)
        return Reading(verify, mode, workers, destination, progress)

    scans = []
    if paths:
        known = {} if replace else _known(publisher, paths)
        scans.append(scan_paths(list(paths.values()), known, reading(stored=False)))
    if urls:
        scans.append(scan_stored(destination, urls, publisher.known, reading(stored=True)))
    files = [file for scan in scans for file in scan.files]
    unchanged = [name for scan in scans for name in scan.unchanged]
    groups = by_project(files)
    changes = {name: Add(tuple(group), destination.by_hash, replace) for name, group in groups.items()}
    for name in sorted({parse_filename(filename).name for filename in unchanged} - set(changes)):
        changes[name] = Add(())  # what a publisher that was killed left undone
    plans = _plan(publisher, changes)
    removed: list[str] = []
    with destination.exclusive():
        publisher.begin()
        for name, change in changes.items():
            removed += publisher.commit(name, change, change.files, plans[name]).removed
        publisher.register(changes)
    forget_notes(destination, scans)
    return ChangeSummary(
        destination.name,
        tuple(changes),
        tuple(sorted(file.filename for file in files)),
        tuple(sorted(unchanged)),
        tuple(removed),
        (
            *(f"{name}: {why}" for scan in scans for name, why in scan.skipped),
            *(remark for scan in scans for remark in scan.remarks),
            *(note for file in files for note in file.notes),
            *publisher.notes,
        ),
    )


def _known(publisher: Publisher, filenames: Iterable[str]) -> dict[str, PageFile]:
    """What the index has of the projects of some files, by filename."""
    known: dict[str, PageFile] = {}
    for name in sorted({parse_filename(filename).name for filename in filenames}):
        known.update(publisher.known(name))
    return known


def remove_files(specs: Sequence[str], index: IndexAt, *, whole: bool = False) -> ChangeSummary:
    """Take files off the pages, then delete them.

    A project without files is listed no more, and its page goes: an empty one would keep clients from asking
    another index for the project.

    Args:
        specs: ``NAME==VERSION``, or filenames; ``NAME`` if *whole* is given.
        index: the index.
        whole: whether a whole project may be meant.

    Raises:
        IndexStateError: the index has nothing of that name.
        DestinationError: the index cannot be read or written.
    """
    selections = [parse_selection(spec) for spec in specs]
    for selection in selections:
        if selection.version is None and selection.filenames is None and not whole:
            raise IndexStateError(
                f"{selection.name} is a whole project, with all of its versions",
                hint=f"Name a version ({selection.name}==...) or a file, or add --all.",
            )
    publisher = index.publisher()
    files: list[str] = []
    removed: list[str] = []
    with _existing(publisher):
        for selection in selections:
            state = publisher.state(selection.name)
            meant = selection.of(state)
            left = [path for path in publisher.orphans(selection.name) if _is_meant(path, selection)]
            if not meant and not left:
                raise _missing(selection, state, publisher.destination)
            files += meant
            removed += publisher.commit(selection.name, Remove(selection)).removed
            left = [path for path in publisher.orphans(selection.name) if _is_meant(path, selection)]
            publisher.destination.delete(left)
            removed += left
            _drop_if_empty(publisher, selection.name)
    return _summary(publisher, selections, files, removed)


def yank_files(specs: Sequence[str], index: IndexAt, yanked: bool | str) -> ChangeSummary:
    """Mark files as yanked (PEP 592), with or without a reason; ``False`` takes the mark off.

    Raises:
        IndexStateError: the index has nothing of that name.
        DestinationError: the index cannot be read or written.
    """
    selections = [parse_selection(spec) for spec in specs]
    publisher = index.publisher()
    files: list[str] = []
    with _existing(publisher):
        for selection in selections:
            state = publisher.state(selection.name)
            meant = selection.of(state)
            if not meant:
                raise _missing(selection, state, publisher.destination)
            files += meant
            publisher.commit(selection.name, Yank(selection, yanked))
        publisher.register(())  # the front page says which version is the newest
    return _summary(publisher, selections, files)


def set_status(name: str, status: ProjectStatus, index: IndexAt) -> ChangeSummary:
    """Say what a project as a whole is (PEP 792).

    Raises:
        IndexStateError: the index has no such project, or there is no such status.
        DestinationError: the index cannot be read or written.
    """
    change = SetStatus(status)
    selection = Selection(parse_selection(name).name)
    publisher = index.publisher()
    with _existing(publisher):
        state = publisher.state(selection.name)
        if not state.files:
            raise _missing(selection, state, publisher.destination)
        publisher.commit(selection.name, change)
        publisher.register(())
    return _summary(publisher, [selection], [])


def project_state(name: str, index: IndexAt) -> ProjectState:
    """What an index has of a project.

    Raises:
        IndexStateError: nothing.
        DestinationError: the index cannot be read.
    """
    publisher = index.publisher()
    _check_there(publisher)
    selection = Selection(parse_selection(name).name)
    state = publisher.state(selection.name)
    if not state.files:
        raise _missing(selection, state, publisher.destination)
    return state


def parse_selection(spec: str) -> Selection:
    """``NAME``, ``NAME==VERSION``, or a filename.

    Raises:
        IndexStateError: it is none of these.
        InvalidVariantError: it ends like a filename, and is none.
    """
    if spec.endswith((".whl", *SDIST_SUFFIXES)):
        return Selection(parse_filename(spec).name, filenames=frozenset([spec]))
    name, equals, version = spec.partition("==")
    try:
        project = canonicalize_name(name.strip(), validate=True)
        return Selection(project, Version(version) if equals else None)
    except (InvalidName, InvalidVersion) as error:
        raise IndexStateError(
            f"{spec!r} names neither a project, a version of one, nor a file",
            hint="Give NAME, NAME==VERSION, or a filename.",
        ) from error


def _existing(publisher: Publisher) -> AbstractContextManager[None]:
    _check_there(publisher)
    return publisher.destination.exclusive()


def _check_there(publisher: Publisher) -> None:
    if publisher.names() is None:
        raise IndexStateError(
            f"{publisher.destination.name}: there is no index there",
            hint="Give the folder or URL that has simple/ in it; 'variantctl index add' makes one.",
        )


def _plan(publisher: Publisher, changes: dict[NormalizedName, Add]) -> dict[NormalizedName, Plan]:
    """Nothing is written before everything was found publishable."""
    plans: dict[NormalizedName, Plan] = {}
    problems: list[VariantctlError] = []
    for name, change in changes.items():
        try:
            plans[name] = publisher.plan(name, change)
        except UnpublishableError as error:
            problems += error.problems
        except VariantctlError as error:
            problems.append(error)
    refuse(problems)
    return plans


def _is_meant(path: str, selection: Selection) -> bool:
    """Whether a file that no page names is one of the selection's, or belongs to one."""
    filename = path.rpartition("/")[2].removesuffix(".metadata")
    return filename.endswith((".whl", *SDIST_SUFFIXES)) and selection.has(filename)


def _missing(selection: Selection, state: ProjectState, destination: Destination) -> IndexStateError:
    what = str(selection.name)
    if selection.version is not None:
        what = f"{selection.name} {selection.version}"
    elif selection.filenames:
        what = min(selection.filenames)
    versions = ", ".join(str(version) for version in state.versions[-8:])
    hint = f"Of {selection.name} it has {versions}." if versions else "Check the name, and the index."
    return IndexStateError(f"{destination.name}: there is no {what}", hint=hint)


def _drop_if_empty(publisher: Publisher, name: NormalizedName) -> None:
    if publisher.state(name).files:
        return
    publisher.register((), gone=[name])
    if not publisher.withdraw(name):  # somebody published to it meanwhile
        publisher.register([name])


def _summary(
    publisher: Publisher, selections: Sequence[Selection], files: Sequence[str], removed: Sequence[str] = ()
) -> ChangeSummary:
    return ChangeSummary(
        publisher.destination.name,
        tuple(dict.fromkeys(selection.name for selection in selections)),
        tuple(sorted(files)),
        removed=tuple(removed),
        notes=tuple(publisher.notes),
    )
