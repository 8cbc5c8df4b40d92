"""``variantctl doctor``: whether an environment still fits this machine; a container's health check."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from variantctl.cli import options, render, target_machine
from variantctl.cli.recovery import recover
from variantctl.cli.remedies import commands_for

if TYPE_CHECKING:
    from variantctl.cli.target_machine import TargetMachine
    from variantctl.doctor.checks import Ground
    from variantctl.doctor.findings import Commands, Finding
    from variantctl.doctor.inspection import Inspection
    from variantctl.doctor.trials import Trial
    from variantctl.families.registry import Families
    from variantctl.providers.algorithm import Machine
    from variantctl.target.environment import Environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.epilog = (
        "Exits 1 where something is wrong, and 0 where there are only suggestions. "
        "Nothing is asked of the network, except with --updates."
    )
    parser.add_argument("--updates", action="store_true", help="ask the sources for better variants, too")
    parser.add_argument("--verify", action="store_true", help="compare every file with its hash in RECORD")
    parser.add_argument(
        "--run",
        action="store_true",
        help="import each framework in a process of its own, and run one small kernel on each device",
    )
    parser.add_argument(
        "--run-timeout",
        metavar="SECONDS",
        type=_seconds,
        help="with --run: how long one framework may take (default: 120)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_variant_arguments(parser)
    options.add_source_arguments(parser)
    options.add_environment_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Inspect, judge, and print the findings."""
    from variantctl.config.families import all_families
    from variantctl.doctor.checks import check, is_healthy

    # The plugin of a trusted provider is asked as it is in the cache, or not at all.
    args.offline = args.offline or not args.updates
    environment = options.named_environment(args, for_changes=False)
    recover(environment, for_changes=False)
    subject = target_machine.subject_of(args, environment)
    inspection = _inspect(args, environment, subject)
    commands = commands_for(args.arguments)
    families = all_families(os.environ)
    findings = check(inspection, _ground(args, subject, families, commands))
    findings += _of_code(inspection, findings, subject, commands)
    if args.profile is None:
        findings += _of_this_machine(inspection, environment, subject.machine, families, commands)
    findings += _of_sources(args, environment, subject, inspection, commands)
    trials = list(_trials(args, environment)) if args.run else []
    findings += _of_trials(trials, inspection, subject, commands)
    target_machine.show_notes(subject)
    healthy = is_healthy(findings)
    if args.json:
        render.print_json(
            {
                "format": 1,
                "status": "ok" if healthy else "mismatch",
                "environment": str(environment.prefix),
                "machine": subject.who,
                "packages": len(inspection.packages),
                "findings": [finding.as_json() for finding in findings],
                **({"run": [trial.as_json() for trial in trials]} if args.run else {}),
            }
        )
    else:
        _print_trials(trials)
        _print(findings, inspection, environment, subject)
    return 0 if healthy else 1


def _inspect(args: argparse.Namespace, environment: Environment, subject: TargetMachine) -> Inspection:
    from variantctl.cli.progress import progress_steps
    from variantctl.doctor.inspection import inspect
    from variantctl.target.installed import installed_packages

    installed = installed_packages(environment)
    with progress_steps("verifying" if args.verify else "checking", len(installed)) as begin:
        return inspect(
            environment,
            markers=subject.platform.markers,
            verify=args.verify,
            begin=begin,
            installed=installed,
        )


def _of_code(
    inspection: Inspection, told: Sequence[Finding], subject: TargetMachine, commands: Commands
) -> list[Finding]:
    """What libraries have code for; not of packages for which more is wrong than that."""
    from variantctl.doctor.accelerators import wanted_accelerators
    from variantctl.doctor.code_checks import check_code
    from variantctl.doctor.installed_code import installed_code
    from variantctl.select.fit import ACCELERATORS

    wrong = {finding.package for finding in told if finding.severity == "error"}
    packages = {name: item for name, item in inspection.packages.items() if name not in wrong}
    if not wanted_accelerators(packages.values()):
        return []
    code = installed_code(packages.values())
    supported = subject.machine.supported(ACCELERATORS)
    return check_code(packages, code, supported, subject.who, commands)


def _of_this_machine(
    inspection: Inspection,
    environment: Environment,
    machine: Machine,
    families: Families,
    commands: Commands,
) -> list[Finding]:
    """What no profile can say: drivers, device nodes, containers, variables."""
    from variantctl.doctor.accelerators import is_about_accelerators, wanted_accelerators
    from variantctl.doctor.imports import shadowing
    from variantctl.doctor.system import System
    from variantctl.doctor.system_checks import check_system, not_detected

    packages = inspection.packages
    if not is_about_accelerators(packages.values(), families):
        return []
    before = [Path(folder) for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    findings = list(shadowing(packages, environment.site_packages, before))
    wanted = wanted_accelerators(packages.values())
    findings += not_detected(machine, wanted)
    if sys.platform == "linux":
        findings += check_system(System(), packages, wanted, commands)
    return findings


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds, such as 60")
    return seconds


def _trials(args: argparse.Namespace, environment: Environment) -> Iterator[Trial]:
    """The frameworks of the environment, one after the other: each may take a GPU for itself."""
    from variantctl.cli.progress import progress_steps
    from variantctl.doctor.trials import TIME_LIMIT, frameworks_in, run_trial

    found = frameworks_in((*environment.site_packages, *environment.site_paths))
    also = environment.site_packages if environment.kind in ("target", "prefix") else ()
    with progress_steps("running", len(found)) as begin:
        for name in found:
            begin(name)
            yield run_trial(environment.python, name, limit=args.run_timeout or TIME_LIMIT, also=also)


def _of_trials(
    trials: Sequence[Trial], inspection: Inspection, subject: TargetMachine, commands: Commands
) -> list[Finding]:
    if not trials:
        return []
    from variantctl.doctor.trial_checks import check_trials
    from variantctl.select.fit import ACCELERATORS, present

    machine = present(subject.machine.supported(ACCELERATORS))
    return list(check_trials(trials, inspection.packages, machine, commands))


def _print_trials(trials: Sequence[Trial]) -> None:
    """A line for each framework and device."""
    if render.is_quiet():
        return
    for trial in trials:
        imported = f"imported in {trial.seconds:.1f} s" if trial.seconds is not None else "not imported"
        sys.stdout.write(f"{trial.framework} {trial.version}: {imported}\n")
        for device in trial.devices:
            name = f" ({device.name})" if device.name and device.name.lower() != device.device else ""
            took = f"ok in {device.seconds:.3f} s" if device.ok and device.seconds is not None else "failed"
            sys.stdout.write(f"  {device.device}{name}: {took}\n")


def _ground(
    args: argparse.Namespace, subject: TargetMachine, families: Families, commands: Commands
) -> Ground:
    from variantctl.config.families import known_families
    from variantctl.doctor.checks import Ground
    from variantctl.select.compatibility import Interpreter

    def unanswered(namespace: str) -> str | None:
        notes = subject.machine.notes
        silent = [note for note in notes if note.status in ("untrusted", "disabled")]
        return next((note.message for note in silent if note.namespace == namespace), None)

    return Ground(
        subject.machine.supported,
        unanswered,
        Interpreter(subject.platform.tags, subject.platform.markers),
        subject.who,
        commands,
        options.preferences(args).accelerator == "any",
        families,
        not args.no_families and bool(known_families(os.environ)),
    )


def _of_sources(
    args: argparse.Namespace,
    environment: Environment,
    subject: TargetMachine,
    inspection: Inspection,
    commands: Commands,
) -> list[Finding]:
    from variantctl.cli.candidates import candidate_finder_of
    from variantctl.cli.progress import progress_steps
    from variantctl.doctor.improvements import improvements, withdrawals

    if not args.updates:
        # Offline: what the pages say that the cache has.
        with candidate_finder_of(args, environment, subject) as candidate_finder:
            return withdrawals(inspection, candidate_finder)
    with (
        candidate_finder_of(args, environment, subject) as candidate_finder,
        progress_steps("asking", len(inspection.packages)) as begin,
    ):
        return improvements(inspection, candidate_finder, commands=commands, begin=begin)


def _print(
    findings: Sequence[Finding], inspection: Inspection, environment: Environment, subject: TargetMachine
) -> None:
    # Plain text: a health check runs often, and importing rich would take longer than the check.
    write = sys.stdout.write
    for finding in findings:
        write(f"{finding.severity}: {finding.detail} [{finding.kind}]\n")
        for text in (finding.means, *finding.evidence, finding.hint):
            if text:
                write(f"  {text}\n")
    errors = sum(finding.severity == "error" for finding in findings)
    if errors:
        write(f"{environment.prefix}: {errors} {'mismatch' if errors == 1 else 'mismatches'}\n")
    elif not render.is_quiet():
        variants = sum(item.label is not None for item in inspection.packages.values())
        count = f"{len(inspection.packages)} packages, {variants} of them variants"
        write(f"{environment.prefix} is right for {subject.who} ({count}).\n")
