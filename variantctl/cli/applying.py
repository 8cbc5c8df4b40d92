"""What ``install`` and ``sync`` do once there is a plan: build, fetch, put in place, and say what was odd."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from variantctl.cli import options, render
from variantctl.cli.building import matching_of
from variantctl.cli.recovery import say_waiting
from variantctl.values import replace

if TYPE_CHECKING:
    from variantctl.cli.progress import Downloads
    from variantctl.indexes.finder import PackageFinder
    from variantctl.resolve.plan import Plan, PlannedInstall
    from variantctl.target.environment import Environment


def applied(
    plan: Plan,
    environment: Environment,
    package_finder: PackageFinder,
    args: argparse.Namespace,
    *,
    accept: Callable[[Plan], None] | None = None,
) -> Plan:
    """Do what a plan says; gives it back with what was built, and the hashes that only the downloads showed.

    Args:
        plan: the plan.
        environment: what it changes.
        package_finder: fetches the wheels.
        args: of the command, which has the options for files and builds.
        accept: is called with the plan when all is in place; where it raises, all is taken back.
    """
    from variantctl.cli.progress import Downloads
    from variantctl.filesystem.links import LinkMode
    from variantctl.install.apply import Options, apply_plan

    if plan.needs_build:
        from variantctl.install.planned_builds import built_plan

        told = len(plan.notes)
        plan = built_plan(plan, package_finder, matching_of(args).of_plan(plan))
        for note in plan.notes[told:]:
            render.note(note)
    with Downloads(package_finder, keep_archives=options.keeps_archives(args)) as downloads:
        done = plan = replace(plan, install=tuple(_with_digest(each, downloads) for each in plan.install))
        outcome = apply_plan(
            plan,
            environment,
            downloads,
            Options(
                cache=package_finder.cache.root / "install",
                link_mode=LinkMode(args.link_mode),
                compile_bytecode=args.compile_bytecode,
                overwrite=args.overwrite,
                strict=args.strict,
                limits=options.unpacking_limits(args),
                progress=say_waiting,
                accept=None if accept is None else lambda: accept(done),
            ),
        )
    for warning in outcome.warnings:
        render.warning(warning)
    for note in outcome.notes:
        render.note(note)
    return plan


def _with_digest(planned: PlannedInstall, downloads: Downloads) -> PlannedInstall:
    """direct_url.json records the digest of the very file, which an index of one wheel does not say."""
    if planned.direct_url is None or planned.hashes:
        return planned
    return planned.with_sha256(downloads.sha256(planned))
