"""Files of this machine, piece by piece: ranges, conditional requests."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response

from variantctl.serving.pages import is_current

_TYPES = {
    ".whl": "application/zip",
    ".gz": "application/gzip",
    ".zip": "application/zip",
    ".metadata": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class _File(FileResponse):
    # Four times starlette's: each piece costs a turn of a thread.
    chunk_size = 256 * 1024


def content_type(name: str) -> str:
    """Of a file, by the end of its name."""
    return _TYPES.get(Path(name).suffix.lower(), "application/octet-stream")


def file(
    path: str | os.PathLike[str],
    stat: os.stat_result,
    request: Headers,
    *,
    cache_control: str = "no-cache",
    etag: str | None = None,
) -> Response:
    """The file, the part of it that ``Range`` asks for, or 304.

    Args:
        path: of a regular file.
        stat: what it is like now.
        request: the request's headers.
        cache_control: that header.
        etag: known better than by size and date, in double quotes.
    """
    headers = {"Cache-Control": cache_control, **({"ETag": etag} if etag else {})}
    answer = _File(path, stat_result=stat, media_type=content_type(os.fspath(path)), headers=headers)
    if is_current(request, answer.headers["etag"]):
        kept = {name: answer.headers[name] for name in ("etag", "cache-control", "last-modified")}
        return Response(status_code=304, headers=kept)
    return answer
