"""Empty the cache, or take out all about some projects: their wheels, pages and metadata."""

from __future__ import annotations

import argparse

from variantctl.cli import options
from variantctl.cli.cache import common

HELP = "empty the cache, or drop what it has of some projects"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only what is about this project")
    common.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Clean."""
    from variantctl.cache.prune import clean

    cache = options.cache_of(args)
    common.show_cleared(clean(cache, args.names, waiting=common.waiting), cache, args)
    return 0
