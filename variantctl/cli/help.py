"""``variantctl help [COMMAND]``: what ``--help`` says."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "words", nargs="*", metavar="COMMAND", help="the command, and its action if it has any"
    )


def run(args: argparse.Namespace) -> int:
    """Print the help."""
    from variantctl.cli.app import build_parser

    parser = build_parser(only=args.words[0] if args.words else "")
    if args.words:
        # It prints the help, and leaves by SystemExit(0); an unknown command is a usage error.
        parser.parse_args([*args.words, "--help"])
    parser.print_help()
    return 0
