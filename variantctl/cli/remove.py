"""``variantctl remove``: a dependency that the project no longer has, taken out of pyproject.toml."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from variantctl.cli import options, render
from variantctl.cli.editing import (
    add_list_arguments,
    list_of,
    project_file,
    read_text,
    say_lock_is_older,
    taken_back_on_failure,
    write_text,
)
from variantctl.cli.recovery import recover, say_waiting

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.requirements.projects import Project
    from variantctl.target.environment import Environment
    from variantctl.target.installed import InstalledPackage


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="a package that the project needs no longer")
    add_list_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_environment_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Change the file, then uninstall what nothing needs any more."""
    from packaging.utils import canonicalize_name

    from variantctl.requirements.editing import ProjectFile
    from variantctl.requirements.projects import read_project

    place, path = list_of(args), project_file()
    before = read_text(path)
    file = ProjectFile(before, str(path))
    names = list(dict.fromkeys(canonicalize_name(name) for name in args.names))
    gone = [text for name in names for text in file.remove(name, place)]
    changed = file.text()
    project = read_project(path, changed.encode())
    environment = _environment(args)
    going: Sequence[InstalledPackage] = ()
    notes: Sequence[str] = ()
    if environment is not None:
        recover(environment, for_changes=not args.dry_run)
        going = _no_longer_needed(names, project, environment)
    if not args.dry_run:
        write_text(path, changed)
        with taken_back_on_failure(path, before):
            notes = _uninstall(going, environment)
    if args.json:
        render.print_json(
            {
                "format": 1,
                "file": str(path),
                "list": str(place),
                "removed": gone,
                "remove": [{"name": each.name, "version": str(each.version)} for each in going],
                "notes": list(notes),
            }
        )
    elif not render.is_quiet():
        verb = "Would remove" if args.dry_run else "Removed"
        sys.stdout.write(f"{verb} {', '.join(gone)} from the {place} of {path}.\n")
        for package in going:
            sys.stdout.write(f"  - {package.name} {package.version}\n")
    if not args.dry_run:
        say_lock_is_older(path)
    return 0


def _environment(args: argparse.Namespace) -> Environment | None:
    from variantctl.target.errors import EnvironmentNotFoundError

    if args.no_install:
        return None
    try:
        return options.named_environment(args, for_changes=not args.dry_run)
    except EnvironmentNotFoundError:
        if args.python is not None:
            raise
        render.note("there is no environment: nothing is uninstalled")
        return None


def _no_longer_needed(
    names: Sequence[NormalizedName], project: Project, environment: Environment
) -> list[InstalledPackage]:
    """Of what is removed what nothing else needs, and what only that needed."""
    from variantctl.doctor.leftovers import only_for
    from variantctl.target.installed import installed_packages

    installed = installed_packages(environment)
    others = {name: package for name, package in installed.items() if name != project.name}
    needed = _needed(others, environment, leaving=names) | set(_all_of(project))
    leaving = [name for name in names if name in others and name not in needed]
    for name in names:
        if name in others and name in needed:
            render.note(f"{name} stays installed: something else needs it")
    rest = [item.package for item in only_for(others, environment, leaving, surely=True)] if leaving else []
    wanted = set(_all_of(project))
    return [*(others[name] for name in leaving), *(package for package in rest if package.name not in wanted)]


def _needed(
    installed: Mapping[NormalizedName, InstalledPackage],
    environment: Environment,
    leaving: Sequence[NormalizedName],
) -> set[NormalizedName]:
    """What installed packages need that stay."""
    from variantctl.variants.lenient import read_requirement
    from variantctl.variants.markers import MarkerVariant

    found: set[NormalizedName] = set()
    for name, package in installed.items():
        if name in leaving:
            continue
        for text in package.requires():
            requirement = read_requirement(text).requirement
            if requirement.applies(environment.markers, MarkerVariant()):
                found.add(requirement.name)
    return found


def _all_of(project: Project) -> list[NormalizedName]:
    """Everything that the project still names, in any of its lists."""
    from variantctl.variants.errors import InvalidVariantError
    from variantctl.variants.markers import parse_requirement

    listed = [*(project.dependencies or ())]
    listed += [text for texts in (project.optional or {}).values() for text in texts]
    listed += [text for entries in project.groups.values() for text in entries if isinstance(text, str)]
    found = []
    for text in listed:
        try:
            found.append(parse_requirement(text).name)
        except InvalidVariantError:
            continue
    return found


def _uninstall(going: Sequence[InstalledPackage], environment: Environment | None) -> Sequence[str]:
    if environment is None or not going:
        return ()
    from variantctl.install.apply import Options, uninstall

    notes = uninstall(going, environment, Options(progress=say_waiting)).notes
    for note in notes:
        render.note(note)
    return notes
