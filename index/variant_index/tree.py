"""Everything an index consists of, by path, before a byte of it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from packaging.version import Version

from variant_index.errors import refuse
from variant_index.scan import IndexedSdist, IndexedWheel, Scan
from variantctl.sources.page_writer import PageFile, project_html, project_json, root_html, root_json
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import variants_json_filename
from variantctl.variants.merge import merge_metadata
from variantctl.variants.write import metadata_bytes


@dataclass(frozen=True, slots=True)
class ProjectTree:
    """The files of one project's folder, by name.

    Attributes:
        name: the project's normalized name, which is its folder's too.
        placed: wheels and sdists, and where each comes from.
        written: sidecars and index-level metadata, and their content.
        pages: the pages, and their content: they name the files above, and are written after them.
    """

    name: str
    placed: dict[str, Path] = field(default_factory=dict)
    written: dict[str, bytes] = field(default_factory=dict)
    pages: dict[str, bytes] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """Every file in the folder."""
        return {*self.placed, *self.written, *self.pages}


@dataclass(frozen=True, slots=True)
class IndexTree:
    """A whole index.

    Attributes:
        projects: the folders, by name.
        pages: the root pages, and their content.
    """

    projects: tuple[ProjectTree, ...]
    pages: dict[str, bytes]


def plan_tree(scan: Scan) -> IndexTree:
    """Lay out the index of what was found; the same files give the same bytes.

    Raises:
        InvalidVariantError: the wheels of one version are not consistent; two files are named.
        UnpublishableError: that is so for several versions.
    """
    files: list[IndexedWheel | IndexedSdist] = [*scan.wheels, *scan.sdists]
    files.sort(key=lambda file: (_name(file), _version(file), file.path.name))
    projects = []
    problems: list[InvalidVariantError] = []
    for name, group in groupby(files, key=_name):
        projects.append(_plan_project(name, list(group), problems))
    refuse(problems)
    return IndexTree(tuple(projects), root_pages([project.name for project in projects]))


def root_pages(names: Sequence[str]) -> dict[str, bytes]:
    """The root pages of an index of these projects."""
    return {"index.json": root_json(names), "index.html": root_html(names)}


def _plan_project(
    name: str, files: Sequence[IndexedWheel | IndexedSdist], problems: list[InvalidVariantError]
) -> ProjectTree:
    tree = ProjectTree(name)
    listed: list[PageFile] = []
    versions: list[str] = []
    for version, group in groupby(files, key=_version):
        release = list(group)
        versions.append(str(version))
        listed += [_place(tree, file) for file in release]
        try:
            variants = _index_metadata([file for file in release if isinstance(file, IndexedWheel)])
        except InvalidVariantError as error:
            problems.append(error)
            continue
        if variants is not None:
            filename = variants_json_filename(name, version)
            tree.written[filename] = variants
            listed.append(PageFile(filename, _sha256(variants), size=len(variants)))
    tree.pages["index.json"] = project_json(name, versions, listed)
    tree.pages["index.html"] = project_html(name, listed)
    return tree


def _place(tree: ProjectTree, file: IndexedWheel | IndexedSdist) -> PageFile:
    tree.placed[file.path.name] = file.path
    if isinstance(file, IndexedSdist):
        return PageFile(file.path.name, {"sha256": file.sha256}, size=file.size)
    tree.written[f"{file.path.name}.metadata"] = file.metadata
    return PageFile(
        file.path.name,
        {"sha256": file.sha256},
        size=file.size,
        requires_python=file.requires_python,
        core_metadata=_sha256(file.metadata),
    )


def _index_metadata(wheels: Sequence[IndexedWheel]) -> bytes | None:
    """The ``{name}-{version}-variants.json`` of one version; ``None`` where it has no variants."""
    items = [(wheel.path.name, wheel.variant) for wheel in wheels if wheel.variant is not None]
    if not items:
        return None
    try:
        return metadata_bytes(merge_metadata(items))
    except InvalidVariantError as error:
        if error.source is not None:
            raise
        # Consistent, but older than what can be written: any of the wheels shows what is meant.
        raise InvalidVariantError(error.rule, source=items[0][0], key=error.key, hint=error.hint) from error


def _name(file: IndexedWheel | IndexedSdist) -> str:
    return file.filename.name if isinstance(file, IndexedWheel) else file.name


def _version(file: IndexedWheel | IndexedSdist) -> Version:
    return file.filename.version if isinstance(file, IndexedWheel) else file.version


def _sha256(data: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(data).hexdigest()}
