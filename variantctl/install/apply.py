"""Make an environment what a plan says."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from variantctl.cache.folder import cache_root
from variantctl.cache.manifest import UnpackedWheel
from variantctl.cache.progress import Progress, ProgressEvent, silent
from variantctl.cache.unpacked import UnpackedStore, current_umask
from variantctl.filesystem.errors import from_os_error
from variantctl.filesystem.links import Linker, LinkMode
from variantctl.filesystem.space import check_room
from variantctl.install.errors import StateError
from variantctl.install.file_changes import FileChanges, plan_file_changes
from variantctl.install.layout import Layout, lay_out
from variantctl.install.lock import locked
from variantctl.install.planned import ChangePlan, PlannedWheel, WheelSource
from variantctl.install.removal import Removal, emptied_folders, removal_of
from variantctl.install.roots import Roots
from variantctl.install.space import room_of
from variantctl.install.spelling import probe
from variantctl.install.transaction import Transaction, pending, recover
from variantctl.target.environment import Environment
from variantctl.target.installed import InstalledPackage, installed_packages, with_stand_ins
from variantctl.values import dataclass, field
from variantctl.variants.names import canonicalize_name
from variantctl.wheels.errors import UntidyError
from variantctl.wheels.limits import Limits
from variantctl.wheels.names import STATE_FOLDER


@dataclass(frozen=True, slots=True)
class Options:
    """How to install.

    Attributes:
        cache: the folder of caches.
        link_mode: how files come from the store.
        compile_bytecode: compile all modules afterwards.
        overwrite: take away files that are in the way, instead of refusing.
        strict: refuse wheels that are only untidy, too.
        limits: of what a wheel may be unpacked to.
        progress: told how far it is.
        accept: called with everything in place; what it raises takes the change back.
    """

    cache: Path = field(default_factory=cache_root)
    link_mode: LinkMode = LinkMode.HARDLINK
    compile_bytecode: bool = False
    overwrite: bool = False
    strict: bool = False
    limits: Limits = field(default_factory=Limits)
    progress: Progress = silent
    accept: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done.

    Attributes:
        installed: package names and versions, in the order of the plan.
        removed: what was there before and is not any more (older versions too).
        notes: what a user should know: a change of somebody else that was undone, files that were kept.
        warnings: files that two packages have.
    """

    installed: tuple[str, ...] = ()
    removed: tuple[InstalledPackage, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def apply_plan(
    plan: ChangePlan,
    environment: Environment,
    source: WheelSource,
    options: Options | None = None,
) -> Outcome:
    """Install the planned wheels and remove the planned packages, all or nothing.

    Args:
        plan: what to do. A wheel replaces the installed version of its package, planned or not; a removal of
            what is not there any more is passed over.
        source: gives the wheel files of planned installs; called from threads.

    Raises:
        VariantctlError: it could not be done, and the environment is as it was: what ``source`` raises,
            ``WheelError``, ``FileConflictError``, ``NotWritableError``, ``NoSpaceError``, ...
    """
    options = options or Options()
    # Fetched, verified and unpacked first, which touches the cache alone and needs no lock.
    wheels = _prepare(plan.install, source, options)
    untidy = [text for wheel in wheels for text in wheel.untidy]
    if untidy and options.strict:
        raise UntidyError(untidy[0])
    with _changing(environment, options) as (state, notes):
        roots = Roots(environment)
        installed = installed_packages(environment)
        names = {canonicalize_name(planned.name) for planned in plan.remove}
        names |= {wheel.name for wheel in wheels}
        going = with_stand_ins(names, installed)
        requested = {package.name for package in going if package.requested}
        layouts = [
            lay_out(
                wheel,
                environment,
                requested=planned.requested or wheel.name in requested,
                direct_url=planned.direct_url,
                url=planned.url,
                provenance=planned.provenance,
                stands_in_for=planned.stands_in_for,
            )
            for planned, wheel in zip(plan.install, wheels, strict=True)
        ]
        removal = removal_of(going, installed.values(), roots)
        change = plan_file_changes(
            layouts,
            removal,
            installed.values(),
            roots,
            overwrite=options.overwrite,
            spelling=probe(state, plain=all(layout.is_ascii() for layout in layouts)),
        )
        linker = _linker(options, wheels)
        notes += _carry_out(change, removal, roots, state, linker, _title(layouts, removal), options)
        if options.compile_bytecode:
            _compile(layouts, environment, options)
    return Outcome(
        tuple(layout.name for layout in layouts),
        tuple(going),
        (*untidy, *notes, *_kept(removal)),
        change.warnings,
    )


def uninstall(
    packages: Collection[InstalledPackage], environment: Environment, options: Options | None = None
) -> Outcome:
    """Remove installed packages and everything they brought, all or nothing.

    Raises:
        InstallError, BrokenPackageError: it could not be done, and the environment is as it was.
    """
    options = options or Options()
    with _changing(environment, options) as (state, notes):
        roots = Roots(environment)
        installed = installed_packages(environment)
        going = with_stand_ins({package.name for package in packages}, installed)
        removal = removal_of(going, installed.values(), roots)
        change = FileChanges((), removal.files, ())
        linker = Linker(options.link_mode)
        notes += _carry_out(change, removal, roots, state, linker, _title((), removal), options)
    return Outcome(removed=tuple(going), notes=(*notes, *_kept(removal)))


def recover_environment(environment: Environment, options: Options | None = None) -> str | None:
    """Undo or finish what a killed variantctl left; commands call this before they look at the packages.

    Returns:
        What was done, in words; None where nothing had to be.

    Raises:
        InstallError: it could not be done.
    """
    options = options or Options()
    if not _has_state(environment):
        return None
    with _changing(environment, options) as (_, notes):
        return notes[0] if notes else None


def pending_change(environment: Environment) -> str | None:
    """What a killed variantctl left, for a command that only reads: nothing is undone, and nobody waited for.

    Returns:
        Why what is read may be half of a change, in words; None where all is well.
    """
    if not _has_state(environment):
        return None
    try:
        return pending(environment.scheme["purelib"] / STATE_FOLDER, Roots(environment))
    except FileNotFoundError:
        return None
    except (OSError, StateError) as error:
        hint = error.hint if isinstance(error, StateError) else None
        return f"what an earlier change left is not clear: {error}{f'. {hint}' if hint else ''}"


def _has_state(environment: Environment) -> bool:
    return os.path.lexists(environment.scheme["purelib"] / STATE_FOLDER)


def _prepare(install: Sequence[PlannedWheel], source: WheelSource, options: Options) -> list[UnpackedWheel]:
    """Every wheel in the store, verified."""
    store = UnpackedStore(options.cache, options.limits)

    def stored(planned: PlannedWheel) -> UnpackedWheel | None:
        sha256 = planned.hashes.get("sha256", "").lower()
        wheel = store.get(planned.filename, sha256) if sha256 else None
        # Where the size is not the promised one, the file is fetched, which says so.
        return wheel if wheel is not None and wheel.has_size(planned.size) else None

    # Here and not in threads, which would take longer to hand the interpreter to each other.
    found = [stored(planned) for planned in install]
    missing = [planned for planned, wheel in zip(install, found, strict=True) if wheel is None]
    if not missing:
        return [wheel for wheel in found if wheel is not None]
    from variantctl.install.fetching import fetch_and_unpack

    made = iter(fetch_and_unpack(missing, store, source, options.progress))
    return [wheel or next(made) for wheel in found]


@contextlib.contextmanager
def _changing(environment: Environment, options: Options) -> Iterator[tuple[Path, list[str]]]:
    """Hold the lock, with nothing left of earlier changes; the system's refusals become errors in words."""
    where = environment.prefix

    def waiting() -> None:
        options.progress(ProgressEvent("wait", str(where), 0))

    try:
        with locked(environment.scheme["purelib"], waiting=waiting) as state:
            said = recover(state, Roots(environment))
            yield state, [said] if said else []
    except OSError as error:
        raise from_os_error(error, where, f"changing {where}") from error


def _carry_out(
    change: FileChanges,
    removal: Removal,
    roots: Roots,
    state: Path,
    linker: Linker,
    title: str,
    options: Options,
) -> list[str]:
    with Transaction(state, change, roots, linker, title=title) as transaction:
        check_room(state, *room_of(change, linker.mode, state), title)
        options.progress(ProgressEvent("stage", title, 0, len(change.units)))
        transaction.stage()
        options.progress(ProgressEvent("swap", title, 0, len(change.units)))
        transaction.swap(emptied_folders(removal.files, roots), options.accept)
    return [transaction.note] if transaction.note else []


def _linker(options: Options, wheels: Sequence[UnpackedWheel]) -> Linker:
    """Links have the mode of the stored file: where the umask is another now, only copies get it right."""
    same = all(wheel.umask == current_umask() for wheel in wheels)
    return Linker(options.link_mode if same or options.link_mode is not LinkMode.HARDLINK else LinkMode.COPY)


def _compile(layouts: Sequence[Layout], environment: Environment, options: Options) -> None:
    from variantctl.install.bytecode import compile_modules

    modules = [path for layout in layouts for path in layout.destinations() if path.endswith(".py")]
    options.progress(ProgressEvent("compile", str(environment.prefix), 0, len(modules)))
    compile_modules(environment.python, modules)


def _title(layouts: Sequence[Layout], removal: Removal) -> str:
    if layouts:
        names, verb = [layout.name for layout in layouts], "installation"
    else:
        names, verb = [f"{package.name} {package.version}" for package in removal.packages], "removal"
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"the {verb} of {', '.join(names[:3])}{rest}"


def _kept(removal: Removal) -> list[str]:
    kept = [f"kept {path}, which another installed package owns too" for path in removal.kept]
    ours = [f"kept {path}, which is named as variantctl's own files are" for path in removal.ours]
    altered = [
        f"{path} is not as {name} has it; `variantctl install --reinstall {name}` puts that right"
        for path, name in removal.altered
    ]
    return kept + ours + altered
