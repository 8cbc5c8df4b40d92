"""``variantctl uninstall``: remove packages and everything they brought."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from variantctl.cli import render
from variantctl.cli.options import add_environment_arguments, named_environment
from variantctl.cli.recovery import recover, say_waiting

if TYPE_CHECKING:
    from variantctl.target.environment import Environment
    from variantctl.target.installed import InstalledPackage

HELP = "remove packages and everything they brought"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="a package to remove")
    add_environment_arguments(parser)
    parser.add_argument(
        "-y", "--yes", action="store_true", help="do not ask (without a terminal it never does)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and stop")
    parser.add_argument("--json", action="store_true", help="print one JSON object; implies --yes")


def run(args: argparse.Namespace) -> int:
    """Run the command. A name that is not installed is warned about, and no failure, as in pip and uv."""
    from packaging.utils import canonicalize_name

    from variantctl.target.installed import installed_packages

    environment = named_environment(args, for_changes=True)
    recover(environment, for_changes=not args.dry_run)
    installed = installed_packages(environment)
    names = dict.fromkeys(canonicalize_name(name) for name in args.names)
    going = [installed[name] for name in names if name in installed]
    missing = [name for name in names if name not in installed]
    for name in missing:
        render.warning(f"{name} is not installed in {environment.prefix}")
    notes: Sequence[str] = ()
    done = args.dry_run or not going
    if not done and (args.yes or args.json or _agreed(going, environment)):
        notes = _remove(going, environment)
        done = True
    if args.json:
        remove = [{"name": package.name, "version": str(package.version)} for package in going]
        render.print_json({"format": 1, "remove": remove, "missing": missing, "notes": list(notes)})
    elif going and done:
        verb = "would remove" if args.dry_run else "removed"
        for package in going:
            sys.stdout.write(f"{verb} {package.name} {package.version}\n")
    return 0 if done else 1


def _remove(going: Sequence[InstalledPackage], environment: Environment) -> Sequence[str]:
    from variantctl.install.apply import Options, uninstall

    notes = uninstall(going, environment, Options(progress=say_waiting)).notes
    for note in notes:
        render.note(note)
    return notes


def _agreed(going: Sequence[InstalledPackage], environment: Environment) -> bool:
    if not sys.stdin.isatty():
        return True
    named = ", ".join(f"{package.name} {package.version}" for package in going)
    sys.stderr.write(f"Remove {named} from {environment.prefix}? [Y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")
