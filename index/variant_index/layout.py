"""Where in the tree each file of an index is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from urllib.parse import unquote

from packaging.utils import NormalizedName

from variant_index.destinations import Listed
from variant_index.state import ProjectState
from variantctl.indexes.page_writer import PageFile
from variantctl.net.errors import InvalidUrlError
from variantctl.net.urls import parsed_url

ROOT = "simple"
JSON_PAGE = "index.json"
HTML_PAGE = "index.html"
PAGES = (HTML_PAGE, JSON_PAGE)
_HASH_FOLDER = re.compile(r"[0-9a-f]{64}\Z")


def folder_of(name: NormalizedName) -> str:
    """The folder of one project."""
    return f"{ROOT}/{name}"


def page_path(name: NormalizedName, page: str) -> str:
    """One of a project's pages."""
    return f"{ROOT}/{name}/{page}"


def path_of(name: NormalizedName, file: PageFile) -> str | None:
    """Where the file behind a project's link is; ``None`` where the link leaves the tree."""
    try:
        parts = parsed_url(file.link)
    except InvalidUrlError:
        return None
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(folder_of(name), unquote(parts.path)))
    return None if path.startswith("..") else path


def paths_of(state: ProjectState) -> dict[str, PageFile]:
    """The files behind a project's links, without what leaves the tree."""
    paths = {path_of(state.name, file): file for file in state.listed}
    return {path: file for path, file in paths.items() if path is not None}


def known_files(state: ProjectState, listed: Mapping[str, Listed]) -> dict[str, PageFile]:
    """The entries whose files are there, whole and with what belongs to them, by filename."""
    known = {}
    for path, file in paths_of(state).items():
        there = path in listed and listed[path].size == file.size
        if there and (not file.core_metadata or sidecar(path) in listed):
            known[file.filename] = file
    return known


def sidecar(path: str) -> str:
    """The METADATA file of a wheel (PEP 658)."""
    return f"{path}.metadata"


def is_by_hash(path: str) -> bool:
    """Whether a file lies in a folder that is named by its hash."""
    return _HASH_FOLDER.match(posixpath.basename(posixpath.dirname(path))) is not None
