"""``variantctl help [COMMAND]``: what ``--help`` says, and manual pages."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from variantctl.cli import render


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "words", nargs="*", metavar="COMMAND", help="the command, and its action if it has any"
    )
    parser.add_argument("--man", metavar="DIR", type=Path, help="write manual pages of all commands to DIR")


def run(args: argparse.Namespace) -> int:
    """Print the help, or write the pages."""
    from variantctl.cli.app import build_parser

    if args.man is not None:
        return _write_manual(args.man)
    parser = build_parser(only=args.words[0] if args.words else "")
    if args.words:
        # It prints the help, and leaves by SystemExit(0); an unknown command is a usage error.
        parser.parse_args([*args.words, "--help"])
    parser.print_help()
    return 0


def _write_manual(folder: Path) -> int:
    from variantctl.cli.app import build_parser
    from variantctl.cli.manual import pages
    from variantctl.filesystem.atomic import written_whole

    folder.mkdir(parents=True, exist_ok=True)
    written = pages(build_parser(only=None))
    for name, text in written.items():
        with written_whole(folder / name) as file:
            file.write(text.encode())
    if not render.is_quiet():
        sys.stdout.write(f"Wrote {len(written)} manual pages to {folder}\n")
    return 0
