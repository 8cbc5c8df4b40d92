"""What indexes say against releases and projects (PEP 592, 792), of what is taken and of what is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from variantctl.indexes.errors import ProjectNotFound
from variantctl.indexes.project_status import yank_warning
from variantctl.net.errors import NetworkError

if TYPE_CHECKING:
    from variantctl.indexes.project_files import ProjectFiles, WheelLink
    from variantctl.resolve.candidate_finder import CandidateFinder


class _Release(Protocol):
    @property
    def name(self) -> NormalizedName: ...
    @property
    def version(self) -> Version: ...
    @property
    def withdrawn(self) -> tuple[str, ...]: ...


def withdrawn(link: WheelLink, project: ProjectFiles | None) -> tuple[str, ...]:
    """What its index says against a wheel and its project: clauses about the release."""
    said = (yank_warning(link.file), project.status.warning if project is not None else None)
    return tuple(clause for clause in said if clause is not None)


def installed_withdrawn(
    name: NormalizedName, version: Version, label: str | None, candidate_finder: CandidateFinder
) -> tuple[str, ...]:
    """The same of what was installed from an index; nothing of what no source has.

    Args:
        name: the project.
        version: as installed.
        label: its variant, that of a backend by its version, too.
        candidate_finder: knows the pages; one that cannot be had now says nothing.
    """
    try:
        project = candidate_finder.project(name)
    except (ProjectNotFound, NetworkError):
        return ()
    wheels = project.wheels_of(version)
    links = [link for link in wheels if link.wheel.label == label]
    yanked = [yank_warning(link.file) for link in links or wheels]
    # A release is yanked as a whole, or a few of its files are: then it is not known which was installed.
    said = (yanked[0] if yanked and all(yanked) else None, project.status.warning)
    return tuple(clause for clause in said if clause is not None)


def withdrawn_notes(releases: Iterable[_Release]) -> list[str]:
    """What is said against releases, as sentences."""
    return [f"{each.name} {each.version} {clause}" for each in releases for clause in each.withdrawn]
