"""Which packages of a plan make no use of the machine's accelerator, and what to say about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from variantctl.families.registry import NO_FAMILIES, Families
from variantctl.resolve.plan import Kept, Plan, PlannedInstall
from variantctl.select.fit import ACCELERATORS, Fit, fit_of_ordinary, fit_of_variant
from variantctl.select.ordinary_builds import OrdinaryBuild, ordinary_build
from variantctl.values import replace
from variantctl.variants.names import canonicalize_name

if TYPE_CHECKING:
    from variantctl.providers.algorithm import Machine

_SILENT = ("untrusted", "disabled")
_PARALLEL = 8


def build_of(planned: PlannedInstall, families: Families = NO_FAMILIES) -> OrdinaryBuild:
    """What a wheel without variant metadata shows that it was built for.

    That it requires a member of a family by name shows nothing: any member of it will do.
    """
    if families and any(families.of(_named(text)) for text in planned.requires):
        kept = tuple(text for text in planned.requires if families.of(_named(text)) is None)
        planned = replace(planned, requires=kept)
    return ordinary_build(
        planned.distribution, str(planned.version), planned.requires, planned.optional_requires
    )


def _named(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    return canonicalize_name(found[0]) if found is not None else ""


def with_fits(plan: Plan, machine: Machine, who: str, families: Families = NO_FAMILIES) -> Plan:
    """The plan, each package of it with its fit; the machine is asked only where some wheel needs to know."""
    if not machine.is_one:
        return plan
    install = tuple(
        planned if planned.fit is not None else replace(planned, fit=fit_of(planned, machine, who, families))
        for planned in plan.install
    )
    return replace(plan, install=install)


def fit_of(planned: PlannedInstall, machine: Machine, who: str, families: Families = NO_FAMILIES) -> Fit:
    """Of one package of a plan."""
    if planned.label is not None:
        return fit_of_variant(planned.properties)
    build = build_of(planned, families)
    supported = machine.supported(ACCELERATORS) if build.accelerator is not None else {}
    return fit_of_ordinary(build, supported, who, unanswered_by(machine))


def fit_of_kept(kept: Kept, machine: Machine, who: str, *, read: bool) -> Fit | None:
    """Of a package that stays as it is; ``None`` of a variant, which was chosen when it was installed.

    Args:
        kept: the package.
        machine: what it is compared with, asked only where the package shows that it matters.
        who: ``this machine`` or the profile.
        read: look at its requirements, too.
    """
    if kept.package.label is not None or not machine.is_one:
        return None
    requires = kept.package.requires() if read else ()
    applying = tuple(text for text in requires if not re.search(r"\bextra\b", text.partition(";")[2]))
    build = ordinary_build(kept.name, str(kept.version), applying)
    if build.accelerator is None or build.library:
        return None
    return fit_of_ordinary(build, machine.supported(ACCELERATORS), who, unanswered_by(machine))


def unanswered_by(machine: Machine) -> Callable[[str], str | None]:
    """Why a machine says nothing of a namespace: it is disabled, or its provider is not trusted."""

    def unanswered(namespace: str) -> str | None:
        notes = [note for note in machine.notes if note.namespace == namespace and note.status in _SILENT]
        return notes[0].message if notes else None

    return unanswered


def fit_notes(
    install: Iterable[PlannedInstall],
    remedy: Callable[[PlannedInstall], str] = lambda _planned: "",
    size_of: Callable[[PlannedInstall], int | None] = lambda planned: planned.size,
    show_size: Callable[[int], str] = lambda size: f"{size:,} bytes",
) -> list[str]:
    """A note for each ordinary wheel that makes no use of the machine's accelerator.

    Args:
        install: the packages of a plan, with their fits.
        remedy: what to do about one of them, a sentence or more; ``""``: nothing is known.
        size_of: the bytes of a wheel; ``None``: not known.
        show_size: bytes in words.

    A vendor's own libraries are told with the wheel that needs them, by what they weigh.
    """
    install = list(install)
    poor = [planned for planned in install if planned.label is None and _is_poor(planned)]
    libraries = [planned for planned in poor if build_of(planned).library]
    notes = []
    for planned in poor:
        if planned in libraries:
            continue
        weight = _weight([item for item in libraries if _is_for(item, planned, install)], size_of, show_size)
        parts = [
            f"{planned.distribution} {planned.version} {planned.fit.why if planned.fit else ''}.",
            weight,
        ]
        notes.append(" ".join(part for part in [*parts, remedy(planned)] if part))
    return notes


def _is_poor(planned: PlannedInstall) -> bool:
    return planned.fit is not None and planned.fit.status in ("unused", "misfit")


def _is_for(library: PlannedInstall, planned: PlannedInstall, install: Sequence[PlannedInstall]) -> bool:
    """Whether a library is there for a package: for itself, or for what it needs."""
    needed = {item.name: item.needed_by for item in install}
    above, seen = [*library.needed_by], set()
    while above:
        name = above.pop()
        if name == planned.name:
            return True
        if name not in seen:
            seen.add(name)
            above += needed.get(name, ())
    return False


def _weight(
    libraries: Sequence[PlannedInstall],
    size_of: Callable[[PlannedInstall], int | None],
    show_size: Callable[[int], str],
) -> str:
    """``2.9 GB of it cannot be used here (nvidia-cublas and 14 others).``"""
    if not libraries:
        return ""
    first, others = libraries[0].name, len(libraries) - 1
    named = f"{first} and {others} other {'package' if others == 1 else 'packages'}" if others else first
    sizes = [size for size in _at_once(size_of, libraries) if size is not None]
    if not sizes:
        return f"What comes with it cannot be used either ({named})."
    least = "At least " if len(sizes) < len(libraries) else ""
    return f"{least}{show_size(sum(sizes))} of it cannot be used here ({named})."


def _at_once(
    size_of: Callable[[PlannedInstall], int | None], libraries: Sequence[PlannedInstall]
) -> list[int | None]:
    """The sizes; servers that must be asked are asked side by side."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(_PARALLEL) as pool:
        return list(pool.map(size_of, libraries))
