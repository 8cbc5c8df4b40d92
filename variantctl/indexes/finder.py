"""All sources together: which files a project has, what they say about themselves, and the files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import copy
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from packaging.utils import NormalizedName, canonicalize_name
from packaging.version import Version

from variantctl.backends.source import Ask, BackendSource
from variantctl.cache.folder import Cache
from variantctl.cache.pages import CachedPages
from variantctl.cache.wheels import FetchedWheel, WheelCache
from variantctl.config.settings import IndexSettings
from variantctl.families.registry import NO_WISHES, MemberWishes
from variantctl.indexes.project_files import ProjectFiles, WheelLink
from variantctl.indexes.reachability import ServerReachability
from variantctl.indexes.sdists import is_promised
from variantctl.indexes.source_list import SourceList
from variantctl.indexes.wheel_metadata import WheelMetadataReader
from variantctl.net.client import HttpClient
from variantctl.net.download import Cancelled, Progress
from variantctl.net.errors import NetworkError, SourceError
from variantctl.net.hashes import check, digests_of_bytes
from variantctl.net.redaction import without_secrets
from variantctl.net.remote_file import RemoteFile
from variantctl.net.streaming_zip import StreamingZip
from variantctl.net.urls import filename_of, is_file_url, redact
from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.merge import merge_metadata
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_metadata, load_wheel_metadata
from variantctl.wheels.errors import WheelError, WrongMetadataError
from variantctl.wheels.metadata import CoreMetadata, core_metadata, metadata_text

if TYPE_CHECKING:
    from variantctl.families.registry import Families
    from variantctl.indexes.buildable_files import Alike, Fits
    from variantctl.indexes.builds import Builds

#: What a server says of a file that is gone, or whose signed link has expired.
_DEAD = (400, 401, 403, 404, 410)
PARALLEL = 8


class PackageFinder:
    """The sources of one run. Answers are remembered for as long as the object lives; any thread may ask.

    Attributes:
        settings: which sources, and how they are reached.
        client: the HTTP client that all of them share.
        cache: where pages, metadata and wheels are kept.
        builds: which projects may be built from source; ``None``: none.
        notes: what was odd and worked around, one line each; for ``--verbose`` and for error messages.
        warnings: what the user should know about where wheels come from, one line each.
    """

    def __init__(
        self,
        settings: IndexSettings,
        *,
        client: HttpClient | None = None,
        cache: Cache | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.settings = settings
        self.client = client or HttpClient(settings.http, environ=environ)
        self.cache = cache or Cache.open(environ=environ)
        self.builds: Builds | None = None
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self._pages = CachedPages(self.client, self.cache, refresh=settings.refresh)
        self._store = WheelCache(self.cache, self.client)
        self._members = WheelMetadataReader(self.cache, self.client, self._store, self._note)
        self._members.fetch = self.fetch
        self._places = SourceList(
            settings,
            self.client,
            self._pages,
            ServerReachability(self._pages, self.cache, environ),
            self._note,
            self._warn,
        )
        self._projects: dict[tuple[NormalizedName, tuple[str, ...], str], ProjectFiles] = {}
        self._fits: tuple[str, Fits, Alike] | None = None
        self._core_metadata: dict[str, CoreMetadata] = {}
        self._lock = Lock()
        self.unreadable: dict[tuple[NormalizedName, Version], str] = {}

    def build_with(self, builds: Builds) -> None:
        """Offer source code, too, and build it by these."""
        self.builds = builds

    def close(self) -> None:
        """Close the connections, and remove what was unpacked for builds."""
        self.client.close()
        if self.builds is not None:
            self.builds.close()

    def __enter__(self) -> PackageFinder:
        return self

    def __exit__(self, *_details: object) -> None:
        self.close()

    def read_no_wheels(self) -> None:
        """From now on no wheel is fetched to look into it; what only that would tell is an error."""

        def refuse(link: WheelLink) -> FetchedWheel:
            raise SourceError(f"{link.file.filename}: only the wheel itself would tell, and none is fetched")

        self._members.fetch = refuse

    # --- which files there are ---

    def project(self, name: str, *, refresh: bool = False) -> ProjectFiles:
        """The files of a project: of the first index that has it, with those of find-links joined.

        Extra indexes are asked before the default one, as uv does, and sources named on the command line
        before those of configuration files, so that nothing public shadows something private.

        Args:
            name: in any spelling.
            refresh: ask again, past everything remembered; for when a version that should exist is missing.

        Raises:
            ProjectNotFound: no source has it.
            NetworkError: an index could not be asked (the next one is not asked in its place).
            SourceError: an index answered with something that is no project page.
        """
        project = canonicalize_name(name)
        key = (project, self._places.seen_backends(project), self._fits[0] if self._fits else "")
        if not refresh and key in self._projects:
            return self._projects[key]
        found = self._places.project(project, refresh=True if refresh else None)
        if found is None and not refresh and not self.settings.offline:
            # An absence may be remembered from before the project was published.
            found = self._places.project(project, refresh=True)
        if found is None:
            raise self._places.not_found(project, self.notes)
        if self.builds is not None and self._fits is not None:
            found = self.builds.offered(found, *self._fits[1:])
        with self._lock:
            self._projects[key] = found
        return found

    def elsewhere(self, name: NormalizedName) -> list[ProjectFiles]:
        """What sources that were not asked have of a project, because another one has it, too."""
        return self._places.elsewhere(name, self.project(name).source)

    def for_machine(
        self, ask: Ask | None, environment: Mapping[str, str], wishes: MemberWishes = NO_WISHES
    ) -> PackageFinder:
        """The same finder as one machine sees it: of sub-indexes for backends, those that it can use.

        Args:
            ask: what the machine offers of the namespaces that some variants use; ``None``: such wheels are
                not wanted.
            environment: the markers of the platform that is installed for.
            wishes: members of families that are asked for whatever the machine can use.
        """
        if not self._places.backends and not self._places.families:
            return self
        seen = copy(self)
        seen._places = self._places.for_machine(ask, environment, wishes)
        return seen

    def for_interpreter(self, name: str, fits: Fits, alike: Alike) -> PackageFinder:
        """The same finder with a wheel to be built for each version that has none for an interpreter.

        Args:
            name: what tells it from other interpreters.
            fits: whether a wheel can be installed there.
            alike: how much any other wheel is like one that can.
        """
        if self.builds is None:
            return self
        seen = copy(self)
        seen._fits = (name, fits, alike)
        return seen

    def expect_backends(self, names: Iterable[str]) -> None:
        """Somebody named these sub-indexes: they count, whether or not a table or the place shows them."""
        self._places.expect_backends(names)

    def backend_source(self, name: NormalizedName) -> BackendSource | None:
        """The source of kind ``backends`` that is asked for a project, whether or not it has it."""
        index = self._places.source_of(name)
        return index.source if index is not None else None

    @property
    def families(self) -> Families:
        """Which names are members of a family."""
        return self._places.families

    def rule_of(self, name: NormalizedName, label: str) -> str:
        """What was taken for granted of a sub-index that no table lists; ``""`` where a table lists it."""
        index = self._places.source_of(name)
        backends = index.whole.backends if index is not None else ()
        return next((backend.rule for backend in backends if backend.label == label), "")

    def parent_page(self, name: NormalizedName, wanted: Callable[[Version], bool]) -> ProjectFiles | None:
        """What a source of kind ``backends`` was found to have of a project for every accelerator.

        Of its wheels those whose own version is wanted; ``None`` where nothing is known without asking for
        more.
        """
        index = next((index for index in self._places.backends if index.source.serves(name)), None)
        page = index.parent_page(name, wanted) if index is not None else None
        return page if page is None else self._places.in_time(page)

    # --- what they say ---

    def variant_metadata(
        self, project: ProjectFiles, version: Version, wheels: Iterable[WheelLink] | None = None
    ) -> VariantMetadata | None:
        """The combined variant metadata of one version (PEP 825, "Variant ordering").

        From the index-level file where there is one, its hash checked; else from the ``variant.json`` of
        one wheel for each label. A label that is missing from the index-level file is missing here too: its
        wheels are to be treated as incompatible (PEP 825, "Installing a package from an index", step 6).

        Args:
            project: as returned by ``project``.
            version: one of its versions.
            wheels: the wheels in question, where not all of the version's (other platforms' need no look).

        Returns:
            ``None`` where the version has no variant wheel.

        Raises:
            InvalidVariantError: malformed or inconsistent metadata; names the file, the key and the rule.
            HashMismatch: the index-level file is not the one that the index promises.
            NetworkError, OfflineError, SourceError, WheelError: it cannot be read.
        """
        links = [
            link
            for link in (project.wheels_of(version) if wheels is None else wheels)
            if link.wheel.version == version and link.wheel.label is not None
        ]
        if not links:
            return None
        if links[0].backend is not None:
            return self._backend_metadata(project.name, version, links)
        file = project.variants_json.get(version)
        if file is not None:
            return load_metadata(self._variants_json(file), source=file.url)
        by_label = {link.wheel.label: link for link in reversed(links)}
        representatives = list(by_label.values())
        if len(representatives) == 1:
            loaded = [self._wheel_variant(representatives[0])]
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(PARALLEL) as pool:
                loaded = list(pool.map(self._wheel_variant, representatives))
        return merge_metadata(loaded)

    def readable_variants(
        self, project: ProjectFiles, version: Version, wheels: Iterable[WheelLink] | None = None
    ) -> VariantMetadata | None:
        """The same; where it cannot be read, a warning and ``None``, so that the variants are left out.

        PEP 825 wants it so ("Backwards compatibility"): a newer format, or a mistake, must not take the
        ordinary wheel of a version away. Metadata with another hash than promised is no such case.

        Raises:
            HashMismatch, NetworkError, OfflineError: it cannot be had.
        """
        try:
            return self.variant_metadata(project, version, wheels)
        except (InvalidVariantError, SourceError, WheelError) as error:
            self.unreadable[project.name, version] = error.message
            self._warn(
                f"{project.name} {version}: its variants are left out, because their metadata cannot be "
                f"read: {error.message}"
            )
            return None

    def _backend_metadata(
        self, name: NormalizedName, version: Version, links: Sequence[WheelLink]
    ) -> VariantMetadata | None:
        named = {link.backend.source for link in links if link.backend is not None}
        index = self._places.source_named(named)
        return index.metadata(name, version, links) if index is not None else None

    def _variants_json(self, file: RemoteFile) -> bytes:
        """The index-level file; a stored one whose hash is not the promised one is asked for again."""
        content = self._index_level(file, refresh=None)
        digests = digests_of_bytes(content, file.hashes)
        if any(digests.get(name, digest) != digest for name, digest in file.hashes.items()):
            content = self._index_level(file, refresh=True)
            digests = digests_of_bytes(content, file.hashes)
        promised_by = file.source or "its source"
        check(file.filename, digests, file.hashes, promised_by=promised_by, read_from=file.url)
        return content

    def _index_level(self, file: RemoteFile, *, refresh: bool | None) -> bytes:
        response = self._pages.get(file.url, accept="application/json, */*;q=0.1", refresh=refresh)
        if response.status != 200:
            raise SourceError(
                f"{file.source} lists {file.url}, which is not there (status {response.status})",
                hint="The index is incomplete; tell whoever publishes it, or use --no-variants.",
            )
        return response.content

    def _wheel_variant(self, link: WheelLink) -> tuple[str, VariantMetadata]:
        data = self._members.members(link).variant_json
        source = f"{link.file.filename}/variant.json"
        if data is None:
            raise WheelError(
                link.file.filename,
                f"it has no variant.json, though its name has the variant label {link.wheel.label!r}",
                hint="The wheel was renamed or built wrongly; use another one.",
            )
        return link.file.filename, load_wheel_metadata(data, label=link.wheel.label or "", source=source)

    def core_metadata(self, link: WheelLink) -> CoreMetadata:
        """What the wheel's METADATA says, with as little fetched as the source allows.

        Raises:
            WheelError: it is missing, damaged, or about another project or version than the filename says.
            HashMismatch, NetworkError, OfflineError, SourceError: it cannot be had.
        """
        known = self._core_metadata.get(link.file.url)
        if known is not None:
            return known
        if link.told_by is not None:
            return self.core_metadata(link.told_by)
        if self.builds is not None and is_promised(link):
            metadata = self.builds.metadata(link, self._store.fetch)
        else:
            metadata = core_metadata(self._members.fields(link), link.file.filename)
        wheel = link.own_name
        if metadata.normalized_name != wheel.name or not wheel.names_version(metadata.version):
            raise WrongMetadataError(
                link.file.filename,
                f"its METADATA is that of {metadata.name} {metadata.version}, "
                f"not of {wheel.name} {wheel.version}",
                hint="Do not install this wheel; tell whoever publishes it.",
            )
        self._core_metadata[link.file.url] = metadata
        return metadata

    def metadata_bytes(self, link: WheelLink) -> bytes:
        """The wheel's METADATA as it is, read as ``core_metadata`` does; nothing in it is looked at.

        Raises:
            HashMismatch, NetworkError, OfflineError, SourceError, WheelError: it cannot be had.
        """
        if is_promised(link):
            return metadata_text(self.core_metadata(link))
        return self._members.metadata(link)

    def source_link(self, url: str, name: NormalizedName) -> WheelLink | None:
        """The wheel-to-be of source code that a requirement names by its URL; None where it names none.

        Raises:
            VariantctlError: it cannot be fetched or built.
        """
        return None if self.builds is None else self.builds.named_link(url, name)

    def source_origin(self, link: WheelLink) -> Mapping[str, Any] | None:
        """What direct_url.json says of the source code that a link stands for; None for any other link."""
        return None if self.builds is None else self.builds.direct_url(link)

    # --- the files ---

    def built(self, link: WheelLink) -> WheelLink:
        """The wheel itself, where a link stands for one that has to be built; any other link as it is.

        Raises:
            BuildError: it could not be built.
            HashMismatch, NetworkError, OfflineError, SourceError: the source distribution cannot be had.
        """
        return link if self.builds is None else self.builds.wheel(link, self._store.fetch)

    def fetch(
        self,
        link: WheelLink,
        *,
        progress: Progress | None = None,
        cancel: Event | None = None,
        reader: Callable[[StreamingZip], None] | None = None,
    ) -> FetchedWheel:
        """The wheel on disk: in the cache, or where it is if that is a folder. Every known hash is checked.

        ``reader`` is given a large wheel that is being received (``WheelStore.fetch``).

        Raises:
            HashMismatch: the bytes are not the promised ones; nothing is kept.
            NetworkError, OfflineError, SourceError: it cannot be had.
        """
        try:
            return self._store.fetch(link.file, progress=progress, cancel=cancel, reader=reader)
        except NetworkError as error:
            if error.status not in _DEAD:
                raise
            for file in self._elsewhere(link):
                with suppress(NetworkError):
                    return self._store.fetch(file, progress=progress, cancel=cancel, reader=reader)
            raise

    def _elsewhere(self, link: WheelLink) -> Iterator[RemoteFile]:
        """Where else a file with a dead link may be: in another entry of its page, or the page as it is now.

        Links may be signed, and no longer hold when a stored page is read (S3's presigned URLs).
        """
        file = link.file
        yield from (replace(file, url=url, others=()) for url in file.others)
        if self.settings.offline or not any(key[0] == link.wheel.name for key in self._projects):
            return
        try:
            fresh = self._places.project(link.wheel.name, refresh=True)
        except VariantctlError:
            return
        for other in fresh.wheels if fresh is not None else ():
            is_new = other.file.filename == file.filename and other.file.url != file.url
            if is_new and file.agrees_with(other.file):
                yield replace(file, url=other.file.url, others=())

    def fetch_archive(self, url: str, hashes: Mapping[str, str]) -> FetchedWheel:
        """An archive of source code that somebody named, on disk.

        Raises:
            HashMismatch: the bytes are not the promised ones; nothing is kept.
            NetworkError, OfflineError, SourceError: it cannot be had.
        """
        bare = self.client.credentials.take_file(url, is_reference=True)
        file = RemoteFile(filename_of(bare), bare, dict(hashes), source=without_secrets(bare))
        return self._store.fetch(file)

    def let_go(self, link: WheelLink) -> None:
        """Drop a wheel that this process fetched: what was unpacked of it is kept elsewhere."""
        self._store.let_go(link.file)

    def stored(self, file: RemoteFile) -> FetchedWheel | None:
        """The file, where it needs no request: in the cache, or in a folder.

        Raises:
            HashMismatch: its size, or another hash than the one it was found by, is not the promised one.
            SourceError: a local file cannot be read.
        """
        return self._store.fetch(file) if is_file_url(file.url) else self._store.find(file)

    def fetch_many(
        self,
        links: Sequence[WheelLink],
        *,
        progress: Callable[[WheelLink], Progress | None] | None = None,
        parallel: int = PARALLEL,
    ) -> list[FetchedWheel]:
        """Several wheels at once, in the order of *links*.

        Args:
            links: what to fetch.
            progress: called once for each link, from this thread; returns that link's own callback.
            parallel: how many at a time.

        Raises:
            As ``fetch``; the first failure stops the others.
        """
        from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

        cancel = Event()
        with ThreadPoolExecutor(max(1, min(parallel, len(links) or 1))) as pool:
            futures: list[Future[FetchedWheel]] = [
                pool.submit(self.fetch, link, progress=progress(link) if progress else None, cancel=cancel)
                for link in links
            ]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                failed = [future for future in futures if future in done and future.exception() is not None]
                for future in failed:
                    error = future.exception()
                    if error is not None and not isinstance(error, Cancelled):
                        raise error
                return [future.result() for future in futures]
            finally:
                cancel.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def _note(self, text: str) -> None:
        with self._lock:
            if text not in self.notes:
                self.notes.append(redact(text))

    def _warn(self, text: str) -> None:
        with self._lock:
            if text not in self.warnings:
                self.warnings.append(redact(text))
