"""``variantctl lock``: write what machines would install to a pylock.toml."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render, target_machine
from variantctl.cli.app import UsageError
from variantctl.cli.building import add_build_arguments
from variantctl.cli.project import FILENAME, profiles_of_project
from variantctl.cli.request import add_project_arguments, add_requirement_files, is_anything_named
from variantctl.cli.terminal import sink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from packaging.markers import Marker
    from packaging.specifiers import SpecifierSet
    from packaging.utils import NormalizedName
    from packaging.version import Version as PackageVersion

    from variantctl.indexes.finder import PackageFinder
    from variantctl.lock.agreement import Target
    from variantctl.lock.contents import Lock, LockedPackage
    from variantctl.lock.locking import LockRequest, Made
    from variantctl.requirements.files import RequirementFile
    from variantctl.resolve.resolver import Request
    from variantctl.target.environment import Environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = (
        "Where nothing is named, the project in this folder is locked (pyproject.toml), as editable."
    )
    parser.add_argument(
        "requirements",
        nargs="*",
        metavar="REQUIREMENT",
        help="'torch', 'torch[opt]>=2', or source code: '.', an archive, git+https://...",
    )
    parser.add_argument(
        "-e",
        "--editable",
        metavar="DIR",
        action="append",
        default=[],
        help="a folder of source code, which `sync` installs so that changes of it count at once",
    )
    add_requirement_files(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        default="pylock.toml",
        help="pylock.toml or pylock.NAME.toml; '-' is standard output (default: pylock.toml)",
    )
    parser.add_argument(
        "--all-variants", action="store_true", help="lock for any machine: every variant, with what it needs"
    )
    parser.add_argument(
        "--union",
        action="store_true",
        help="with several profiles: one environment that runs on all of them, not a choice for each",
    )
    parser.add_argument("--check", action="store_true", help="fail if the file would change; write nothing")
    parser.add_argument("-U", "--upgrade", action="store_true", help="take the newest version of everything")
    parser.add_argument(
        "-P",
        "--upgrade-package",
        metavar="NAME",
        action="append",
        default=[],
        help="take the newest version of one package, and leave the others as the file has them",
    )
    parser.add_argument(
        "--requires-python", metavar="SPEC", help="the Pythons that the lock is for: '>=3.11'"
    )
    parser.add_argument(
        "--environment",
        metavar="MARKER",
        action="append",
        default=[],
        help="an environment that the lock is for: \"sys_platform == 'linux'\"",
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument("--no-deps", action="store_true", help="lock only what is named")
    parser.add_argument("--require-hashes", action="store_true", help="refuse every package without a hash")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_project_arguments(parser)
    options.add_variant_arguments(parser, several_machines=True)
    options.add_source_arguments(parser)
    add_build_arguments(parser)
    group = parser.add_argument_group("environment")
    group.add_argument(
        "-p", "--python", metavar="PYTHON", help="the interpreter to lock for, where a profile names none"
    )
    options.without_folders(parser)


def run(args: argparse.Namespace) -> int:
    """Resolve for every machine, then write the file, or say that it would change."""
    # For any machine at all, names are taken as they are: nobody can say which members there are.
    args.no_families = args.no_families or args.all_variants
    from variantctl.cli.request import requirement_files
    from variantctl.lock.document import dumps
    from variantctl.lock.locking import make_lock

    if not (is_anything_named(args) or args.editable):
        _name_the_project(args)
    path = _output(args)
    files = requirement_files(args)
    environment = options.environment_of(args, for_changes=False)
    old, before = _existing(path, args)
    with options.open_finder(args, environment, files) as package_finder:
        made = make_lock(_wanted(args, files, environment, path, old, package_finder), package_finder)
    for note in made.notes:
        (render.warning if note in package_finder.warnings else render.note)(note)
    for note in dict.fromkeys(_fit_notes(made, args, package_finder)):
        render.warning(note)
    text = dumps(made.lock)
    what = _changes(old, made.lock) if before != text else []
    if args.check:
        _check(path, before, text, what)
    elif path is not None and before != text:
        _write(path, text)
    if args.json:
        render.print_json(_json(made, path, before != text, what))
    elif path is None:
        # As a file would have it: what is no secret of ours (the query of a link) stays.
        sink(sys.stdout).exact(text)
    elif not render.is_quiet():
        _print_summary(made, path, before, text, what)
    return 0


def _name_the_project(args: argparse.Namespace) -> None:
    """Nothing is named: the project in this folder is meant, itself editable where it can be built.

    A project without ``[build-system]`` is none that is installed (uv's rule, too): what it needs is locked.

    Raises:
        UsageError: there is none.
    """
    from variantctl.requirements.projects import read_project

    if not Path(FILENAME).is_file():
        raise UsageError(
            "nothing is named to lock, and there is no pyproject.toml here",
            hint="Name a package, or a file with -r FILE.",
        )
    project = read_project(Path(FILENAME))
    if not project.is_built:
        args.requirement.append(FILENAME)
        return
    extras = sorted(project.optional or ()) if args.all_extras else args.extra
    args.editable.append(f".[{','.join(extras)}]" if extras else ".")
    args.extra, args.all_extras = [], False


def _fit_notes(made: Made, args: argparse.Namespace, package_finder: PackageFinder) -> Iterator[str]:
    from variantctl.cli.fit_advice import fit_notes

    for resolved in made.resolved:
        yield from fit_notes(args, resolved.plan.install, package_finder)


def _output(args: argparse.Namespace) -> Path | None:
    """Where the lock is to be; ``None`` for standard output."""
    from packaging.pylock import is_valid_pylock_path

    from variantctl.lock.contents import FILENAMES

    if args.output == "-":
        if args.check or args.json:
            raise UsageError("--check and --json need a file (-o FILE)")
        return None
    path = Path(args.output)
    if not is_valid_pylock_path(path):
        raise UsageError(f"{path}: a lock file is named {FILENAMES} (PEP 751)")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.absolute().parent}")
    return path


def _existing(path: Path | None, args: argparse.Namespace) -> tuple[Lock | None, str | None]:
    """The lock that is renewed, and its text; a damaged one is written anew, with a note."""
    from variantctl.lock.errors import LockFileError
    from variantctl.lock.reading import read_lock

    if path is None or not path.exists():
        return None, None
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return read_lock(path), text
    except LockFileError as error:
        if not args.check:
            render.warning(f"{error.message}; what it has is not taken into account")
        return None, text


def _wanted(
    args: argparse.Namespace,
    files: RequirementFile,
    environment: Environment | None,
    path: Path | None,
    old: Lock | None,
    package_finder: PackageFinder,
) -> LockRequest:
    from variantctl.cli.building import with_builds
    from variantctl.lock.agreement import Target
    from variantctl.lock.everything import any_machine, other_platforms
    from variantctl.lock.locking import LockRequest

    subjects = [
        target_machine.subject_of(
            argparse.Namespace(**{**vars(args), "profile": profile}), environment, files
        )
        for profile in dict.fromkeys(args.profile or profiles_of_project(args) or [None])
    ]
    targets = [Target(subject.who, subject.machine, subject.platform) for subject in subjects]
    base = Path.cwd() if path is None else path.absolute().parent
    commits = _commits(old, args, base)
    request = with_builds(args, files, environment, subjects[0], package_finder, commits=commits)
    if args.union:
        targets = [_united(args, targets, request)]
    settings = subjects[0].machine.settings
    platforms = []
    if args.all_variants:
        targets = [any_machine(target.platform, settings) for target in targets]
        platforms = [] if args.profile else other_platforms(targets[0].platform)
    return LockRequest(
        request=request,
        targets=targets,
        base=base,
        preferred=_preferred(old, args),
        every_variant=args.all_variants,
        platforms=platforms,
        requires_python=_requires_python(args),
        environments=_environments(args),
        settings=settings,
    )


def _united(args: argparse.Namespace, targets: Sequence[Target], request: Request) -> Target:
    """All machines as one; what there is to say of it is said."""
    from variantctl.lock.union import united_target

    if args.all_variants:
        raise UsageError("--union is for certain machines, and --all-variants for any: leave one out")
    if len(targets) < 2:
        raise UsageError(
            "--union needs at least two machines",
            hint="Name them: --profile a100 --profile h100 --union",
        )
    target, notes = united_target(targets, request.preferences)
    for note in notes:
        render.warning(note)
    return target


def _kept(old: Lock | None, args: argparse.Namespace) -> list[LockedPackage]:
    """What the lock that is renewed has of all that is not upgraded."""
    from packaging.utils import canonicalize_name

    if old is None or args.upgrade:
        return []
    upgraded = {canonicalize_name(name) for name in args.upgrade_package}
    return [package for package in old.packages if not upgraded & {package.name, package.distribution}]


def _commits(old: Lock | None, args: argparse.Namespace, base: Path) -> Mapping[tuple[str, str | None], str]:
    """The commits of the lock that is renewed, but of what is upgraded."""
    from variantctl.lock.source_links import locked_commits

    return locked_commits(_kept(old, args), base)


def _preferred(old: Lock | None, args: argparse.Namespace) -> Mapping[NormalizedName, PackageVersion]:
    """The versions of the lock that is renewed, but of what is upgraded."""
    from packaging.version import Version

    found: dict[NormalizedName, PackageVersion] = {}
    for package in _kept(old, args):
        if package.version is not None:
            version = Version(package.version.public) if package.backend else package.version
            found[package.name] = max(version, found.get(package.name, version))
    return found


def _requires_python(args: argparse.Namespace) -> SpecifierSet | None:
    from packaging.specifiers import SpecifierSet

    try:
        return SpecifierSet(args.requires_python) if args.requires_python else None
    except ValueError:
        raise UsageError(f"--requires-python: '{args.requires_python}' is not like '>=3.11'") from None


def _environments(args: argparse.Namespace) -> tuple[Marker, ...]:
    from packaging.markers import Marker

    found = []
    for text in args.environment:
        try:
            found.append(Marker(text))
        except ValueError:
            raise UsageError(f"--environment: {text!r} is not a marker of standard variables") from None
    return tuple(sorted(found, key=str))


def _changes(old: Lock | None, new: Lock) -> list[str]:
    from variantctl.lock.document import changes

    return changes(old, new) if old is not None else []


def _check(path: Path | None, before: str | None, text: str, what: Sequence[str]) -> None:
    from variantctl.lock.errors import LockOutdatedError

    if before == text:
        return
    if before is None:
        raise LockOutdatedError(f"{path} does not exist", hint="Run the command without --check to write it.")
    details = "; ".join(what) or "only its layout"
    raise LockOutdatedError(f"{path} would change: {details}", hint="Run the command without --check.")


def _write(path: Path, text: str) -> None:
    """All or nothing: a reader never sees half a lock."""
    import tempfile

    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="\n", dir=path.absolute().parent, prefix=".pylock.", delete=False
    ) as file:
        file.write(text)
    temporary = Path(file.name)
    try:
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _json(made: Made, path: Path | None, changed: bool, what: Sequence[str]) -> dict[str, object]:
    """The contract of ``install --json``, of all machines together, and what each of them takes."""
    planned = {planned.filename: planned for resolved in made.resolved for planned in resolved.plan.install}
    return {
        "format": 1,
        "install": [planned[filename].as_json() for filename in sorted(planned)],
        "remove": [],
        "keep": [],
        "lock": str(path),
        "changed": changed,
        "changes": list(what),
        "notes": list(made.notes),
        "packages": [
            {
                "name": package.distribution,
                "version": str(package.version) if package.version is not None else None,
                "marker": str(package.marker) if package.marker is not None else None,
                "wheels": [file.filename for file in package.files],
                **({"source": package.source.shown} if package.source is not None else {}),
            }
            for package in made.lock.packages
        ],
        "machines": [
            {
                "machine": resolved.target.who,
                "wheels": [planned.filename for planned in resolved.plan.install],
            }
            for resolved in made.resolved
        ],
    }


def _print_summary(made: Made, path: Path, before: str | None, text: str, what: Sequence[str]) -> None:
    packages, files = len(made.lock.packages), sum(len(package.files) for package in made.lock.packages)
    count = f"{packages} {'package' if packages == 1 else 'packages'}"
    count += f", {files} {'wheel' if files == 1 else 'wheels'}"
    if built := sum(package.source is not None for package in made.lock.packages):
        count += f", {built} of source code"
    if before == text:
        sys.stdout.write(f"{path} is up to date ({count}).\n")
        return
    sys.stdout.write(f"{'Wrote' if before is None else 'Renewed'} {path} ({count}):\n")
    if what:
        sys.stdout.write("".join(f"  {line}\n" for line in what))
        return
    for package in made.lock.packages:
        labels = sorted({file.wheel.label or "-" for file in package.files})
        shown = f"  {', '.join(labels)}" if package.variants is not None else ""
        source = f"  {package.source.shown}" if package.source is not None else ""
        sys.stdout.write(f"  {package}{shown}{source}\n")
