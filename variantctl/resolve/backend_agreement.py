"""What holds the packages of one source of backends together: all of them come from the same one.

To the search, the choice is a project of its own (``BackendRequirement``, ``BackendCandidate``). A wheel of a
backend needs that backend. So another backend is tried for all where one lacks a version of a package.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.indexes.finder import PackageFinder
from variantctl.indexes.project_files import ProjectFiles
from variantctl.resolve.candidates import BaseCandidate, Candidate, InstalledCandidate, WheelCandidate
from variantctl.resolve.needs import BackendRequirement, backend_identifier
from variantctl.select.compatibility import Interpreter
from variantctl.select.ranking import fits_interpreter
from variantctl.target.installed import InstalledPackage


class Backends:
    """The backends of what can be had, and of what is installed.

    Args:
        catalog: knows the sources.
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
        """Of an installed package: the label of its variant, or the backend that its version names."""
        source = self._package_finder.backend_source(package.name)
        if package.label is not None or source is None:
            return package.label
        return source.label_of(package.name, package.version)

    def need_of(self, candidate: BaseCandidate) -> BackendRequirement | None:
        """That everything else of a candidate's source is of the same backend; ``None`` for other packages.

        An installed package whose version names no backend may be the source's all the same (the wheels for
        macOS are such), or a build from elsewhere. One with a local version of another kind is its owner's
        own build, with which anything goes.
        """
        if isinstance(candidate, WheelCandidate):
            link = candidate.wheel.link
            return BackendRequirement(link.backend.source, link.wheel.label) if link.backend else None
        package = candidate.package
        source = self._package_finder.backend_source(package.name)
        label = self.label_of(package)
        if source is None or package.label is not None or (label is None and package.version.local):
            return None
        if label is not None:
            return BackendRequirement(source.name, label)
        return BackendRequirement(source.name, None, lambda: self._looked_up(package))

    def rank(self, name: NormalizedName) -> int:
        """The place of a package among those of its source: the first is what the others are built for."""
        source = self._package_finder.backend_source(name)
        return source.packages.index(name) if source is not None else 0

    def in_order(
        self,
        name: NormalizedName,
        found: Iterable[WheelCandidate],
        pins: Mapping[str, Candidate],
    ) -> Iterator[WheelCandidate]:
        """The candidates of a package, those that contradict the backend already chosen after all others.

        They can only be taken if that is given up, so nothing is asked for them before.
        """
        source = self._package_finder.backend_source(name)
        pin = pins.get(backend_identifier(source.name)) if source is not None else None
        if pin is None:
            yield from found
            return
        later: list[WheelCandidate] = []
        for candidate in found:
            need = self.need_of(candidate)
            if need is None or need.is_satisfied_by(pin):
                yield candidate
            else:
                later.append(candidate)
        yield from later

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
