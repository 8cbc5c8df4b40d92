"""A wheel is unpacked while it is received; it counts only when all of it was found to be right."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

from variantctl.install.manifest import UnpackedWheel
from variantctl.install.progress import Progress, ProgressEvent
from variantctl.install.store import Built, WheelStore
from variantctl.sources.arriving import Arriving
from variantctl.variants.filenames import WheelFilename
from variantctl.wheels.archive import WheelArchive


class EarlyUnpacking:
    """Fetch in the block, with ``start`` as the reader, and ask for ``finish`` at its end.

    Whatever goes wrong here is kept quiet: the wheel is then unpacked in the ordinary way, which says what is
    wrong with it. Nothing is left behind when the block ends.
    """

    def __init__(self, store: WheelStore, filename: WheelFilename, progress: Progress) -> None:
        self._store, self._filename, self._progress = store, filename, progress
        self._arriving: Arriving | None = None
        self._built: Built | None = None
        self._thread: threading.Thread | None = None
        self._unpacking = threading.Event()

    def __enter__(self) -> EarlyUnpacking:
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

    def start(self, arriving: Arriving) -> None:
        """Unpack, in a thread of its own, what is being received; called once at most."""
        self._arriving = arriving
        self._thread = threading.Thread(target=self._run, name="variantctl-early", daemon=True)
        self._thread.start()

    def finish(self, path: Path, sha256: str) -> UnpackedWheel | None:
        """The wheel in the store, where it was unpacked early; ``path`` is whole now, and its hashes right.

        Raises:
            InstallError: the cache cannot be written.
        """
        if self._thread is None or self._arriving is None:
            return None
        self._thread.join()
        built = self._built
        if built is None or not self._arriving.is_same_as(path):
            return None
        self._built = None
        return self._store.add_built(built, sha256)

    def _run(self) -> None:
        assert self._arriving is not None
        try:
            archive = WheelArchive.from_file(cast(BinaryIO, self._arriving), self._filename)
            self._unpacking.set()
            self._progress(ProgressEvent("unpack", self._filename.name, 0))
            self._built = self._store.build(archive, self._progress)
        except Exception:  # noqa: BLE001, S110 - found again, and said, when the whole file is unpacked
            pass
