"""What the actions of ``variantctl cache`` share."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render

if TYPE_CHECKING:
    from variantctl.cache.folder import Cache
    from variantctl.cache.prune import Cleared


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which cache, and in which form."""
    options.add_cache_dir(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def waiting() -> None:
    """Say why nothing happens."""
    render.note("waiting for other variantctl commands that use the cache")


def show_cleared(cleared: Cleared, cache: Cache, args: argparse.Namespace) -> None:
    """What was taken out."""
    if args.json:
        removed: list[dict[str, Any]] = [
            {"why": entry.why, "name": entry.name, "bytes": entry.size} for entry in cleared.removed
        ]
        render.print_json(
            {
                "format": 1,
                "path": str(cache.root),
                "removed": removed,
                "freed_bytes": cleared.freed,
                "bytes": cleared.left,
            }
        )
        return
    for entry in cleared.removed:
        render.detail(f"{entry.name}: {entry.why.replace('-', ' ')}, {render.human_size(entry.size)}")
    if not render.is_quiet():
        count = len(cleared.removed)
        what = f"Removed {count} {'entry' if count == 1 else 'entries'}" if count else "Nothing to remove"
        freed, left = render.human_size(cleared.freed), render.human_size(cleared.left)
        sys.stdout.write(f"{what} ({freed}); {left} are left in {cache.root}.\n")
