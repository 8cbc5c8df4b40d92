"""Answers that are short enough to be whole in memory: pages, sidecars, messages."""

from __future__ import annotations

import gzip
import hashlib

from starlette.datastructures import Headers
from starlette.responses import Response

from variantctl.serving.negotiation import accepts_gzip

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
