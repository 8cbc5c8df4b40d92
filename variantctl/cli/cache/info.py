"""Show what is in the cache: each bucket with how many things it holds, and how large it is."""

from __future__ import annotations

import argparse
import sys

from variantctl.cli import options, render
from variantctl.cli.cache.common import add_arguments

HELP = "show what is in the cache, and how large it is"

__all__ = ["HELP", "add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Measure every bucket."""
    from variantctl.cache.usage import CacheUsage
    from variantctl.config.cache_limit import cache_limit

    root, limit = options.cache_of(args).root, cache_limit()
    buckets = CacheUsage(root).buckets()
    total = sum(bucket.size for bucket in buckets)
    if args.json:
        rows = [
            {
                "name": bucket.name,
                "what": bucket.what,
                "current": bucket.current,
                "entries": bucket.entries,
                "bytes": bucket.size,
            }
            for bucket in buckets
        ]
        render.print_json(
            {"format": 1, "path": str(root), "bytes": total, "max_bytes": limit, "buckets": rows}
        )
        return 0
    table = [(f"{each.entries:,}", render.human_size(each.size), each.name, each.what) for each in buckets]
    counts, sizes, names = (max((len(row[column]) for row in table), default=0) for column in range(3))
    for count, size, name, what in table:
        sys.stdout.write(f"{count:>{counts}}  {size:>{sizes}}  {name:<{names}}  {what}\n")
    said = f", and may have {render.human_size(limit)}" if limit is not None else ""
    sys.stdout.write(f"{root} has {render.human_size(total)}{said}.\n")
    return 0
