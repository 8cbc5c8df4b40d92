"""What the commands that serve share: where they listen, what they say, and when they stop."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from variantctl.cli import render
from variantctl.cli.terminal import sink
from variantctl.net.redaction import redacted

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from variantctl.serving.http_server import Address


def add_address_arguments(parser: argparse.ArgumentParser, *, port: int | str) -> None:
    """Where to listen; ``port`` is the default, or says in words what that is."""
    group = parser.add_argument_group("address")
    group.add_argument(
        "--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1, this machine only)"
    )
    group.add_argument(
        "--port",
        type=int,
        default=port if isinstance(port, int) else None,
        help=f"0 takes a free one (default: {port})",
    )


@contextmanager
def served(app: ASGIApp, args: argparse.Namespace, *, port: int) -> Iterator[Address]:
    """Serve *app* where the arguments say; warns where other machines can ask."""
    from variantctl.serving.http_server import is_loopback, listening

    if not is_loopback(args.host):
        render.warning(
            f"other machines can reach {args.host}: whoever can, gets everything that is served, without a "
            "password"
        )
    with listening(app, host=args.host, port=port, report=_report) as address:
        yield address


def announce_json(value: Mapping[str, Any]) -> None:
    """The one JSON object of ``--json``: on one line, since what reads it cannot wait for the end."""
    stream = sink(sys.stdout)
    stream.exact(json.dumps(redacted({"format": 1, **value}), ensure_ascii=False) + "\n")
    stream.flush()


def wait_until_stopped() -> None:
    """Until Ctrl-C or SIGTERM, which are how a server is meant to be stopped."""
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _report(error: Exception) -> None:
    from variantctl.variants.errors import VariantctlError

    if isinstance(error, VariantctlError):
        render.warning(error.message)
    else:
        render.bug(error, as_json=False, traceback=render.is_verbose())
