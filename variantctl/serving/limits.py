"""What no client may ask of any of our servers, whatever is behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD_BYTES = 32 * 1024
_METHODS = ("GET", "HEAD")
_LONGEST_PATH = 8 * 1024
_LONGEST_RANGE = 1024
_RANGES = re.compile(r"bytes=\s*\d*-\d*(?:\s*,\s*\d*-\d*)*\s*\Z", re.IGNORECASE | re.ASCII)


class Limits:
    """Only GET and HEAD, without a body, for a name of ours.

    A page in a browser may be made to resolve to a loopback address (DNS rebinding) and could then read
    what only this machine may: ``Host`` gives it away.

    Args:
        app: what answers the rest.
        names: the hosts, without a port, that may be asked for; ``None``: any.
        report: told what the application raises; the client hears nothing of it.
    """

    def __init__(
        self, app: ASGIApp, *, names: Collection[str] | None, report: Callable[[Exception], None]
    ) -> None:
        self._app = app
        self._names = names
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        if "range" in headers and not _is_sensible(headers["range"]):
            scope = {**scope, "headers": [item for item in scope["headers"] if item[0] != b"range"]}
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # one request's trouble, whatever it is, must not be another's
            self._report(error)
            if started:
                raise  # the server closes the connection: the client sees that the body is not whole
            await PlainTextResponse("internal error\n", 500)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> PlainTextResponse | None:
        # A head that comes in one piece is never incomplete, which is all that the protocol counts.
        if len(scope["raw_path"]) > _LONGEST_PATH:
            return PlainTextResponse("the path is too long\n", 414, {"Connection": "close"})
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES:
            return PlainTextResponse("the header is too large\n", 431, {"Connection": "close"})
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            # Closing is what keeps the body from being waited for.
            return PlainTextResponse("no request body is taken\n", 413, {"Connection": "close"})
        if scope["method"] not in _METHODS:
            return PlainTextResponse("only GET and HEAD\n", 405, {"Allow": ", ".join(_METHODS)})
        if self._names is not None and _without_port(headers.get("host", "")) not in self._names:
            return PlainTextResponse("this server has another name\n", 421)
        return None


def _is_sensible(ranges: str) -> bool:
    """Whether a ``Range`` is to be heeded: what is malformed must be ignored, and what asks for very many
    parts may be (RFC 9110, 14.1.1 and 14.2)."""
    if len(ranges) > _LONGEST_RANGE or not _RANGES.match(ranges):
        return False
    bounds = [part.strip().split("-") for part in ranges.partition("=")[2].split(",")]
    return all(
        (first or last) and (not first or not last or int(first) <= int(last)) for first, last in bounds
    )


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()
