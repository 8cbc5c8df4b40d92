"""The hook for pages for people: what makes more files of an index, and what it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from packaging.utils import NormalizedName
from packaging.version import Version

from variant_index.destinations import Destination
from variant_index.layout import path_of, sidecar
from variant_index.state import ProjectState
from variantctl.values import dataclass
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_metadata


class ExtraPages(Protocol):
    """More files for the tree, made from the state of the index: the pages for people.

    Paths are relative to the destination. The same state must give the same bytes.

    Attributes:
        mark: one of the paths of ``root``: what is there wherever these pages are.
        front: one of the paths of ``root``: what is made from what it was and what has changed.
    """

    mark: str
    front: str

    def project(self, view: ProjectView) -> Mapping[str, bytes]:
        """The files about one project, written each time that the project changes."""

    def root(self, names: Sequence[str], front: bytes | None) -> Mapping[str, bytes]:
        """The files about the whole index, written each time that a project changes.

        Args:
            names: the projects.
            front: what is at ``front`` now.
        """

    def gone(self, name: NormalizedName) -> Sequence[str]:
        """The paths of the files about a project, to be deleted once it is listed no more."""


@dataclass(frozen=True)
class ProjectView:
    """A project's state, with what its links lead to.

    Attributes:
        state: the state.
        destination: where the index is.
    """

    state: ProjectState
    destination: Destination

    def metadata(self, filename: str) -> bytes | None:
        """The METADATA of a wheel; ``None`` where there is none."""
        path = path_of(self.state.name, self.state.files[filename])
        stored = self.destination.read(sidecar(path)) if path else None
        return stored.content if stored else None

    def variants(self, version: Version) -> VariantMetadata | None:
        """The index-level metadata of a version; ``None`` where it has no variants."""
        document = self.state.documents.get(version)
        if document is None and version in self.state.links:
            path = path_of(self.state.name, self.state.links[version])
            stored = self.destination.read(path) if path else None
            document = stored.content if stored else None
        return load_metadata(document) if document is not None else None
