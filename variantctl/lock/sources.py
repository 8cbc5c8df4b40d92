"""Where the wheels of a lock are fetched from, when the command line names other places than the lock does.

A lock has the URL of each wheel. ``sync -f FOLDER`` or ``-i MIRROR`` says that the same files, by name and
hash, are to be had elsewhere; ``--no-index`` that nowhere else may be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from variantctl.lock.errors import LockMismatchError
from variantctl.net.urls import is_file_url
from variantctl.values import dataclass, replace

if TYPE_CHECKING:
    from variantctl.indexes.project_files import ProjectFiles, WheelLink
    from variantctl.net.remote_file import RemoteFile
    from variantctl.resolve.plan import Plan, PlannedInstall

Project = Callable[[str], "ProjectFiles | None"]
"""The files of a project in the places that were named; ``None``: they do not have it."""


@dataclass(frozen=True, slots=True)
class NamedPlaces:
    """What the command line says about places.

    Attributes:
        project: looks into those that were named; ``None``: there are none.
        only: nothing of an index may be fetched (``--no-index``).
        has: whether a wheel is in the cache already, so that nothing has to be fetched.
    """

    project: Project | None
    only: bool
    has: Callable[[WheelLink], bool]

    def applied_to(self, plan: Plan) -> Plan:
        """The plan with its wheels from the named places, as far as they have them.

        Raises:
            LockMismatchError: a wheel is in none of them, and nowhere else may be asked.
        """
        if self.project is None and not self.only:
            return plan
        return replace(plan, install=tuple(map(self._placed, plan.install)))

    def _placed(self, planned: PlannedInstall) -> PlannedInstall:
        if planned.needs_build and planned.direct_url is not None:
            return self._allowed(planned)
        found = next(self._matching(planned), None)
        if found is not None:
            # The lock's hashes count, whatever the place says of its file; so does its size.
            file = replace(planned.link.file, url=found.url, source=found.source)
            return replace(planned, url=found.url, link=replace(planned.link, file=file))
        if self.only and not is_file_url(planned.link.file.url) and not self.has(planned.link):
            raise LockMismatchError(
                f"{planned.filename} is in none of the places that --no-index leaves",
                hint="Name a folder that has it with -f/--find-links.",
            )
        return planned

    def _allowed(self, planned: PlannedInstall) -> PlannedInstall:
        """Source code that somebody named: it is where it is."""
        assert planned.direct_url is not None
        if self.only and not is_file_url(planned.direct_url["url"]):
            raise LockMismatchError(f"--no-index leaves no place to have {planned.url} from")
        return planned

    def _matching(self, planned: PlannedInstall) -> Iterator[RemoteFile]:
        """The same file by its name; not one of which the place says that it has another hash."""
        found = self.project(planned.name) if self.project is not None else None
        hashes = planned.link.file.hashes
        wheels = [link.file for link in found.wheels] if found is not None else []
        for file in (*wheels, *(found.sdists if found is not None else ())):
            if file.filename == planned.link.file.filename and all(
                file.hashes.get(name, digest) == digest for name, digest in hashes.items()
            ):
                yield file


def named_project(finder: Callable[[str], ProjectFiles], missing: type[Exception]) -> Project:
    """``finder`` that gives ``None`` where it would raise ``missing``."""

    def project(name: str) -> ProjectFiles | None:
        try:
            return finder(name)
        except missing:
            return None

    return project
