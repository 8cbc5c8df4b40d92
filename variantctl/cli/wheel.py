"""``variantctl wheel``: make variant wheels of ordinary ones, take them back, look into them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli.progress import progress_bar
from variantctl.cli.render import console, note, print_json
from variantctl.variants.errors import InvalidVariantError, VariantctlError
from variantctl.variants.labels import NULL_LABEL

if TYPE_CHECKING:
    from variantctl.variants.metadata import VariantMetadata
    from variantctl.wheels.inspect import WheelReport

HELP = "make and inspect variant wheels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare ``wheel make``, ``wheel unmake`` and ``wheel inspect``."""
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    make = actions.add_parser(
        "make",
        help="make a variant wheel of an ordinary one",
        description="Make a variant wheel: a label in the filename, a variant.json inside, RECORD to match.",
    )
    _add_source(make)
    kind = make.add_mutually_exclusive_group(required=True)
    kind.add_argument("--label", metavar="L", help="the variant label, for example cu128")
    kind.add_argument("--null", action="store_true", help="make the null variant, which fits every machine")
    make.add_argument(
        "--property",
        dest="properties",
        action="extend",
        nargs="+",
        default=[],
        metavar="P",
        help="'namespace :: feature :: value'; may be repeated; may be left out if pyproject.toml lists "
        "the label under [variant.variants]",
    )
    tables = make.add_mutually_exclusive_group()
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
    unmake = actions.add_parser(
        "unmake",
        help="make an ordinary wheel of a variant wheel",
        description="Undo 'wheel make': drop the label and the variant.json.",
    )
    _add_source(unmake)
    inspect = actions.add_parser(
        "inspect",
        help="show what a wheel is and needs, and whether its RECORD is true",
        description="Show a wheel's tags, variant and dependencies, and check it against its RECORD.",
    )
    inspect.add_argument("wheel", type=Path, metavar="WHEEL", help="the wheel")
    inspect.add_argument("--json", action="store_true", help="print one JSON object")


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f", "--file", type=Path, required=True, metavar="WHEEL", help="the wheel to start from"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="the folder to write the new wheel to"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the action that was asked for."""
    actions = {"make": _make, "unmake": _unmake, "inspect": _inspect}
    return actions[args.action](args)


def _make(args: argparse.Namespace) -> int:
    from variantctl.variants.properties import VariantProperty, collect
    from variantctl.wheels.make import make_variant

    wanted = [VariantProperty.parse(text) for text in args.properties]
    if args.null and wanted:
        raise InvalidVariantError(
            "the null variant has no properties",
            hint="leave --property out, or give a --label instead of --null",
        )
    # Namespaces in the order in which they were first named: that is their priority without a table.
    named = list(dict.fromkeys([*args.namespaces, *(item.namespace for item in wanted)]))
    gathered = collect(wanted)
    properties = {namespace: gathered[namespace] for namespace in named if namespace in gathered}
    with progress_bar(f"checking {args.file.name}") as progress:
        path = make_variant(
            args.file,
            args.output,
            label=NULL_LABEL if args.null else args.label,
            properties=properties if args.null or wanted else None,
            table=_table(args.pyproject) if args.pyproject else None,
            table_source=str(args.pyproject) if args.pyproject else None,
            namespaces=args.namespaces,
            progress=progress,
        )
    return _written(path, args)


def _unmake(args: argparse.Namespace) -> int:
    from variantctl.wheels.make import unmake_variant

    with progress_bar(f"checking {args.file.name}") as progress:
        path = unmake_variant(args.file, args.output, progress=progress)
    return _written(path, args)


def _written(path: Path, args: argparse.Namespace) -> int:
    if args.json:
        print_json({"format": 1, "wheel": str(path), "size": path.stat().st_size})
    else:
        sys.stdout.write(f"{path}\n")
    return 0


def _table(pyproject: Path) -> VariantMetadata:
    from variantctl.variants.pyproject import load_pyproject_variant_table

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"it is not TOML: {error}"
        raise VariantctlError(f"{pyproject}: {reason}") from error
    return load_pyproject_variant_table(data, str(pyproject))


def _inspect(args: argparse.Namespace) -> int:
    from variantctl.wheels.inspect import inspect_wheel

    with progress_bar(f"checking {args.wheel.name}") as progress:
        report = inspect_wheel(args.wheel, progress=progress)
    if args.json:
        print_json(report.as_json())
    else:
        _show(report)
        for text in report.notes:
            note(text)
    if report.problem is None:
        return 0
    if not args.json:
        raise report.problem
    return 1


def _show(report: WheelReport) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for title, values in _rows(report):
        for number, value in enumerate(values):
            table.add_row(title if number == 0 else "", Text(value))
    console().print(table)


def _rows(report: WheelReport) -> Iterator[tuple[str, Sequence[str]]]:
    """The lines of the table: a title, and one or more values under each other."""
    yield "wheel", [report.filename.filename]
    yield "name", [report.metadata.name]
    yield "version", [str(report.metadata.version)]
    yield "tags", report.tags
    if report.filename.label is None:
        yield "variant", ["none: an ordinary wheel"]
    else:
        yield "variant", [report.filename.label]
        yield "properties", report.properties or ["none: it fits every machine"]
        yield "namespaces", report.namespaces
        yield "providers", report.providers or ["not named"]
    if report.metadata.requires_python_text:
        yield "needs Python", [report.metadata.requires_python_text]
    yield "needs", report.metadata.requires_dist or ["nothing"]
    yield "size", [f"{report.size:,} bytes, {report.unpacked:,} unpacked, {report.files:,} files"]
    yield "sha256", [report.sha256]
    yield "RECORD", ["verified" if report.problem is None else f"does not verify: {report.problem.message}"]
