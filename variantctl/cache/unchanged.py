"""Are the files of a stored wheel as they were written?"""

from __future__ import annotations

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from variantctl.cache.manifest_format import Row, Stamps


def is_unchanged(rows: Iterable[Row], stamps: Stamps, root: str) -> bool:
    """Size and time are as they were written; where not (a link of it was edited, say), the hash decides.

    Args:
        rows: the folders of a manifest.
        stamps: of the same manifest.
        root: the folder of the wheel's files.

    Raises:
        ValueError, LookupError, TypeError: the manifest is damaged.
    """
    for (path, names, _, record), (sizes, times) in zip(rows, stamps, strict=True):
        folder = f"{root}{os.sep}{path}"
        for name in _changed(folder, names, sizes, times):
            if name is None or not _has_digest(f"{folder}{os.sep}{name}", record, names.index(name)):
                return False
    return True


def _changed(folder: str, names: list[str], sizes: list[int], times: Sequence[int]) -> Iterator[str | None]:
    """The files with another time of change; ``None`` for one that certainly is another one."""
    # Whoever follows links in the store has put them there: the store itself has none.
    stat = os.stat
    try:
        with _inside(folder) as (place, inside):
            for name, size, time in zip(names, sizes, times, strict=True):
                found = stat(inside + name, dir_fd=place)
                if found.st_size != size:
                    yield None
                elif found.st_mtime_ns != time:
                    yield name
    except OSError:
        yield None


@contextlib.contextmanager
def _inside(path: str) -> Iterator[tuple[int | None, str]]:
    """A folder to look from, and what goes before its names: with short names the kernel has less to do."""
    if os.stat not in os.supports_dir_fd:
        yield None, f"{path}{os.sep}"
        return
    place = os.open(path, os.O_RDONLY)
    try:
        yield place, ""
    finally:
        os.close(place)


def _has_digest(path: str, rows: str, place: int) -> bool:
    """Whether a file has the hash that its row says, the one at ``place`` among those of its folder."""
    import csv
    import hashlib
    import io

    from variantctl.wheels.record import encode_digest

    algorithm, _, expected = list(csv.reader(io.StringIO(rows)))[place][1].partition("=")
    if not algorithm:
        return False
    try:
        with open(path, "rb") as file:
            hasher = hashlib.new(algorithm, file.read())
    except OSError:
        return False
    return encode_digest(hasher.digest()) == expected
