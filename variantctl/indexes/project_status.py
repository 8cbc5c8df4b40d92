"""What an index says against a project or a release: withdrawn, archived, dangerous (PEP 592, PEP 792)."""

from __future__ import annotations

from collections.abc import Mapping

from variantctl.net.remote_file import RemoteFile
from variantctl.values import dataclass


@dataclass(frozen=True, slots=True)
class ProjectStatus:
    """What a project's page says about the project as a whole (PEP 792).

    Attributes:
        status: ``active``, ``archived``, ``quarantined`` or ``deprecated``.
        reason: why, in free text, or ``""``.
    """

    status: str = "active"
    reason: str = ""

    @property
    def warning(self) -> str | None:
        """A clause whose subject is the project; ``None`` where it is active, or of an unknown status."""
        meaning = _MEANINGS.get(self.status)
        return meaning and f"{meaning}{f': {self.reason}' if self.reason else ''}"


_MEANINGS = {
    "archived": "is archived, and gets no more updates",
    "deprecated": "is deprecated: its maintainers advise against it",
    "quarantined": "is quarantined by its index, as it may be harmful",
}
ACTIVE = ProjectStatus()


def read_status(marker: object) -> ProjectStatus:
    """Of ``project-status`` of a page in JSON; what cannot be understood counts as active."""
    if not isinstance(marker, Mapping):
        return ACTIVE
    status, reason = marker.get("status"), marker.get("reason")
    if not isinstance(status, str) or not status:
        return ACTIVE
    return ProjectStatus(status, reason if isinstance(reason, str) else "")


def yank_warning(file: RemoteFile) -> str | None:
    """A clause whose subject is the release; ``None`` where the file was not yanked."""
    if not file.yanked:
        return None
    return f"was yanked: {file.yanked if isinstance(file.yanked, str) else 'no reason given'}"
