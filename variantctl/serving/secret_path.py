"""A server that answers only below a path that nobody can guess: on a machine that others use too."""

from __future__ import annotations

import hmac
import secrets

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from variantctl.serving.responses import message

_BYTES = 16


def random_path() -> str:
    """A path part of 128 random bits."""
    return secrets.token_urlsafe(_BYTES)


class SecretPath:
    """An application below ``/{part}``; whatever else is asked for is not there.

    Args:
        app: sees paths without the part; redirects to paths of its own get it back.
        part: without slashes.
    """

    def __init__(self, app: ASGIApp, part: str) -> None:
        self._app = app
        self._prefix = f"/{part}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        part, slash, rest = scope["path"][1:].partition("/")
        if not slash or not hmac.compare_digest(part.encode(), self._prefix[1:].encode()):
            await message("not found", 404)(scope, receive, send)
            return
        inner = {**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}

        async def tell(event: Message) -> None:
            if event["type"] == "http.response.start":
                event = {**event, "headers": [self._kept(*header) for header in event.get("headers", ())]}
            await send(event)

        await self._app(inner, receive, tell)

    def _kept(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        own = name.lower() == b"location" and value.startswith(b"/") and not value.startswith(b"//")
        return name, self._prefix.encode() + value if own else value
