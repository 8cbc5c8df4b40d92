"""``variantctl completion SHELL``: a completion script, made from the parser itself by shtab."""

from __future__ import annotations

import argparse
import sys

from variantctl.cli.terminal import sink

SHELLS = ("bash", "zsh", "tcsh", "fish")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("shell", choices=SHELLS, help="the shell the script is for")


def run(args: argparse.Namespace) -> int:
    """Write the script to standard output."""
    import shtab

    from variantctl.cli.app import build_parser

    sink(sys.stdout).styled(shtab.complete(build_parser(only=None), args.shell) + "\n")
    return 0
