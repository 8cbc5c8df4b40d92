"""Project pages of the Simple repository API: HTML (PEP 503) and JSON (PEP 691) into files.

Sources of the rules: PEP 503 (anchors, hash fragments, ``data-requires-python``), PEP 592 (yanked), PEP 629
(versions of the API), PEP 658 and 714 (core metadata), PEP 691 (JSON), PEP 700 (size).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from urllib.parse import quote, unquote

from variantctl.indexes.project_status import ACTIVE, ProjectStatus, read_status
from variantctl.net.errors import SourceError
from variantctl.net.remote_file import RemoteFile
from variantctl.net.urls import (
    filename_of,
    is_file_url,
    joined_url,
    parsed_url,
    redact,
    split_credentials,
    without_fragment,
)
from variantctl.values import dataclass, replace

ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
"""The Accept header of PEP 691: JSON where there is a choice, HTML where there is none."""

_JSON_TYPES = {"application/vnd.pypi.simple.v1+json", "application/json"}
_HTML_TYPES = {"application/vnd.pypi.simple.v1+html", "text/html", "application/xhtml+xml"}
_API_MAJOR = 1
_MOST_CONTAINERS, _MOST_COMMAS = 1_000_000, 5_000_000
_ALGORITHM = r"[a-z0-9_]+\Z"
_SCHEMES = {"http", "https", "file"}

Skipped = tuple[str, str]


@dataclass(frozen=True)
class ProjectPage:
    """The files of a page in their order, and (filename or link, why) of the entries left out.

    ``has_credentials``: whether a link had any; they were taken out of the URLs. ``status``: PEP 792.
    """

    files: tuple[RemoteFile, ...]
    skipped: tuple[Skipped, ...] = ()
    has_credentials: bool = False
    status: ProjectStatus = ACTIVE


class _Unusable(Exception):  # noqa: N818  (never leaves this module)
    """One entry of a page cannot be used."""


def parse_project_page(content: bytes, content_type: str, url: str, source: str | None = None) -> ProjectPage:
    """The files that a project page lists.

    Args:
        content: the body.
        content_type: the ``Content-Type`` header, parameters and all; ``""`` where there was none.
        url: where the page really came from (after redirects): relative links start there.
        source: what ``RemoteFile.source`` becomes; the page's URL where left out.

    Raises:
        SourceError: the page as a whole cannot be read: another type, broken JSON, an unknown API version.
    """
    label = redact(source if source is not None else url)
    kind, charset = _content_type(content_type, content)
    if kind == "json":
        return _parse_json(content, url, label)
    return _parse_html(content, charset, url, label)


def _content_type(header: str, content: bytes) -> tuple[str, str]:
    """``json`` or ``html``, and the character set."""
    kind, *parameters = (part.strip() for part in header.lower().split(";"))
    charset = next((p[8:].strip("\"' ") for p in parameters if p.startswith("charset=")), "utf-8")
    if not header:
        # No type at all, as from a bare file: JSON starts with a brace, a page never does.
        kind = "application/json" if content[:64].lstrip().startswith(b"{") else "text/html"
    if kind in _JSON_TYPES:
        return "json", "utf-8"
    if kind in _HTML_TYPES:
        return "html", charset
    raise SourceError(
        f"the page has content type {header.strip()!r}, not one of the Simple repository API",
        hint="A project page is text/html or application/vnd.pypi.simple.v1+json (PEP 691). "
        "Check the index URL; a plain folder or page of wheels goes to --find-links.",
    )


# --- JSON ---


def _parse_json(content: bytes, url: str, source: str) -> ProjectPage:
    _check_json_size(content, url)
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{redact(url)}: broken JSON: {error}", hint=_BROKEN) from None
    if not isinstance(data, dict):
        raise SourceError(f"{redact(url)}: the page is not a JSON object", hint=_BROKEN)
    meta = data.get("meta")
    _check_api_version(meta.get("api-version") if isinstance(meta, dict) else None, url)
    entries = data.get("files")
    if not isinstance(entries, list):
        raise SourceError(f"{redact(url)}: files: missing, or not a list", hint=_BROKEN)
    base = LinkBase(url)
    page = _collect((_name_of(entry), partial(_json_file, entry, base, source)) for entry in entries)
    return replace(page, status=read_status(data.get("project-status")))


def _check_json_size(content: bytes, url: str) -> None:
    """Values take memory that their text does not: ``{}`` is 64 bytes. Real pages stay far below."""
    if content.count(b"{") + content.count(b"[") > _MOST_CONTAINERS or content.count(b",") > _MOST_COMMAS:
        raise SourceError(f"{redact(url)}: the JSON has too many values for a project page", hint=_BROKEN)


def _name_of(entry: object) -> str:
    name = entry.get("filename") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else "(an entry without a filename)"


def _json_file(entry: object, base: LinkBase, source: str) -> RemoteFile:
    if not isinstance(entry, dict):
        raise _Unusable("the entry is not an object")
    filename, link = entry.get("filename"), entry.get("url")
    if not isinstance(filename, str) or not isinstance(link, str):
        raise _Unusable("the entry lacks filename or url")
    _check_filename(filename)
    target, fragment = _absolute(link, base)
    metadata = entry.get("core-metadata", entry.get("dist-info-metadata", False))
    yanked = entry.get("yanked", False)
    size, uploaded = entry.get("size"), entry.get("upload-time")
    requires_python = entry.get("requires-python")
    return RemoteFile(
        filename=filename,
        url=target,
        hashes=_digests(entry.get("hashes")) or _fragment_hashes(fragment),
        requires_python=requires_python if isinstance(requires_python, str) and requires_python else None,
        yanked=yanked if isinstance(yanked, str) and yanked else bool(yanked),
        core_metadata=(_digests(metadata) or True) if isinstance(metadata, dict) else bool(metadata),
        size=size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None,
        source=source,
        upload_time=uploaded if isinstance(uploaded, str) and uploaded else None,
    )


def _digests(value: object) -> Mapping[str, str]:
    if not isinstance(value, dict):
        return {}
    return {
        name.lower(): digest.lower()
        for name, digest in value.items()
        if isinstance(name, str) and isinstance(digest, str) and digest
    }


# --- HTML ---


def _parse_html(content: bytes, charset: str, url: str, source: str) -> ProjectPage:
    try:
        text = content.decode(charset, errors="replace")
    except LookupError:
        text = content.decode("utf-8", errors="replace")
    from variantctl.indexes.html_anchors import Anchors, TooManyTags

    try:
        parser = Anchors(text)
    except TooManyTags as error:
        raise SourceError(f"{redact(url)}: {error}", hint=_BROKEN) from None
    _check_api_version(parser.api_version, url)
    base = LinkBase(url)
    if parser.base:
        base = LinkBase(without_fragment(base.resolve(parser.base.strip()) or url)[0])
    status = {
        "status": parser.metas.get("pypi:project-status"),
        "reason": parser.metas.get("pypi:project-status-reason"),
    }
    page = _collect(
        (anchor["href"], partial(_html_file, anchor, base, source))
        for anchor in parser.anchors
        if anchor.get("href")
    )
    return replace(page, status=read_status(status))


def _html_file(anchor: Mapping[str, str | None], base: LinkBase, source: str) -> RemoteFile:
    target, fragment = _absolute((anchor["href"] or "").strip(), base)
    filename = filename_of(target)
    _check_filename(filename)
    metadata = anchor.get("data-core-metadata", anchor.get("data-dist-info-metadata", ""))
    yanked: bool | str = "data-yanked" in anchor
    return RemoteFile(
        filename=filename,
        url=target,
        hashes=_fragment_hashes(fragment),
        requires_python=anchor.get("data-requires-python") or None,
        yanked=(anchor.get("data-yanked") or True) if yanked else False,
        core_metadata=_metadata_attribute(metadata or ""),
        source=source,
    )


def _metadata_attribute(value: str) -> bool | Mapping[str, str]:
    """PEP 714: ``true``, ``false``, or ``algorithm=digest``."""
    if value.lower() in {"", "false"}:
        return False
    return _fragment_hashes(value) or True


# --- both ---

_BROKEN = "The index is broken or this is not an index; check its URL, or use another one."


def _collect(entries: Iterator[tuple[str | None, Callable[[], RemoteFile]]]) -> ProjectPage:
    files: list[RemoteFile] = []
    skipped: list[Skipped] = []
    for name, read in entries:
        try:
            files.append(read())
        except _Unusable as reason:
            skipped.append((redact(name or ""), str(reason)))
    return ProjectPage(tuple(files), tuple(skipped))


def _check_api_version(version: object, url: str) -> None:
    """PEP 629: an unknown major version must not be read; a missing one means 1.0."""
    if version is None:
        return
    major = str(version).partition(".")[0]
    if major != str(_API_MAJOR):
        raise SourceError(
            f"{redact(url)}: version {version} of the Simple repository API is not known here",
            hint="Upgrade variantctl, or use another index.",
        )


def _check_filename(filename: str) -> None:
    """A name that could leave the folder it is stored in is no file name."""
    if not filename:
        raise _Unusable("the link does not end in a file name")
    if any(char in filename for char in "/\\\0\r\n") or filename in {".", ".."}:
        raise _Unusable("the file name has characters that no file name may have")


def _absolute(link: str, base: LinkBase) -> tuple[str, str]:
    """The absolute URL of *link* and its fragment."""
    joined = base.resolve(link)
    if joined is None:
        raise _Unusable("the link is not a valid URL")
    target, fragment = without_fragment(joined)
    scheme = target.partition(":")[0].lower()
    if scheme not in _SCHEMES:
        raise _Unusable(f"links with scheme {scheme}: are not followed")
    if scheme == "file" and not is_file_url(base.url):
        raise _Unusable("a page from the network may not name files of this machine")
    return target, fragment


def _fragment_hashes(fragment: str) -> Mapping[str, str]:
    """``sha256=...``, possibly among other parts of the fragment (``egg=...&sha256=...``)."""
    hashes = {}
    for part in fragment.split("&"):
        name, separator, digest = part.partition("=")
        if separator and digest and re.match(_ALGORITHM, name.lower()) and name.lower() not in _NOT_HASHES:
            hashes[name.lower()] = unquote(digest).lower()
    return hashes


_NOT_HASHES = {"egg", "subdirectory"}


_UNSAFE = re.compile(r"[^!-~]")
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/[!-~]*\Z")
_RELATIVE = re.compile(r"((?:\.\./)*|/(?!/))([A-Za-z0-9_][!-~]*)\Z")
_SPECIAL = re.compile(r"/[./]|[:;?]")


class LinkBase:
    """Where relative links start: a page's URL, or what its ``<base>`` says."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._starts: dict[str, str | None] = {}

    def resolve(self, link: str) -> str | None:
        """The absolute URL of *link* (RFC 3986, 5.2), fragment kept; ``None`` where it is no URL.

        Characters that no URL may have are percent-encoded.
        """
        if _ABSOLUTE.match(link):
            return link
        relative = _RELATIVE.match(link)
        if relative is not None and not _SPECIAL.search(relative[2]):
            start = self._start(relative[1])
            return None if start is None else start + relative[2]
        return self._join(link)

    def _start(self, prefix: str) -> str | None:
        """What *prefix* (``""``, ``/``, ``../../``) makes of the base; links of a page share few of them."""
        if prefix not in self._starts:
            joined = self._join(f"{prefix}x")
            self._starts[prefix] = None if joined is None else joined[:-1]
        return self._starts[prefix]

    def _join(self, link: str) -> str | None:
        try:
            joined = joined_url(self.url, link)
            parsed_url(joined)
            split_credentials(joined)
            return _UNSAFE.sub(lambda match: quote(match.group()), joined)
        except ValueError:  # half of a surrogate pair, as JSON may have it, is no character
            return None
