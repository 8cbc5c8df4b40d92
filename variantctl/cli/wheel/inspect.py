"""Show wheels' tags, variants and dependencies, and check them against their RECORD."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli.progress import progress_bar
from variantctl.cli.render import console, failure, note, print_json
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.wheels.inspect import WheelReport

HELP = "show what wheels are and need, and whether their RECORD is true"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("wheels", type=Path, nargs="+", metavar="WHEEL", help="the wheels")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Look into every wheel; 1 if one is unsound. What is wrong with one does not hide the others."""
    if len(args.wheels) == 1:
        report = _inspect(args.wheels[0])
        if args.json:
            print_json(report.as_json())
        else:
            _show(report)
        if report.problem is not None and not args.json:
            raise report.problem
        return 0 if report.problem is None else 1
    objects: list[dict[str, object]] = []
    failed = False
    for number, path in enumerate(args.wheels):
        try:
            report = _inspect(path)
        except VariantctlError as error:
            failed = True
            said = {"kind": error.kind, "message": error.message, "hint": error.hint or ""}
            objects.append({"filename": path.name, "error": said})
            if not args.json:
                failure(error, as_json=False, code=1)
            continue
        failed = failed or report.problem is not None
        objects.append({key: value for key, value in report.as_json().items() if key != "format"})
        if not args.json:
            if number:
                console().print()
            _show(report)
            if report.problem is not None:
                failure(report.problem, as_json=False, code=1)
    if args.json:
        print_json({"format": 1, "wheels": objects})
    return 1 if failed else 0


def _inspect(path: Path) -> WheelReport:
    from variantctl.wheels.inspect import inspect_wheel

    with progress_bar(f"checking {path.name}") as progress:
        return inspect_wheel(path, progress=progress)


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
    for text in report.notes:
        note(text)


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
