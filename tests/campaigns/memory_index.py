"""Releases in memory, as an index that needs no server: for searches by the thousand."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import NormalizedName, canonicalize_name

from tests.campaigns.registry import Release, metadata_of, wheel_name_of
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.indexes.errors import ProjectNotFound
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles, WheelLink, sort_files
from variantctl.net.remote_file import RemoteFile
from variantctl.wheels.metadata import CoreMetadata, parse_core_metadata


class MemoryIndex(PackageFinder):
    """Finds releases that are in memory; what METADATA is asked for is counted.

    Attributes:
        asked: the filenames of the wheels whose METADATA was asked for.
    """

    def __init__(self, releases: Iterable[Release], cache: Cache) -> None:
        super().__init__(IndexSettings(no_index=True), cache=cache, environ={})
        self.asked: set[str] = set()
        self._releases = {wheel_name_of(release): release for release in releases}
        self._files: dict[NormalizedName, list[RemoteFile]] = {}
        for filename, release in self._releases.items():
            file = RemoteFile(
                filename,
                f"https://index.test/{filename}",
                requires_python=release.requires_python,
                yanked=release.yanked,
            )
            self._files.setdefault(canonicalize_name(release.name), []).append(file)
        self._sorted: dict[NormalizedName, ProjectFiles] = {}

    def project(self, name: str, *, refresh: bool = False) -> ProjectFiles:
        """The wheels of a project."""
        project = canonicalize_name(name)
        if project not in self._files:
            raise ProjectNotFound(project, ("memory",))
        if project not in self._sorted:
            self._sorted[project] = sort_files(project, "memory", self._files[project])
        return self._sorted[project]

    def core_metadata(self, link: WheelLink) -> CoreMetadata:
        """What a wheel would say."""
        self.asked.add(link.file.filename)
        return parse_core_metadata(metadata_of(self._releases[link.file.filename]), link.file.filename)
