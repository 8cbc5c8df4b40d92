"""A wheel becomes a folder of read-only files: inflated, hashed, checked and written in one pass."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import cast

from variantctl.cache.manifest import UnpackedFile
from variantctl.filesystem.space import blocks, check_room
from variantctl.values import dataclass
from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.limits import Limits
from variantctl.wheels.record import (
    RecordEntry,
    check_content,
    encode_digest,
    unhashed_names,
    verified_chunks,
)
from variantctl.wheels.verify import check_claims

#: Zlib, hashing and writing leave the interpreter lock; beyond a few threads the disk is the limit.
THREADS = min(8, os.cpu_count() or 1)
_REPORT_EVERY = 1 << 20
#: Files up to this size (in bytes) are read and inflated whole, together with their neighbours.
_SMALL = 1 << 17
#: From this size on (in bytes), a file is inflated by a thread of its own.
_HUGE = 1 << 25
_SWITCH = 0.0002
#: Of small files much is the interpreter's own work: more threads would only be in each other's way.
_SMALL_FILES = threading.Semaphore(min(2, os.cpu_count() or 1))
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was unpacked.

    Attributes:
        files: in archive order.
        untidy: what the format does not allow and what harms nobody, in sentences.
    """

    files: tuple[UnpackedFile, ...]
    untidy: tuple[str, ...]


def unpack(
    archive: WheelArchive,
    into: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
    limits: Limits | None = None,
    threads: int = THREADS,
) -> Unpacked:
    """Write every file of a wheel below ``into`` (which exists and is empty), read-only.

    Args:
        progress: told the bytes written and the bytes in all, by one thread at a time.
        limits: of what it may be unpacked to.
        threads: how many work on it; 1: the caller's own, alone.

    Raises:
        WheelError: the wheel is not sound; what was written must be thrown away.
        NoSpaceError: there is no room for it.
        OSError: it could not be written.
    """
    (limits or Limits()).check(archive)
    claims = check_claims(archive)
    sizes = [info.file_size for info in archive.infos.values()]
    check_room(into, sum(map(blocks, sizes)), len(sizes), f"unpacking {archive.filename.filename}")
    _make_folders(archive.names, into)
    meter = _Meter(sum(sizes), progress)
    writer = _Writer(archive, claims.record, into, meter)
    small = [name for name in archive.names if archive.infos[name].file_size <= _SMALL]
    # The largest first: one that is started last would be worked on alone.
    large = sorted(
        (name for name in archive.names if archive.infos[name].file_size > _SMALL),
        key=lambda name: archive.infos[name].file_size,
        reverse=True,
    )
    written: dict[str, UnpackedFile] = {}
    if threads == 1:
        _Groups(archive, writer, small, written).write()
        written.update((name, writer.write_large(name)) for name in large)
        return Unpacked(tuple(written[name] for name in archive.names), claims.untidy)
    # A thread that is back from inflating waits so long for the interpreter, which small files keep busy.
    sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH))
    groups = _Groups(archive, writer, small, written)
    with ThreadPoolExecutor(threads) as pool:
        tasks = [pool.submit(writer.write_large, name) for name in large]
        # When the large ones are done: to make a file takes some file systems longer than it takes us.
        helpers = [pool.submit(groups.write) for _ in range(threads)]
        try:
            groups.write()
            # First, as the large ones only say that they were stopped where one of these failed.
            for helper in helpers:
                helper.result()
            for task in tasks:
                file = task.result()
                written[file.path] = file
        except BaseException:
            writer.stopped = True
            pool.shutdown(cancel_futures=True)
            raise
    return Unpacked(tuple(written[name] for name in archive.names), claims.untidy)


class _Groups:
    """The small files of a wheel, which any number of threads write a group at a time."""

    def __init__(
        self, archive: WheelArchive, writer: _Writer, names: list[str], written: dict[str, UnpackedFile]
    ) -> None:
        self._archive, self._writer, self._written = archive, writer, written
        self._groups = archive.neighbours(names)
        self._lock = threading.Lock()

    def write(self) -> None:
        """Take part until there is no group left, or writing was stopped."""
        try:
            while (group := self._next()) is not None:
                # Outside the lock, as an archive that is being received may have to be waited for.
                block = self._archive.block(group)
                with _SMALL_FILES:
                    self._written.update((file.path, file) for file in self._writer.write_small(group, block))
        except BaseException:
            self._writer.stopped = True
            raise

    def _next(self) -> list[str] | None:
        with self._lock:
            return None if self._writer.stopped else next(self._groups, None)


class _Writer:
    """Writes the files of one wheel; from several threads."""

    def __init__(
        self, archive: WheelArchive, record: Mapping[str, RecordEntry], into: Path, meter: _Meter
    ) -> None:
        self._archive = archive
        self._record = record
        self._unhashed = unhashed_names(archive)
        self._into = f"{into}/"
        self._meter = meter
        self.stopped = False

    def write_small(self, group: list[str], block: bytes) -> Iterator[UnpackedFile]:
        size = 0
        for name, content in self._archive.contents(group, block):
            entry = self._entry(name)
            check_content(self._archive, entry, content)
            yield self._write(entry, (content,))
            size += len(content)
        self._meter.add(size)

    def write_large(self, name: str) -> UnpackedFile:
        entry = self._entry(name)
        if self._archive.infos[name].file_size < _HUGE:
            return self._write(entry, self._metered(verified_chunks(self._archive, entry)))
        # One file may be most of a wheel, and is all that is worked on in the end.
        with closing(read_ahead(self._archive.chunks(name))) as pieces:
            return self._write(entry, self._metered(verified_chunks(self._archive, entry, pieces)))

    def _entry(self, name: str) -> RecordEntry:
        # RECORD and its signatures have no hash; the archive's own checksum covers those.
        return self._record.get(name) or RecordEntry(name, None, "", None)

    def _metered(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self._meter.add(len(piece))
            if self.stopped:
                raise CancelledError

    def _write(self, entry: RecordEntry, pieces: Iterable[bytes]) -> UnpackedFile:
        name = entry.path
        executable = bool(self._archive.infos[name].external_attr >> 16 & 0o111)
        # What is written into an environment's RECORD has a hash of ours where the wheel's is none or weak.
        hasher = hashlib.sha256() if not (entry.is_strong or name in self._unhashed) else None
        handle = os.open(self._into + name, _NEW_FILE, 0o555 if executable else 0o444)
        try:
            for piece in pieces:
                _write_all(handle, piece)
                if hasher is not None:
                    hasher.update(piece)
            found = os.fstat(handle)
        finally:
            os.close(handle)
        digest = f"{entry.algorithm}={entry.digest}" if entry.algorithm else ""
        if hasher is not None:
            digest = f"sha256={encode_digest(hasher.digest())}"
        return UnpackedFile(name, digest, found.st_size, executable, found.st_mtime_ns)


def _make_folders(names: tuple[str, ...], into: Path) -> None:
    folders = {name.rpartition("/")[0] for name in names} - {""}
    for folder in sorted(folders):
        os.makedirs(f"{into}/{folder}", exist_ok=True)  # a Path for each costs more than the call


def _write_all(handle: int, data: bytes) -> None:
    done = os.write(handle, data)
    while done < len(data):
        done += os.write(handle, memoryview(data)[done:])


class _Meter:
    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._total, self._progress = total, progress
        self._done = self._told = 0
        self._lock = threading.Lock()

    def add(self, size: int) -> None:
        if self._progress is None:
            return
        with self._lock:
            self._done += size
            if self._done - self._told >= _REPORT_EVERY or self._told < self._done == self._total:
                self._told = self._done
                self._progress(self._done, self._total)


#: Pieces that are ready and not used yet; each may be some megabytes.
_READY = 2
_END = object()


def read_ahead(pieces: Iterator[bytes]) -> Generator[bytes, None, None]:
    """The same pieces, made by a thread of their own, which is a little ahead.

    Close what is returned, or use it up: the thread ends with it.

    Raises:
        BaseException: what making them raised, in its place.
    """
    queue: Queue[object] = Queue(_READY)
    stopped = False

    def make() -> None:
        end: object = _END
        try:
            for piece in pieces:
                if stopped:
                    break
                queue.put(piece)
        except BaseException as error:  # noqa: BLE001 - raised again where the pieces are used
            end = error
        queue.put(end)

    thread = Thread(target=make, name="variantctl-read-ahead", daemon=True)
    thread.start()
    last: object = None
    try:
        while not isinstance(last := queue.get(), BaseException) and last is not _END:
            yield cast(bytes, last)
        if isinstance(last, BaseException):
            raise last
    finally:
        stopped = True
        while last is not _END and not isinstance(last, BaseException):
            last = queue.get()
        thread.join()
