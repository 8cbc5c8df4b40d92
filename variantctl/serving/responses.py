"""Answers that are short enough to be whole in memory: pages, sidecars, messages."""

from __future__ import annotations

import gzip
import hashlib

from starlette.datastructures import Headers
from starlette.responses import Response

_WORTH_IT = 1024
_LEVEL = 5


def page(
    body: bytes,
    content_type: str,
    request: Headers,
    *,
    vary: str = "Accept",
    cache_control: str = "no-cache",
    status: int = 200,
) -> Response:
    """A page with its ETag: 304 where the client has it (RFC 9110, 13.1.2), gzip where it takes that."""
    zipped = len(body) > _WORTH_IT and accepts_gzip(request.get("accept-encoding"))
    digest = hashlib.sha256(body).hexdigest()[:32]
    headers = {
        "ETag": f'"{digest}-gzip"' if zipped else f'"{digest}"',
        "Cache-Control": cache_control,
        "Vary": f"{vary}, Accept-Encoding" if vary else "Accept-Encoding",
    }
    if status == 200 and is_current(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if zipped:
        body = gzip.compress(body, _LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, {**headers, "Content-Type": content_type})


def message(text: str, status: int, headers: dict[str, str] | None = None) -> Response:
    """A line for a person."""
    return Response(f"{text}\n", status, {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})


def is_current(request: Headers, etag: str) -> bool:
    """Whether ``If-None-Match`` has *etag* (RFC 9110, 13.1.2: weak comparison)."""
    tags = [tag.strip().removeprefix("W/") for tag in request.get("if-none-match", "").split(",")]
    return etag in tags or "*" in tags


JSON = "application/vnd.pypi.simple.v1+json"
HTML_V1 = "application/vnd.pypi.simple.v1+html"
HTML = "text/html"

_ALIASES = {
    "application/vnd.pypi.simple.latest+json": JSON,
    "application/vnd.pypi.simple.latest+html": HTML_V1,
}
_OFFERED = (HTML, JSON, HTML_V1)
"""The earlier wins among those that a client wants alike: a browser and an old tool say ``*/*`` for HTML."""


def choose_type(accept: str | None) -> str | None:
    """The content type of a page for an ``Accept`` header, or ``None`` where none of ours will do (406)."""
    if accept is None or not accept.strip():
        return HTML
    wanted = [_item(part) for part in accept.split(",") if part.strip()]
    best = max(_OFFERED, key=lambda kind: (_quality(kind, wanted), -_OFFERED.index(kind)))
    return best if _quality(best, wanted) > 0 else None


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether an ``Accept-Encoding`` header takes gzip (RFC 9110, 12.5.3)."""
    items = dict(_item(part) for part in (accept_encoding or "").split(",") if part.strip())
    return items.get("gzip", items.get("*", 0.0)) > 0


def _item(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
    try:
        return _ALIASES.get(kind, kind), min(1.0, max(0.0, float(quality)))
    except ValueError:
        return _ALIASES.get(kind, kind), 0.0


def _quality(kind: str, wanted: list[tuple[str, float]]) -> float:
    """By the most specific range that covers it."""
    for pattern in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        found = [quality for name, quality in wanted if name == pattern]
        if found:
            return max(found)
    return 0.0
