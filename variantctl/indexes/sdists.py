"""Wheels built from source distributions, where no wheel of a version fits.

What was built is kept by the source's sha256, the interpreter's best tag and what the backend was told, so
that nothing is built twice. Every install imports this module: what only builds need is imported for a build.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Protocol

from packaging.utils import NormalizedName

from variantctl.cache.buckets import BUILT
from variantctl.cache.folder import Cache
from variantctl.cache.wheels import FetchedWheel
from variantctl.indexes.buildable_files import BuildableFiles
from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.net.hashes import digests_of
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import path_to_url
from variantctl.values import dataclass, field
from variantctl.variants.errors import VariantctlError
from variantctl.variants.filenames import parse_wheel_filename

if TYPE_CHECKING:
    from variantctl.wheels.metadata import CoreMetadata

_MOST_BYTES = 8 << 30
_MOST_METADATA = 8 << 20


class BuildError(VariantctlError):
    """Source code could not be built."""

    kind = "build-failed"


class Builder(Protocol):
    """What builds a source tree (``install.building.SourceBuilder``)."""

    def wheel(self, source: Path, out: Path, named: str, *, editable: bool = False) -> Path:
        """The wheel, in the folder *out*. Raises ``BuildError``."""


@dataclass(frozen=True)
class BuildPolicy:
    """What may be built from source.

    Attributes:
        only_binary: projects that are never built; ``:all:`` is every one.
        no_binary: projects whose wheels are not taken; ``:all:`` is every one.
        allowed: projects that may be built although ``only_binary`` has ``:all:``.
    """

    only_binary: frozenset[str] = frozenset()
    no_binary: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()

    def builds(self, name: NormalizedName) -> bool:
        """Whether a project may be built. A name goes before ``:all:``."""
        if name in self.only_binary:
            return False
        if name in self.no_binary or self.allowed & {name, ":all:"}:
            return True
        return ":all:" not in self.only_binary

    def takes_wheels(self, name: NormalizedName) -> bool:
        """Whether a project's wheels may be taken."""
        if name in self.no_binary:
            return False
        return name in self.only_binary or ":all:" not in self.no_binary


@dataclass
class Builds:
    """What may be built, by what, and for what.

    Attributes:
        policy: which projects.
        builder: gives what builds, once something has to be built.
        fits: whether a wheel can be installed there; where a version has one that does, nothing is built.
        key: what a built wheel is kept by, beside its source: the interpreter's best tag, settings.
        cache: where built wheels are kept.
    """

    policy: BuildPolicy
    builder: Callable[[], Builder]
    fits: Callable[[WheelLink], bool]
    key: str
    cache: Cache
    _built: dict[str, WheelLink] = field(default_factory=dict)
    _static: dict[str, CoreMetadata | None] = field(default_factory=dict)
    _under_way: list[str] = field(default_factory=list)
    # Of one thread at a time; what a build needs may have to be built itself, by the same thread.
    _lock: RLock = field(default_factory=RLock)

    def offered(self, files: ProjectFiles) -> ProjectFiles:
        """A project's files, with a wheel-to-be for each version that has an sdist and no fitting wheel."""
        if not self.policy.takes_wheels(files.name):
            files = ProjectFiles(files.name, files.source, (), files.sdists, status=files.status)
        return BuildableFiles(files, self.fits) if self.policy.builds(files.name) else files

    def wheel(self, link: WheelLink, fetch: Callable[[RemoteFile], FetchedWheel]) -> WheelLink:
        """The wheel of a wheel-to-be: kept from before, or built now; any other link is given back.

        Raises:
            BuildError: the build failed, or gave something else than was promised.
        """
        if not is_promised(link):
            return link
        with self._lock:
            known = self._built.get(link.file.url)
            if known is None:
                self._refuse_circle(link)
                self._under_way.append(link.file.url)
                try:
                    known = self._built[link.file.url] = self._wheel(link, fetch(link.file))
                finally:
                    self._under_way.pop()
            return known

    def metadata(self, link: WheelLink, fetch: Callable[[RemoteFile], FetchedWheel]) -> CoreMetadata | None:
        """What the source distribution itself says for certain; None: it must be built to know."""
        with self._lock:
            if link.file.url in self._built or self._kept(fetch(link.file)) is not None:
                return None
            if link.file.url not in self._static:
                self._static[link.file.url] = static_metadata(fetch(link.file).path, link.file.filename)
            return self._static[link.file.url]

    def _refuse_circle(self, link: WheelLink) -> None:
        if link.file.url in self._under_way:
            raise BuildError(f"{link.file.filename} needs itself to be built")

    def _kept(self, sdist: FetchedWheel) -> Path | None:
        folder = self.cache.path(BUILT, sdist.sha256, self.key)
        return next(iter(sorted(folder.glob("*.whl"))), None) if folder.is_dir() else None

    def _wheel(self, link: WheelLink, sdist: FetchedWheel) -> WheelLink:
        path = self._kept(sdist) or self._build(link, sdist)
        wheel = parse_wheel_filename(path.name)
        if (wheel.name, wheel.version) != (link.wheel.name, link.wheel.version):
            raise BuildError(f"{link.file.filename}: its build gave {path.name}, another project or version")
        hashes = {"sha256": digests_of(path, ["sha256"])["sha256"]}
        file = RemoteFile(
            path.name, path_to_url(path), hashes, size=path.stat().st_size, source=link.file.source
        )
        built = WheelLink(file, wheel)
        if not self.fits(built):
            raise BuildError(
                f"{link.file.filename}: its build gave {path.name}, which does not fit this interpreter"
            )
        return built

    def _build(self, link: WheelLink, sdist: FetchedWheel) -> Path:
        import tempfile

        with tempfile.TemporaryDirectory(prefix="variantctl-source-") as temporary:
            root = unpacked_source(sdist.path, Path(temporary) / "source", link.file.filename)
            wheel = self.builder().wheel(root, Path(temporary) / "out", link.file.filename)
            return keep(wheel, self.cache, sdist.sha256, self.key)


def keep(wheel: Path, cache: Cache, *key: str) -> Path:
    """Check a wheel that was built, and keep it in the cache."""
    import shutil

    from variantctl.wheels.verify import verify_wheel

    verify_wheel(wheel, expected=None)
    kept = cache.path(BUILT, *key) / wheel.name
    with cache.writing(kept) as file, wheel.open("rb") as source:
        shutil.copyfileobj(source, file, 1 << 20)
    return kept


def unpacked_source(archive: Path, folder: Path, filename: str) -> Path:
    """Unpack an sdist or another archive of source code; gives the folder that is all of it.

    Members that would lie elsewhere are refused, and so is what unpacks to more than 8 GiB.

    Raises:
        BuildError: it cannot be unpacked.
    """
    import tarfile
    import zipfile

    folder.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as members:
                _refuse_bomb(filename, sum(member.file_size for member in members.infolist()))
                members.extractall(folder)
        else:
            with tarfile.open(archive) as tar:
                _refuse_bomb(filename, sum(max(member.size, 0) for member in tar))
                tar.extractall(folder, filter="data")
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BuildError(f"{filename} cannot be unpacked: {error}") from error
    entries = sorted(folder.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder


def _refuse_bomb(filename: str, size: int) -> None:
    if size > _MOST_BYTES:
        raise BuildError(f"{filename} unpacks to {size} bytes, which is more than source code has")


def static_metadata(archive: Path, filename: str) -> CoreMetadata | None:
    """What PKG-INFO or pyproject.toml of an sdist say for certain; None where they leave something open."""
    import tarfile
    import zipfile

    from variantctl.wheels.static_metadata import from_pkg_info, from_pyproject

    try:
        found = dict(_documents(archive))
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BuildError(f"{filename} cannot be read: {error}") from error
    if "PKG-INFO" in found and (known := from_pkg_info(found["PKG-INFO"], filename)) is not None:
        return known
    return from_pyproject(found["pyproject.toml"], filename) if "pyproject.toml" in found else None


def _documents(archive: Path) -> Mapping[str, bytes]:
    """The files PKG-INFO and pyproject.toml of the one folder that an sdist has."""
    import tarfile
    import zipfile

    wanted = ("PKG-INFO", "pyproject.toml")
    found: dict[str, bytes] = {}
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as members:
            for info in members.infolist():
                _folder, _, name = info.filename.partition("/")
                if name in wanted and info.file_size <= _MOST_METADATA:
                    found[name] = members.read(info)
        return found
    with tarfile.open(archive) as tar:
        for member in tar:
            _folder, _, name = member.name.removeprefix("./").partition("/")
            if name in wanted and member.isfile() and member.size <= _MOST_METADATA:
                file = tar.extractfile(member)
                found[name] = file.read() if file is not None else b""
    return found


def is_promised(link: WheelLink) -> bool:
    """Whether a link stands for a wheel that has to be built first."""
    return not link.file.filename.endswith(".whl")
