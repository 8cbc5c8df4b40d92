"""A checker of Simple repository API pages, written from the specifications alone; none of our code is in it.

PEP 503 (HTML), 592 (yanked), 629 (versions), 658 and 714 (core metadata), 691 (JSON), 700 (sizes, versions,
upload times), 740 as the specification has it (provenance), 792 (status).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import httpx
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"
_FILE_KEYS = {
    "filename",
    "url",
    "hashes",
    "requires-python",
    "core-metadata",
    "dist-info-metadata",
    "gpg-sig",
    "yanked",
    "size",
    "upload-time",
    "provenance",
}
_PROJECT_KEYS = {"meta", "name", "files", "versions", "project-status", "alternate-locations"}
_ATTRIBUTES = {
    "href",
    "data-requires-python",
    "data-yanked",
    "data-core-metadata",
    "data-dist-info-metadata",
    "data-gpg-sig",
    "data-provenance",
}
_UPLOAD_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z\Z")
_HEX = re.compile(r"[0-9a-f]+\Z")
_VERSION = re.compile(r"1\.(\d+)\Z")


class Page(HTMLParser):
    """Anchors with their text, and the meta tags, of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: list[tuple[dict[str, str | None], str]] = []
        self.meta: dict[str, str] = {}
        self.doctype = ""
        self._open: dict[str, str | None] | None = None
        self._text = ""
        self.feed(text)
        self.close()

    def handle_decl(self, decl: str) -> None:
        self.doctype = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        assert len(found) == len(attrs), f"an attribute twice: {attrs}"
        if tag == "a":
            self._open, self._text = found, ""
        if tag == "meta" and found.get("name"):
            self.meta[str(found["name"])] = str(found.get("content"))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._open is not None:
            self.anchors.append((self._open, self._text))
            self._open = None


def check_project(client: httpx.Client, url: str) -> dict[str, Any]:
    """Check both pages of the project at *url*, and everything that they link to; gives the JSON page."""
    answer = client.get(url, headers={"Accept": JSON})
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    page = answer.json()
    minor = _minor(page["meta"]["api-version"])
    unknown = {key for key in page if not key.startswith("_")} - _PROJECT_KEYS
    assert not unknown, unknown
    assert page["name"] == canonicalize_name(page["name"]) == url.rstrip("/").rpartition("/")[2]
    if minor >= 1:
        assert len(set(page["versions"])) == len(page["versions"])
    if "project-status" in page:
        assert page["project-status"]["status"] in ("active", "archived", "quarantined", "deprecated")
    names = [file["filename"] for file in page["files"]]
    assert len(set(names)) == len(names), "a filename twice"
    for file in page["files"]:
        _check_file(client, url, file, minor)
    html = client.get(url, headers={"Accept": HTML})
    assert html.headers["content-type"].split(";")[0] == HTML
    _check_html(html.text, url, page)
    return dict(page)


def check_root(client: httpx.Client, url: str) -> list[str]:
    """Check both root pages; gives the names of the projects."""
    page = client.get(url, headers={"Accept": JSON}).json()
    _minor(page["meta"]["api-version"])
    names = [project["name"] for project in page["projects"]]
    assert len(set(names)) == len(names)
    html = Page(client.get(url, headers={"Accept": "text/html"}).text)
    assert html.doctype.lower() == "doctype html"
    links = {urlsplit(urljoin(url, str(anchor["href"]))).path for anchor, _ in html.anchors}
    expected = {urlsplit(f"{url}{canonicalize_name(name)}/").path for name in names}
    assert expected <= links, expected - links
    return [str(name) for name in names]


def _minor(version: object) -> int:
    match = _VERSION.match(str(version))
    assert isinstance(version, str) and match, version
    return int(match[1])


def _check_file(client: httpx.Client, base: str, file: Mapping[str, Any], minor: int) -> None:
    unknown = {key for key in file if not key.startswith("_")} - _FILE_KEYS
    assert not unknown, unknown
    assert "/" not in file["filename"]
    _check_hashes(file["hashes"])
    if "requires-python" in file:
        SpecifierSet(file["requires-python"])
    if minor >= 1:
        assert isinstance(file["size"], int)
    if "upload-time" in file:
        assert _UPLOAD_TIME.match(file["upload-time"]), file["upload-time"]
    assert isinstance(file.get("yanked", False), (bool, str))
    metadata = file.get("core-metadata", False)
    assert metadata == file.get("dist-info-metadata", metadata), "PEP 714: the two must agree"
    url = urljoin(base, file["url"])
    body = client.get(url, headers={"Accept-Encoding": "identity"})
    assert body.status_code == 200, url
    _check_content(body.content, file["hashes"])
    assert file.get("size", len(body.content)) == len(body.content)
    if metadata:
        beside = client.get(f"{urldefrag(url).url}.metadata")
        assert beside.status_code == 200, url
        if isinstance(metadata, dict):
            _check_hashes(metadata)
            _check_content(beside.content, metadata)
    if file.get("provenance") is not None:
        assert urlsplit(file["provenance"]).scheme in ("http", "https"), "an absolute URL"


def _check_hashes(hashes: object) -> None:
    assert isinstance(hashes, dict)
    for name, digest in hashes.items():
        assert name in hashlib.algorithms_available and _HEX.match(digest), hashes


def _check_content(content: bytes, hashes: Mapping[str, str]) -> None:
    for name, digest in hashes.items():
        assert hashlib.new(name, content).hexdigest() == digest


def _check_html(text: str, url: str, page: Mapping[str, Any]) -> None:
    """What HTML can say, it says as JSON does."""
    html = Page(text)
    assert html.doctype.lower() == "doctype html"
    _minor(html.meta["pypi:repository-version"])
    by_name = {file["filename"]: file for file in page["files"]}
    anchors = [(anchor, words) for anchor, words in html.anchors if _is_file(anchor, url, by_name)]
    assert {words.strip() for _, words in anchors} == set(by_name)
    for anchor, words in anchors:
        unknown = {name for name in anchor if name.startswith("data-")} - _ATTRIBUTES
        assert not unknown, unknown
        file = by_name[words.strip()]
        target, fragment = urldefrag(urljoin(url, str(anchor["href"])))
        assert target == urljoin(url, file["url"])
        assert unquote(urlsplit(target).path).rpartition("/")[2] == file["filename"], "pip's name of the file"
        name, _, digest = fragment.partition("=")
        assert file["hashes"].get(name) == (digest or None) or not file["hashes"]
        assert anchor.get("data-requires-python") == file.get("requires-python")
        assert ("data-yanked" in anchor) == bool(file.get("yanked", False))
        assert bool(anchor.get("data-core-metadata")) == bool(file.get("core-metadata"))
        assert anchor.get("data-core-metadata") == anchor.get("data-dist-info-metadata")


def _is_file(anchor: Mapping[str, str | None], url: str, files: Mapping[str, object]) -> bool:
    """A page for people has other links too; they are no files of the project."""
    target = urldefrag(urljoin(url, str(anchor.get("href")))).url
    name = unquote(urlsplit(target).path).rpartition("/")[2]
    return name in files or name.endswith((".whl", ".tar.gz", ".zip"))


def variants_json_urls(page: Mapping[str, Any], url: str) -> Iterator[str]:
    """The index-level metadata that a page lists."""
    for file in page["files"]:
        if file["filename"].endswith("-variants.json"):
            yield urljoin(url, file["url"])


def as_document(content: bytes) -> dict[str, Any]:
    """The JSON object in it."""
    document = json.loads(content)
    assert isinstance(document, dict)
    return document
