"""What to say of packages that make no use of the machine's accelerator, with a command that mends it."""

from __future__ import annotations

import argparse
import os
import shlex
from typing import TYPE_CHECKING

from variantctl.cli import options, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from packaging.utils import NormalizedName

    from variantctl.config.settings import IndexSettings
    from variantctl.indexes.finder import PackageFinder
    from variantctl.providers.algorithm import Machine
    from variantctl.resolve.plan import Plan, PlannedInstall

_OFF = "VARIANTCTL_NO_BACKENDS"


def fit_notes(
    args: argparse.Namespace, install: Iterable[PlannedInstall], package_finder: PackageFinder
) -> list[str]:
    """A note for each ordinary wheel of a plan that does not fit the machine.

    Args:
        args: of the command that made the plan; its words are those of the command that is advised.
        install: the wheels of the plan.
        package_finder: knows which sources were asked, and how large files are.
    """
    from variantctl.net.sizes import file_size
    from variantctl.resolve import plan_fit

    def remedy(planned: PlannedInstall) -> str:
        direct = planned.direct_url is not None
        return remedy_for(planned.distribution, planned.link.file.source, args, package_finder, direct=direct)

    def size_of(planned: PlannedInstall) -> int | None:
        return file_size(planned.link.file, package_finder.client)

    return plan_fit.fit_notes(install, remedy, size_of, render.human_size)


def kept_notes(args: argparse.Namespace, plan: Plan, machine: Machine, who: str) -> list[str]:
    """A note for each package that stays, and makes no use of the machine's accelerator."""
    from variantctl.config.backends import known_sources
    from variantctl.resolve.plan_fit import fit_of_kept

    sources = known_sources(os.environ) if plan.keep else []
    any_will_do = options.preferences(args).accelerator == "any"
    notes = []
    for kept in plan.keep:
        # Where a source has another build, the resolver has told what that is.
        if any(note.startswith(f"{kept.name} {kept.version} is installed and stays") for note in plan.notes):
            continue
        source = next((source for source in sources if source.serves(kept.name)), None)
        fit = fit_of_kept(kept, machine, who, read=source is not None)
        if fit is None or fit.status not in ("misfit", "unused") or (any_will_do and not fit.needs):
            continue
        told = f"{kept.name} {kept.version}, which stays, {fit.why}."
        if fit.status == "misfit":
            asked = [] if source is None or source.name in args.backends else ["--backends", source.name]
            words = shlex.join(["variantctl", *args.arguments, "--reinstall", *asked])
            told += f" `{words}` reinstalls it."
        notes.append(told)
    return notes


def warn(notes: Iterable[str]) -> None:
    """What makes no use of the accelerator is a warning, and no mere note."""
    for note in notes:
        render.warning(note)


def remedy_for(
    name: NormalizedName,
    place: str,
    args: argparse.Namespace,
    package_finder: PackageFinder,
    *,
    direct: bool = False,
) -> str:
    """Why the source with a build for each accelerator was not asked, and the command that asks it.

    Args:
        name: the project.
        place: the source that its wheel is from.
        args: of the command.
        package_finder: what it asked.
        direct: the wheel was named by its URL.
    """
    from variantctl.config.backends import known_sources

    source = next((source for source in known_sources(os.environ) if source.serves(name)), None)
    if source is None or source.name in args.backends:
        return ""
    settings = package_finder.settings
    told = f"The source {source.name}, which has builds for each accelerator,"
    if direct:
        return f"{told} was not asked: {name} is named by its URL."
    if name in settings.pins:
        return f"{told} was not asked: {name} is pinned to {settings.pins[name]}."
    if any(warning.startswith(f"{source.name}'s own builds") for warning in package_finder.warnings):
        again = shlex.join(["variantctl", *args.arguments, "--refresh"])
        return f"{told} could not be asked; `{again}` tries again."
    asked = any(source.name == other.name for layer in settings.layers for other in layer.backends)
    if asked and _is_default(place, settings):
        return f"{told} has none of {name} for this machine and Python."
    why = f"{place} has {name}, too, and is searched first" if asked else _why_switched_off(args, settings)
    return f"{told} was not asked: {why}. `{asking(args.arguments, source.name)}` asks it."


def _is_default(place: str, settings: IndexSettings) -> bool:
    """Whether a source is the default index, which is asked after those of builds for accelerators."""
    urls = [layer.index_url for layer in settings.layers if layer.index_url is not None]
    return bool(urls) and place.rstrip("/").startswith(urls[0].rstrip("/"))


def _why_switched_off(args: argparse.Namespace, settings: IndexSettings) -> str:
    if args.no_backends:
        return "--no-backends switches it off"
    if os.environ.get(_OFF):
        return f"{_OFF} switches it off"
    if settings.no_index or any(layer.no_index for layer in settings.below):
        return "no index is to be used (no-index)"
    named = next((layer for layer in settings.layers if layer.index_url is not None), None)
    if named is None:
        return "the configuration switches it off"
    return f"{named.origin} names an index of its own"


def asking(arguments: Sequence[str], source: str) -> str:
    """The same command, with a source of builds for each accelerator asked first."""
    kept = [argument for argument in arguments if argument not in ("--no-backends", "--no-index")]
    environment = ["env", "-u", _OFF] if os.environ.get(_OFF) else []
    return shlex.join([*environment, "variantctl", *kept, "--backends", source])
