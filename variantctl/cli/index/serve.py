"""Serve a folder that 'index build' wrote, for development and tests: pages as HTML or JSON as each client
asks, ranges, conditional requests and gzip. For many users, let a web server or an object store serve it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from variantctl.cli.serving import add_address_arguments, announce_json, served, wait_until_stopped
from variantctl.variants.errors import VariantctlError

HELP = "serve an index that lies in a folder, on this machine"
_PORT = 3142
_MAKE_ONE = "Make one with `variantctl index build WHEELS -o OUT`."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder that 'index build -o' wrote")
    parser.add_argument("--json", action="store_true", help="print one JSON object, then serve")
    add_address_arguments(parser, port=_PORT)


def run(args: argparse.Namespace) -> int:
    """Serve until interrupted."""
    indexes = _indexes(args.out)
    from variantctl.serving.http_server import require_libraries

    require_libraries()
    from variantctl.serving.files import Folder

    with served(Folder(args.out), args, port=args.port) as address:
        urls = [f"{address.url}/{name}" for name in indexes]
        if args.json:
            announce_json({"url": address.url, "indexes": urls})
        else:
            for url in urls:
                sys.stdout.write(f"serving {url}\n")
            sys.stdout.write("Ctrl-C stops it.\n")
        wait_until_stopped()
    return 0


def _indexes(out: Path) -> list[str]:
    """The paths below *out* that are indexes, each with a slash at the end."""
    if not out.is_dir():
        raise VariantctlError(f"{out}: there is no such folder", hint=_MAKE_ONE)
    if (out / "simple").is_dir():
        others = (path.name for path in out.glob("simple-*") if (path / "index.html").is_file())
        return ["simple/", *(f"{name}/" for name in sorted(others))]
    if (out / "index.html").is_file() or (out / "index.json").is_file():
        return [""]
    raise VariantctlError(f"{out}: there is no index in it", hint=_MAKE_ONE)
