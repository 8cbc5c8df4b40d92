"""Hash everything in the cache again, and take out what is damaged. Exits 1 if something was."""

from __future__ import annotations

import argparse
import sys

from variantctl.cli import options, render
from variantctl.cli.cache.common import add_arguments
from variantctl.cli.progress import progress_bar

HELP = "hash everything again, and drop what is damaged"

__all__ = ["HELP", "add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Verify."""
    from variantctl.cache.verify import check_cache
    from variantctl.indexes.project_files_cache import load

    cache = options.cache_of(args)
    with progress_bar(f"verifying {cache.root}") as progress:
        checked = check_cache(cache, lambda entry: load(entry) is not None, progress)
    if args.json:
        damaged = [{"name": found.name, "problem": found.problem} for found in checked.damage]
        render.print_json(
            {
                "format": 1,
                "path": str(cache.root),
                "entries": checked.entries,
                "bytes": checked.size,
                "damaged": damaged,
                "removed": [entry.name for entry in checked.removed],
            }
        )
    else:
        for found in checked.damage:
            render.warning(f"{found.name}: {found.problem}; it was removed")
        if not render.is_quiet():
            size, count = render.human_size(checked.size), len(checked.damage)
            verdict = f"{count} {'was' if count == 1 else 'were'} damaged" if count else "all are sound"
            sys.stdout.write(f"Verified {checked.entries:,} entries ({size}): {verdict}.\n")
    return 1 if checked.damage else 0
