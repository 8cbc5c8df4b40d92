"""With what content type, and for how long, each file of an index may be kept by caches."""

from __future__ import annotations

from variantctl.indexes.page_writer import JSON_TYPE
from variantctl.values import dataclass

#: A page is asked about each time (RFC 9111, 5.2.2.4); the answer is mostly 304, by its ETag.
FRESH = "no-cache"
#: What never changes under its URL is never asked about again (RFC 8246).
FOREVER = "public, max-age=31536000, immutable"

_BY_ENDING = (
    ("index.json", JSON_TYPE, FRESH),
    ("-variants.json", "application/json", FOREVER),
    (".metadata", "text/plain; charset=utf-8", FOREVER),
    (".whl", "application/octet-stream", FOREVER),
    (".tar.gz", "application/octet-stream", FOREVER),
    (".zip", "application/octet-stream", FOREVER),
    (".html", "text/html; charset=utf-8", FRESH),
    (".css", "text/css; charset=utf-8", FRESH),
    (".js", "text/javascript; charset=utf-8", FRESH),
    (".json", "application/json", FRESH),
    (".svg", "image/svg+xml", FRESH),
)


@dataclass(frozen=True, slots=True)
class Headers:
    """What a server says beside the content.

    Attributes:
        content_type: the value of ``Content-Type``.
        cache_control: the value of ``Cache-Control``.
    """

    content_type: str
    cache_control: str


def headers_of(path: str) -> Headers:
    """The headers of a file of an index, by how its path ends."""
    for ending, content_type, cache_control in _BY_ENDING:
        if path.endswith(ending):
            return Headers(content_type, cache_control)
    return Headers("application/octet-stream", FRESH)
