"""A folder over HTTP: a static index, with its pages as HTML or JSON as each client asks."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from urllib.parse import quote

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from variantctl.serving.files import content_type, file
from variantctl.serving.negotiation import HTML, JSON, accepts_gzip, choose_type
from variantctl.serving.pages import message, page

_TEXTS = (".html", ".json", ".metadata", ".css", ".js", ".svg")
_LARGEST_PAGE = 64 * 1024 * 1024


class Folder:
    """What lies below a folder, and nothing else: no listing, no symbolic link that leads out of it.

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
