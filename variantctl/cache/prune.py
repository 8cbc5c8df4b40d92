"""Taking things out of the cache: leftovers, what no version reads any more, the least recently used wheels.

What goes is renamed while nobody installs, and deleted after that, so that others wait for a moment only.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from packaging.utils import NormalizedName, canonicalize_name

from variantctl.cache.buckets import METADATA, PAGES, PARTIAL, PROJECTS
from variantctl.cache.folder import Cache
from variantctl.cache.usage import INSTALL, CacheUsage, tree_size
from variantctl.net.urls import parsed_url
from variantctl.values import dataclass
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import parse_wheel_filename

#: Seconds after which a temporary file belongs to nobody, and a cut-off download is given up.
_ABANDONED, _GIVEN_UP = 3600.0, 14 * 86400.0


@dataclass(frozen=True)
class Removed:
    """Something that was taken out.

    Attributes:
        why: ``leftover``, ``old-format``, ``least-recently-used``, ``asked-for`` or ``damaged``.
        name: a wheel's filename, else the path relative to the cache.
        size: in bytes.
    """

    why: str
    name: str
    size: int


@dataclass(frozen=True)
class Cleared:
    """What was done.

    Attributes:
        removed: everything that was taken out.
        left: the bytes that are there now.
    """

    removed: tuple[Removed, ...]
    left: int

    @property
    def freed(self) -> int:
        """In bytes. Files that environments link to take their place until the environments go, too."""
        return sum(removed.size for removed in self.removed)


def prune(cache: Cache, limit: int | None = None, *, waiting: Callable[[], None] = lambda: None) -> Cleared:
    """Take out what is of no use, then the least recently used wheels until ``limit`` bytes are left.

    Args:
        cache: which one.
        limit: in bytes; ``None``: wheels stay.
        waiting: called once if somebody uses the cache and has to be waited for.

    Raises:
        SettingsError: the cache cannot be written.
    """
    if CacheUsage(cache.root).is_empty():
        return Cleared((), 0)
    with _removing(cache, waiting=waiting) as bin_:
        assert bin_ is not None
        holdings = CacheUsage(cache.root)
        for path in _useless(holdings):
            bin_.take(path, "leftover")
        buckets = holdings.buckets()
        for bucket in buckets:
            if not bucket.current:
                bin_.take(cache.root / bucket.name, "old-format")
        left = sum(bucket.size for bucket in holdings.buckets())
        if limit is not None:
            left = _shrink(holdings, bin_, left, limit)
    return Cleared(tuple(bin_.removed), left)


def enforce_limit(cache: Cache, limit: int) -> Cleared | None:
    """The same for wheels alone, after an install; ``None`` where somebody else uses the cache now."""
    holdings = CacheUsage(cache.root)
    left = sum(bucket.size for bucket in holdings.buckets())
    if left <= limit:
        return Cleared((), left)
    with _removing(cache, wait=False) as bin_:
        if bin_ is None:
            return None
        left = _shrink(holdings, bin_, left, limit)
    return Cleared(tuple(bin_.removed), left)


def clean(
    cache: Cache, names: Collection[str] = (), *, waiting: Callable[[], None] = lambda: None
) -> Cleared:
    """Take out everything, or everything about some projects.

    Args:
        cache: which one. Only folders that variantctl makes are touched.
        names: projects, in any spelling.
        waiting: as for ``prune``.

    Raises:
        SettingsError: the cache cannot be written.
    """
    if CacheUsage(cache.root).is_empty():
        return Cleared((), 0)
    holdings = CacheUsage(cache.root)
    with _removing(cache, waiting=waiting) as bin_:
        assert bin_ is not None
        if names:
            wanted = {canonicalize_name(name) for name in names}
            for held in holdings.wheels():
                if held.filename.name in wanted:
                    bin_.take(held.path, "asked-for", held.filename.filename)
            for path in _about(cache.root, wanted):
                bin_.take(path, "asked-for")
        else:
            for path in holdings.leftovers():
                bin_.take(path, "asked-for")
            for bucket in holdings.buckets():
                bin_.take(cache.root / bucket.name, "asked-for")
        left = sum(bucket.size for bucket in holdings.buckets())
    return Cleared(tuple(bin_.removed), left)


def remove(cache: Cache, paths: Collection[Path], *, why: str) -> tuple[Removed, ...]:
    """Take out entries by their paths, safely for others who use the cache."""
    if not paths:
        return ()
    with _removing(cache) as bin_:
        assert bin_ is not None
        for path in paths:
            bin_.take(path, why)
    return tuple(bin_.removed)


class _Bin:
    """Where things go before they are deleted: a folder of the cache, so that a rename is enough."""

    def __init__(self, root: Path) -> None:
        self.removed: list[Removed] = []
        self.folder = root / f".trash-{os.urandom(8).hex()}"
        self._root = root

    def take(self, path: Path, why: str, name: str | None = None) -> int:
        """Rename it into here; the bytes that it has."""
        _, size = tree_size(path)
        self.folder.mkdir(exist_ok=True)
        try:
            path.rename(self.folder / str(len(self.removed)))
        except FileNotFoundError:
            return 0
        except PermissionError:
            # Windows does not rename what is open.
            return 0
        self.removed.append(Removed(why, name or path.relative_to(self._root).as_posix(), size))
        return size

    def empty(self) -> None:
        """Delete it all."""
        if os.name == "nt" and self.folder.is_dir():
            for path in self.folder.rglob("*"):
                path.chmod(0o666)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def _removing(
    cache: Cache, *, wait: bool = True, waiting: Callable[[], None] = lambda: None
) -> Iterator[_Bin | None]:
    """A bin, while nobody else uses the cache; it is emptied afterwards. ``None`` where one would wait."""
    bin_ = _Bin(cache.root)
    try:
        with cache.alone(wait=wait, waiting=waiting) as alone:
            yield bin_ if alone else None
    finally:
        bin_.empty()


def _useless(holdings: CacheUsage) -> Iterator[Path]:
    """Leftovers that nobody can be working on: unpacking is done by those whom we waited for."""
    now = time.time()
    for path in holdings.leftovers():
        ours = path.is_relative_to(holdings.root / INSTALL) or path.name.startswith(".trash-")
        if ours or _age(path, now) > _ABANDONED:
            yield path
    for path in sorted((holdings.root / PARTIAL).glob("*")):
        if _age(path, now) > _GIVEN_UP:
            yield path


def _shrink(holdings: CacheUsage, bin_: _Bin, left: int, limit: int) -> int:
    """Take wheels, the least recently used first, until no more than ``limit`` bytes are left."""
    if left <= limit:
        return left
    for held in holdings.wheels():
        left -= bin_.take(held.path, "least-recently-used", held.filename.filename)
        if left <= limit:
            break
    return left


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0


def _about(root: Path, names: Collection[NormalizedName]) -> Iterator[Path]:
    """The pages, METADATA and cut-off downloads of some projects."""
    for bucket in (PAGES, PROJECTS, METADATA, PARTIAL):
        for path in sorted((root / bucket).rglob("*")):
            if path.is_file() and _subject(bucket, path) in names:
                yield path
                if bucket == PARTIAL:
                    yield path.with_suffix("")


def _subject(bucket: str, path: Path) -> NormalizedName | None:
    """The project that an entry is about, by its first line."""
    try:
        with path.open("rb") as file:
            head = json.loads(file.readline(1 << 20))
        if bucket == PROJECTS:
            return canonicalize_name(head["name"])
        parts = unquote(parsed_url(head["url"]).path).rstrip("/").split("/")
        last = parts[-2] if parts[-1].startswith("index.") and len(parts) > 1 else parts[-1]
        if bucket == PAGES and not last.endswith(".json"):
            return canonicalize_name(last)
        return parse_wheel_filename(last).name if last.endswith(".whl") else None
    except (OSError, ValueError, KeyError, TypeError, InvalidVariantError):
        return None
