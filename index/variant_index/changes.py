"""What can be done to a project: each change is a pure function from one state to the next.

A change may be applied again to the state that another publisher left meanwhile; applied twice it does
nothing more. That is what makes merging and retrying safe.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol
from urllib.parse import quote

from packaging.utils import NormalizedName
from packaging.version import Version

from variant_index.errors import IndexStateError, refuse
from variant_index.indexed_file import INSIDE, IndexedFile
from variant_index.state import STATUSES, ProjectState, parse_filename
from variantctl.indexes.page_writer import ProjectStatus
from variantctl.values import dataclass, replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import variants_json_filename
from variantctl.variants.merge import merge_metadata
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_metadata
from variantctl.variants.write import metadata_bytes


class Change(Protocol):
    """Something to do to one project."""

    def touches(self, state: ProjectState) -> Collection[Version]:
        """The versions whose index-level metadata must be in ``state.documents`` to apply the change."""

    def apply(self, state: ProjectState) -> ProjectState:
        """The state after it.

        Raises:
            IndexStateError, InvalidVariantError, UnpublishableError: it must not be done.
        """


@dataclass(frozen=True)
class Add:
    """Publish files.

    Attributes:
        files: of one project.
        by_hash: whether they are placed in folders named by their hash (see ``Destination``).
        replace: whether a file of the same name and other contents is replaced; else that is refused.
    """

    files: tuple[IndexedFile, ...]
    by_hash: bool = False
    replace: bool = False

    def touches(self, state: ProjectState) -> Collection[Version]:
        return {file.version for file in self.files if file.label is not None}

    def apply(self, state: ProjectState) -> ProjectState:
        entries = dict(state.files)
        for file in self.files:
            published = entries.get(file.filename)
            if published is not None and published.hashes.get("sha256") == file.sha256:
                if file.inside is not None:  # nobody may have looked when it was published
                    private = {**published.private, INSIDE: file.inside.as_json()}
                    entries[file.filename] = replace(published, private=private)
                continue
            if published is not None and not self.replace:
                raise IndexStateError(
                    f"{file.filename}: is published already, with other contents",
                    hint="Give the new build a version or a build tag of its own, or use --replace.",
                )
            entries[file.filename] = file.page_file(self._url(file))
        if entries != state.files and state.status.status in ("archived", "quarantined"):
            raise IndexStateError(
                f"{state.name} is {state.status.status}, it takes no new files (PEP 792)",
                hint=f"'variantctl index status {state.name} active' opens it again",
            )
        read = {file.filename for file in self.files}
        unread = replace(state, files={n: f for n, f in state.files.items() if n not in read})
        return _with_variants(replace(state, files=entries), unread, self.files)

    def _url(self, file: IndexedFile) -> str:
        return f"{file.sha256}/{quote(file.filename)}" if self.by_hash else ""


@dataclass(frozen=True)
class Remove:
    """Publish some files no longer.

    Attributes:
        selection: which.
    """

    selection: Selection

    def touches(self, state: ProjectState) -> Collection[Version]:
        return {parse_filename(name).version for name in self.selection.of(state)} & set(state.links)

    def apply(self, state: ProjectState) -> ProjectState:
        gone = set(self.selection.of(state))
        versions = {parse_filename(name).version for name in gone}
        left = replace(state, files={n: f for n, f in state.files.items() if n not in gone})
        for version in versions & set(left.links):
            left = left.with_document(version, _narrowed(left, version))
        return left


@dataclass(frozen=True)
class Sync:
    """Publish these files and no others.

    Attributes:
        files: those that are new or changed.
        unchanged: the names of those that are published already.
        by_hash: as for ``Add``.
    """

    files: tuple[IndexedFile, ...]
    unchanged: frozenset[str] = frozenset()
    by_hash: bool = False

    def touches(self, state: ProjectState) -> Collection[Version]:
        return {*self._removal(state).touches(state), *self._addition().touches(state)}

    def apply(self, state: ProjectState) -> ProjectState:
        if lost := self.unchanged - set(state.files):
            raise IndexStateError(
                f"{min(lost)}: was taken out of the index while it was built",
                hint="Run the build again when nothing else changes the index.",
            )
        return self._addition().apply(self._removal(state).apply(state))

    def _removal(self, state: ProjectState) -> Remove:
        wanted = {*self.unchanged, *(file.filename for file in self.files)}
        return Remove(Selection(state.name, filenames=frozenset(set(state.files) - wanted)))

    def _addition(self) -> Add:
        return Add(self.files, self.by_hash, replace=True)


@dataclass(frozen=True)
class Yank:
    """Mark files as not to be chosen unless pinned (PEP 592), or take the mark off.

    Attributes:
        selection: which.
        yanked: ``True``, the reason, or ``False`` to take it off.
    """

    selection: Selection
    yanked: bool | str

    def touches(self, state: ProjectState) -> Collection[Version]:
        return ()

    def apply(self, state: ProjectState) -> ProjectState:
        files = dict(state.files)
        for name in self.selection.of(state):
            files[name] = replace(files[name], yanked=self.yanked)
        return replace(state, files=files)


@dataclass(frozen=True)
class SetStatus:
    """Say what the project as a whole is (PEP 792)."""

    status: ProjectStatus

    def __post_init__(self) -> None:
        if self.status.status not in STATUSES:
            raise IndexStateError(
                f"{self.status.status!r} is no status of a project",
                hint=f"It is one of {', '.join(STATUSES)}.",
            )

    def touches(self, state: ProjectState) -> Collection[Version]:
        return ()

    def apply(self, state: ProjectState) -> ProjectState:
        return replace(state, status=self.status)


@dataclass(frozen=True)
class Selection:
    """Some files of one project: all, those of a version, or named ones.

    Attributes:
        name: the project's normalized name.
        version: only files of this version.
        filenames: only these files.
    """

    name: NormalizedName
    version: Version | None = None
    filenames: frozenset[str] | None = None

    def of(self, state: ProjectState) -> tuple[str, ...]:
        """The filenames that are meant, of those that the index has."""
        return tuple(name for name in state.files if self.has(name))

    def has(self, filename: str) -> bool:
        """Whether a wheel or sdist of the project is meant."""
        if self.filenames is not None:
            return filename in self.filenames
        return self.version is None or parse_filename(filename).version == self.version


def _with_variants(state: ProjectState, unread: ProjectState, files: Sequence[IndexedFile]) -> ProjectState:
    """``state`` with the index-level metadata that these wheels and those that were not read make together.

    Raises:
        InvalidVariantError: the wheels of one version are not consistent; two files are named.
        UnpublishableError: that is so for several versions.
    """
    said: dict[Version, list[tuple[str, VariantMetadata]]] = {}
    for file in sorted(files, key=lambda file: file.filename):
        if file.variant is not None:
            said.setdefault(file.version, []).append((file.filename, file.variant))
    problems: list[InvalidVariantError] = []
    for version, items in sorted(said.items()):
        try:
            rest = _narrowed(unread, version)
            if rest is not None:
                items = [(variants_json_filename(state.name, version), load_metadata(rest)), *items]
            state = state.with_document(version, _merge(items))
        except InvalidVariantError as error:
            problems.append(error)
    refuse(problems)
    return state


def _narrowed(state: ProjectState, version: Version) -> bytes | None:
    """The metadata of one version without the labels that no wheel has now; ``None`` without any.

    The priorities stay: they are those of every wheel, or longer (PEP 825, "Consistency").

    Raises:
        IndexStateError: the index has variant wheels of the version, but not their metadata.
    """
    labels = state.labels(version)
    if not labels:
        return None
    if version not in state.documents:
        raise IndexStateError(
            f"{variants_json_filename(state.name, version)}: is missing in the index",
            hint="Build the index again with 'variantctl index build'.",
        )
    metadata = load_metadata(state.documents[version])
    if set(metadata.variants) <= labels:
        return state.documents[version]
    left = {label: properties for label, properties in metadata.variants.items() if label in labels}
    return metadata_bytes(replace(metadata, variants=left))


def _merge(items: Sequence[tuple[str, VariantMetadata]]) -> bytes:
    try:
        return metadata_bytes(merge_metadata(items))
    except InvalidVariantError as error:
        if error.source is not None:
            raise
        # Consistent, but older than what can be written: any of the wheels shows what is meant.
        raise InvalidVariantError(error.rule, source=items[-1][0], key=error.key, hint=error.hint) from error
