"""A wheel becomes a folder of read-only files: inflated, hashed, checked and written in one pass."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from variantctl.wheels.archive import WheelArchive
from variantctl.wheels.record import RecordEntry, read_record, verified_chunks
from variantctl.wheels.verify import check_claims

#: Zlib, hashing and writing leave the interpreter lock; beyond a few threads the disk is the limit.
THREADS = min(8, os.cpu_count() or 1)
_REPORT_EVERY = 1 << 20


@dataclass(frozen=True, slots=True)
class UnpackedFile:
    """One file of an unpacked wheel.

    Attributes:
        path: relative to the wheel's root, with ``/``.
        digest: the hash column of RECORD (``sha256=...``), ``""`` for RECORD and its signatures.
        size: in bytes.
        executable: its mode in the archive had an executable bit.
        mtime_ns: its modification time when it was written, by which a later change is noticed.
    """

    path: str
    digest: str
    size: int
    executable: bool
    mtime_ns: int


def unpack(
    archive: WheelArchive, into: Path, *, progress: Callable[[int, int], None] | None = None
) -> tuple[UnpackedFile, ...]:
    """Write every file of a wheel below ``into`` (which exists and is empty), read-only.

    Args:
        progress: told the bytes written and the bytes in all, by one thread at a time.

    Raises:
        WheelError: the wheel is not sound; what was written must be thrown away.
        OSError: it could not be written.
    """
    check_claims(archive)
    record = read_record(archive)
    _make_folders(archive.names, into)
    meter = _Meter(sum(info.file_size for info in archive.infos.values()), progress)

    def write(name: str) -> UnpackedFile:
        # RECORD and its signatures have no hash; the archive's own checksum covers those.
        entry = record.get(name) or RecordEntry(name, None, "", None)
        executable = bool(archive.infos[name].external_attr >> 16 & 0o111)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        handle = os.open(f"{into}/{name}", flags, 0o555 if executable else 0o444)
        try:
            for piece in verified_chunks(archive, entry):
                _write_all(handle, piece)
                meter.add(len(piece))
            found = os.fstat(handle)
        finally:
            os.close(handle)
        digest = f"{entry.algorithm}={entry.digest}" if entry.algorithm else ""
        return UnpackedFile(name, digest, found.st_size, executable, found.st_mtime_ns)

    # The largest first: one that is started last would be worked on alone.
    by_size = sorted(archive.names, key=lambda name: archive.infos[name].file_size, reverse=True)
    with ThreadPoolExecutor(THREADS) as pool:
        try:
            written = {file.path: file for file in pool.map(write, by_size)}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return tuple(written[name] for name in archive.names)


def _make_folders(names: tuple[str, ...], into: Path) -> None:
    folders = {name.rpartition("/")[0] for name in names} - {""}
    for folder in sorted(folders):
        os.makedirs(f"{into}/{folder}", exist_ok=True)  # noqa: PTH103 - a Path for each costs more than the call


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


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
