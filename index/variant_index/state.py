"""What an index has of one project, as a value, read from the project's own page: nothing else is kept.

``simple/NAME/index.json`` is the truth. The other files of the folder are what it links to, or made from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from urllib.parse import quote

from packaging.utils import InvalidSdistFilename, NormalizedName, canonicalize_name, parse_sdist_filename
from packaging.version import Version

from variant_index.errors import IndexStateError
from variantctl.indexes.page_writer import (
    ACTIVE,
    PageFile,
    ProjectStatus,
    file_object,
    project_html,
    project_json,
)
from variantctl.values import dataclass, field, replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.filenames import (
    parse_variants_json_filename,
    parse_wheel_filename,
    variants_json_filename,
)

STATUSES = ("active", "archived", "quarantined", "deprecated")
SDIST_SUFFIXES = (".tar.gz", ".zip")
_HIDDEN = "_quarantined"


@dataclass(frozen=True, slots=True)
class FileName:
    """What the name of a wheel or an sdist says.

    Attributes:
        name: the project's normalized name.
        version: the version.
        label: the variant label; ``None`` for a non-variant wheel and for an sdist.
    """

    name: NormalizedName
    version: Version
    label: str | None = None


@dataclass(frozen=True)
class ProjectState:
    """The files of one project and how its pages show them.

    Attributes:
        name: the normalized name.
        files: filename -> wheel or sdist.
        links: version -> its index-level metadata file, as linked.
        documents: version -> the content of that file, of the versions for which it was read or made.
        status: the project's status (PEP 792).
    """

    name: NormalizedName
    files: Mapping[str, PageFile] = field(default_factory=lambda: MappingProxyType({}))
    links: Mapping[Version, PageFile] = field(default_factory=lambda: MappingProxyType({}))
    documents: Mapping[Version, bytes] = field(default_factory=lambda: MappingProxyType({}))
    status: ProjectStatus = ACTIVE

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every version that has a file, oldest first."""
        return tuple(sorted({parse_filename(name).version for name in self.files}))

    def labels(self, version: Version) -> frozenset[str]:
        """The labels of the variant wheels of one version."""
        names = (parse_filename(name) for name in self.files)
        return frozenset(n.label for n in names if n.label is not None and n.version == version)

    @property
    def listed(self) -> tuple[PageFile, ...]:
        """The entries of a page in their order: by version and name, each version's metadata file last."""
        entries = [((parse_filename(n).version, 0, n), file) for n, file in self.files.items()]
        entries += [((version, 1, link.filename), link) for version, link in self.links.items()]
        return tuple(file for _, file in sorted(entries, key=lambda entry: entry[0]))

    def with_document(self, version: Version, document: bytes | None) -> ProjectState:
        """This state with other index-level metadata of one version; ``None`` for none."""
        links, documents = dict(self.links), dict(self.documents)
        links.pop(version, None)
        documents.pop(version, None)
        if document is not None:
            links[version] = document_link(self.name, version, document)
            documents[version] = document
        return replace(self, links=links, documents=documents)

    def same_pages(self, other: ProjectState) -> bool:
        """Whether both say the same, whatever documents were read for it."""
        return replace(self, documents={}) == replace(other, documents={})


def document_link(name: NormalizedName, version: Version, document: bytes) -> PageFile:
    """The link to index-level metadata. Its URL has its hash: what a page links to never changes.

    So one conditional write of the page changes page and metadata together, and a reader with an older page
    still finds the file of which that page has the hash.
    """
    filename = variants_json_filename(name, version)
    sha256 = hashlib.sha256(document).hexdigest()
    return PageFile(filename, {"sha256": sha256}, url=f"{sha256}/{quote(filename)}", size=len(document))


@cache
def parse_filename(filename: str) -> FileName:
    """Take the name of a wheel or of an sdist apart.

    Raises:
        InvalidVariantError: it is neither.
    """
    if filename.endswith(SDIST_SUFFIXES):
        try:
            return FileName(*parse_sdist_filename(filename))
        except InvalidSdistFilename as error:
            raise InvalidVariantError("it is not the name of an sdist", source=filename) from error
    wheel = parse_wheel_filename(filename)
    return FileName(wheel.name, wheel.version, wheel.label)


def json_page_of(state: ProjectState) -> bytes:
    """The ``index.json`` of a project. Quarantined, it offers no files (PEP 792); we keep them in mind.

    They go under a key with a leading underscore, which is the server's own (PEP 691).
    """
    files, private = state.listed, {}
    if state.status.status == "quarantined":
        private = {_HIDDEN: [file_object(file) for file in files]}
        files = ()
    return project_json(
        state.name, [str(version) for version in state.versions], files, state.status, private
    )


def html_page_of(state: ProjectState) -> bytes:
    """The ``index.html`` of a project."""
    files = () if state.status.status == "quarantined" else state.listed
    return project_html(state.name, files, state.status)


def read_state(name: str, content: bytes, where: str) -> ProjectState:
    """The state that a project's ``index.json`` says; ``where`` is named in errors.

    Raises:
        IndexStateError: it is not a page as this module writes it.
    """
    try:
        page = json.loads(content)
        entries = [*page["files"], *page.get(_HIDDEN, ())]
        status = page.get("project-status", {})
        project = canonicalize_name(name)
        if canonicalize_name(page["name"]) != project:
            raise ValueError(f"it is the page of {page['name']!r}")
        files, links = _sorted_out(_read_file(entry) for entry in entries)
        return ProjectState(
            project, files, links, {}, ProjectStatus(status.get("status", "active"), status.get("reason", ""))
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexStateError(
            f"{where}: is not a project page that can be changed: {error}",
            hint="Build the index again with 'variantctl index build'.",
        ) from error


def _sorted_out(files: Iterable[PageFile]) -> tuple[dict[str, PageFile], dict[Version, PageFile]]:
    named: dict[str, PageFile] = {}
    links: dict[Version, PageFile] = {}
    for file in files:
        document = parse_variants_json_filename(file.filename)
        if document is not None:
            links[document[1]] = file
        else:
            parse_filename(file.filename)
            named[file.filename] = file
    return named, links


def _read_file(entry: Mapping[str, object]) -> PageFile:
    """The reverse of ``file_object``."""
    filename, url = _text(entry, "filename"), _text(entry, "url")
    metadata = entry.get("core-metadata", entry.get("dist-info-metadata", False))
    yanked, size = entry.get("yanked", False), entry.get("size")
    return PageFile(
        filename=filename,
        hashes=_hashes(entry["hashes"]),
        url="" if url == quote(filename) else url,
        size=size if isinstance(size, int) else None,
        requires_python=_text(entry, "requires-python") if entry.get("requires-python") else "",
        core_metadata=_hashes(metadata) if isinstance(metadata, dict) else bool(metadata),
        yanked=yanked if isinstance(yanked, str) and yanked else bool(yanked),
        upload_time=_text(entry, "upload-time") if entry.get("upload-time") else None,
        provenance=_text(entry, "provenance") if entry.get("provenance") else None,
        private={key: value for key, value in entry.items() if key.startswith("_")},
    )


def _text(entry: Mapping[str, object], key: str) -> str:
    value = entry[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} is not text")
    return value


def _hashes(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError("hashes are not a table of texts")
    return {str(name): digest for name, digest in value.items()}
