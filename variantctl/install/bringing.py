"""Wheels that are not in the store yet: fetched, verified and unpacked, several at a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from variantctl.install.early import EarlyUnpacking
from variantctl.install.manifest import UnpackedWheel
from variantctl.install.progress import Progress, ProgressEvent
from variantctl.install.store import WheelStore, file_sha256
from variantctl.variants.filenames import parse_wheel_filename

if TYPE_CHECKING:
    from variantctl.install.apply import Fetch, PlannedWheel

#: Wheels fetched and unpacked at a time; each is unpacked by several threads already.
_PARALLEL_WHEELS = 4


def bring(
    missing: Sequence[PlannedWheel], store: WheelStore, fetch: Fetch, progress: Progress
) -> list[UnpackedWheel]:
    """Put wheels into the store.

    Args:
        missing: what to fetch.
        store: where they go.
        fetch: gives the wheel file; called from threads.
        progress: told how far it is.

    Raises:
        VariantctlError, OSError: as ``apply_plan``; the others are given up.
    """

    def prepare(planned: PlannedWheel) -> UnpackedWheel:
        filename = parse_wheel_filename(planned.filename)
        sha256 = planned.hashes.get("sha256", "").lower()
        progress(ProgressEvent("fetch", filename.name, 0))
        with EarlyUnpacking(store, filename, progress) as early:
            path = fetch(planned, early.start)
            sha256 = sha256 or file_sha256(path)
            if wheel := early.finish(path, sha256) or store.get(planned.filename, sha256):
                return wheel
        return store.add(path, filename, sha256, progress)

    if len(missing) == 1:
        return [prepare(missing[0])]
    with ThreadPoolExecutor(_PARALLEL_WHEELS) as pool:
        try:
            return list(pool.map(prepare, missing))
        except BaseException:
            # Downloads under way would be waited for.
            progress(ProgressEvent("stop", "", 0))
            pool.shutdown(cancel_futures=True)
            raise
