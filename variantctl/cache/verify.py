"""Whether everything in the cache is what it was when it was put there: every byte is hashed again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from variantctl.cache.buckets import BUILT, METADATA, PAGES, PROJECTS
from variantctl.cache.folder import Cache
from variantctl.cache.manifest import UnpackedFile
from variantctl.cache.prune import Removed, remove
from variantctl.cache.unpacked import FOLDER, UnpackedStore
from variantctl.cache.usage import INSTALL, CachedWheel, CacheUsage, tree_size
from variantctl.net.hashes import digests_of
from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError
from variantctl.wheels.record import encode_digest
from variantctl.wheels.verify import verify_wheel

_CHUNK = 1 << 20
_THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Damage:
    """An entry that is not what it should be.

    Attributes:
        name: a wheel's filename, else the path relative to the cache.
        problem: what is wrong.
        path: what has to go.
    """

    name: str
    problem: str
    path: Path


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        entries: how many were looked at.
        size: their bytes.
        damage: what is wrong.
        removed: what was taken out for that.
    """

    entries: int
    size: int
    damage: tuple[Damage, ...]
    removed: tuple[Removed, ...]


def check_cache(
    cache: Cache,
    is_readable: Callable[[bytes], bool],
    progress: Callable[[int, int], None] | None = None,
) -> Checked:
    """Hash everything again, and take out what is damaged; it is fetched and unpacked again when needed.

    Args:
        cache: which one.
        is_readable: whether an entry of the bucket of projects can be read.
        progress: told the bytes done and in all, by one thread at a time.

    Raises:
        SettingsError: the cache cannot be written.
    """
    if CacheUsage(cache.root).is_empty():
        return Checked(0, 0, (), ())
    with cache.in_use():
        holdings = CacheUsage(cache.root)
        wheels = holdings.wheels()
        small = list(_small_entries(cache.root))
        total = sum(held.size for held in wheels) + sum(size for _, size in small)
        meter = _Meter(total, progress)
        damage = [found for held in wheels for found in _wheel_damage(cache.root, held, meter)]
        damage += [
            Damage(path.name, "it has no sound manifest", path) for path in _unreadable(holdings, wheels)
        ]
        for path, size in small:
            problem = _entry_problem(path, cache.root, is_readable)
            meter.add(size)
            if problem is not None:
                damage.append(Damage(path.relative_to(cache.root).as_posix(), problem, path))
    removed = remove(cache, dict.fromkeys(found.path for found in damage), why="damaged")
    return Checked(len(wheels) + len(small), total, tuple(damage), removed)


class _Meter:
    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._total, self._progress, self._done, self._lock = total, progress, 0, Lock()

    def add(self, size: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._done += size
                self._progress(self._done, self._total)


def _wheel_damage(root: Path, held: CachedWheel, meter: _Meter) -> Iterator[Damage]:
    name = held.filename.filename
    if held.unpacked:
        for problem in _unpacked_problems(root, held.path, meter):
            yield Damage(name, problem, held.path)
            return
        return
    path = held.path / name
    try:
        if held.path.is_relative_to(root / BUILT):
            verify_wheel(path)
        elif digests_of(path)["sha256"] != held.sha256:
            yield Damage(name, f"its sha256 is not {held.sha256}", held.path)
    except (OSError, VariantctlError) as error:
        yield Damage(name, str(error), held.path)
    meter.add(held.size)


def _unpacked_problems(root: Path, slot: Path, meter: _Meter) -> Iterator[str]:
    """What is wrong with an unpacked wheel: files that changed, are missing, or are too many."""
    try:
        wheel = UnpackedStore(root / INSTALL).read(slot)
    except (OSError, ValueError, LookupError, TypeError):
        yield "it has no sound manifest"
        return
    files = wheel.files
    extra = tree_size(wheel.root)[0] - len(files)

    def problem(file: UnpackedFile) -> str | None:
        found = _file_problem(wheel.root / file.path, file)
        meter.add(file.size)
        return found

    with ThreadPoolExecutor(_THREADS) as pool:
        yield from (found for found in pool.map(problem, files, chunksize=64) if found is not None)
    if extra > 0:
        yield f"{extra} files are in it that the wheel does not have"


def _file_problem(path: Path, file: UnpackedFile) -> str | None:
    algorithm, _, digest = file.digest.partition("=")
    try:
        if path.stat().st_size != file.size:
            return f"{file.path} has another size"
        if not algorithm:
            return None if path.stat().st_mtime_ns == file.mtime_ns else f"{file.path} was changed"
        hasher = hashlib.new(algorithm)
        with path.open("rb", buffering=0) as opened:
            while data := opened.read(_CHUNK):
                hasher.update(data)
    except OSError as error:
        return f"{file.path}: {error.strerror}"
    return (
        None if encode_digest(hasher.digest()) == digest else f"the {algorithm} of {file.path} is another one"
    )


def _unreadable(holdings: CacheUsage, wheels: list[CachedWheel]) -> Iterator[Path]:
    """Unpacked wheels that are not even recognised as such."""
    known = {held.path for held in wheels if held.unpacked}
    folder = holdings.root / INSTALL / FOLDER
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path not in known and not path.name.startswith("."):
                yield path


def _small_entries(root: Path) -> Iterator[tuple[Path, int]]:
    for bucket in (PAGES, PROJECTS, METADATA):
        for path in sorted((root / bucket).glob("*/*")):
            if not path.name.startswith("."):
                yield path, tree_size(path)[1]


def _entry_problem(path: Path, root: Path, is_readable: Callable[[bytes], bool]) -> str | None:
    """What is wrong with a page or METADATA: each says how long it is, and pages their hash."""
    try:
        data = path.read_bytes()
        head_line, _, body = data.partition(b"\n")
        if path.is_relative_to(root / PROJECTS):
            return None if is_readable(data) else "it is damaged"
        head = json.loads(head_line)
        if head["length"] != len(body):
            return "it was cut short"
        if head.get("sha256", "") not in ("", hashlib.sha256(body).hexdigest()):
            return "its sha256 is another one"
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"it cannot be read: {error}"
    return None
