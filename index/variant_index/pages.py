"""The pages of a Simple repository, as HTML (PEP 503) and as JSON (PEP 691).

Links are relative, so that a page means the same wherever the tree is served from, file:// included.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

# PEP 700: what it asks of 1.1 (sizes, the list of versions) is there.
API_VERSION = "1.1"
GENERATOR = '<meta name="generator" content="variantctl">'


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file that a project's page links to; it lies beside the page.

    Attributes:
        filename: its name.
        size: its length in bytes.
        sha256: its hash, in hexadecimal.
        requires_python: the Pythons it is for, as METADATA has it, or ``""``.
        metadata_sha256: the hash of its ``.metadata`` sidecar (PEP 658), or ``None`` without one.
    """

    filename: str
    size: int
    sha256: str
    requires_python: str = ""
    metadata_sha256: str | None = None


def project_html(name: str, files: Sequence[PageFile]) -> bytes:
    """The page of one project: a link a file."""
    return _page(f"Links for {name}", (_anchor(file) for file in files))


def project_json(name: str, versions: Sequence[str], files: Sequence[PageFile]) -> bytes:
    """The same as JSON."""
    return _json(
        {
            "meta": {"api-version": API_VERSION},
            "name": name,
            "versions": list(versions),
            "files": [_file_object(file) for file in files],
        }
    )


def root_html(names: Iterable[str]) -> bytes:
    """The page that links to every project."""
    return _page("Simple index", (f'<a href="{quote(name)}/">{escape(name)}</a><br>' for name in names))


def root_json(names: Iterable[str]) -> bytes:
    """The same as JSON."""
    projects = [{"name": name} for name in names]
    return _json({"meta": {"api-version": API_VERSION}, "projects": projects})


def _anchor(file: PageFile) -> str:
    attributes = [("href", f"{quote(file.filename)}#sha256={file.sha256}")]
    if file.requires_python:
        attributes.append(("data-requires-python", file.requires_python))
    if file.metadata_sha256 is not None:
        # PEP 714: the first name is the right one, the second what tools before it look for.
        attributes.append(("data-core-metadata", f"sha256={file.metadata_sha256}"))
        attributes.append(("data-dist-info-metadata", f"sha256={file.metadata_sha256}"))
    text = " ".join(f'{name}="{escape(value)}"' for name, value in attributes)
    return f"<a {text}>{escape(file.filename)}</a><br>"


def _file_object(file: PageFile) -> dict[str, object]:
    entry: dict[str, object] = {
        "filename": file.filename,
        "url": quote(file.filename),
        "hashes": {"sha256": file.sha256},
        "size": file.size,
    }
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    if file.metadata_sha256 is not None:
        entry["core-metadata"] = {"sha256": file.metadata_sha256}
        entry["dist-info-metadata"] = {"sha256": file.metadata_sha256}
    return entry


def _page(title: str, lines: Iterable[str]) -> bytes:
    head = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta name="pypi:repository-version" content="{API_VERSION}">',
        GENERATOR,
        f"<title>{escape(title)}</title>",
        "</head>",
        "<body>",
        f"<h1>{escape(title)}</h1>",
    ]
    return ("\n".join([*head, *lines, "</body>", "</html>"]) + "\n").encode()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
