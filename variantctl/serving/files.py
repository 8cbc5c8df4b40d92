"""Files of this machine, piece by piece: ranges, conditional requests."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from variantctl.serving.responses import HTML, JSON, accepts_gzip, choose_type, is_current, message, page

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


_TEXTS = (".html", ".json", ".metadata", ".css", ".js", ".svg")
_LARGEST_PAGE = 64 * 1024 * 1024


class Folder:
    """What lies below a folder, and nothing else: no listing, no symbolic link that leads out of it, and
    nothing in or below what has a name with a dot at the start.

    Args:
        root: the folder. ``index.html`` and ``index.json`` (PEP 691) stand for the folders they are in.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        # Its lookup resolves every link, and refuses what is then not below the folder.
        self._files = StaticFiles(directory=self._root)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(scope["path"], Headers(scope=scope))
        await answer(scope, receive, send)

    async def _answer(self, path: str, request: Headers) -> Response:
        try:
            return await anyio.to_thread.run_sync(self._look_up, path, request)
        except PermissionError:
            return message("not allowed", 403)
        except ValueError:  # a NUL, or a name that is no text
            return message("not found", 404)
        except OSError as error:
            if error.errno not in (errno.ENAMETOOLONG, errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
            return message("not found", 404)

    def _look_up(self, path: str, request: Headers) -> Response:
        if not path.startswith("/") or "\\" in path:
            return message("not found", 404)
        parts = [part for part in path.split("/") if part]
        if any(part.startswith(".") and part not in (".", "..") for part in parts):
            # A checkout's .git, an index's own notes, .htpasswd: nothing that an index links to.
            return message("not found", 404)
        found, status = self._files.lookup_path(os.path.normpath("/".join(parts) or "."))
        if status is None:
            return message("not found", 404)
        if stat.S_ISDIR(status.st_mode):
            return self._index(found, path, request)
        if not stat.S_ISREG(status.st_mode) or path.endswith("/"):
            return message("not found", 404)
        return self._file(found, status, request)

    def _index(self, folder: str, path: str, request: Headers) -> Response:
        if not path.endswith("/"):
            name = path.rpartition("/")[2]
            return Response(status_code=301, headers={"Location": f"./{quote(name)}/"})
        there = [name for name in ("index.html", "index.json") if Path(folder, name).is_file()]
        if not there:
            return message("not found", 404)
        kind = choose_type(request.get("accept"))
        if kind is None:
            return message("a page is text/html or application/vnd.pypi.simple.v1+json", 406)
        wanted = "index.json" if kind == JSON else "index.html"
        if wanted not in there:
            wanted, kind = there[0], JSON if there[0] == "index.json" else HTML
        body = Path(folder, wanted).read_bytes()
        return page(body, kind if kind == JSON else f"{kind}; charset=utf-8", request)

    def _file(self, path: str, status: os.stat_result, request: Headers) -> Response:
        zipped = path.endswith(_TEXTS) and accepts_gzip(request.get("accept-encoding"))
        if zipped and "range" not in request and status.st_size < _LARGEST_PAGE:
            return page(Path(path).read_bytes(), content_type(path), request, vary="")
        return file(path, status, request)
