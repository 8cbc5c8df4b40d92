"""What to say of packages that make no use of the machine's accelerator, with a command that mends it."""

from __future__ import annotations

import argparse
import os
import shlex
from typing import TYPE_CHECKING

from variantctl.cli import options, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from variantctl.backends.source import BackendSource
    from variantctl.config.settings import IndexSettings
    from variantctl.providers.algorithm import Machine
    from variantctl.resolve.plan import Plan, PlannedInstall

_OFF = "VARIANTCTL_NO_BACKENDS"


def fit_notes(
    args: argparse.Namespace, install: Iterable[PlannedInstall], settings: IndexSettings
) -> list[str]:
    """A note for each ordinary wheel of a plan that does not fit the machine.

    Args:
        args: of the command that made the plan; its words are those of the command that is advised.
        install: the wheels of the plan.
        settings: which sources were asked.
    """
    from variantctl.resolve import plan_fit

    def remedy(planned: PlannedInstall) -> str:
        return _remedy(planned, args, settings)

    return plan_fit.fit_notes(install, remedy, render.human_size)


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
            told += f" `{words}` chooses again."
        notes.append(told)
    return notes


def warn(notes: Iterable[str]) -> None:
    """What makes no use of the accelerator is a warning, and no mere note."""
    for note in notes:
        render.warning(note)


def _remedy(planned: PlannedInstall, args: argparse.Namespace, settings: IndexSettings) -> str:
    """Why the source with a build for each accelerator was not asked, and the command that asks it."""
    from variantctl.config.backends import known_sources

    source = next((source for source in known_sources(os.environ) if source.serves(planned.name)), None)
    if source is None or source.name in args.backends:
        return ""
    why = _why_not_asked(planned, source, args, settings)
    told = f"The source {source.name}, which has builds for each accelerator, was not asked: {why}."
    if planned.name in settings.pins or planned.direct_url is not None:
        return told
    return f"{told} `{asking(args.arguments, source.name)}` asks it."


def _why_not_asked(
    planned: PlannedInstall, source: BackendSource, args: argparse.Namespace, settings: IndexSettings
) -> str:
    if planned.name in settings.pins:
        return f"{planned.name} is pinned to {settings.pins[planned.name]}"
    if args.no_backends:
        return "--no-backends switches it off"
    if os.environ.get(_OFF):
        return f"{_OFF} switches it off"
    if planned.direct_url is not None:
        return f"{planned.name} is named by its URL"
    if any(source.name == asked.name for layer in settings.layers for asked in layer.backends):
        return f"{planned.link.file.source} has {planned.name}, too, and is searched first"
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
