"""The errors of this room."""

from __future__ import annotations

from collections.abc import Sequence

from variantctl.variants.errors import VariantctlError


class FolderError(VariantctlError):
    """A folder cannot be read as one of wheels, or written as an index."""

    kind = "invalid-folder"


class DestinationError(VariantctlError):
    """A place where an index is to be, or is, cannot be read or written."""

    kind = "destination"


class IndexStateError(VariantctlError):
    """What an index has does not allow what was asked for: a missing file, another one, a status."""

    kind = "index-state"


class Conflict(Exception):  # noqa: N818  (a condition to handle, not an error to show)
    """Somebody else wrote the object since it was read."""


class UnpublishableError(VariantctlError):
    """Several files must not be published.

    Attributes:
        problems: one error for each, in the order of the filenames.
    """

    kind = "unpublishable"

    def __init__(self, problems: Sequence[VariantctlError]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem.message}" for problem in self.problems)
        super().__init__(
            f"{len(self.problems)} problems, nothing was published:{lines}",
            hint=next((problem.hint for problem in self.problems if problem.hint), None),
        )


def refuse(problems: Sequence[VariantctlError]) -> None:
    """Raise the only problem as it is, several as one error that lists all; none: return."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise UnpublishableError(problems)
