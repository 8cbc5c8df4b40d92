"""Print the folder of the cache: --cache-dir, else VARIANTCTL_CACHE_DIR, else the system's own place."""

from __future__ import annotations

import argparse
import sys

from variantctl.cli import options, render
from variantctl.cli.cache.common import add_arguments

HELP = "print where the cache is"

__all__ = ["HELP", "add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Print the path alone, for scripts."""
    root = options.cache_of(args).root
    if args.json:
        render.print_json({"format": 1, "path": str(root)})
    else:
        sys.stdout.write(f"{root}\n")
    return 0
