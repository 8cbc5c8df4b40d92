"""``variantctl cache``: where the cache is, what is in it; making it smaller, and checking it."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render
from variantctl.cli.actions import Action, add_actions, run_action
from variantctl.cli.progress import progress_bar

if TYPE_CHECKING:
    from variantctl.cache.folder import Cache
    from variantctl.cache.prune import Cleared
    from variantctl.cache.usage import CachedWheel


def _declare_cache(parser: argparse.ArgumentParser) -> None:
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


def _dir(args: argparse.Namespace) -> int:
    """Print the path alone, for scripts."""
    root = options.cache_of(args).root
    if args.json:
        render.print_json({"format": 1, "path": str(root)})
    else:
        sys.stdout.write(f"{root}\n")
    return 0


def _info(args: argparse.Namespace) -> int:
    """Measure every bucket."""
    from variantctl.cache.usage import CacheUsage
    from variantctl.config.cache import cache_limit

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


def _declare_list(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only the wheels of this project")
    _declare_cache(parser)


def _list(args: argparse.Namespace) -> int:
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


def _declare_prune(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        type=options.size,
        help="drop the least recently used wheels until no more than this is left, such as 10GB "
        "(default: VARIANTCTL_CACHE_MAX_SIZE, else max-size of [cache] in the configuration, else any size)",
    )
    _declare_cache(parser)


def _prune(args: argparse.Namespace) -> int:
    """Prune."""
    from variantctl.cache.prune import prune
    from variantctl.config.cache import cache_limit

    cache = options.cache_of(args)
    limit = cache_limit() if args.max_size is None else args.max_size
    show_cleared(prune(cache, limit, waiting=waiting), cache, args)
    return 0


def _declare_clean(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only what is about this project")
    _declare_cache(parser)


def _clean(args: argparse.Namespace) -> int:
    """Clean."""
    from variantctl.cache.prune import clean

    cache = options.cache_of(args)
    show_cleared(clean(cache, args.names, waiting=waiting), cache, args)
    return 0


def _verify(args: argparse.Namespace) -> int:
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


#: In the order in which ``--help`` lists them.
ACTIONS = (
    Action(
        "dir",
        "print where the cache is",
        "Print the folder of the cache: --cache-dir, else VARIANTCTL_CACHE_DIR, else the system's own place.",
        _declare_cache,
        _dir,
    ),
    Action(
        "info",
        "show what is in the cache, and how large it is",
        "Show what is in the cache: each bucket with how many things it holds, and how large it is.",
        _declare_cache,
        _info,
    ),
    Action(
        "list",
        "list the wheels in the cache",
        "List the wheels in the cache, as files and unpacked, with their size and when they were last used.",
        _declare_list,
        _list,
    ),
    Action(
        "prune",
        "drop leftovers and old formats, and shrink the cache to a size",
        "Take out of the cache what is of no use: leftovers of interrupted commands, formats of other "
        "versions, and then the least recently used wheels until it is small enough.",
        _declare_prune,
        _prune,
    ),
    Action(
        "clean",
        "empty the cache, or drop what it has of some projects",
        "Empty the cache, or take out all about some projects: their wheels, pages and metadata.",
        _declare_clean,
        _clean,
    ),
    Action(
        "verify",
        "hash everything again, and drop what is damaged",
        "Hash everything in the cache again, and take out what is damaged. Exits 1 if something was.",
        _declare_cache,
        _verify,
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare every action with its options."""
    add_actions(parser, ACTIONS)


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    return run_action(args, ACTIONS)
