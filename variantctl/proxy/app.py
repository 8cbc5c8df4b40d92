"""The proxy: a Simple API in front of sources, with the variants that one machine would get.

Paths: ``/simple/{project}/`` (PEP 503, 691), ``/files/{project}/{label or -}/{filename}`` and the same with
``.metadata`` (PEP 658). A path means the same file for as long as its source has it, whatever machine asks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio.to_thread
from packaging.utils import NormalizedName, canonicalize_name
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from variantctl.indexes.errors import ProjectNotFound
from variantctl.indexes.finder import PackageFinder
from variantctl.net.errors import NetworkError, OfflineError
from variantctl.net.urls import is_file_url, redact, url_to_path
from variantctl.proxy.project_view import (
    ClientTarget,
    ProjectView,
    ShownFile,
    names_as_they_are,
    view_project,
)
from variantctl.proxy.rewriting import Rewriting, RewrittenResponse
from variantctl.proxy.upstream import Upstream
from variantctl.proxy.view_cache import ProjectViewCache, Viewed
from variantctl.serving.files import content_type
from variantctl.serving.files import file as local_file
from variantctl.serving.responses import JSON, choose_type, message, page
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.cache.folder import Cache
    from variantctl.config.settings import IndexSettings

_METADATA = ".metadata"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\Z", re.ASCII)
"""What may be a project's name (core metadata, "Name"); nothing else is asked for, nor put into a header."""


class Proxy:
    """The ASGI application.

    Args:
        settings: the sources.
        cache: where pages and metadata are kept; wheels are not.
        buyer: whom variants are chosen for.
        warn: told what a person should know, one line each; from any thread.
    """

    def __init__(
        self, settings: IndexSettings, cache: Cache, buyer: ClientTarget, warn: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._cache = cache
        self._buyer = buyer
        self._warn = warn
        # One client, and with it one pool of connections, for the catalogs of all projects.
        self._client = PackageFinder(settings, cache=cache).client
        self._upstream = Upstream(self._client)
        self._shelves = ProjectViewCache(self._look_up)
        self._told: set[str] = set()

    def close(self) -> None:
        """Close the connections to the sources of pages."""
        self._client.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Headers(scope=scope)
        try:
            answer = await self._answer(scope["method"], scope["path"], request)
        except VariantctlError as error:
            answer = _refusal(error)
            self._tell(error.message)
        await answer(scope, receive, send)

    async def _answer(self, method: str, path: str, request: Headers) -> Response:
        match path.split("/"):
            case ["", ""]:
                return message(f"variantctl proxy for {self._buyer.who}: point your tool at /simple/", 200)
            case ["", "simple", project, ""] if _NAME.match(project):
                return await self._project(project, request)
            case ["", "simple", project] if _NAME.match(project):
                return Response(
                    status_code=301, headers={"Location": f"/simple/{canonicalize_name(project)}/"}
                )
            case ["", "simple", ""] | ["", "simple"]:
                return message("projects are not listed here; ask for /simple/NAME/", 404)
            case ["", "empty", ""]:
                return message("<!DOCTYPE html><title>nothing</title>", 200, {"Content-Type": "text/html"})
            case ["", "files", project, label, filename] if _NAME.match(project):
                return await self._file(method, project, f"{label}/{filename}", request)
        return message("not found", 404)

    async def _project(self, project: str, request: Headers) -> Response:
        name = canonicalize_name(project)
        if name != project:
            return Response(status_code=301, headers={"Location": f"/simple/{name}/"})
        kind = choose_type(request.get("accept"))
        if kind is None:
            return message("a page is text/html or application/vnd.pypi.simple.v1+json", 406)
        found = await self._shelves.get(name)
        if found.missing is not None:
            return _refusal(found.missing)
        if kind == JSON:
            return page(found.json, kind, request)
        return page(found.html, f"{kind}; charset=utf-8", request)

    async def _file(self, method: str, project: str, key: str, request: Headers) -> Response:
        found = await self._shelves.get(canonicalize_name(project))
        if found.shelf is None:
            return message("not found", 404)
        shown = found.shelf.file(key)
        if shown is not None and shown.stand_in is not None:
            return page(shown.stand_in.content, content_type(shown.filename), request, vary="")
        if shown is not None:
            return await self._wheel(method, shown, found.shelf, request)
        shown = found.shelf.file(key.removesuffix(_METADATA))
        if shown is None or shown.link is None:
            return message("not found", 404)
        body = await anyio.to_thread.run_sync(found.shelf.metadata, shown)
        return page(body, "text/plain; charset=utf-8", request, vary="")

    async def _wheel(self, method: str, shown: ShownFile, shelf: ProjectView, request: Headers) -> Response:
        if shown.decided:
            rewriting = await anyio.to_thread.run_sync(self._rewriting, shelf, shown)
            if rewriting is not None:
                return RewrittenResponse(rewriting, shown.filename)
        url = shown.file.url
        if is_file_url(url):
            path = url_to_path(url)
        else:
            stored = await anyio.to_thread.run_sync(shelf.package_finder.stored, shown.file)
            if stored is None:
                return await self._upstream.file(method, url, shown.filename, request)
            path = stored.path
        try:
            status = await anyio.to_thread.run_sync(path.stat)
        except OSError:
            return message("the file is gone", 404)
        return local_file(path, status, request)

    def _rewriting(self, shelf: ProjectView, shown: ShownFile) -> Rewriting | None:
        """The wheel with its variant markers decided; ``None`` where it has none. Called in a thread."""
        decided = shelf.rewritten(shown)
        if decided is None or shown.link is None:
            return None
        return Rewriting(shelf.package_finder, shown.link, decided)

    def _look_up(self, name: NormalizedName) -> Viewed:
        """Called in a thread. A finder never forgets, so that each look-up has one of its own."""
        settings = names_as_they_are(self._settings, name)
        package_finder = PackageFinder(settings, client=self._client, cache=self._cache)
        try:
            shelf = view_project(package_finder, self._buyer, name)
        except ProjectNotFound as error:
            return Viewed(None, missing=error, since=time.monotonic())
        for text in (*package_finder.warnings, *shelf.problems):
            self._tell(text)
        html, json = shelf.pages(f"../../files/{name}/")
        return Viewed(shelf, html, json, since=time.monotonic())

    def _tell(self, text: str) -> None:
        """Once each, and not for ever more of them."""
        text = redact(text)
        if text not in self._told and len(self._told) < 1000:
            self._told.add(text)
            self._warn(text)


def _refusal(error: VariantctlError) -> Response:
    """An error in the words for a person, without credentials; which status says whose fault it is."""
    text = redact(f"{error.message}\n{error.hint}" if error.hint else error.message)
    if isinstance(error, ProjectNotFound):
        return message(text, 404)
    if isinstance(error, OfflineError):
        return message(text, 503)
    if isinstance(error, NetworkError) and error.status is None:
        return message(text, 504 if "timed out" in error.message else 502)
    return message(text, 502)
