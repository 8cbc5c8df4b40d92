"""``variantctl proxy``: an index on this machine that shows pip, uv, poetry and pdm its variants."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render, target_machine
from variantctl.cli.serving import add_address_arguments, announce_json, served, wait_until_stopped

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from variantctl.proxy.app import Proxy

_PORT = 3141
_EXAMPLES = (
    "pip install --index-url {url} torch",
    "uv pip install --default-index {url} torch",
    "poetry source add --priority=primary variants {url}",
    "PDM_PYPI_URL={url} pdm add torch",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "wrapped",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND",
        help="run this with the proxy as its index, then stop",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, then serve")
    parser.add_argument(
        "--secret-path",
        action="store_true",
        help="answer only below a random path, which other users of this machine cannot guess "
        "(with a COMMAND always, unless --port is given)",
    )
    add_address_arguments(parser, port=f"{_PORT}, with a COMMAND a free one")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    parser.add_argument(
        "-p", "--python", metavar="PYTHON", help="the interpreter that wheels are installed into"
    )
    options.without_folders(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted, or for as long as the command runs."""
    from variantctl.serving.http_server import require_libraries

    require_libraries()
    from variantctl.proxy.app import Proxy
    from variantctl.proxy.project_view import ClientTarget

    args.wrapped = args.wrapped[args.wrapped[:1] == ["--"] :]
    if args.wrapped and args.python is None:
        from variantctl.proxy.command import interpreter_beside

        beside = interpreter_beside(args.wrapped, os.environ)
        args.python = str(beside) if beside else None
    environment = options.environment_of(args, for_changes=False)
    subject = target_machine.subject_of(args, environment)
    buyer = ClientTarget(subject.machine, subject.platform, options.preferences(args), subject.who)
    proxy = Proxy(options.index_settings(args), options.cache_of(args), buyer, render.warning)
    try:
        if args.wrapped:
            return _wrapped(args, proxy, environment.prefix if environment else Path(sys.prefix))
        app, path = _secret(proxy) if args.secret_path else (proxy, "")
        with served(app, args, port=_PORT if args.port is None else args.port) as address:
            _announce(args, f"{address.url}{path}/simple/", subject)
            wait_until_stopped()
    finally:
        proxy.close()
    return 0


def _wrapped(args: argparse.Namespace, proxy: Proxy, prefix: Path) -> int:
    from variantctl.proxy.command import client_environment, run_command

    # Several of these may run at once; nobody needs to know the port. Other users could ask any port of this
    # machine, and get what the passwords of ours open: only the command is told the path.
    # Who names a port has written the address down somewhere (poetry's sources), which cannot have the path.
    is_secret = args.secret_path or not args.port
    app, path = _secret(proxy) if is_secret else (proxy, "")
    with served(app, args, port=args.port or 0) as address:
        render.detail(f"{shlex.join(args.wrapped)} asks {address.url}{'/****' if path else ''}/simple/")
        return run_command(args.wrapped, client_environment(address.url + path, os.environ, prefix))


def _secret(proxy: Proxy) -> tuple[ASGIApp, str]:
    """The proxy below a random path, and that path with its slash."""
    from variantctl.serving.secret_path import SecretPath, random_path

    part = random_path()
    return SecretPath(proxy, part), f"/{part}"


def _announce(args: argparse.Namespace, url: str, subject: target_machine.TargetMachine) -> None:
    markers = subject.platform.markers
    if args.json:
        announce_json(
            {
                "url": url,
                "for": subject.who,
                "python": markers["python_version"],
                "platform": subject.platform.tags[0].platform,
            }
        )
        return
    sys.stdout.write(
        f"{url} shows the variants for {subject.who}, chosen for Python {markers['python_version']} "
        f"({subject.platform.tags[0].platform}).\n\n"
    )
    for example in _EXAMPLES:
        sys.stdout.write(f"  {example.format(url=url)}\n")
    sys.stdout.write("\nCtrl-C stops it.\n")
