"""A server on a socket of this machine, for as long as a ``with`` block lasts."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING

import h11
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024
_GRACE = 1.0
_IDLE = 30


@dataclass(frozen=True)
class Address:
    """Where a server listens.

    Attributes:
        host: as it was asked for.
        port: the real one.
    """

    host: str
    port: int

    @property
    def url(self) -> str:
        """Of the root, without a slash at the end; for a wildcard address, as this machine reaches it."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1", "": LOOPBACK}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def require_libraries() -> None:
    """Raise ``ServingError`` where what serves is not installed; it is an extra."""
    try:
        import_module("starlette")
        import_module("uvicorn")
    except ModuleNotFoundError as error:
        raise ServingError(
            f"this command needs {error.name}, which is not installed",
            hint="python -m pip install 'variantctl[serve]'",
        ) from None


@contextmanager
def listening(
    app: ASGIApp,
    *,
    host: str = LOOPBACK,
    port: int = 0,
    report: Callable[[Exception], None] = traceback.print_exception,
) -> Iterator[Address]:
    """Serve *app* from a thread of its own; requests are answered once the block is entered.

    Args:
        app: what answers. It is wrapped in ``Limits``.
        host: the address or name to listen on.
        port: 0: a free one.
        report: told what the application raises, from the server's thread.

    Raises:
        ServingError: the address cannot be had, or a library is missing.
    """
    require_libraries()
    import uvicorn

    listener = _listen(host, port)
    address = Address(host, listener.getsockname()[1])
    config = uvicorn.Config(
        RequestLimits(app, names=_names(address), report=report),
        http=PatientProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name="variantctl-serving", daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(_GRACE)
        server.force_exit = True
        thread.join(_GRACE)
        listener.close()


def _names(address: Address) -> frozenset[str] | None:
    """The ``Host`` headers that are answered; ``None``: any, where other machines are served too."""
    if not is_loopback(address.host):
        return None
    return frozenset({"localhost", "127.0.0.1", "[::1]", address.host.lower()})


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][
            0
        ]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "Choose another with --host and --port; --port 0 takes a free one."
        raise ServingError(f"cannot listen on {host}, port {port}: {reason}", hint=hint) from None


class ServingError(VariantctlError):
    """Nothing can be served: no library, no address."""

    kind = "serving"


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
    return all(
        (first or last) and (not first or not last or int(first) <= int(last)) for first, last in bounds
    )


def _without_port(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if name and port.isdigit() else host).lower()


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
