"""Writing the pages of a Simple repository, as HTML (PEP 503) and as JSON (PEP 691), in version 1.4.

Sources of the rules: PEP 592 (yanked), PEP 629 (versions of the API), PEP 658 and 714 (core metadata),
PEP 700 (versions, size, upload time), PEP 740 as the specification of the Simple API has it since 1.3
(provenance is a URL), PEP 792 (project status). ``variantctl.indexes.page_reader`` reads such pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from types import MappingProxyType
from urllib.parse import quote

from variantctl.indexes.project_status import ACTIVE as ACTIVE
from variantctl.indexes.project_status import ProjectStatus as ProjectStatus
from variantctl.values import dataclass, field

API_VERSION = "1.4"
WITHOUT_SIZES = "1.0"
"""What a page says where a size is not known: from 1.1 on every file has one (PEP 700)."""
GENERATOR = '<meta name="generator" content="variantctl">'
JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "application/vnd.pypi.simple.v1+html"


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as a project's page lists it.

    Attributes:
        filename: its name.
        hashes: algorithm -> lower-case hexadecimal digest; the HTML page says ``sha256``, else the first.
        url: where it is, relative to the page or absolute, without fragment; ``""``: beside the page.
        size: its length in bytes; ``None`` where it is not known.
        requires_python: the Pythons it is for, as METADATA has it, or ``""``.
        core_metadata: whether ``{url}.metadata`` exists, or its hashes (PEP 658, PEP 714).
        yanked: ``False``, ``True``, or the reason (PEP 592).
        upload_time: when it was uploaded, as PEP 700 writes it: ``2025-01-31T12:00:00.000000Z``; or ``None``.
        provenance: the full URL of its provenance object (PEP 740), or ``None``.
        private: more keys of the JSON page, each with a leading underscore: the server's own (PEP 691).
    """

    filename: str
    hashes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    url: str = ""
    size: int | None = None
    requires_python: str = ""
    core_metadata: bool | Mapping[str, str] = False
    yanked: bool | str = False
    upload_time: str | None = None
    provenance: str | None = None
    private: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def link(self) -> str:
        """What the page links to, without fragment."""
        return self.url or quote(self.filename)


def project_html(name: str, files: Iterable[PageFile], status: ProjectStatus = ACTIVE) -> bytes:
    """The page of one project: a link a file."""
    metas = []
    if status.status != "active":
        metas.append(f'<meta name="pypi:project-status" content="{escape(status.status)}">')
        if status.reason:
            metas.append(f'<meta name="pypi:project-status-reason" content="{escape(status.reason)}">')
    listed = list(files)
    lines = (_anchor(file) for file in listed)
    return _page(f"Links for {name}", lines, metas, api_version=_api_version(listed))


def project_json(
    name: str,
    versions: Sequence[str],
    files: Iterable[PageFile],
    status: ProjectStatus = ACTIVE,
    private: Mapping[str, object] | None = None,
) -> bytes:
    """The same as JSON.

    Args:
        name: the normalized name.
        versions: every version, in the order in which they are to be listed (PEP 700).
        files: the files.
        status: the project's status.
        private: more keys, each with a leading underscore: the server's own (PEP 691).
    """
    listed = list(files)
    meta = {"api-version": _api_version(listed)}
    page: dict[str, object] = {"meta": meta, "name": name, "versions": list(versions)}
    if status.status != "active":
        page["project-status"] = {"status": status.status}
        if status.reason:
            page["project-status"] = {"status": status.status, "reason": status.reason}
    page["files"] = [file_object(file) for file in listed]
    return json_page({**page, **(private or {})})


def root_html(names: Iterable[str]) -> bytes:
    """The page that links to every project."""
    return _page("Simple index", (f'<a href="{quote(name)}/">{escape(name)}</a><br>' for name in names))


def root_json(names: Iterable[str]) -> bytes:
    """The same as JSON."""
    return json_page({"meta": {"api-version": API_VERSION}, "projects": [{"name": name} for name in names]})


def json_page(value: Mapping[str, object]) -> bytes:
    """A page as it is stored: the same bytes for the same content; a line each for the members of lists.

    ``json.dumps`` with an indent would take ten times as long.
    """
    lines = []
    for key, member in value.items():
        text = json.dumps(member, ensure_ascii=False)
        if isinstance(member, list) and member:
            items = ",\n".join(json.dumps(item, ensure_ascii=False) for item in member)
            text = f"[\n{items}\n]"
        lines.append(f"{json.dumps(key)}: {text}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def file_object(file: PageFile) -> dict[str, object]:
    """One member of ``files`` of a JSON page; what is not known is left out."""
    entry: dict[str, object] = {"filename": file.filename, "url": file.link, "hashes": dict(file.hashes)}
    if file.size is not None:
        entry["size"] = file.size
    if file.upload_time:
        entry["upload-time"] = file.upload_time
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    if file.core_metadata:
        # PEP 714: the first name is the right one, the second what tools before it look for.
        value = True if file.core_metadata is True else dict(file.core_metadata)
        entry["core-metadata"] = entry["dist-info-metadata"] = value
    if file.yanked:
        entry["yanked"] = file.yanked
    if file.provenance:
        entry["provenance"] = file.provenance
    return {**entry, **file.private}


def _anchor(file: PageFile) -> str:
    fragment = _digest(file.hashes)
    attributes = [("href", f"{file.link}#{fragment}" if fragment else file.link)]
    if file.requires_python:
        attributes.append(("data-requires-python", file.requires_python))
    if file.core_metadata:
        value = "true" if file.core_metadata is True else _digest(file.core_metadata) or "true"
        attributes += [("data-core-metadata", value), ("data-dist-info-metadata", value)]
    if file.yanked:
        attributes.append(("data-yanked", "" if file.yanked is True else file.yanked))
    if file.provenance:
        attributes.append(("data-provenance", file.provenance))
    text = " ".join(f'{name}="{escape(value)}"' for name, value in attributes)
    return f"<a {text}>{escape(file.filename)}</a><br>"


def _digest(hashes: Mapping[str, str]) -> str:
    """``algorithm=digest``, of SHA-256 where it is there; ``""`` without a hash (PEP 503)."""
    for name in ("sha256", *hashes):
        if name in hashes:
            return f"{name}={hashes[name]}"
    return ""


def _api_version(files: Iterable[PageFile]) -> str:
    return API_VERSION if all(file.size is not None for file in files) else WITHOUT_SIZES


def _page(
    title: str, lines: Iterable[str], metas: Sequence[str] = (), *, api_version: str = API_VERSION
) -> bytes:
    head = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta name="pypi:repository-version" content="{api_version}">',
        *metas,
        GENERATOR,
        f"<title>{escape(title)}</title>",
        "</head>",
        "<body>",
        f"<h1>{escape(title)}</h1>",
    ]
    return ("\n".join([*head, *lines, "</body>", "</html>"]) + "\n").encode()
