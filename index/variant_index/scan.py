"""Wheels and sdists, read once: what of them can be published, and all that pages will say of it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from packaging.utils import NormalizedName

from variant_index.destinations import Destination, Listed
from variant_index.errors import FolderError, refuse
from variant_index.indexed_file import INSIDE, IndexedFile, upload_time
from variant_index.journal import FileRead, Journal
from variant_index.layout import path_of
from variant_index.one_file import ALWAYS, NEVER, FileAt, place_of, read_file, remember
from variant_index.state import SDIST_SUFFIXES, parse_filename
from variantctl.indexes.page_writer import PageFile
from variantctl.values import dataclass, replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.workers.executors import BY_CORES, LARGE, MANY, Load, Workers
from variantctl.workers.running import Progress, run_all

#: A file of this machine that is smaller is read again as fast as what was noted of it.
_WORTH_NOTING = 4 << 20


@dataclass(frozen=True, slots=True)
class Reading:
    """How wheels are read.

    Attributes:
        verify: also inflate every file of every wheel and compare it with RECORD.
        audit: whether their code is looked into: ``ALWAYS``, ``IF_READ`` or ``NEVER``.
        workers: who reads them.
        journal: the index, where what was read is noted while there is much to do; ``None``: nowhere.
        progress: told how many bytes are done.
    """

    verify: bool = False
    audit: str = NEVER
    workers: Workers = BY_CORES
    journal: Destination | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What was found.

    Attributes:
        files: the wheels and sdists that were read, by filename.
        unchanged: the names of those that are published already and were not opened.
        skipped: (filename, why) of every other file.
        remarks: what a publisher may want to know about the reading itself.
        noted: the keys of what was noted in the journal meanwhile.
    """

    files: tuple[IndexedFile, ...]
    unchanged: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    remarks: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()


def scan_folder(
    folder: Path, known: Mapping[str, PageFile] | None = None, reading: Reading | None = None
) -> Scan:
    """Read every wheel and sdist that lies directly in ``folder``; folders in it are not looked into.

    Args:
        folder: the folder.
        known: what the index has, by filename: see ``scan_paths``.
        reading: how they are read.

    Raises:
        FolderError: there is no such folder, or nothing in it to publish.
        WheelError, InvalidVariantError: one wheel is not sound.
        UnpublishableError: several are not; all are named.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder}: there is no such folder", hint="Give a folder of wheels.")
    with os.scandir(folder) as entries:
        files = sorted(Path(entry.path) for entry in entries if not entry.is_dir())
    wanted = [path for path in files if path.suffix == ".whl" or _is_sdist(path)]
    taken = set(wanted)
    skipped = tuple(
        (path.name, "not a wheel or a source distribution") for path in files if path not in taken
    )
    if not wanted:
        raise FolderError(f"{folder}: there are no wheels in it", hint="Give a folder of wheels.")
    return replace(scan_paths(wanted, known, reading), skipped=skipped)


def scan_paths(
    paths: Sequence[Path], known: Mapping[str, PageFile] | None = None, reading: Reading | None = None
) -> Scan:
    """Read wheels and sdists; each is hashed once.

    A file whose size and date are those that the index recorded (``size`` and ``upload-time``) is the one
    that is published: it is not opened, unless it is to be looked into, and never was.

    Raises:
        WheelError, InvalidVariantError: one file is not sound, or no wheel and no sdist.
        UnpublishableError: several are not; all are named.
        WorkersError: nobody can read them.
    """
    reading = reading or Reading()
    unchanged: list[str] = []
    tasks: list[FileAt] = []
    for path in paths:
        try:
            found = path.stat()
            size, modified = found.st_size, upload_time(found.st_mtime_ns)
        except OSError:  # the reader says why
            size, modified = 0, ""
        published = (known or {}).get(path.name)
        if not reading.verify and _is_same(published, size, modified, reading):
            unchanged.append(path.name)
            continue
        noted = reading.journal.target if reading.journal and size >= _WORTH_NOTING else ""
        # Absolute: the worker may be started in another folder.
        task = FileAt(str(path.absolute().parent), path.name, size, modified, journal=noted)
        tasks.append(replace(task, verify=reading.verify, audit=reading.audit))
    scan = _read_all(tasks, reading)
    return replace(scan, unchanged=tuple(unchanged))


def scan_stored(
    destination: Destination,
    urls: Sequence[str],
    known: Callable[[NormalizedName], Mapping[str, PageFile]] = lambda _name: {},
    reading: Reading | None = None,
) -> Scan:
    """Read wheels and sdists where they lie in the index's own store.

    Args:
        destination: the index's store.
        urls: objects, or folders of them, below the destination.
        known: gives what the index has of a project, by filename: what is listed at the same place, with
            the same size and date, is not read again.
        reading: how they are read.

    Raises:
        FolderError: a URL is not below the destination, or there is nothing at it.
        WheelError, InvalidVariantError: one file is not sound.
        UnpublishableError: several are not; all are named.
        WorkersError: nobody can read them.
    """
    reading = reading or Reading()
    found, digests, skipped = find_stored(destination, urls)
    tasks: list[FileAt] = []
    unchanged: list[str] = []
    remember(destination)
    noted = reading.journal.target if reading.journal else ""
    light = not reading.verify and reading.audit != ALWAYS
    projects = {parse_filename(posixpath.basename(item.path)).name for item in found}
    entries = {filename: file for name in projects for filename, file in known(name).items()}
    for item in found:
        name, modified = posixpath.basename(item.path), _modified(item)
        published = entries.get(name)
        there = published is not None and path_of(parse_filename(name).name, published) == item.path
        same = there and _is_same(published, item.size, modified, reading)
        if same and not reading.verify:
            unchanged.append(name)
            continue
        task = FileAt(destination.target, item.path, item.size, modified, stays=True, journal=noted)
        task = replace(task, verify=reading.verify, audit=reading.audit, has_digest=item.path in digests)
        tasks.append(task)
    scan = _read_all(tasks, reading, remote=True, light=light)
    return replace(scan, unchanged=tuple(unchanged), skipped=tuple(skipped))


def forget_notes(destination: Destination, scans: Iterable[Scan]) -> None:
    """Take away what was noted while an index was made, once it is made."""
    keys = [key for scan in scans for key in scan.noted]
    if keys:
        Journal(destination).forget(keys)


def find_stored(
    destination: Destination, urls: Sequence[str]
) -> tuple[list[Listed], set[str], list[tuple[str, str]]]:
    """The wheels and sdists at these URLs, by filename; those with a file ``.sha256`` beside them; and
    what else is there, with why it is left out.

    Raises:
        FolderError: a URL is not below the destination, or there is nothing at it.
    """
    found: dict[str, Listed] = {}
    digests: set[str] = set()
    skipped = []
    for url in urls:
        if not f"{url.rstrip('/')}/".startswith(f"{destination.name}/"):
            raise FolderError(
                f"{url}: is not below {destination.name}",
                hint="An index can link to wheels of its own store only: they are served together.",
            )
        path = url[len(destination.name) :].strip("/")
        single = path.endswith((".whl", *SDIST_SUFFIXES))
        listed = list(destination.list(posixpath.dirname(path) if single else path))
        digests.update(i.path.removesuffix(".sha256") for i in listed if i.path.endswith(".sha256"))
        matching = [item for item in listed if item.path == path or not single]
        if not any(item.path.endswith((".whl", *SDIST_SUFFIXES)) for item in matching):
            raise FolderError(
                f"{url}: there are no wheels there", hint="Give the URL of a wheel or a folder."
            )
        for item in matching:
            if item.path.endswith((".whl", *SDIST_SUFFIXES)):
                found[item.path] = item
            elif not item.path.endswith((".whl.metadata", ".sha256")):
                skipped.append((item.path, "not a wheel or a source distribution; it is left out"))
    return sorted(found.values(), key=lambda item: posixpath.basename(item.path)), digests, skipped


def _read_all(
    tasks: Sequence[FileAt], reading: Reading, *, remote: bool = False, light: bool = False
) -> Scan:
    """Read them, whoever does it; the result is in the order of the tasks."""
    sizes = [task.size for task in tasks]
    load = Load(len(tasks), sum(sizes), remote, light)
    if reading.workers == BY_CORES and len(tasks) < MANY and load.size < LARGE:
        # It takes no longer to read them again than to look for notes.
        tasks = [replace(task, journal="") for task in tasks]
    if reading.journal is not None:
        remember(reading.journal)
    tasks = _with_notes(tasks)
    done: dict[int, FileRead] = {}
    shared: dict[bytes, bytes] = {}
    runs = run_all(read_file, tasks, sizes, reading.workers, load, progress=reading.progress, tells=True)
    for number, read in runs:
        done[number] = _with_shared(read, shared)
    results = [done[number] for number in range(len(tasks))]
    refuse([result.refused for result in results if result.refused is not None])
    streamed = [task for task, result in zip(tasks, results, strict=True) if result.streamed]
    return Scan(
        tuple(result.file for result in results if result.file is not None),
        remarks=_streamed(streamed),
        noted=tuple(task.key for task in tasks if task.journal),
    )


def _with_notes(tasks: Sequence[FileAt]) -> Sequence[FileAt]:
    """Say which of them something was noted of by a run that was cut short."""
    places = {task.journal for task in tasks} - {""}
    noted = {key for place in places for key in Journal(place_of(place)).noted()}
    return [replace(task, noted=True) if task.key in noted else task for task in tasks] if noted else tasks


def _streamed(tasks: Sequence[FileAt]) -> tuple[str, ...]:
    if not tasks:
        return ()
    what = posixpath.basename(tasks[0].path) + (f" and {len(tasks) - 1:,} more" if tasks[1:] else "")
    size = sum(task.size for task in tasks)
    return (f"{what}: {size:,} bytes were streamed for their SHA-256, which the store does not know",)


def _with_shared(read: FileRead, shared: dict[bytes, bytes]) -> FileRead:
    """Wheels of one version usually share one METADATA, kept once."""
    file = read.file
    if file is None or file.metadata is None:
        return read
    metadata = shared.setdefault(file.metadata, file.metadata)
    return replace(read, file=replace(file, metadata=metadata), variant_json=None)


def _is_same(published: PageFile | None, size: int, modified: str, reading: Reading) -> bool:
    """Whether a file is the one that is published, and nothing more is asked of it."""
    if published is None or (published.size, published.upload_time) != (size, modified):
        return False
    return reading.audit != ALWAYS or INSIDE in published.private or not published.filename.endswith(".whl")


def _modified(item: Listed) -> str:
    return upload_time(round(item.modified * 1_000_000) * 1000)


def _is_sdist(path: Path) -> bool:
    if not path.name.endswith(SDIST_SUFFIXES):
        return False
    try:
        parse_filename(path.name)
    except InvalidVariantError:
        return False
    return True
