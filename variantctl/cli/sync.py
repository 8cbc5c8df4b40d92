"""``variantctl sync``: make an environment exactly what a pylock.toml has for it."""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render, target_machine
from variantctl.cli.applying import applied
from variantctl.cli.building import add_build_arguments, prepare_builds
from variantctl.cli.recovery import recover
from variantctl.values import replace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from variantctl.cache.manifest import UnpackedWheel
    from variantctl.indexes.finder import PackageFinder
    from variantctl.indexes.project_files import WheelLink
    from variantctl.lock.selection import Choices
    from variantctl.lock.sources import NamedPlaces
    from variantctl.resolve.plan import Plan
    from variantctl.target.environment import Environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""

    several = {"action": "append", "default": []}
    parser.add_argument(
        "lock", nargs="?", default="pylock.toml", metavar="FILE", help="the lock file (default: pylock.toml)"
    )
    parser.add_argument("--extra", metavar="NAME", help="an extra of the lock", **several)  # type: ignore[arg-type]
    parser.add_argument(
        "--group",
        metavar="NAME",
        help="a dependency group of the lock, beside its default groups",
        **several,  # type: ignore[arg-type]
    )
    parser.add_argument(
        "--no-editable",
        action="store_true",
        help="install folders of source code as they are now, though the lock has them editable",
    )
    parser.add_argument(
        "--no-install-project",
        action="store_true",
        help="what the project in the lock's folder needs, and not the project itself",
    )
    parser.add_argument("--reinstall", action="store_true", help="install even what is there already")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)
    add_build_arguments(parser)
    options.add_file_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Choose for the machine at hand, install that, remove the rest."""
    from variantctl.lock.accelerators import accelerator_notes
    from variantctl.lock.reading import read_lock
    from variantctl.lock.selection import Selection
    from variantctl.lock.source_links import SourceLinks, locked_commits
    from variantctl.lock.syncing import plan_sync, planned_install, without_project
    from variantctl.requirements.files import RequirementFile
    from variantctl.resolve.plan import Plan
    from variantctl.resolve.plan_fit import fit_notes, with_fits
    from variantctl.select.compatibility import Interpreter
    from variantctl.target.installed import installed_packages

    started = time.perf_counter()
    path = Path(args.lock)
    lock = read_lock(path)
    environment = options.environment_of(args, for_changes=not args.dry_run)
    subject = target_machine.subject_of(args, environment)
    if environment is not None:
        if not args.dry_run:
            target_machine.refuse_other_platform(environment, subject)
        recover(environment, for_changes=not args.dry_run)
    installed = installed_packages(environment) if environment is not None else {}
    with options.open_finder(args, environment) as package_finder:

        def read_requires(link: WheelLink) -> Sequence[str]:
            return package_finder.core_metadata(link).requires_dist

        base = path.absolute().parent
        trees = prepare_builds(
            args,
            RequirementFile(),
            environment,
            subject,
            package_finder,
            lambda matching: matching.of_plan(Plan(tuple(map(planned_install, selection.fitting_wheels())))),
            commits=locked_commits(lock.packages, base),
        )
        assert package_finder.builds is not None
        sources = SourceLinks(base, package_finder.builds, trees, installed, editable=not args.no_editable)
        selection = Selection(
            lock,
            base,
            subject.machine,
            Interpreter(subject.platform.tags, subject.platform.markers),
            choices=_choices(args),
            read_requires=read_requires,
            sources=sources,
            who=subject.who,
        )
        selected = selection.select()
        if args.no_install_project:
            selected = without_project(selected, base)
        told = accelerator_notes(selected, lock, subject.machine, options.preferences(args), subject.who)
        plan = plan_sync(
            selected,
            installed,
            environment,
            reinstall=args.reinstall,
            record_of=partial(_record_of, package_finder),
            origin_of=package_finder.source_origin,
        )
        plan = _places(args, package_finder).applied_to(plan)
        plan = with_fits(plan, subject.machine, subject.who)
        for item in selected:
            sources.compare(item.package, lock, subject.platform.markers)
        poor = told + sources.notes + fit_notes(plan.install, show_size=render.human_size)
        target_machine.show_notes(subject, plan.notes)
        for text in poor:
            render.warning(text)
        plan = replace(plan, notes=(*plan.notes, *poor))
        if environment is not None and not args.dry_run and (plan.install or plan.remove):
            plan = applied(plan, environment, package_finder, args)
    if args.json:
        render.print_json(plan.as_json())
    elif not render.is_quiet():
        _print_summary(plan, environment, dry_run=args.dry_run, seconds=time.perf_counter() - started)
    return 0


def _places(args: argparse.Namespace, package_finder: PackageFinder) -> NamedPlaces:
    """Those of the command line: what a configuration names was there when the lock was made, too."""
    from variantctl.indexes.errors import ProjectNotFound
    from variantctl.lock.sources import NamedPlaces, named_project

    named = args.index_url or args.extra_index_url or args.find_links
    return NamedPlaces(
        named_project(package_finder.project, ProjectNotFound) if named else None,
        args.no_index,
        lambda link: bool(_unpacked(package_finder, link) or package_finder.stored(link.file)),
    )


def _unpacked(package_finder: PackageFinder, link: WheelLink) -> UnpackedWheel | None:
    from variantctl.cache.unpacked import UnpackedStore

    sha256 = link.file.hashes.get("sha256", "").lower()
    store = UnpackedStore(package_finder.cache.root / "install")
    wheel = store.get(link.file.filename, sha256) if sha256 else None
    return wheel if wheel is not None and wheel.has_size(link.file.size) else None


def _record_of(package_finder: PackageFinder, link: WheelLink) -> Mapping[str, str] | None:
    from variantctl.variants.errors import VariantctlError
    from variantctl.wheels.archive import WheelArchive
    from variantctl.wheels.record import hashes_in_library, read_record

    unpacked = _unpacked(package_finder, link)
    if unpacked is not None:
        return hashes_in_library((file.path, file.digest) for file in unpacked.files)
    try:
        found = package_finder.stored(link.file)
        if found is None:
            return None
        with WheelArchive.open(found.path, link.own_name) as archive:
            entries = read_record(archive).entries.values()
            return hashes_in_library((entry.path, entry.hash_column) for entry in entries if entry.is_strong)
    except VariantctlError:
        # It is said when it is to be installed.
        return None


def _choices(args: argparse.Namespace) -> Choices:
    from packaging.utils import canonicalize_name

    from variantctl.lock.selection import Choices

    return Choices(
        extras=frozenset(canonicalize_name(extra) for extra in args.extra),
        groups=frozenset(args.group),
        preferences=options.preferences(args),
    )


def _print_summary(plan: Plan, environment: Environment | None, *, dry_run: bool, seconds: float) -> None:
    write = sys.stdout.write
    place = str(environment.prefix) if environment is not None else "the environment"
    if not plan.install and not plan.remove:
        write(f"Nothing to do: {place} is what the lock says ({len(plan.keep)} packages).\n")
        return
    write(f"Would change {place}:\n" if dry_run else f"Changed {place} in {seconds:.1f} s:\n")
    coming = {planned.distribution: planned for planned in plan.install}
    for removal in plan.remove:
        if removal.name not in coming:
            write(f"  - {removal.name} {removal.version}\n")
    for planned in plan.install:
        label = f" {planned.label}" if planned.label else ""
        write(f"  + {planned.distribution} {planned.version}{label}  {planned.because}\n")
