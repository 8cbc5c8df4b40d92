"""Files of the sources, passed on as they come: nothing is kept, and a slow reader slows its source down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING

import httpx
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from variantctl.net.auth import split_url
from variantctl.net.errors import NetworkError
from variantctl.net.urls import as_sent, redact
from variantctl.proxy.errors import BrokenOffError
from variantctl.serving.files import content_type
from variantctl.serving.responses import message

if TYPE_CHECKING:
    from starlette.datastructures import Headers

    from variantctl.net.client import HttpClient

_ASKED = ("range", "if-range", "if-none-match", "if-modified-since")
_ANSWERED = (
    "accept-ranges",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-range",
    "etag",
    "last-modified",
)
_PASSED_ON = (200, 206, 304, 416)
_AT_ONCE = 512
_PIECE = 64 * 1024


class Upstream:
    """The servers of the sources, asked for files; credentials go there, and never come back from there.

    Args:
        client: knows how connections are made, and the credentials of each origin.
    """

    def __init__(self, client: HttpClient) -> None:
        self._settings = client
        limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=64, keepalive_expiry=30)
        unchecked = {
            pattern: httpx.AsyncHTTPTransport(verify=False, limits=limits, proxy=client.settings.proxy)
            for pattern in client.unchecked()
        }
        hooks = {"request": [self._check]}
        self._client = httpx.AsyncClient(
            **client.options(), limits=limits, mounts=unchecked, event_hooks=hooks
        )

    async def _check(self, request: httpx.Request) -> None:
        has_credentials = "authorization" in request.headers
        self._settings.check(split_url(str(request.url))[0], has_credentials=has_credentials)

    async def file(self, method: str, url: str, filename: str, asked: Headers) -> Response:
        """The answer to a GET or HEAD for a file.

        Args:
            method: of the client's request.
            url: the file's, ``http(s)://`` and without credentials.
            filename: what it is called here.
            asked: the headers of the client's request; of them the conditions and the range are passed on.
        """
        # What Content-Length and ranges count must be what the wheel's hash is of.
        headers = {"Accept-Encoding": "identity", **{name: asked[name] for name in _ASKED if name in asked}}
        authorization = self._settings.credentials.header(url)
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            request = self._client.build_request(method, as_sent(url), headers=headers)
            answer = await self._client.send(request, stream=True)
        except httpx.TimeoutException:
            return message(f"{url} did not answer in time", 504)
        except NetworkError as error:
            return message(f"{error.message}\n{error.hint}", 502)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return message(f"{url} cannot be had: {redact(str(error)) or type(error).__name__}", 502)
        if answer.status_code not in _PASSED_ON:
            await answer.aclose()
            gone = answer.status_code in (404, 410)
            return message(f"{url} answered {answer.status_code}", answer.status_code if gone else 502)
        kept = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
        kept["content-type"] = content_type(filename)
        return _PassedOn(answer, url, kept)


class _PassedOn(StreamingResponse):
    """An answer on its way; its connection is given back however the transfer ends."""

    def __init__(self, answer: httpx.Response, url: str, headers: Mapping[str, str]) -> None:
        self._answer = answer
        super().__init__(_pieces(answer, url), answer.status_code, dict(headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answer.aclose()


async def _pieces(answer: httpx.Response, url: str) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw(_PIECE):
            yield piece
    except httpx.HTTPError as error:
        reason = redact(str(error)) or type(error).__name__
        raise BrokenOffError(f"{url} broke off: {reason}") from None
