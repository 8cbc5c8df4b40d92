"""``variantctl download``: the wheels that an install would take, into a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render, target_machine
from variantctl.cli.app import UsageError
from variantctl.cli.building import add_build_arguments, matching_of, with_builds
from variantctl.cli.request import add_project_arguments, add_requirement_files, is_anything_named
from variantctl.values import replace

if TYPE_CHECKING:
    from variantctl.indexes.finder import PackageFinder
    from variantctl.resolve.plan import Plan, PlannedInstall


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "requirements", nargs="*", metavar="REQUIREMENT", help="'torch', 'torch[opt]>=2', ..."
    )
    add_requirement_files(parser)
    parser.add_argument(
        "-d", "--dest", metavar="DIR", type=Path, default=Path(), help="where to (default: this folder)"
    )
    parser.add_argument(
        "--index",
        action="store_true",
        help="also write a lock and indexes of the folder, as with several profiles",
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument("--no-deps", action="store_true", help="download only what is named")
    parser.add_argument("--require-hashes", action="store_true", help="refuse every package without a hash")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_project_arguments(parser)
    options.add_variant_arguments(parser, several_machines=True)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)
    add_build_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Resolve as ``install`` does for an empty environment, and fetch."""
    from variantctl.cli.progress import search_progress
    from variantctl.cli.request import requirement_files
    from variantctl.resolve.resolver import resolve

    if not is_anything_named(args):
        raise UsageError("nothing is named to download", hint="Name a package, or a file with -r FILE.")
    files = requirement_files(args)
    environment = options.environment_of(args, for_changes=False)
    if len(dict.fromkeys(args.profile)) > 1 or args.index:
        from variantctl.cli.fleet_download import run as run_for_several

        return run_for_several(args, environment, files)
    args.profile = args.profile[0] if args.profile else None
    subject = target_machine.subject_of(args, environment, files)
    with options.open_finder(args, environment, files) as package_finder:
        request = with_builds(args, files, environment, subject, package_finder)
        with search_progress() as progress:
            plan = resolve(
                request,
                package_finder=package_finder,
                machine=subject.machine,
                platform=subject.platform,
                who=subject.who,
                progress=progress,
            )
        target_machine.show_notes(subject, plan.notes)
        if any(map(_is_tree, plan.install)) and environment is not None:
            target_machine.refuse_other_platform(environment, subject)
        plan = _with_trees_built(plan, package_finder, args)
        saved = _save(plan, package_finder, args.dest)
    if args.json:
        planned = [{**item, "path": str(path)} for item, path in zip(_items(plan), saved, strict=True)]
        render.print_json({"format": 1, "download": planned, "notes": list(plan.notes)})
    elif not render.is_quiet():
        for path in saved:
            sys.stdout.write(f"Saved {path}\n")
    return 0


def _is_tree(planned: PlannedInstall) -> bool:
    """Whether it is a folder or a commit, of which there is no file that could be saved."""
    info = planned.direct_url or {}
    return planned.needs_build and ("dir_info" in info or "vcs_info" in info)


def _with_trees_built(plan: Plan, package_finder: PackageFinder, args: argparse.Namespace) -> Plan:
    """The plan with wheels of folders and commits; archives and source distributions stay as they are."""
    from variantctl.install.planned_builds import built_plan

    if not any(map(_is_tree, plan.install)):
        return plan
    trees = replace(plan, install=tuple(filter(_is_tree, plan.install)))
    built = built_plan(trees, package_finder, matching_of(args).of_plan(plan))
    wheels = {item.name: item for item in built.install}
    return replace(plan, install=tuple(wheels.get(item.name, item) for item in plan.install))


def _items(plan: Plan) -> list[dict[str, Any]]:
    return [planned.as_json() for planned in plan.install]


def _save(plan: Plan, package_finder: PackageFinder, folder: Path) -> list[Path]:
    """Each wheel under its own name; a file appears whole or not at all."""
    import shutil

    from variantctl.cli.progress import Downloads
    from variantctl.filesystem.atomic import written_whole

    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    with Downloads(package_finder, keep_archives=True) as downloads:
        for planned in plan.install:
            place = folder / planned.filename
            if planned.needs_build and planned.direct_url is not None:
                fetched = package_finder.fetch_archive(planned.direct_url["url"], planned.hashes).path
            else:
                fetched = downloads.fetched(planned)
            with fetched.open("rb") as source, written_whole(place) as out:
                shutil.copyfileobj(source, out, 1 << 20)
            saved.append(place)
    return saved
