"""``variantctl install``: the best variant of every package asked for, with its dependencies."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from variantctl.cli import options, render
from variantctl.cli.app import UsageError
from variantctl.cli.recovery import recover

if TYPE_CHECKING:
    from variantctl.cli.downloads import Downloads
    from variantctl.cli.options import Subject
    from variantctl.cli.settled import Witnesses
    from variantctl.resolve.plan import Plan, PlannedInstall
    from variantctl.resolve.resolution import Request
    from variantctl.sources.builds import Builds
    from variantctl.sources.catalog import Catalog
    from variantctl.target.environment import Environment

HELP = "install packages, each in its best variant for this machine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "requirements",
        nargs="*",
        metavar="REQUIREMENT",
        help="'torch', 'torch[opt]>=2', a wheel's path or URL",
    )
    parser.add_argument(
        "-r", "--requirement", metavar="FILE", action="append", default=[], help="a requirements file"
    )
    parser.add_argument(
        "-c", "--constraint", metavar="FILE", action="append", default=[], help="a constraints file"
    )
    parser.add_argument(
        "-U", "--upgrade", action="store_true", help="take the newest version of what is named"
    )
    parser.add_argument(
        "--upgrade-strategy",
        choices=("only-if-needed", "eager"),
        default="only-if-needed",
        help="with --upgrade: whether dependencies are upgraded, too (default: only-if-needed)",
    )
    parser.add_argument(
        "-P",
        "--upgrade-package",
        metavar="NAME",
        action="append",
        default=[],
        help="take the newest version of this package, if it is needed",
    )
    parser.add_argument("--reinstall", action="store_true", help="install even what is there already")
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument("--no-deps", action="store_true", help="install only what is named")
    parser.add_argument(
        "--build",
        metavar="NAME",
        action="append",
        default=[],
        help="build this package from its source distribution where no wheel of it fits",
    )
    parser.add_argument("--require-hashes", action="store_true", help="refuse every package without a hash")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)
    options.add_file_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Resolve, then install unless told not to."""
    from variantctl.cli.request import request_of, requirement_files
    from variantctl.resolve.resolution import resolve
    from variantctl.target.installed import installed_packages

    if not (args.requirements or args.requirement):
        raise UsageError("nothing is named to install", hint="Name a package, or a file with -r FILE.")
    started = time.perf_counter()
    files = requirement_files(args)
    request = request_of(args, files)
    environment = options.environment_of(args, for_changes=not args.dry_run)
    subject = options.subject_of(args, environment, files)
    if environment is not None:
        if not args.dry_run:
            options.refuse_other_platform(environment, subject)
        recover(environment, for_changes=not args.dry_run)
    witnesses = _witnesses(args, environment)
    installed = installed_packages(environment) if environment is not None else {}
    with options.open_catalog(args, environment, files) as catalog:
        if args.build:
            catalog.builds = _builds(args, environment, subject, catalog)
        plan = resolve(
            request,
            catalog=catalog,
            machine=subject.machine,
            platform=subject.platform,
            installed=installed,
            who=subject.who,
        )
        notes = (*plan.notes, *_advice(plan, catalog, subject, request))
        options.show_notes(subject, notes)
        if environment is not None and not args.dry_run and plan.install:
            plan = _apply(plan, environment, catalog, args)
    if args.json:
        render.print_json(plan.as_json())
        return 0
    said = _summary(plan, environment, dry_run=args.dry_run, seconds=time.perf_counter() - started)
    sys.stdout.write("" if render.is_quiet() else said)
    depends_on_more = plan.install or notes or subject.machine.notes or subject.machine.was_asked
    if witnesses is not None and not depends_on_more:
        witnesses.remember(args.arguments, "" if render.is_quiet() else said)
    return 0


def _witnesses(args: argparse.Namespace, environment: Environment | None) -> Witnesses | None:
    """What must stay as it is for "nothing to do" to be the answer again; None where that is not all."""
    from variantctl.cli.settled import Witnesses
    from variantctl.sources.configuration import configuration_file

    elsewhere = args.requirement or args.constraint or args.profile or args.build
    otherwise = args.dry_run or args.json or args.reinstall or args.upgrade or args.upgrade_package
    named_by_place = any(re.search(r"[/\\@]|\.whl$", text) for text in args.requirements)
    # A version or a command is looked up in folders that may change.
    looked_up = args.python is not None and os.sep not in args.python
    if elsewhere or otherwise or named_by_place or looked_up or environment is None or render.is_verbose():
        return None
    configuration = configuration_file(os.environ)
    return Witnesses(environment, [configuration] if configuration is not None else [])


def _advice(plan: Plan, catalog: Catalog, subject: Subject, request: Request) -> list[str]:
    """The driver update that would get better variants, in a line."""
    from variantctl.resolve.outlook import outlook

    said = outlook(
        plan,
        catalog=catalog,
        machine=subject.machine,
        platform=subject.platform,
        preferences=request.preferences,
        who=subject.who,
    )
    return [said] if said else []


def _builds(
    args: argparse.Namespace, environment: Environment | None, subject: Subject, catalog: Catalog
) -> Builds:
    """What may be built; it is built with and for the interpreter of the environment, and for no other."""
    from packaging.utils import canonicalize_name

    from variantctl.resolve.choice import fits_interpreter
    from variantctl.resolve.interpreter import Interpreter
    from variantctl.sources.builds import Builds

    if environment is None:
        raise UsageError("--build needs an environment to build for", hint="Name one with --python.")
    options.refuse_other_platform(environment, subject)
    interpreter = Interpreter(environment.tags, environment.markers)
    return Builds(
        frozenset(map(canonicalize_name, args.build)),
        environment.python,
        lambda link: fits_interpreter(link, interpreter),
        str(environment.tags[0]),
        catalog.cache,
        catalog.settings,
    )


def _apply(plan: Plan, environment: Environment, catalog: Catalog, args: argparse.Namespace) -> Plan:
    """Do what the plan says; gives it back with the hashes that only the downloads showed."""
    from variantctl.cli.downloads import Downloads
    from variantctl.install.apply import Options, apply_plan
    from variantctl.install.links import LinkMode

    with Downloads(catalog) as downloads:
        plan = replace(plan, install=tuple(_with_digest(planned, downloads) for planned in plan.install))
        outcome = apply_plan(
            plan,
            environment,
            downloads.fetch,
            Options(
                cache=catalog.cache.root / "install",
                link_mode=LinkMode(args.link_mode),
                compile_bytecode=args.compile_bytecode,
                limits=options.unpacking_limits(args),
                progress=downloads.show,
            ),
        )
    for note in outcome.notes:
        render.note(note)
    return plan


def _with_digest(planned: PlannedInstall, downloads: Downloads) -> PlannedInstall:
    """direct_url.json records the digest of the very file, which an index of one wheel does not say."""
    if planned.direct_url is None or planned.hashes:
        return planned
    return planned.with_sha256(downloads.sha256(planned))


def _summary(plan: Plan, environment: Environment | None, *, dry_run: bool, seconds: float) -> str:
    # Plain text: importing rich would take longer than saying that nothing is to be done.
    if not plan.install:
        kept = [f"{kept.name} {kept.version}" for kept in plan.keep if kept.requested]
        there = f": {', '.join(kept)} {'is' if len(kept) == 1 else 'are'} there already" if kept else ""
        return f"Nothing to do{there}.\n"
    place = f" into {environment.prefix}" if environment is not None else ""
    count = f"{len(plan.install)} {'package' if len(plan.install) == 1 else 'packages'}"
    done = (
        f"Would install {count}{place}:\n" if dry_run else f"Installed {count}{place} in {seconds:.1f} s:\n"
    )
    replaced = {removal.name: removal for removal in plan.remove}
    rows = [
        (
            planned.name,
            str(planned.version),
            planned.label or "",
            _was(planned, replaced[planned.name].package.label, str(replaced[planned.name].version))
            if planned.name in replaced
            else "",
            planned.because,
        )
        for planned in plan.install
    ]
    return done + "".join(f"  {line}\n" for line in _columns(rows))


def _was(planned: PlannedInstall, label: str | None, version: str) -> str:
    return f"was {version}" + (f" {label}" if label and label != planned.label else "")


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width).rstrip()
        for row in rows
    ]
