"""Read from the code in wheels what they were built for: the libraries that are needed, and the GPUs that
there is machine code (or PTX, which newer GPUs can run too) for. Nothing of it is run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli.progress import progress_bar
from variantctl.cli.render import console, failure, note, print_json, warning
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.wheels.audit import Library, WheelAudit

HELP = "read from their code what wheels were built for"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="wheels, or libraries")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Look into every file; 1 if one cannot be read. What is wrong with one does not hide the others."""
    found: list[WheelAudit] = []
    errors: list[tuple[Path, VariantctlError]] = []
    for path in dict.fromkeys(args.files):
        try:
            found.append(_audit(path))
        except VariantctlError as caught:
            errors.append((path, caught))
    if args.json:
        _print_json(found, errors)
    else:
        _show(found)
        for _, error in errors:
            failure(error, as_json=False, code=1)
    return 1 if errors else 0


def _audit(path: Path) -> WheelAudit:
    from variantctl.wheels.audit import WheelAudit, audit_file, audit_wheel

    if path.suffix == ".whl":
        with progress_bar(f"reading {path.name}") as progress:
            return audit_wheel(path, progress=progress)
    library = audit_file(path, path.name)
    if library is None:
        raise VariantctlError(
            f"{path}: is neither a wheel nor a library",
            hint="Wheels are known by their names, which end in .whl.",
        )
    return WheelAudit(path.name, path, (library,))


def _print_json(found: Sequence[WheelAudit], errors: Sequence[tuple[Path, VariantctlError]]) -> None:
    wheels = [audit.as_json() for audit in found]
    for path, error in errors:
        said = {"kind": error.kind, "message": error.message, "hint": error.hint or ""}
        wheels.append({"filename": path.name, "path": str(path), "error": said})
    libraries = [library for audit in found for library in audit.libraries_as_json()]
    print_json({"format": 1, "wheels": wheels, "libraries": libraries})


def _show(found: Sequence[WheelAudit]) -> None:
    from rich.table import Table
    from rich.text import Text

    for audit in found:
        table = Table(box=None, padding=(0, 2, 0, 0), title=audit.name, title_justify="left")
        for title in ("library", "needs", "code for", "forward-compatible"):
            table.add_column(title, overflow="fold")
        for library in audit.libraries:
            needs = ", ".join(library.code.needed) or "nothing"
            table.add_row(*map(Text, (library.name, needs, _code_for(library), _forward(library))))
        console().print(table)
        for problem in audit.problems:
            warning(problem)
        for library in audit.libraries:
            for problem in library.code.problems:
                warning(f"{audit.name}: {library.name}: {problem}")
        if not any(library.code.has_accelerator_code for library in audit.libraries):
            note(f"{audit.name}: no library has code for an accelerator")


def _code_for(library: Library) -> str:
    code = library.code
    parts = [f"sm_{architecture}" for architecture in code.cuda.cubin]
    parts += [f"lto_{architecture}" for architecture in code.cuda.lto]
    parts += [*code.amd, *code.intel]
    return ", ".join(parts) or "processors only"


def _forward(library: Library) -> str:
    cuda = library.code.cuda
    if not cuda.ptx:
        return ""
    isa = f" (PTX {cuda.ptx_isa})" if cuda.ptx_isa not in (None, "0.0") else ""
    return ", ".join(f"compute_{architecture}" for architecture in cuda.ptx) + isa
