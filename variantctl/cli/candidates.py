"""What can be had for a machine, for commands that look and do not install."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from variantctl.cli import options, target_machine

if TYPE_CHECKING:
    from variantctl.cli.target_machine import TargetMachine
    from variantctl.resolve.candidate_finder import CandidateFinder
    from variantctl.target.environment import Environment


@contextmanager
def candidate_finder_of(
    args: argparse.Namespace, environment: Environment | None, subject: TargetMachine | None = None
) -> Iterator[CandidateFinder]:
    """The candidates of the sources, the machine and the preferences that the options name."""
    from variantctl.resolve.candidate_finder import CandidateFinder
    from variantctl.select.compatibility import Interpreter

    subject = subject or target_machine.subject_of(args, environment)
    with options.open_finder(args, environment) as package_finder:
        candidate_finder = CandidateFinder(
            package_finder,
            subject.machine,
            Interpreter(subject.platform.tags, subject.platform.markers),
            preferences=options.preferences(args),
            who=subject.who,
        )
        try:
            yield candidate_finder
        finally:
            candidate_finder.close()
