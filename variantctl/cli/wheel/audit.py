"""Read from the code in wheels what they were built for: the libraries that are needed, and the GPUs that
there is machine code (or PTX, which newer GPUs can run too) for. Nothing of it is run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, tables, target_machine
from variantctl.cli.app import UsageError
from variantctl.cli.progress import progress_bar
from variantctl.cli.render import failure, note, print_json, warning
from variantctl.cli.workers import add_journal_argument, add_workers_argument, workers_of
from variantctl.values import dataclass, replace
from variantctl.variants.errors import VariantctlError

if TYPE_CHECKING:
    from variantctl.requirements.requirement import UserRequirement
    from variantctl.wheels.audit import Library, WheelAudit

HELP = "read from their code what wheels were built for"
_COLUMNS = ("library", "needs", "code for", "forward-compatible")
#: From so many libraries on the answer is for programs, and on one line.
_MANY = 1000


@dataclass(frozen=True)
class _Outcome:
    """What was found of one thing that was named: an audit, or why there is none."""

    name: str
    path: Path | str
    audit: WheelAudit | None = None
    error: VariantctlError | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's options."""
    parser.add_argument(
        "files",
        nargs="*",
        metavar="FILE|REQUIREMENT",
        help="wheels, libraries, folders of wheels, URLs of wheels in an object store (s3://, gs://, az://), "
        "or requirements: of those the wheels that would be installed, without their dependencies",
    )
    add_workers_argument(parser)
    add_journal_argument(parser)
    parser.add_argument("--installed", action="store_true", help="what is installed in the environment")
    parser.add_argument("--pre", action="store_true", help="of requirements take pre-releases, too")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Look into everything that is named; 1 if something cannot be read, which does not hide the others."""
    if bool(args.files) == args.installed:
        raise UsageError("name wheels, libraries or requirements, or give --installed: one of the two")
    outcomes = list(_installed(args) if args.installed else _named(args))
    if args.json:
        _print_json(outcomes)
    else:
        _show([outcome.audit for outcome in outcomes if outcome.audit is not None])
        for outcome in outcomes:
            if outcome.error is not None:
                failure(outcome.error, as_json=False, code=1)
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _named(args: argparse.Namespace) -> Iterator[_Outcome]:
    """Wheels, whoever reads them, and libraries; then the wheels of all requirements together."""
    names = list(dict.fromkeys(args.files))
    requirements = [name for name in names if not (_is_path(name) or _is_store(name))]
    files = [name for name in names if name not in requirements]
    if len(files) == 1 and not (args.journal or args.workers) and Path(files[0]).is_file():
        yield _of_one(Path(files[0]))
    elif files:
        yield from _of_files(files, args)
    if requirements:
        # Late, as it takes as long to import as a small wheel takes.
        from variantctl.requirements.requirement import parse_user_requirement

        yield from _of_requirements(args, [parse_user_requirement(text) for text in requirements])


def _is_path(name: str) -> bool:
    """A name with a separator or of something that is there is a path; ``torch==2.10.0`` is a requirement."""
    path = Path(name)
    return "://" not in name and (path.exists() or len(path.parts) > 1 or path.suffix == ".whl")


def _is_store(name: str) -> bool:
    """A URL of an object store; ``https://...`` names a wheel that is installed from there."""
    from variant_index.bucket import SCHEMES

    scheme, separator, _ = name.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def _of_files(names: Sequence[str], args: argparse.Namespace) -> Iterator[_Outcome]:
    """The outcome of each, in the order in which they are named; folders and URLs may be many wheels."""
    from variant_index.audit_file import WheelAt, audit_at, wheel_on_disk, wheels_at

    from variantctl.workers.executors import Load
    from variantctl.workers.running import run_all

    journal = (
        args.journal if not args.journal or _is_store(args.journal) else str(Path(args.journal).absolute())
    )
    found: list[WheelAt | _Outcome] = []
    named: dict[WheelAt, Path] = {}
    for name in names:
        path = Path(name)
        try:
            if _is_store(name) or path.is_dir():
                found += wheels_at(name, journal)
            elif path.suffix == ".whl" and path.is_file():
                found.append(wheel := wheel_on_disk(path, journal))
                named[wheel] = path
            else:
                found.append(_Outcome(path.name, path, _audit(path)))
        except VariantctlError as error:
            found.append(_Outcome(path.name, name if _is_store(name) else path, error=error))
    wheels = [item for item in found if not isinstance(item, _Outcome)]
    load = Load(len(wheels), sum(wheel.size for wheel in wheels), any(_is_store(x.place) for x in wheels))
    with progress_bar(f"reading {len(wheels):,} wheels") as progress:
        sizes = [wheel.size for wheel in wheels]
        runs = run_all(audit_at, wheels, sizes, workers_of(args), load, progress=progress, tells=True)
        done = {wheels[number]: audited for number, audited in runs}
    for item in found:
        if isinstance(item, _Outcome):
            yield item
        else:
            where, audit = named.get(item, item.where), done[item].audit
            audit = audit and replace(audit, path=where)
            yield _Outcome(item.path.rpartition("/")[2], where, audit, done[item].error)


def _of_one(path: Path) -> _Outcome:
    try:
        return _Outcome(path.name, path, _audit(path))
    except VariantctlError as error:
        return _Outcome(path.name, path, error=error)


def _audit(path: Path) -> WheelAudit:
    from variantctl.wheels.audit import WheelAudit, audit_file, audit_wheel

    if path.suffix == ".whl":
        with progress_bar(f"reading {path.name}") as progress:
            return audit_wheel(path, progress=progress)
    library = audit_file(path, path.name)
    if library is None:
        hint = "Wheels are known by their names, which end in .whl."
        raise VariantctlError(f"{path}: is neither a wheel nor a library", hint=hint)
    return WheelAudit(path.name, path, (library,))


def _of_requirements(args: argparse.Namespace, requirements: Sequence[UserRequirement]) -> Iterator[_Outcome]:
    """The wheels that would be installed; they are fetched into the cache."""
    from variantctl.cli.progress import Downloads
    from variantctl.resolve.options import SearchOptions
    from variantctl.resolve.resolver import Request, resolve
    from variantctl.wheels.audit import audit_wheel

    environment = options.environment_of(args, for_changes=False)
    subject = target_machine.subject_of(args, environment)
    request = Request(
        tuple(requirements),
        preferences=options.preferences(args),
        options=SearchOptions(pre=args.pre, no_deps=True),
    )
    with options.open_finder(args, environment) as package_finder:
        plan = resolve(
            request,
            package_finder=package_finder,
            machine=subject.machine,
            platform=subject.platform,
            who=subject.who,
        )
        target_machine.show_notes(subject, plan.notes)
        with Downloads(package_finder) as downloads:
            for planned in plan.install:
                path = downloads.fetched(planned)
                filename = planned.link.wheel
                with progress_bar(f"reading {filename.filename}") as progress:
                    audit = audit_wheel(path, filename=filename, progress=progress)
                yield _Outcome(filename.filename, path, audit)


def _installed(args: argparse.Namespace) -> Iterator[_Outcome]:
    """Each package with libraries."""
    from variantctl.cli.progress import progress_steps
    from variantctl.doctor.installed_code import audit_installed
    from variantctl.target.installed import installed_packages

    environment = options.named_environment(args, for_changes=False)
    packages = installed_packages(environment)
    with progress_steps("reading", len(packages)) as begin:
        for package in packages.values():
            begin(package.name)
            try:
                audit = audit_installed(package)
            except VariantctlError as error:
                warning(error.message)
                continue
            if audit.libraries:
                yield _Outcome(audit.name, audit.path, audit)


def _print_json(outcomes: Sequence[_Outcome]) -> None:
    wheels: list[dict[str, object]] = []
    libraries: list[dict[str, object]] = []
    for outcome in outcomes:
        if outcome.audit is not None:
            wheels.append(outcome.audit.as_json())
            libraries += outcome.audit.libraries_as_json()
        elif (error := outcome.error) is not None:
            said = {"kind": error.kind, "message": error.message, "hint": error.hint or ""}
            wheels.append({"filename": outcome.name, "path": str(outcome.path), "error": said})
    failed = [wheel["error"] for wheel in wheels if "error" in wheel]
    first = {"error": failed[0]} if failed else {}
    answer = {"format": 1, "wheels": wheels, "libraries": libraries, **first}
    print_json(answer, compact=len(libraries) > _MANY)


def _show(found: Sequence[WheelAudit]) -> None:
    for audit in found:
        rows = [_row(library) for library in audit.libraries]
        sys.stdout.write(f"{audit.name}\n{tables.plain(_COLUMNS, rows)}")
        for problem in audit.problems:
            warning(problem)
        for library in audit.libraries:
            for problem in library.code.problems:
                warning(f"{audit.name}: {library.name}: {problem}")
        if not any(library.code.has_accelerator_code for library in audit.libraries):
            note(f"{audit.name}: no library has code for an accelerator")


def _row(library: Library) -> list[str]:
    needs = ", ".join(library.code.needed) or "nothing"
    # A file may name a library with a line's end in it.
    return [
        " ".join(cell.splitlines()) for cell in (library.name, needs, _code_for(library), _forward(library))
    ]


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
    isa = f" (PTX {cuda.ptx_isa})" if cuda.ptx_isa is not None else ""
    return ", ".join(f"compute_{architecture}" for architecture in cuda.ptx) + isa
