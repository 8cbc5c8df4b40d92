"""What holds the packages of one source of backends together: all of them come from the same one.

To the search, the choice is a project of its own (``BackendRequirement``, ``BackendCandidate``). A wheel of a
backend needs that backend. So another backend is tried for all where one lacks a version of a package.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.backends.source import BackendSource
from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles
from variantctl.resolve.candidates import BaseCandidate, InstalledCandidate, WheelCandidate
from variantctl.resolve.needs import BackendRequirement
from variantctl.select.compatibility import Interpreter
from variantctl.select.ranking import fits_interpreter
from variantctl.target.installed import InstalledPackage


class Backends:
    """The backends of what can be had, and of what is installed.

    Args:
        package_finder: knows the sources.
        interpreter: what wheels must fit.
        installed: what the environment has.
        versions: the versions of a project, none where no source has it.
        project: the files of a project that has versions.
    """

    def __init__(
        self,
        package_finder: PackageFinder,
        interpreter: Interpreter,
        installed: Mapping[NormalizedName, InstalledCandidate],
        versions: Callable[[NormalizedName], Collection[Version]],
        project: Callable[[NormalizedName], ProjectFiles],
    ) -> None:
        self._package_finder = package_finder
        self._interpreter = interpreter
        self._installed = installed
        self._versions = versions
        self._project = project

    def label_of(self, package: InstalledPackage) -> str | None:
        """Of an installed package: the label of its variant, or the backend that its name or version says."""
        families = self._package_finder.families
        source = self._package_finder.backend_source(families.identity(package.name))
        if package.label is not None or source is None:
            return package.label
        if families.of(package.name) is not None:
            return families.installed_label(package.name, package.version, self._installed)
        return source.label_of(package.name, package.version)

    def need_of(self, candidate: BaseCandidate) -> BackendRequirement | None:
        """That everything else of a candidate's source is of the same backend; ``None`` for other packages.

        An installed package whose version names no backend may be the source's all the same (the wheels for
        macOS are such), or a build from elsewhere. One with a local version of another kind is its owner's
        own build, with which anything goes.
        """
        if isinstance(candidate, WheelCandidate):
            link = candidate.wheel.link
            if link.backend is None or not link.backend.together:
                return None
            return BackendRequirement(link.backend.source, link.wheel.label)
        package = candidate.package
        source = self._package_finder.backend_source(candidate.name)
        if candidate.identity is not None or self._package_finder.families.of(package.name) is not None:
            return self._need_of_member(candidate, source)
        label = self.label_of(package)
        if source is None or package.label is not None or (label is None and package.version.local):
            return None
        if label is not None:
            return BackendRequirement(source.name, label)
        return BackendRequirement(source.name, None, lambda: self._looked_up(package))

    def _need_of_member(
        self, candidate: InstalledCandidate, source: BackendSource | None
    ) -> BackendRequirement | None:
        """Of an installed member of a family; one whose label is not known goes with anything."""
        is_alone = source is None or len(source.packages) < 2 or not getattr(source, "together", True)
        if is_alone or source is None or candidate.label is None:
            return None
        return BackendRequirement(source.name, candidate.label)

    def rank(self, name: NormalizedName) -> int:
        """The place of a package among those of its source: the first is what the others are built for."""
        return self.family_of(name)[1]

    def family_of(self, name: NormalizedName) -> tuple[str, int]:
        """What a package is decided with: its source, where the first is what the others are built for."""
        source = self._package_finder.backend_source(name)
        return (f"<{source.name}>", source.packages.index(name)) if source is not None else (name, 0)

    def like_installed(
        self,
        name: NormalizedName,
        candidates: tuple[WheelCandidate, ...],
        leaving: Collection[NormalizedName],
    ) -> tuple[WheelCandidate, ...]:
        """The candidates of one version, first those that go with what is installed of the same source.

        Args:
            name: the package.
            candidates: the best first.
            leaving: packages that are upgraded, whose backend says nothing.
        """
        if not any(candidate.wheel.link.backend for candidate in candidates):
            return candidates
        kept = self.kept_label(name, leaving)
        return tuple(sorted(candidates, key=lambda candidate: candidate.wheel.label != kept))

    def kept_label(self, name: NormalizedName, leaving: Collection[NormalizedName]) -> str | None:
        """The backend of what is installed of a package's source, and stays; ``None``: nothing says one."""
        source = self._package_finder.backend_source(name)
        if source is None:
            return None
        there = [self._installed[other].package for other in source.packages if other in self._installed]
        labels = (self.label_of(package) for package in there if package.name not in leaving)
        return next((label for label in labels if label is not None), None)

    def label_named(self, name: NormalizedName, version: Version) -> str | None:
        """The backend that a version names in its local part."""
        source = self._package_finder.backend_source(name)
        return source.label_of(name, version) if source is not None else None

    def has_source(self, name: NormalizedName) -> bool:
        """Whether a package is looked for in a source of backends."""
        return self._package_finder.backend_source(name) is not None

    def _looked_up(self, package: InstalledPackage) -> str | None:
        """The backend that has the very version that is installed, where the version does not tell."""
        if not self._versions(package.name):
            return None
        for link in self._project(package.name).wheels_of(package.version):
            is_it = link.backend is not None and link.version == package.version
            if is_it and fits_interpreter(link, self._interpreter):
                return link.wheel.label
        return None
