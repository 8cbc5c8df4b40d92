"""``variantctl add``: a dependency of the project, written into pyproject.toml and installed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render
from variantctl.cli.app import UsageError
from variantctl.cli.building import add_build_arguments
from variantctl.cli.editing import (
    add_list_arguments,
    list_of,
    project_file,
    read_text,
    say_lock_is_older,
    taken_back_on_failure,
    write_text,
)

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.requirements.editing import DependencyList
    from variantctl.resolve.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "added",
        nargs="+",
        metavar="REQUIREMENT",
        help="'torch', 'torch[opt]>=2', 'name @ https://...'; without a version the one that is taken counts",
    )
    add_list_arguments(parser)
    parser.add_argument(
        "--bounds",
        choices=("lower", "major", "minor", "exact"),
        default="lower",
        help="what to write where no version is named: >=2.1 (default), >=2.1,<3.0, >=2.1,<2.2 or ==2.1",
    )
    parser.add_argument("--raw", action="store_true", help="write what is named as it is, without a version")
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)
    add_build_arguments(parser)
    options.add_file_arguments(parser)
    # What `install` has besides, and `add` has no use for.
    parser.set_defaults(requirements=[], editable=[], constraint=[], override=[], upgrade=False)
    parser.set_defaults(upgrade_strategy="only-if-needed", reinstall=False, only_deps=False, no_deps=False)
    parser.set_defaults(require_hashes=False, report=None, verify=False, all_extras=False)


def run(args: argparse.Namespace) -> int:
    """Resolve the project with what is added; only where that succeeds the file is written."""
    from variantctl.cli.install import carry_out
    from variantctl.requirements.editing import ProjectFile
    from variantctl.requirements.projects import read_project

    place, path = list_of(args), project_file()
    before = read_text(path)
    names = [_checked(text) for text in args.added]
    file = ProjectFile(before, str(path))
    written = [file.add(text, place) for text in args.added]
    _ask_for_the_project(args, place, path, file.text())
    known = read_project(path)
    args.upgrade_package = [name for name in names if name not in _named(known.dependencies or ())]
    change = _Change(path, before, place, args, written)
    _without_environment(args)
    with taken_back_on_failure(path, before):
        code = carry_out(args, change.decided)
    if not (args.json or render.is_quiet()):
        sys.stdout.write(change.summary)
    if not change.dry_run:
        say_lock_is_older(path)
    return code


class _Change:
    """The change of the file, once it is known which versions there are."""

    def __init__(
        self, path: Path, before: str, place: DependencyList, args: argparse.Namespace, written: list[str]
    ) -> None:
        self._path = path
        self._before = before
        self._place = place
        self._args = args
        self._written = written
        self.dry_run = bool(args.dry_run)
        self.summary = ""

    def decided(self, plan: Plan) -> Mapping[str, object]:
        """Write the file; gives back what is said of it in JSON."""
        from packaging.requirements import Requirement
        from packaging.utils import canonicalize_name

        from variantctl.requirements.editing import ProjectFile, with_bounds

        versions = {kept.name: kept.version.public for kept in plan.keep}
        versions |= {planned.name: planned.version.public for planned in plan.install}
        file = ProjectFile(self._before, str(self._path))
        kind = "none" if self._args.raw else self._args.bounds
        added = []
        for text, written in zip(self._args.added, self._written, strict=True):
            name = canonicalize_name(Requirement(text).name)
            # Where the file says already which versions will do, that stays.
            bound = (
                text if written != text or name not in versions else with_bounds(text, versions[name], kind)
            )
            added.append(file.add(bound, self._place))
        changed = file.text()
        if not self.dry_run:
            write_text(self._path, changed)
        verb = "Would add" if self.dry_run else "Added"
        if changed == self._before:
            self.summary = f"{self._path} has {', '.join(added)} already, in its {self._place}.\n"
        else:
            self.summary = f"{verb} {', '.join(added)} to the {self._place} of {self._path}.\n"
        return {
            "file": str(self._path),
            "list": str(self._place),
            "added": added,
            "changed": changed != self._before,
        }


def _checked(text: str) -> NormalizedName:
    """The name of what is added.

    Raises:
        UsageError: a pyproject.toml cannot have it.
    """
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    from variantctl.requirements.requirement import parse_user_requirement
    from variantctl.requirements.sources import source_reference

    source = source_reference(text)
    if source is not None and source.name is None:
        raise UsageError(
            f"'{text}' names no project, as a dependency must",
            hint=f"Write 'NAME @ {text}', or install it alone: `variantctl install {text}`.",
        )
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        # Our own reader says what is wrong with it, and what may have been meant.
        parse_user_requirement(text)
        raise UsageError(f"'{text}' is no requirement that a pyproject.toml can have") from None


def _named(requirements: tuple[str, ...]) -> set[NormalizedName]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found = set()
    for text in requirements:
        try:
            found.add(canonicalize_name(Requirement(text).name))
        except InvalidRequirement:
            continue
    return found


def _ask_for_the_project(args: argparse.Namespace, place: DependencyList, path: Path, text: str) -> None:
    """Have `install` resolve what the project will need: its dependencies, and the list that is changed."""
    from variantctl.requirements.projects import read_project

    args.edited = {path: text.encode()}
    project = read_project(path, text.encode())
    args.requirement = [str(path)] if project.dependencies is not None else []
    args.extra = [place.name] if place.kind == "extra" else []
    args.group = [f"{path}:{place.name}"] if place.kind == "group" else []


def _without_environment(args: argparse.Namespace) -> None:
    """Where there is no environment, or none is to be changed, the file alone is."""
    from variantctl.target.errors import EnvironmentNotFoundError

    if args.no_install:
        args.dry_run = True
        return
    try:
        options.named_environment(args, for_changes=False)
    except EnvironmentNotFoundError:
        if args.python is not None:
            raise
        render.note("there is no environment: nothing is installed. `variantctl venv` makes one")
        args.no_install = args.dry_run = True
