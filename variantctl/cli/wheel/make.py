"""Make variant wheels of ordinary ones: a label in the filename, a variant.json inside, RECORD to match; one
wheel with -f, or many at once by a recipe (docs/making-wheels.md)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli.progress import progress_bar
from variantctl.cli.render import note, print_json
from variantctl.cli.wheel.plugins import add_provider_arguments, build_providers, known_features
from variantctl.values import replace
from variantctl.variants.errors import InvalidVariantError
from variantctl.variants.labels import NULL_LABEL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from variantctl.variants.metadata import VariantMetadata
    from variantctl.variants.properties import Properties
    from variantctl.wheels.batch import WheelToMake
    from variantctl.wheels.inference import Inference
    from variantctl.wheels.requirement_edits import DependencyEdits

HELP = "make variant wheels of ordinary ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("-f", "--file", type=Path, metavar="WHEEL", help="the wheel to start from")
    source.add_argument(
        "--recipe", type=Path, metavar="FILE", help="make all the wheels that this file describes, or none"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help="the folder to write to (with --recipe: by default the one it names, else 'wheels' beside it)",
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--label", metavar="L", help="the variant label, for example cu128")
    kind.add_argument("--null", action="store_true", help="make the null variant, which fits every machine")
    parser.add_argument(
        "--property",
        dest="properties",
        action="extend",
        nargs="+",
        default=[],
        metavar="P",
        help="'namespace :: feature :: value'; may be repeated; may be left out if pyproject.toml lists "
        "the label under [variant.variants]",
    )
    parser.add_argument(
        "--infer",
        action="store_true",
        help="take the properties from the code in the wheel, and say what shows each",
    )
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument(
        "--pyproject",
        type=Path,
        metavar="FILE",
        help="take namespaces and providers from its [variant] table",
    )
    tables.add_argument(
        "--namespace",
        dest="namespaces",
        action="append",
        default=[],
        metavar="NS",
        help="without a pyproject.toml: a namespace the project's variants use; repeat it, best first",
    )
    _add_edits(parser)
    parser.add_argument("--dry-run", action="store_true", help="check everything and write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_provider_arguments(parser)


def _add_edits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("changes")
    group.add_argument(
        "--drop-local-version",
        action="store_true",
        help="take the local part off the version: 2.10.0+cu128 becomes 2.10.0",
    )
    for name, metavar, text in (
        ("add", "REQUIREMENT", "one more Requires-Dist; it may have variant markers"),
        ("remove", "NAME", "take every Requires-Dist of this project away"),
        ("replace", "REQUIREMENT", "put it in the place of every Requires-Dist of its project"),
    ):
        group.add_argument(f"--{name}-dependency", metavar=metavar, action="append", default=[], help=text)


def run(args: argparse.Namespace) -> int:
    """Make one wheel, or those of a recipe."""
    from variantctl.cli.app import UsageError

    if args.recipe is not None:
        single = {
            "--label": args.label,
            "--null": args.null,
            "--property": args.properties,
            "--infer": args.infer,
            "--pyproject": args.pyproject,
            "--namespace": args.namespaces,
            "--drop-local-version": args.drop_local_version,
            "--add-dependency": args.add_dependency,
            "--remove-dependency": args.remove_dependency,
            "--replace-dependency": args.replace_dependency,
        }
        given = next((option for option, value in single.items() if value), None)
        if given is not None:
            raise UsageError(f"{given} and --recipe exclude each other: the recipe says it")
        return _by_recipe(args)
    if args.label is None and not args.null:
        raise UsageError("--label or --null is missing")
    if args.output is None:
        raise UsageError("--output is missing")
    return _one(args)


def _one(args: argparse.Namespace) -> int:
    from variantctl.variants.properties import VariantProperty, in_order
    from variantctl.wheels.variant_wheel import make_variant

    wanted = in_order(VariantProperty.parse(text) for text in args.properties)
    if args.null and wanted:
        raise InvalidVariantError(
            "the null variant has no properties",
            hint="Leave --property out, or give a --label instead of --null.",
        )
    table = _table(args)
    inference = _inferred(args, table) if args.infer else None
    if inference is not None:
        wanted = inference.properties
    label = NULL_LABEL if args.null else args.label
    _check(args, table, label, wanted)
    with progress_bar(f"checking {args.file.name}") as progress:
        path = make_variant(
            args.file,
            args.output,
            label=label,
            properties=wanted if args.null or wanted else None,
            table=table,
            table_source=str(args.pyproject) if args.pyproject else None,
            namespaces=args.namespaces,
            edits=_edits(args),
            drop_local=args.drop_local_version,
            progress=progress,
            dry_run=args.dry_run,
        )
    if args.json:
        size = {} if args.dry_run else {"size": path.stat().st_size}
        said = {} if inference is None else inference.as_json()
        print_json({"format": 1, "dry_run": args.dry_run, "wheel": str(path), **size, **said})
    else:
        sys.stdout.write(f"{path}\n")
    return 0


def _inferred(args: argparse.Namespace, table: VariantMetadata | None) -> Inference:
    """The properties that the code shows; what shows them goes to standard error."""
    from variantctl.cli.app import UsageError
    from variantctl.wheels.audit import audit_wheel
    from variantctl.wheels.inference import infer

    given = "--property" if args.properties else "--null" if args.null else None
    if given is not None:
        raise UsageError(f"argument --infer: not allowed with argument {given}")
    with progress_bar(f"reading {args.file.name}") as progress:
        audit = audit_wheel(args.file, progress=progress)
    inference = infer(audit, table.namespaces if table is not None else args.namespaces)
    if not args.json:
        for item in inference.found:
            note(f"{item.property}: {item.because}")
        for text in inference.notes:
            note(text)
    return inference


def _table(args: argparse.Namespace) -> VariantMetadata | None:
    if args.pyproject is None:
        return None
    from variantctl.variants.pyproject import load_pyproject_variant_table
    from variantctl.wheels.recipe import load_toml

    source = str(args.pyproject)
    table = load_pyproject_variant_table(load_toml(args.pyproject), source)
    return build_providers(args).resolved(table, source)


def _check(args: argparse.Namespace, table: VariantMetadata | None, label: str, wanted: Properties) -> None:
    """Compare the properties with what their providers know."""
    from variantctl.variants.known_properties import check_known

    properties = wanted or (table.properties_of(label) if table is not None else None)
    if args.no_validate or not properties:
        return
    known = known_features(build_providers(args), table.providers if table else {}, list(properties))
    source = str(args.pyproject) if args.pyproject and not wanted else None
    check_known(properties, known, source=source, label=label)


def _edits(args: argparse.Namespace) -> DependencyEdits:
    from variantctl.variants.markers import parse_requirement
    from variantctl.wheels.requirement_edits import DependencyEdits

    replace_by: dict[str, list[str]] = {}
    for text in args.replace_dependency:
        replace_by.setdefault(parse_requirement(text).name, []).append(text)
    return DependencyEdits.of(remove=args.remove_dependency, replace=replace_by, add=args.add_dependency)


def _by_recipe(args: argparse.Namespace) -> int:
    from variantctl.wheels.batch import make_wheels, plan_wheels
    from variantctl.wheels.recipe import load_recipe

    recipe = load_recipe(args.recipe)
    providers = build_providers(args)
    if recipe.table is not None:
        recipe = replace(recipe, table=providers.resolved(recipe.table, recipe.table_source))
    known = None
    if not args.no_validate:
        listed = recipe.table.used_namespaces if recipe.table else ()
        namespaces = list(dict.fromkeys([*recipe.namespaces, *listed]))
        known = known_features(providers, recipe.table.providers if recipe.table else {}, namespaces)
    planned = plan_wheels(recipe, known)
    out_dir = args.output or recipe.output or args.recipe.parent / "wheels"
    if not args.dry_run:
        with progress_bar(f"checking the wheels of {args.recipe.name}") as progress:
            make_wheels(planned, out_dir, progress=progress)
    if args.json:
        wheels = [_described(wheel, out_dir, args.dry_run) for wheel in planned]
        print_json({"format": 1, "dry_run": args.dry_run, "output": str(out_dir), "wheels": wheels})
        return 0
    _show(planned, out_dir, args.dry_run)
    return 0


def _described(wheel: WheelToMake, out_dir: Path, dry_run: bool) -> dict[str, object]:
    entry = wheel.as_json(out_dir)
    if not dry_run:
        from variantctl.filesystem.digests import file_digest

        path = out_dir / wheel.filename
        entry |= {"size": path.stat().st_size, "sha256": file_digest(path)}
    return entry


def _show(planned: Sequence[WheelToMake], out_dir: Path, dry_run: bool) -> None:
    for wheel in planned:
        sys.stdout.write(f"{out_dir / wheel.filename}\n")
        for item in wheel.inference.found if wheel.inference is not None else ():
            note(f"{wheel.filename}: {item.property}: {item.because}")
        for text in wheel.inference.notes if wheel.inference is not None else ():
            note(f"{wheel.filename}: {text}")
        if dry_run:
            sys.stdout.write(f"  of {wheel.source}\n")
            for sign, texts, others in (("-", wheel.before, wheel.after), ("+", wheel.after, wheel.before)):
                for text in texts:
                    if text not in others:
                        sys.stdout.write(f"  {sign} {text}\n")
    if dry_run:
        note(f"nothing was written: {len(planned)} wheel{'s' if len(planned) != 1 else ''} would be made")
