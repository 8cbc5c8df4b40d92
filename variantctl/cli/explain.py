"""``variantctl explain``: which wheel would be chosen, and why not the others; or a whole plan, explained."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from variantctl.cli import options, render, target_machine
from variantctl.cli.building import add_build_arguments, with_builds
from variantctl.cli.recovery import recover
from variantctl.values import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from variantctl.cli.styling import StackedTable
    from variantctl.cli.target_machine import TargetMachine
    from variantctl.explain.plan import PlanExplanation
    from variantctl.explain.wheels import Explanation
    from variantctl.indexes.finder import PackageFinder
    from variantctl.requirements.requirement import UserRequirement
    from variantctl.select.ranking import EvaluatedWheel

_STYLES = {"selected": "bold green", "compatible": "green", "incompatible": "dim", "excluded": "yellow"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "requirements",
        nargs="+",
        metavar="REQUIREMENT",
        help="'torch', 'torch==2.10.0', a wheel's path or URL; several are explained as one plan",
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="explain all that an empty environment would get, dependencies too",
    )
    parser.add_argument("--pre", action="store_true", help="take pre-releases too")
    parser.add_argument(
        "--all", action="store_true", help="list the wheels for other Pythons and platforms too"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)
    add_build_arguments(parser)
    parser.set_defaults(no_deps=False)


def run(args: argparse.Namespace) -> int:
    """Judge every wheel of the version that would be taken, and print the verdicts."""
    from variantctl.cli.fit_advice import fit_notes, warn
    from variantctl.requirements.files import RequirementFile

    environment = options.environment_of(args, for_changes=False)
    if environment is not None:
        recover(environment, for_changes=False)
    subject = target_machine.subject_of(args, environment)
    with options.open_finder(args, environment) as package_finder:
        requirements = with_builds(args, RequirementFile(), environment, subject, package_finder).requirements
        if args.plan or len(requirements) > 1:
            whole = _explain_plan(args, requirements, package_finder, subject)
            target_machine.show_notes(subject, whole.plan.notes, package_finder.warnings)
            warn(fit_notes(args, whole.plan.install, package_finder))
            render.print_json(whole.as_json()) if args.json else _print_plan(whole)
            return 0
        explanation = _explain(args, requirements[0], package_finder, subject)
        explanation = _with_fit_notes(explanation, args, package_finder)
    notes = (*package_finder.warnings, *explanation.notes)
    target_machine.show_notes(subject, notes, package_finder.warnings)
    if args.json:
        render.print_json(explanation.as_json())
    else:
        _print(explanation, everything=args.all)
    return 0


def _with_fit_notes(
    explanation: Explanation, args: argparse.Namespace, package_finder: PackageFinder
) -> Explanation:
    """What there is to say of an ordinary wheel that makes no use of the machine's accelerator."""
    from variantctl.cli.fit_advice import remedy_for

    fit, selected = explanation.fit, explanation.selected
    if fit is None or selected is None or fit.status not in ("misfit", "unused"):
        return explanation
    direct = not args.requirements or "@" in args.requirements[0]
    place = selected.link.file.source
    remedy = remedy_for(explanation.name, place, args, package_finder, direct=direct)
    told = f"{explanation.name} {explanation.version} {fit.why}. {remedy}".rstrip()
    return replace(explanation, notes=(*explanation.notes, told))


def _explain(
    args: argparse.Namespace,
    requirement: UserRequirement,
    package_finder: PackageFinder,
    subject: TargetMachine,
) -> Explanation:
    from variantctl.explain.wheels import explain

    return explain(
        requirement,
        package_finder=package_finder,
        machine=subject.machine,
        platform=subject.platform,
        preferences=options.preferences(args),
        pre=args.pre,
        who=subject.who,
        command=_installing(args),
    )


def _installing(args: argparse.Namespace) -> tuple[str, ...]:
    """The words of the command that installs what this one explains, as far as it has the same options."""
    ours = {"--json", "--all", "--plan"}
    words = [word for word in args.arguments if word not in ours]
    return tuple("install" if word == "explain" and at == 0 else word for at, word in enumerate(words))


def _explain_plan(
    args: argparse.Namespace,
    requirements: Sequence[UserRequirement],
    package_finder: PackageFinder,
    subject: TargetMachine,
) -> PlanExplanation:
    from variantctl.explain.plan import explain_plan
    from variantctl.resolve.options import SearchOptions
    from variantctl.resolve.resolver import Request

    request = Request(
        tuple(requirements),
        preferences=options.preferences(args),
        options=SearchOptions(pre=args.pre),
        command=_installing(args),
    )
    return explain_plan(
        request,
        package_finder=package_finder,
        machine=subject.machine,
        platform=subject.platform,
        who=subject.who,
    )


def _print_plan(whole: PlanExplanation) -> None:
    """A table of what is taken, then what there is to say of each package with variants."""
    from rich.markup import escape

    from variantctl.cli.styling import StackedTable

    console = render.console()
    table = StackedTable("package", "version", "variant")
    for title in ("needed by", "why this variant"):
        table.add_column(title, overflow="fold")
    for package in whole.packages:
        planned = package.planned
        who, _, why = planned.because.partition("; ")
        table.add_row(
            *map(escape, (planned.distribution, str(planned.version), planned.label or "-")),
            escape(who.removeprefix("needed by ")),
            escape(why.removeprefix(f"{planned.label}: ")),
        )
    console.print(table)
    for package in whole.packages:
        if any(wheel.link.wheel.label is not None for wheel in package.explanation.wheels):
            console.print(package.explanation.summary(), markup=False)
            for given_up in package.planned.given_up:
                console.print(f"  {given_up.label or 'the non-variant wheel'}: {given_up.why}", markup=False)


def _print(explanation: Explanation, *, everything: bool) -> None:
    shown = [wheel for wheel in explanation.wheels if everything or not _foreign(wheel)]
    console = render.console()
    if shown:
        console.print(_table(shown))
    hidden = len(explanation.wheels) - len(shown)
    console.print(explanation.summary(), markup=False)
    for item in explanation.passed_over:
        console.print(f"{item.name} {item.version} was passed over: it {item.why}.", markup=False)
        for label, why in item.labels.items():
            console.print(f"  {label}: {why or 'could be taken'}", markup=False)
    if explanation.other_builds:
        console.print(f"Its builds for accelerators, none of which {explanation.who} can take:", markup=False)
        for label, why in explanation.other_builds.items():
            console.print(f"  {label}: {why}", markup=False)
    if hidden:
        console.print(f"(--all lists the {hidden} for other Pythons or platforms too.)", markup=False)


def _foreign(wheel: EvaluatedWheel) -> bool:
    """Whether a wheel is not for this Python and platform, which says nothing about variants."""
    return any(reason.kind in ("tags", "requires-python") for reason in wheel.reasons)


def _table(wheels: list[EvaluatedWheel]) -> StackedTable:
    from rich.markup import escape

    from variantctl.cli.styling import StackedTable

    table = StackedTable(spare=("wheel",))
    table.add_column("#", justify="right")
    for title in ("variant", "verdict", "why", "wheel"):
        table.add_column(title, overflow="fold")
    for wheel in wheels:
        style = _STYLES[wheel.verdict]
        table.add_row(
            str(wheel.rank or ""),
            escape(wheel.link.wheel.label or "-"),
            f"[{style}]{wheel.verdict}[/]",
            escape("; ".join(reason.detail for reason in wheel.reasons)),
            escape(wheel.link.wheel.filename),
        )
    return table
