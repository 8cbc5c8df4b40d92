"""What can go wrong with an index, besides the network."""

from __future__ import annotations

from variantctl.variants.errors import VariantctlError


class ProjectNotFound(VariantctlError):  # noqa: N818  (the name is the interface's)
    """No source has the project.

    Attributes:
        project: the normalized name.
        searched: the sources asked, in order, without credentials.
    """

    kind = "not-found"

    def __init__(self, project: str, searched: tuple[str, ...], *, hint: str | None = None) -> None:
        self.project = project
        self.searched = searched
        where = ", ".join(searched) if searched else "no source is configured"
        super().__init__(f"{project} was not found (asked: {where})", hint=hint)


class BuildError(VariantctlError):
    """Source code could not be built."""

    kind = "build-failed"
