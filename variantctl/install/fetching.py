"""Wheels that are not in the store yet: fetched, verified and unpacked, several at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, cast

from variantctl.cache.manifest import UnpackedWheel
from variantctl.cache.progress import Progress, ProgressEvent
from variantctl.cache.unpack_processes import UnpackProcesses
from variantctl.cache.unpacked import Built, UnpackedStore
from variantctl.filesystem.digests import file_digest
from variantctl.net.download import Cancelled
from variantctl.net.streaming_zip import NotStreamable, StreamingZip
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import WheelFilename, parse_wheel_filename
from variantctl.wheels.archive import WheelArchive

if TYPE_CHECKING:
    from variantctl.install.planned import PlannedWheel, WheelSource

#: Wheels fetched and unpacked at a time; each is unpacked by several threads already.
_PARALLEL_WHEELS = 4
#: Wheels fetched at a time where processes unpack them. Where an answer takes 30 ms, the cold ``jupyterlab``
#: of docs/performance.md takes 3.9 s, by four 4.2 s (the least of six runs in turn); on loopback the same.
_FETCHED_AT_ONCE = 8


def fetch_and_unpack(
    missing: Sequence[PlannedWheel], store: UnpackedStore, source: WheelSource, progress: Progress
) -> list[UnpackedWheel]:
    """Put wheels into the store.

    Args:
        missing: what to fetch.
        store: where they go.
        source: gives the wheel files.
        progress: told how far it is.

    Raises:
        VariantctlError, OSError: as ``apply_plan``; the others are given up.
    """

    cancel = threading.Event()

    def keep_waiting() -> None:
        if cancel.is_set():
            raise Cancelled

    unpacking = threading.Semaphore(_PARALLEL_WHEELS)

    def prepare(planned: PlannedWheel) -> UnpackedWheel:
        if planned.size is not None and processes.take(planned.size):
            return fetched(planned)
        with unpacking:
            return fetched(planned)

    def fetched(planned: PlannedWheel) -> UnpackedWheel:
        filename = parse_wheel_filename(planned.filename)
        progress(ProgressEvent("fetch", filename.name, 0))
        sha256 = planned.hashes.get("sha256", "").lower()
        if not sha256:
            return _without_a_hash(planned, filename, store, source, cancel, progress)
        # One process at a time, download and all: whoever comes second finds it in the store.
        with store.adding(filename, sha256, keep_waiting) as theirs:
            if theirs is not None and theirs.has_size(planned.size):
                return theirs
            return _fetched(planned, filename, sha256, store, processes, source, cancel, progress)

    # Before there are threads.
    with UnpackProcesses(store, len(missing)) as processes:
        if len(missing) == 1:
            return [prepare(missing[0])]
        return _in_threads(prepare, missing, cancel)


def _in_threads(
    prepare: Callable[[PlannedWheel], UnpackedWheel], missing: Sequence[PlannedWheel], cancel: threading.Event
) -> list[UnpackedWheel]:
    with ThreadPoolExecutor(_FETCHED_AT_ONCE) as pool:
        try:
            return list(pool.map(prepare, missing))
        except BaseException:
            # Downloads under way would be waited for.
            cancel.set()
            pool.shutdown(cancel_futures=True)
            raise


def _fetched(
    planned: PlannedWheel,
    filename: WheelFilename,
    sha256: str,
    store: UnpackedStore,
    processes: UnpackProcesses,
    source: WheelSource,
    cancel: threading.Event,
    progress: Progress,
) -> UnpackedWheel:
    with StreamingUnpacker(store, filename, progress) as early:
        path = source.fetch(planned, reader=early.start, cancel=cancel)
        built = early.finish(path)
    progress(ProgressEvent("unpack", filename.name, 0))
    if built is None and processes.add(path, filename, sha256):
        wheel = store.read(store.slot(filename.filename, sha256))
    else:
        if built is None:
            with WheelArchive.open(path, filename) as archive:
                built = store.build(archive, progress)
        wheel = store.publish(built, sha256)
    source.unpacked(planned)
    return wheel


def _without_a_hash(
    planned: PlannedWheel,
    filename: WheelFilename,
    store: UnpackedStore,
    source: WheelSource,
    cancel: threading.Event,
    progress: Progress,
) -> UnpackedWheel:
    """Only its bytes can say which wheel it is."""
    with StreamingUnpacker(store, filename, progress) as early:
        path = source.fetch(planned, reader=early.start, cancel=cancel)
        sha256 = file_digest(path)
        if known := store.get(planned.filename, sha256):
            return known
        if (built := early.finish(path)) is not None:
            return store.add_built(built, sha256)
    return store.add(path, filename, sha256, progress)


class StreamingUnpacker:
    """Fetch in the block, with ``start`` as the reader, and ask for ``finish`` at its end.

    What can go wrong with a wheel that is on its way is kept quiet here: it is then unpacked in the ordinary
    way, which says what is wrong. Nothing is left behind when the block ends.
    """

    def __init__(self, store: UnpackedStore, filename: WheelFilename, progress: Progress) -> None:
        self._store, self._filename, self._progress = store, filename, progress
        self._arriving: StreamingZip | None = None
        self._built: Built | None = None
        self._fault: Exception | None = None
        self._thread: threading.Thread | None = None
        self._unpacking = threading.Event()

    def __enter__(self) -> StreamingUnpacker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None or self._arriving is None:
            return
        self._arriving.give_up()
        # A request that is waited for need not be; what is being written must be taken away.
        if self._unpacking.is_set() or error is None:
            self._thread.join()
        if self._built is not None:
            self._store.discard(self._built)

    def start(self, arriving: StreamingZip) -> None:
        """Unpack, in a thread of its own, what is being received; called once at most."""
        self._arriving = arriving
        self._thread = threading.Thread(target=self._run, name="variantctl-early", daemon=True)
        self._thread.start()

    def finish(self, path: Path) -> Built | None:
        """The wheel, where it was unpacked early; ``path`` is whole now, and its hashes right.

        Raises:
            Exception: what no wheel explains: it was read from this very file.
        """
        if self._thread is None or self._arriving is None:
            return None
        self._thread.join()
        if not self._arriving.is_same_as(path):
            return None
        if self._fault is not None:
            raise self._fault
        built, self._built = self._built, None
        return built

    def _run(self) -> None:
        assert self._arriving is not None
        try:
            archive = WheelArchive.from_file(cast(BinaryIO, self._arriving), self._filename)
            self._unpacking.set()
            self._progress(ProgressEvent("unpack", self._filename.name, 0))
            self._built = self._store.build(archive, self._progress)
        except (VariantctlError, NotStreamable, CancelledError, OSError):
            # Found again, and said, when the whole file is unpacked.
            return
        except Exception as error:  # noqa: BLE001 - raised again by finish()
            self._fault = error
