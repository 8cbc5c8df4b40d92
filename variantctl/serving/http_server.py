"""A server on a socket of this machine, for as long as a ``with`` block lasts."""

from __future__ import annotations

import ipaddress
import shlex
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from variantctl.values import dataclass
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024
_GRACE = 1.0
_IDLE = 30


class ServingError(VariantctlError):
    """Nothing can be served: no library, no address."""

    kind = "serving"


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
            hint=f"Install them: `{shlex.quote(sys.executable)} -m pip install starlette uvicorn`.",
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

    from variantctl.serving.client_limits import HEAD_BYTES, PatientProtocol, RequestLimits

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
