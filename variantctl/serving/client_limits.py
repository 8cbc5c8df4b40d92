"""What no client may ask of any of our servers, and how slow it may be: uvicorn's protocol with deadlines."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable, Collection
from http import HTTPStatus

import h11
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from variantctl.variants.digits import whole_number

HEAD_BYTES = 32 * 1024
_METHODS = ("GET", "HEAD")
_LONGEST_PATH = 8 * 1024
_LONGEST_RANGE = 1024
_RANGES = re.compile(r"bytes=\s*\d*-\d*(?:\s*,\s*\d*-\d*)*\s*\Z", re.IGNORECASE | re.ASCII)


class RequestLimits:
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
    return all((first or last) and _is_in_order(first, last) for first, last in bounds)


def _is_in_order(first: str, last: str) -> bool:
    if not first or not last:
        return True
    begin, end = whole_number(first), whole_number(last)
    return begin is not None and end is not None and begin <= end


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and whole_number(port) is not None else host).lower()


HEAD_SECONDS = 10.0
"""For a whole request head, from the connection or from its first byte on."""
STALL_SECONDS = 30.0
"""Without the client reading what was sent to it."""


class PatientProtocol(H11Protocol):
    """Answers 408 to a head that does not end, 431 to one that is too long, and leaves who does not read."""

    _head_deadline: asyncio.TimerHandle | None = None
    _stall_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_deadline = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head_deadline()
        self._end_stall_deadline()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._end_head_deadline()
        elif self._head_deadline is None and not self.transport.is_closing():
            self._head_deadline = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._end_stall_deadline()
        self._stall_deadline = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._end_stall_deadline()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Called for what h11 refuses; its hint tells a head that is too long (RFC 6585, 5) from nonsense."""
        error = sys.exc_info()[1]
        self._refuse(error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400)

    def _head_is_late(self) -> None:
        self._head_deadline = None
        if not self.transport.is_closing() and self.conn.their_state is h11.IDLE:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, code: int) -> None:
        """Answer without asking the application, and close."""
        status = HTTPStatus(code)
        body = f"{status.phrase}\n".encode()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers = [
                ("content-type", "text/plain; charset=utf-8"),
                ("content-length", str(len(body))),
                ("connection", "close"),
            ]
            answer = h11.Response(status_code=status, headers=headers, reason=status.phrase)
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _end_head_deadline(self) -> None:
        if self._head_deadline is not None:
            self._head_deadline.cancel()
            self._head_deadline = None

    def _end_stall_deadline(self) -> None:
        if self._stall_deadline is not None:
            self._stall_deadline.cancel()
            self._stall_deadline = None
