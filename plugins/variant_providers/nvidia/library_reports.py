"""Reports of driver libraries: what NVML and libcuda have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from variant_providers.nvidia.driver_lines import take_lines
from variant_providers.nvidia.report import DriverReport
from variant_providers.probing.child import ChildAnswer, Deadline, ask_libraries

Reader = Callable[[ChildAnswer], DriverReport]


class DriverLibraryKind(NamedTuple):
    """A kind of driver library.

    Attributes:
        source: its short name, ``NVML``.
        title: its name in a sentence.
        error_name: what its error codes are called.
        errors: error code -> what it means.
        harmless: the codes that say something about the machine, and are no failure.
        where: fact -> the call that tells it.
    """

    source: str
    title: str
    error_name: str
    errors: Mapping[int, str]
    harmless: frozenset[int]
    where: Mapping[str, str]

    def report(self, answer: ChildAnswer) -> DriverReport:
        """What a child said about one library, its errors in words."""
        report = DriverReport(self.source, where=dict(self.where), hung=answer.hung)
        take_lines(answer.objects(), report)
        if answer.trouble is not None:
            report.fail(f"{self.title} {answer.trouble}")
        if report.unloadable:
            report.fail(f"{self.title} cannot be loaded: {report.unloadable}")
        for call, code in dict.fromkeys(report.errors):
            report.notes.append(self.describe(call, code))
            report.failed = report.failed or code not in self.harmless
        return report

    def describe(self, call: str, code: int) -> str:
        """An error in words: the call, what the code means, and the code."""
        return f"{call}: {self.errors.get(code, 'unknown error')} ({self.error_name} {code})"


def ask_in_turn(
    script: Path, read: Reader, libraries: Sequence[str], deadline: Deadline, *arguments: str
) -> DriverReport:
    """Ask the libraries in turn until one names a GPU; the most useful report, with the notes of the others.

    Args:
        script: the child's script.
        read: how to read its answer.
        libraries: names or paths, most likely first; at least one.
        deadline: until when.
        arguments: the script's other arguments.
    """
    answers = ask_libraries(script, libraries, lambda answer: bool(read(answer).gpus), deadline, *arguments)
    reports = [read(answer) for answer in answers]
    best = max(reports, key=_use)
    others = [report for report in reports if report is not best]
    if others and best.answered:
        library = _library(answers[reports.index(best)])
        best.notes.append(f"of {len(reports)} libraries that were tried, {library} answered")
    best.notes[:0] = [note for report in others for note in report.notes if note not in best.notes]
    best.driver_loaded = best.driver_loaded and (best.answered or all(one.driver_loaded for one in others))
    best.hung = any(report.hung for report in reports)
    return best


def _use(report: DriverReport) -> tuple[bool, bool, bool]:
    """How useful a report is; of equals the first counts."""
    return bool(report.gpus), report.answered, report.present


def _library(answer: ChildAnswer) -> str:
    said = [str(one["library"]) for one in answer.objects() if "library" in one]
    return said[0] if said else "none"
