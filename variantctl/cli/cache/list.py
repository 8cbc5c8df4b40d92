"""List the wheels in the cache, as files and unpacked, with their size and when they were last used."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render
from variantctl.cli.cache import common

if TYPE_CHECKING:
    from variantctl.cache.usage import CachedWheel

HELP = "list the wheels in the cache"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only the wheels of this project")
    common.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """One line a wheel: those used most recently last."""
    from packaging.utils import canonicalize_name

    from variantctl.cache.usage import CacheUsage

    root = options.cache_of(args).root
    wanted = {canonicalize_name(name) for name in args.names}
    held = [each for each in CacheUsage(root).wheels() if not wanted or each.filename.name in wanted]
    if args.json:
        wheels = [_row(each) for each in held]
        render.print_json({"format": 1, "path": str(root), "wheels": wheels})
        return 0
    table = [
        (
            each.filename.name,
            f"{each.filename.version}{' ' + each.filename.label if each.filename.label else ''}",
            "unpacked" if each.unpacked else "wheel",
            render.human_size(each.size),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(each.used)),
        )
        for each in held
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for name, version, form, size, used in table:
        sys.stdout.write(
            f"{name:<{widths[0]}}  {version:<{widths[1]}}  {form:<{widths[2]}}  {size:>{widths[3]}}  {used}\n"
        )
    if not table:
        render.note(f"no wheel{' of these' if wanted else ''} is in {root}")
    return 0


def _row(held: CachedWheel) -> dict[str, Any]:
    return {
        "name": held.filename.name,
        "version": str(held.filename.version),
        "label": held.filename.label,
        "filename": held.filename.filename,
        "sha256": held.sha256,
        "unpacked": held.unpacked,
        "bytes": held.size,
        "last_used": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(held.used)),
    }
