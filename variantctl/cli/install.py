"""``variantctl install``: the best variant of every package asked for, with its dependencies."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render, summary, target_machine
from variantctl.cli.app import UsageError
from variantctl.cli.applying import applied
from variantctl.cli.building import add_build_arguments, with_builds
from variantctl.cli.project import FILENAME
from variantctl.cli.recovery import recover
from variantctl.cli.request import add_project_arguments, add_requirement_files, is_anything_named
from variantctl.values import replace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from variantctl.cli.settled import Witnesses
    from variantctl.cli.target_machine import TargetMachine
    from variantctl.indexes.finder import PackageFinder
    from variantctl.requirements.files import RequirementFile
    from variantctl.resolve.plan import Plan, PlannedInstall
    from variantctl.resolve.resolver import Request
    from variantctl.target.environment import Environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "requirements",
        nargs="*",
        metavar="REQUIREMENT",
        help="'torch', 'torch[opt]>=2', a wheel's path or URL, or source code: '.', an archive, git+https://...",
    )
    parser.add_argument(
        "-e",
        "--editable",
        metavar="DIR",
        action="append",
        default=[],
        help="a folder of source code, so that changes of it count at once",
    )
    add_requirement_files(parser)
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
    parser.add_argument(
        "--reinstall", "--force-reinstall", action="store_true", help="install even what is there already"
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument(
        "--only-deps",
        action="store_true",
        help="of source code that is named ('.', -e DIR): what it needs, and not it itself",
    )
    parser.add_argument("--no-deps", action="store_true", help="install only what is named")
    parser.add_argument("--require-hashes", action="store_true", help="refuse every package without a hash")
    parser.add_argument(
        "--report", metavar="FILE", help="write what is installed in pip's format ('-': standard output)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="try the frameworks that were installed (doctor --run), and take back what does not work",
    )
    parser.add_argument(
        "-y", "--yes", action="store_true", help="for habit's sake: install asks for nothing anyway"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_project_arguments(parser)
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)
    add_build_arguments(parser)
    options.add_file_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Resolve, then install unless told not to."""
    return carry_out(args)


def carry_out(args: argparse.Namespace, decided: Callable[[Plan], Mapping[str, object]] | None = None) -> int:
    """The whole of the command.

    Args:
        args: its options.
        decided: called with the plan before anything is changed; what it gives back is added to the JSON.
    """
    from variantctl.cli.fit_advice import fit_notes, kept_notes, warn
    from variantctl.cli.progress import search_progress
    from variantctl.cli.request import requirement_files
    from variantctl.resolve.resolver import resolve
    from variantctl.target.installed import installed_packages

    if args.json and args.report == "-":
        raise UsageError("--report - and --json both print an object", hint="Write the report to a file.")
    if not (is_anything_named(args) or args.editable):
        raise UsageError("nothing is named to install", hint="Name a package, or a file with -r FILE.")
    started = time.perf_counter()
    files = requirement_files(args)
    _refuse_only_deps(args, files)
    environment = options.environment_of(args, for_changes=not args.dry_run)
    subject = target_machine.subject_of(args, environment, files)
    if environment is not None:
        if not args.dry_run:
            target_machine.refuse_other_platform(environment, subject)
        recover(environment, for_changes=not args.dry_run)
    witnesses = _witnesses(args, environment)
    installed = installed_packages(environment) if environment is not None else {}
    with options.open_finder(args, environment, files) as package_finder:
        request = with_builds(args, files, environment, subject, package_finder, installed)
        with search_progress() as progress:
            plan = resolve(
                request,
                package_finder=package_finder,
                machine=subject.machine,
                platform=subject.platform,
                installed=installed,
                who=subject.who,
                progress=progress,
            )
        poor = fit_notes(args, plan.install, package_finder)
        poor += kept_notes(args, plan, subject.machine, subject.who)
        notes = (*plan.notes, *_advice(plan, package_finder, subject, request))
        target_machine.show_notes(subject, notes, package_finder.warnings)
        warn(poor)
        plan = replace(plan, notes=(*plan.notes, *poor))
        told = decided(plan) if decided is not None else {}
        if environment is not None and not args.dry_run and plan.install:
            accept = partial(_verify, environment, subject) if args.verify else None
            plan = applied(plan, environment, package_finder, args, accept=accept)
        if args.report is not None:
            _report(plan, package_finder, subject, args.report)
    if args.report == "-":
        return 0
    if args.json:
        render.print_json({**plan.as_json(), **told})
        return 0
    place = environment.prefix if environment is not None else None
    seconds = time.perf_counter() - started
    said = summary.of_plan(plan, place, dry_run=args.dry_run, seconds=seconds)
    is_quiet = render.is_quiet() or getattr(args, "no_install", False)
    sys.stdout.write("" if is_quiet else said)
    by_itself = not (notes or subject.machine.notes or subject.machine.was_asked)
    if decided is None and by_itself and not plan.install and witnesses is not None:
        witnesses.remember(args.arguments, "" if render.is_quiet() else said)
    return 0


def _report(plan: Plan, package_finder: PackageFinder, subject: TargetMachine, place: str) -> None:
    """Write the installation report, or print it."""
    import json

    from variantctl.explain.installation_report import installation_report
    from variantctl.filesystem.atomic import written_whole

    def metadata_of(planned: PlannedInstall) -> bytes:
        return package_finder.metadata_bytes(planned.link)

    report = installation_report(plan, metadata_of, subject.platform.markers)
    if place == "-":
        render.print_json(report)
        return
    with written_whole(Path(place)) as file:
        file.write(json.dumps(report, indent=2, ensure_ascii=False).encode() + b"\n")


def _refuse_only_deps(args: argparse.Namespace, files: RequirementFile) -> None:
    from variantctl.requirements.sources import source_reference

    named = args.editable or files.sources or any(map(source_reference, args.requirements))
    if args.only_deps and not named:
        raise UsageError("--only-deps is about source code, and none is named", hint="Name a folder: '.'")


def _depends_on_little(args: argparse.Namespace) -> bool:
    """Whether nothing but configuration, pages and the environment decides what this command does."""
    elsewhere = (
        args.editable or args.requirement or args.constraint or args.profile or args.build or args.no_binary
    )
    elsewhere = elsewhere or args.group or args.override
    otherwise = (
        args.dry_run
        or args.verify
        or args.report
        or args.json
        or args.reinstall
        or args.upgrade
        or args.upgrade_package
    )
    named_by_place = any(re.search(r"[/\\@]|\.whl$", text) for text in args.requirements)
    return not (elsewhere or otherwise or named_by_place or render.is_verbose())


def _witnesses(args: argparse.Namespace, environment: Environment | None) -> Witnesses | None:
    """What must stay as it is for "nothing to do" to be the answer again; None where that is not all."""
    from variantctl.cli.settled import Witnesses
    from variantctl.config.file import configuration_file

    # A version or a command is looked up in folders that may change.
    named = args.python is not None and os.sep not in args.python
    looked_up = named and not os.path.isdir(args.python)  # the text, as it was given
    if environment is None or looked_up or not _depends_on_little(args):
        return None
    configuration = configuration_file(os.environ)
    # Whether or not there is one now.
    project = Path(os.path.abspath(FILENAME))
    return Witnesses(environment, [project, *([configuration] if configuration is not None else [])])


def _advice(plan: Plan, package_finder: PackageFinder, subject: TargetMachine, request: Request) -> list[str]:
    """The driver update that would get better variants, in a line."""
    from variantctl.explain.driver_updates import driver_updates

    said = driver_updates(
        plan,
        package_finder=package_finder,
        machine=subject.machine,
        platform=subject.platform,
        preferences=request.preferences,
        who=subject.who,
    )
    return [said] if said else []


def _verify(environment: Environment, subject: TargetMachine, plan: Plan) -> None:
    """Look at the code of what is in place now, and try it; raises where it cannot work: it is taken back."""
    from variantctl.doctor.verification import verify, verify_code
    from variantctl.select.fit import ACCELERATORS

    changed = {planned.name for planned in plan.install}
    verify_code(environment, changed, lambda: subject.machine.supported(ACCELERATORS), subject.who)
    for trial in verify(environment, changed):
        working = ", ".join(device.name or device.device for device in trial.devices if device.ok)
        render.note(f"{trial.framework} {trial.version} computes on: {working}")
