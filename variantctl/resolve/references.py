"""URLs in dependencies (PEP 508, ``name @ URL``): which are followed, and what they come to.

A wheel is followed wherever it is named. Source code is built, which runs what it has: it is followed where
the user named the package that asks for it, by a URL or a path, or names that source, too; never because a
package of an index says so. uv has the same rule; pip has it for PyPI.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import NormalizedName

from variantctl.net.redaction import without_secrets
from variantctl.net.urls import is_file_url
from variantctl.requirements.errors import RequirementError
from variantctl.requirements.sources import SourceReference, source_reference
from variantctl.resolve.candidates import Candidate, ExtraCandidate, InstalledCandidate, WheelCandidate
from variantctl.resolve.errors import NoCandidateError
from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.markers import VariantRequirement

if TYPE_CHECKING:
    from variantctl.resolve.candidate_finder import CandidateFinder

_FOLLOWED = re.compile(r"^(https?|file|git\+(https?|ssh|git|file))://", re.IGNORECASE)


class References:
    """What the URLs of dependencies come to.

    Args:
        candidate_finder: finds what they name.
        named: whether the user names the URL of a project.
    """

    def __init__(self, candidate_finder: CandidateFinder, named: Callable[[NormalizedName], bool]) -> None:
        self._candidate_finder = candidate_finder
        self._named = named

    def settled(self, requirement: VariantRequirement, candidate: Candidate) -> VariantRequirement | str:
        """The requirement with a URL that always means the same; or why its URL cannot be followed.

        A branch becomes its commit. What is installed from the place that an installed package names needs
        no URL: it may stay as it is.

        Args:
            requirement: has a URL.
            candidate: the package that needs it.
        """
        url, name = requirement.url, requirement.name
        assert url is not None
        base = candidate.base if isinstance(candidate, ExtraCandidate) else candidate
        if not _FOLLOWED.match(url):
            return "only https, http, file and git+... are followed"
        try:
            source = source_reference(f"{name} @ {url}", origin=f"'{requirement}'")
            if source is None:
                self._candidate_finder.direct(url, name)
                return requirement
            if isinstance(base, InstalledCandidate) and self._is_there(name, source):
                return _with_url(requirement, None)
            if not (self._named(name) or self._may_name(base)):
                return (
                    "that is source code, which a package of an index may not ask for; if you trust it, name "
                    f"it yourself: '{name} @ {without_secrets(url)}'"
                )
            settled = self._candidate_finder.settled_url(url, name)
            if settled is None:
                return "that is source code, and this command builds none"
            self._candidate_finder.direct(settled, name)
            return _with_url(requirement, settled)
        except (RequirementError, InvalidVariantError, NoCandidateError) as error:
            return error.message

    def _may_name(self, base: Candidate) -> bool:
        """Whether a package may ask for source code: one that somebody named, or that is on this machine."""
        if isinstance(base, WheelCandidate):
            return base.url is not None or is_file_url(base.wheel.link.file.url)
        return isinstance(base, InstalledCandidate) and base.url is not None

    def _is_there(self, name: NormalizedName, source: SourceReference) -> bool:
        """Whether a project is installed from the place, and the revision, that a reference names."""
        found = self._candidate_finder.installed(name)
        said = found.package.direct_url if found is not None else None
        if said is None or said.get("url") != without_secrets(source.url):
            return False
        info = said.get("vcs_info") or {}
        return said.get("subdirectory") == source.subdirectory and source.revision in (
            info.get("requested_revision"),
            info.get("commit_id"),
        )


def _with_url(requirement: VariantRequirement, url: str | None) -> VariantRequirement:
    changed = Requirement(str(requirement.requirement))
    changed.url = url
    return replace(requirement, text=str(changed), requirement=changed)
