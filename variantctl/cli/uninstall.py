"""``variantctl uninstall``: remove packages, and say what nothing needs any more."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from variantctl.cli import render
from variantctl.cli.app import UsageError
from variantctl.cli.habits import not_installed
from variantctl.cli.options import add_environment_arguments, named_environment
from variantctl.cli.recovery import recover, say_waiting

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.doctor.leftovers import LeftOver
    from variantctl.target.environment import Environment
    from variantctl.target.installed import InstalledPackage

_MOST_NAMES = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a package to remove")
    parser.add_argument(
        "-r",
        "--requirement",
        "--requirements",
        metavar="FILE",
        action="append",
        default=[],
        help="remove what a requirements file names",
    )
    parser.add_argument(
        "--orphans",
        action="store_true",
        help="remove what nothing needs and nobody asked for; with NAMEs: those, and what only they need",
    )
    add_environment_arguments(parser)
    parser.add_argument(
        "-y", "--yes", action="store_true", help="do not ask (without a terminal it never does)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be removed, and stop")
    parser.add_argument("--json", action="store_true", help="print one JSON object; implies --yes")


def run(args: argparse.Namespace) -> int:
    """Run the command. A name that is not installed is warned about, and no failure, as in pip and uv."""
    from packaging.utils import canonicalize_name

    from variantctl.target.installed import installed_packages, with_stand_ins

    if not (args.names or args.orphans or args.requirement):
        raise UsageError("nothing is named to remove", hint="Name a package, or say --orphans.")
    args.names += _named_in(args.requirement)
    environment = named_environment(args, for_changes=True)
    recover(environment, for_changes=not args.dry_run)
    installed = installed_packages(environment)
    names = dict.fromkeys(canonicalize_name(name) for name in args.names)
    going = with_stand_ins([name for name in names if name in installed], installed)
    missing = [name for name in names if name not in installed]
    if args.orphans:
        going += _orphans(installed, environment, [package.name for package in going])
    rest = _left_over(installed, environment, [package.name for package in going])
    for name in missing:
        render.warning(not_installed(name, str(environment.prefix), installed))
    notes = _broken(installed, environment, [package.name for package in going])
    for note in notes:
        render.warning(note)
    done = args.dry_run or not going
    if args.orphans and not going:
        render.note(f"nothing is left over in {environment.prefix}")
    if not done and (args.yes or args.json or _agreed(going, environment)):
        notes += _remove(going, environment)
        done = True
    elif not done:
        render.note("nothing was removed")
    if args.json:
        remove = [{"name": package.name, "version": str(package.version)} for package in going]
        orphans = [
            {"name": item.package.name, "version": str(item.package.version), "size": item.size}
            for item in rest
        ]
        render.print_json(
            {"format": 1, "remove": remove, "missing": missing, "orphans": orphans, "notes": list(notes)}
        )
    elif going and done:
        verb = "would remove" if args.dry_run else "removed"
        for package in going:
            sys.stdout.write(f"{verb} {package.name} {package.version}\n")
        _say_left_over(args, rest, _is_everything(rest, installed, environment, going))
    return 0 if done else 1


def _named_in(files: Sequence[str]) -> list[str]:
    """The packages that requirements files name; their versions and sources do not matter."""
    if not files:
        return []
    from variantctl.requirements.files import RequirementFileReader

    reader = RequirementFileReader()
    for file in files:
        reader.read(file)
    return [requirement.name for requirement in reader.result.requirements]


def _orphans(
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment,
    named: Sequence[NormalizedName],
) -> list[InstalledPackage]:
    """What only the named packages need; where none is named, whatever nothing needs."""
    from variantctl.doctor.leftovers import left_over, only_for

    if named:
        return [item.package for item in only_for(installed, environment, named, surely=True)]
    return [item.package for item in left_over(installed, environment)]


def _left_over(
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment,
    leaving: Sequence[NormalizedName],
) -> list[LeftOver]:
    """What only those that go needed, and stays all the same."""
    from variantctl.doctor.leftovers import only_for

    return only_for(installed, environment, leaving, surely=False) if leaving else []


def _is_everything(
    rest: Sequence[LeftOver],
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment,
    going: Sequence[InstalledPackage],
) -> bool:
    """Whether ``--orphans`` removes just this without names, which may be a hundred."""
    from variantctl.doctor.leftovers import NothingRequestedError, left_over

    if len(rest) <= _MOST_NAMES:
        return False
    gone = {package.name for package in going}
    staying = {name: package for name, package in installed.items() if name not in gone}
    try:
        found = left_over(staying, environment)
    except NothingRequestedError:
        return False
    return {item.package.name for item in found} == {item.package.name for item in rest}


def _say_left_over(args: argparse.Namespace, rest: Sequence[LeftOver], is_everything: bool) -> None:
    """What is there for the sake of what went, and the command that removes it."""
    if not rest:
        return
    from variantctl.cli.remedies import commands_for

    names = [item.package.name for item in rest]
    one = len(names) == 1
    most = names if len(names) <= _MOST_NAMES else [*names[:3], f"{len(names) - 3} others"]
    size = sum(item.size for item in rest)
    weight = f" ({render.human_size(size)})" if size else ""
    count = "1 package" if one else f"{len(names)} packages"
    command = commands_for(args.arguments).uninstall("--orphans", *([] if is_everything else names))
    render.note(
        f"{count} that nothing else needs {'stays' if one else 'stay'}{weight}: {', '.join(most)}; "
        f"`{command}` removes {'it' if one else 'them'}"
    )


def _broken(
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment,
    leaving: Sequence[NormalizedName],
) -> list[str]:
    """What stays, and will lack something that it needs."""
    from variantctl.doctor.leftovers import still_needing
    from variantctl.variants.suggestions import listed

    needing = still_needing(installed, environment, leaving) if leaving else {}
    return [f"{name} is needed by {listed(others)}" for name, others in sorted(needing.items())]


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
    answer = sys.stdin.readline()
    # An empty line is the answer that the question offers; the end of the input is none.
    return bool(answer) and answer.strip().lower() in ("", "y", "yes")
