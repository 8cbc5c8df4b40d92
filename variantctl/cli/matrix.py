"""``variantctl matrix``: what each of several machines would get, with download sizes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from variantctl.cli import options, render, target_machine
from variantctl.cli.app import UsageError
from variantctl.cli.building import add_build_arguments, with_builds
from variantctl.cli.project import profiles_of_project
from variantctl.cli.request import add_project_arguments, add_requirement_files, is_anything_named
from variantctl.values import replace
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from packaging.utils import NormalizedName

    from variantctl.explain.matrix import MatrixMachine, Row
    from variantctl.indexes.finder import PackageFinder
    from variantctl.requirements.files import RequirementFile
    from variantctl.resolve.plan import PlannedInstall
    from variantctl.target.environment import Environment

COLUMNS = (
    "machine",
    "name",
    "version",
    "label",
    "filename",
    "url",
    "size",
    "requested",
    "error",
    "accelerator",
)
_MOST_NAMES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = (
        "Without --profile and --all-profiles: those that [tool.variantctl] names, else this machine and all "
        "that are shipped."
    )
    parser.add_argument("requirements", nargs="*", metavar="REQUIREMENT", help="'torch', 'torch>=2.9', ...")
    add_requirement_files(parser)
    parser.add_argument("--all-profiles", action="store_true", help="every profile that is shipped")
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument("--no-deps", action="store_true", help="only what is named")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--csv", action="store_true", help="print a line for each wheel of each machine")
    add_project_arguments(parser)
    options.add_variant_arguments(parser, several_machines=True)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)
    add_build_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Resolve for every machine; it fails only where it cannot be done for any of them."""
    from variantctl.cli.request import requirement_files

    if not is_anything_named(args):
        raise UsageError("nothing is named to resolve", hint="Name a package, or a file with -r FILE.")
    files = requirement_files(args)
    environment = options.environment_of(args, for_changes=False)
    rows, names = resolved_rows(args, environment, files, _profiles(args))
    failed = failure_of(rows)
    if args.json:
        error = {} if failed is None else {"error": error_json(failed)}
        render.print_json({"format": 1, "machines": [row.as_json() for row in rows], **error})
    elif args.csv:
        _print_csv(rows)
    elif failed is None:
        print_table(rows, names)
    if failed is not None and not args.json:
        render.failure(failed, as_json=False, code=1)
    return 0 if failed is None else 1


def resolved_rows(
    args: argparse.Namespace,
    environment: Environment | None,
    files: RequirementFile,
    profiles: Sequence[str | None],
) -> tuple[list[Row], list[NormalizedName]]:
    """What each profile's machine would get, in order (``None`` is this machine), and what was asked for.

    Args:
        args: those that this command declares.
        environment: answers what a profile's platform leaves open.
        files: the requirements files that were read.
        profiles: names and paths.
    """
    from variantctl.cli.progress import progress_steps
    from variantctl.explain.matrix import matrix

    subjects = list(_subjects(args, environment, files, profiles))
    with (
        options.open_finder(args, environment, files) as package_finder,
        progress_steps("resolving", len(subjects)) as begin,
    ):
        subject = target_machine.TargetMachine(subjects[0].machine, subjects[0].platform, subjects[0].who)
        request = with_builds(args, files, environment, subject, package_finder)

        def begun() -> Iterator[MatrixMachine]:
            for subject in subjects:
                begin(subject.name)
                yield subject

        rows = [
            _with_fit_notes(row, args, package_finder)
            for row in matrix(request, begun(), package_finder=package_finder)
        ]
    return rows, list(dict.fromkeys(root.name for root in request.requirements))


def _with_fit_notes(row: Row, args: argparse.Namespace, package_finder: PackageFinder) -> Row:
    """What does not fit the machine is told in the row's notes."""
    from variantctl.cli.fit_advice import fit_notes

    if row.plan is None:
        return row
    told = fit_notes(args, row.plan.install, package_finder)
    return replace(row, plan=replace(row.plan, notes=(*row.plan.notes, *told)))


def _profiles(args: argparse.Namespace) -> list[str | None]:
    """The profiles in the order in which they are named; this machine where none is."""
    from variantctl.providers.profiles import shipped_profiles

    named: list[str | None] = list(args.profile or profiles_of_project(args))
    if not named and not args.all_profiles:
        named.append(None)
    if args.all_profiles or named == [None]:
        named += shipped_profiles()
    return list(dict.fromkeys(named))


def _subjects(
    args: argparse.Namespace,
    environment: Environment | None,
    files: RequirementFile,
    profiles: Sequence[str | None],
) -> Iterator[MatrixMachine]:
    from variantctl.explain.matrix import MatrixMachine

    for profile in profiles:
        one = argparse.Namespace(**{**vars(args), "profile": profile})
        subject = target_machine.subject_of(one, environment, files)
        name = subject.machine.profile.name if subject.machine.profile else subject.who
        yield MatrixMachine(name, subject.machine, subject.platform, subject.who)


def failure_of(rows: Sequence[Row]) -> VariantctlError | None:
    """The error where nothing could be done: the one that all have, or one that lists them."""
    errors = [row.error for row in rows if row.error is not None]
    if len(errors) < len(rows):
        return None
    if len({error.message for error in errors}) == 1:
        return errors[0]
    of_message: dict[str, list[str]] = {}
    for row in rows:
        if row.error is not None:
            of_message.setdefault(row.error.message, []).append(row.name)
    lines = [f"{', '.join(names)}: {message}" for message, names in of_message.items()]
    failed = VariantctlError("\n".join(["none of the machines can have this:", *lines]), hint=errors[0].hint)
    failed.kind = errors[0].kind
    return failed


def error_json(error: VariantctlError) -> dict[str, str]:
    """The error object of ``--json``."""
    return {"kind": error.kind, "message": error.message, "hint": error.hint or ""}


def _print_csv(rows: Sequence[Row]) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        if row.error is not None:
            writer.writerow([row.name, *[""] * (len(COLUMNS) - 3), row.error.message, ""])
        for planned, size in zip(row.install, row.sizes, strict=True):
            cells: list[Any] = [
                planned.name,
                planned.version,
                planned.label or "",
                planned.filename,
                planned.url,
            ]
            cells += ["" if size is None else size, int(planned.requested), "", _accelerator([planned])]
            writer.writerow([row.name, *cells])


def print_table(rows: Sequence[Row], requested: Sequence[NormalizedName]) -> None:
    """The rows as a table, then what there is to say of them."""
    from rich.markup import escape

    from variantctl.cli.styling import StackedTable

    table = StackedTable("machine", *map(escape, requested))
    table.add_column("accelerator", overflow="fold")
    table.add_column("dependencies", overflow="fold")
    table.add_column("download", justify="right")
    everywhere = set.intersection(*({p.name for p in row.install} for row in rows if row.plan is not None))
    for row in rows:
        if row.error is not None:
            cannot = [f"[red]{escape(row.error.kind)}[/]", *[""] * (len(requested) - 1)]
            table.add_row(escape(row.name), *cannot, "", "", "")
            continue
        planned = {item.name: item for item in row.install}
        cells = [
            f"{planned[name].version} {planned[name].label or ''}".rstrip() if name in planned else "-"
            for name in requested
        ]
        others = [name for name in planned if name not in requested]
        table.add_row(
            *map(
                escape,
                (
                    row.name,
                    *cells,
                    _accelerator([planned[name] for name in requested if name in planned]) or "-",
                    _dependencies(others, everywhere),
                    render.human_size(row.size),
                ),
            )
        )
    console = render.console()
    console.print(table)
    for row in rows:
        for note in row.plan.notes if row.plan else ():
            console.print(f"{row.name}: {note}", markup=False)
        if row.error is not None:
            console.print(f"{row.name}: {row.error.message}", markup=False)
            if row.error.hint:
                console.print(f"  {row.error.hint}", markup=False)


def _accelerator(requested: Sequence[PlannedInstall]) -> str:
    """What the packages that were asked for are built for: ``NVIDIA``, ``not used``, ``""``."""
    from variantctl.resolve.plan_fit import build_of
    from variantctl.variants.accelerators import CALLED

    used: dict[str, None] = {}
    for planned in requested:
        if planned.fit is not None and planned.fit.status == "misfit":
            return "not used"
        names = planned.accelerators
        if planned.label is None and (named := build_of(planned).accelerator) not in (None, "cpu"):
            names = (str(named),)
        used.update(dict.fromkeys(CALLED.get(name, name).removesuffix(" GPU") for name in names))
    return ", ".join(used)


def _dependencies(others: Sequence[NormalizedName], everywhere: set[NormalizedName]) -> str:
    """What not every machine gets by name, and how many more there are."""
    special = [name for name in others if name not in everywhere][:_MOST_NAMES]
    more = len(others) - len(special)
    return ", ".join([*special, *([f"{more} more" if special else str(more)] if more else [])]) or "-"
