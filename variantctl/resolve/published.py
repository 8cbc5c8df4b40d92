"""The versions of a project that the sources have, and what of each can be used here."""

from __future__ import annotations

from typing import Any

from packaging.utils import InvalidSdistFilename, NormalizedName, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from variantctl.indexes.errors import ProjectNotFound
from variantctl.resolve.candidate_finder import CandidateFinder
from variantctl.select.ranking import fits_interpreter
from variantctl.values import dataclass


@dataclass(frozen=True)
class PublishedVersion:
    """One version.

    Attributes:
        version: without what names a backend.
        labels: the variants that it has for the interpreter at hand, by the wheels' names.
        has_wheel: it has a wheel for the interpreter at hand, be it a variant or not.
        has_sdist: it has a source distribution.
        is_yanked: all of its files are withdrawn (PEP 592).
    """

    version: Version
    labels: tuple[str, ...] = ()
    has_wheel: bool = False
    has_sdist: bool = False
    is_yanked: bool = False

    def as_json(self) -> dict[str, Any]:
        """An element of ``versions``."""
        return {
            "version": str(self.version),
            "labels": list(self.labels),
            "wheel": self.has_wheel,
            "sdist": self.has_sdist,
            "yanked": self.is_yanked,
            "prerelease": self.version.is_prerelease,
        }


def published_versions(name: NormalizedName, candidate_finder: CandidateFinder) -> list[PublishedVersion]:
    """Every version, newest first. Nothing but the project's page is read.

    Raises:
        ProjectNotFound: no source has the project.
    """
    project = candidate_finder.project(name)
    sdists = {version: file for file in project.sdists if (version := _sdist_version(file.filename))}
    found = []
    for version in sorted({*project.by_version, *sdists}, reverse=True):
        wheels = project.wheels_of(version)
        fitting = [link for link in wheels if fits_interpreter(link, candidate_finder.interpreter)]
        labels = dict.fromkeys(link.wheel.label for link in fitting if link.wheel.label)
        files = [link.file for link in wheels] + ([sdists[version]] if version in sdists else [])
        yanked = all(file.yanked is not False for file in files)
        found.append(PublishedVersion(version, tuple(labels), bool(fitting), version in sdists, yanked))
    return found


def newest(name: NormalizedName, candidate_finder: CandidateFinder, *, pre: bool = False) -> Version | None:
    """The newest version that can be installed on the machine; None where there is none."""
    try:
        versions = candidate_finder.versions(name)
    except ProjectNotFound:
        return None
    for version in versions:
        if (pre or not version.is_prerelease) and candidate_finder.has_candidate(name, version):
            return version
    return None


def _sdist_version(filename: str) -> Version | None:
    try:
        return parse_sdist_filename(filename)[1]
    except (InvalidSdistFilename, InvalidVersion):
        return None
