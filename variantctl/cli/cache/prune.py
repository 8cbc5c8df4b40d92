"""Take out of the cache what is of no use: leftovers of interrupted commands, formats of other versions, and
then the least recently used wheels until it is small enough."""

from __future__ import annotations

import argparse

from variantctl.cli import options
from variantctl.cli.cache import common

HELP = "drop leftovers and old formats, and shrink the cache to a size"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=options.size,
        help="drop the least recently used wheels until no more than this is left, such as 10GB "
        "(default: VARIANTCTL_CACHE_MAX_SIZE, else max-size of [cache] in the configuration, else any size)",
    )
    common.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Prune."""
    from variantctl.cache.prune import prune
    from variantctl.config.cache_limit import cache_limit

    cache = options.cache_of(args)
    limit = cache_limit() if args.max_size is None else args.max_size
    common.show_cleared(prune(cache, limit, waiting=common.waiting), cache, args)
    return 0
