"""Wheels of source code: what they will say of themselves, and the wheels, built when they are wanted.

Every install imports this module: what only builds need is imported for a build.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.cache.wheels import FetchedWheel
from variantctl.indexes.buildable_files import Alike, BuildableFiles, Fits
from variantctl.indexes.errors import BuildError
from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.indexes.sdists import BuildPolicy, is_promised, promised
from variantctl.net.hashes import digests_of
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import path_to_url
from variantctl.values import dataclass, field
from variantctl.variants.filenames import parse_wheel_filename

if TYPE_CHECKING:
    from variantctl.indexes.built_wheels import BuiltWheels, Ingredients, Pins
    from variantctl.wheels.metadata import CoreMetadata

Fetch = Callable[[RemoteFile], FetchedWheel]


@dataclass(frozen=True)
class SourceTree:
    """Source code that a wheel can be built of.

    Attributes:
        named: as messages call it.
        file: what a link to its wheel has in place of the wheel's file.
        folder: gives the folder that has pyproject.toml or setup.py; asked again, it gives the same one.
        static: gives what it says for certain without a build; None: only a build tells.
        project: whose source it is, where that is known.
        key: what tells it from all other; none: it may change at any time, and nothing is kept.
        direct_url: what direct_url.json says of it (PEP 610); None: it is of an index.
        editable: whether its wheel only points to it (PEP 660).
    """

    named: str
    file: RemoteFile
    folder: Callable[[], Path]
    static: Callable[[], CoreMetadata | None]
    project: NormalizedName | None = None
    key: tuple[str, ...] = ()
    direct_url: Mapping[str, Any] | None = None
    editable: bool = False


@dataclass(frozen=True)
class Built:
    """What a build gave.

    Attributes:
        content: the wheel, or METADATA.
        ingredients: the packages that it was built with.
    """

    content: Any
    ingredients: Ingredients = field(default_factory=dict)


class Builder(Protocol):
    """What builds a source tree (``install.building.SourceBuilder``)."""

    def wheel(self, tree: SourceTree, out: Path, pins: Pins) -> Built:
        """The wheel, in the folder *out*. Raises ``BuildError``."""

    def metadata(self, tree: SourceTree, out: Path, pins: Pins) -> Built | None:
        """METADATA, where the backend gives it without a whole build. Raises ``BuildError``."""

    def key(self, project: NormalizedName | None) -> str:
        """What a wheel depends on beside its source: the interpreter, and what its backend is told."""


@dataclass(frozen=True)
class Workshop:
    """What builds take.

    Attributes:
        builder: builds.
        fits: whether a wheel can be installed there.
        kept: the wheels that were built before.
        locate: gives the source that a dependency names by its URL; ``None`` of a wheel's.
        pins: what builds get of some projects, before there is a plan.
    """

    builder: Builder
    fits: Fits
    kept: BuiltWheels
    locate: Callable[[str, NormalizedName], SourceTree | None]
    pins: Pins


class Builds:
    """What may be built, by what, and for what.

    Args:
        policy: which projects.
        prepare: gives what builds take. It is called at the first source: most runs meet none.
    """

    def __init__(self, policy: BuildPolicy, prepare: Callable[[], Workshop]) -> None:
        self.policy = policy
        self._prepare = prepare
        self._of_plan: Pins | None = None
        self._trees: dict[str, SourceTree] = {}
        self._links: dict[str, WheelLink] = {}
        self._wheels: dict[str, tuple[Path, Ingredients]] = {}
        self._metadata: dict[str, CoreMetadata] = {}
        self._under_way: list[str] = []
        self._temporary: Any = None
        self._count = 0
        # Of one thread at a time; what a build needs may have to be built itself, by the same thread.
        self._lock = RLock()

    @cached_property
    def _workshop(self) -> Workshop:
        return self._prepare()

    @property
    def pins(self) -> Pins:
        """What builds get of some projects: those of the plan, once there is one."""
        return self._workshop.pins if self._of_plan is None else self._of_plan

    @pins.setter
    def pins(self, pins: Pins) -> None:
        self._of_plan = pins

    def close(self) -> None:
        """Remove what was unpacked, checked out and built, but for what the cache keeps."""
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None

    def folder(self, name: str) -> Path:
        """A new place for a folder that goes when this is closed."""
        import tempfile

        if self._temporary is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="variantctl-build-")
        self._count += 1
        return Path(self._temporary.name) / f"{self._count}" / name

    def offered(self, files: ProjectFiles, fits: Fits, alike: Alike) -> ProjectFiles:
        """A project's files, with a wheel-to-be for each version that has an sdist and no fitting wheel."""
        if not self.policy.takes_wheels(files.name):
            files = ProjectFiles(files.name, files.source, (), files.sdists, status=files.status)
        return BuildableFiles(files, fits, alike) if self.policy.builds(files.name) else files

    def link_to(self, tree: SourceTree) -> WheelLink:
        """The wheel-to-be of source code that somebody named.

        Raises:
            BuildError: its name and version cannot be found out.
        """
        url = tree.file.url
        with self._lock:
            if url not in self._links:
                self._trees[url] = tree
                metadata = self._read_metadata(tree)
                self._links[url] = promised(tree.file, metadata.normalized_name, metadata.version)
            return self._links[url]

    def promise(self, tree: SourceTree, name: NormalizedName, version: Version) -> WheelLink:
        """The wheel-to-be of source code of which name and version are known: nothing is asked."""
        with self._lock:
            self._trees[tree.file.url] = tree
            return self._links.setdefault(tree.file.url, promised(tree.file, name, version))

    def named_link(self, url: str, name: NormalizedName) -> WheelLink | None:
        """The wheel-to-be of source code that a requirement names; None where its URL names none.

        Raises:
            VariantctlError: it cannot be fetched or built, or is another project's.
        """
        with self._lock:
            known = self._links.get(url)
            if known is None and (tree := self._workshop.locate(url, name)) is not None:
                known = self._links[url] = self.link_to(tree)
        return known

    def direct_url(self, link: WheelLink) -> Mapping[str, Any] | None:
        """What direct_url.json says of source code that somebody named."""
        tree = self._trees.get(link.file.url)
        return None if tree is None else tree.direct_url

    def metadata(self, link: WheelLink, fetch: Fetch) -> CoreMetadata:
        """What the wheel of a wheel-to-be will say of itself, with as little built as the source allows.

        Raises:
            BuildError: the build failed.
        """
        with self._lock:
            return self._read_metadata(self._tree(link, fetch))

    def wheel(self, link: WheelLink, fetch: Fetch) -> WheelLink:
        """The wheel of a wheel-to-be: kept from before, or built now; any other link is given back.

        Raises:
            BuildError: the build failed, or gave something else than was promised.
        """
        if not is_promised(link):
            return link
        with self._lock:
            tree = self._tree(link, fetch)
            path = self._built(tree)
        wheel = parse_wheel_filename(path.name)
        # A version that is made of the history of a repository depends on how much of that was cloned.
        is_other = tree.direct_url is None and wheel.version != link.wheel.version
        if wheel.name != link.wheel.name or is_other:
            raise BuildError(f"{tree.named}: its build gave {path.name}, another project or version")
        file = RemoteFile(
            path.name,
            path_to_url(path),
            {"sha256": digests_of(path, ["sha256"])["sha256"]},
            size=path.stat().st_size,
            source=link.file.source,
        )
        built = WheelLink(file, wheel)
        if not self._workshop.fits(built):
            raise BuildError(f"{tree.named}: its build gave {path.name}, which does not fit this interpreter")
        return built

    def _tree(self, link: WheelLink, fetch: Fetch) -> SourceTree:
        """Of source code that was named, or of a source distribution of an index."""
        url = link.file.url
        known = self._trees.get(url)
        if known is None:
            known = self._trees[url] = self._sdist(link, fetch(link.file))
        return known

    def _sdist(self, link: WheelLink, fetched: FetchedWheel) -> SourceTree:
        filename = link.file.filename
        return SourceTree(
            filename,
            link.file,
            self.unpacking(fetched.path, filename),
            _reading(fetched.path, filename),
            link.wheel.name,
            (fetched.sha256,),
        )

    def unpacking(self, archive: Path, filename: str) -> Callable[[], Path]:
        """Unpacks an archive when the folder is asked for, once."""
        found: list[Path] = []

        def folder() -> Path:
            from variantctl.indexes.source_archives import unpacked_source

            if not found:
                found.append(unpacked_source(archive, self.folder("source"), filename))
            return found[0]

        return folder

    def _key(self, tree: SourceTree) -> tuple[str, ...]:
        return (*tree.key, self._workshop.builder.key(tree.project)) if tree.key else ()

    def _read_metadata(self, tree: SourceTree) -> CoreMetadata:
        known = self._metadata.get(tree.file.url)
        if known is None:
            known = self._metadata[tree.file.url] = self._find_metadata(tree)
        return known

    def _find_metadata(self, tree: SourceTree) -> CoreMetadata:
        from variantctl.wheels.metadata import parse_core_metadata

        # A commit would have to be cloned to read what it says; the wheel that was built of it is here.
        is_here = tree.direct_url is not None and bool(tree.key) and self._known(tree) is not None
        if not is_here and (static := self._static(tree)) is not None:
            return static
        key = self._key(tree)
        data = self._workshop.kept.metadata(key, self.pins) if key else None
        if data is None and self._known(tree) is None:
            with _Under(self, tree):
                made = self._workshop.builder.metadata(tree, self.folder("metadata"), self.pins)
            if made is not None:
                data = made.content
                if key:
                    self._workshop.kept.keep_metadata(made.content, key, made.ingredients)
        return parse_core_metadata(data or _metadata_of(self._built(tree)), tree.named)

    def _static(self, tree: SourceTree) -> CoreMetadata | None:
        """What source code says for certain. It is kept: to look through pyspark's takes seconds."""
        from variantctl.wheels.metadata import metadata_text, parse_core_metadata

        kept = self._workshop.kept.static(tree.key) if tree.key else None
        if kept is not None:
            return parse_core_metadata(kept, tree.named) if kept else None
        found = tree.static()
        if tree.key:
            self._workshop.kept.keep_static(b"" if found is None else metadata_text(found), tree.key)
        return found

    def _known(self, tree: SourceTree) -> Path | None:
        """The wheel that was built in this run or an earlier one, with what the pins allow."""
        from variantctl.indexes.built_wheels import allow

        url, key = tree.file.url, self._key(tree)
        if url in self._wheels and allow(self.pins, self._wheels[url][1]):
            return self._wheels[url][0]
        kept = self._workshop.kept.wheel(key, self.pins) if key else None
        if kept is not None:
            self._wheels[url] = kept
        return None if kept is None else kept[0]

    def _built(self, tree: SourceTree) -> Path:
        known = self._known(tree)
        if known is not None:
            return known
        with _Under(self, tree):
            built = self._workshop.builder.wheel(tree, self.folder("wheel"), self.pins)
        path: Path = built.content
        if key := self._key(tree):
            path = self._workshop.kept.keep(path, key, built.ingredients)
        self._wheels[tree.file.url] = path, built.ingredients
        return path


class _Under:
    """Refuses to build what is being built: it would need itself."""

    def __init__(self, builds: Builds, tree: SourceTree) -> None:
        self._under_way = builds._under_way
        self._tree = tree

    def __enter__(self) -> None:
        if self._tree.file.url in self._under_way:
            raise BuildError(f"{self._tree.named} needs itself to be built")
        self._under_way.append(self._tree.file.url)

    def __exit__(self, *_details: object) -> None:
        self._under_way.pop()


def _reading(archive: Path, filename: str) -> Callable[[], CoreMetadata | None]:
    def static() -> CoreMetadata | None:
        from variantctl.indexes.source_archives import static_metadata

        return static_metadata(archive, filename)

    return static


def _metadata_of(wheel: Path) -> bytes:
    from variantctl.wheels.archive import WheelArchive

    with WheelArchive.open(wheel, parse_wheel_filename(wheel.name)) as archive:
        return archive.metadata_bytes()
