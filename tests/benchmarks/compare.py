"""Time two commands as whole processes, in turn: their ratio is a figure that survives a noisy machine."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        name: what is compared, in a few words.
        ours: our command (argv).
        peers: the name of each peer and its command (argv).
        targets: peer name to the largest ratio ours/peer that we aim for.
        most_over: peer name to the most seconds that ours may take longer; where ours is to be as fast as
            anything but the work it does, a difference says more than a ratio.
        most_megabytes: the most memory (resident, at its peak) that ours may take; ``None``: any.
        prepare: called before every single run with the name of what runs ("variantctl" or the peer's),
            outside the timed part.
        environment: the environment of every run (``None``: this one's).
        reported: whether the commands print, as all their output, the seconds of the part that counts.
        warm_up: whether each command is run once before those that count.
    """

    name: str
    ours: Sequence[str]
    peers: dict[str, Sequence[str]]
    targets: dict[str, float] = field(default_factory=dict)
    most_over: dict[str, float] = field(default_factory=dict)
    most_megabytes: float | None = None
    prepare: Callable[[str], None] | None = None
    environment: dict[str, str] | None = None
    reported: bool = False
    warm_up: bool = True


@dataclass(frozen=True)
class Run:
    """What one run of a command took.

    Attributes:
        seconds: by the clock, or as the command reports them.
        megabytes: resident memory at its peak, of the largest process among the command and its children
            (``ru_maxrss`` of wait4; no less than this interpreter's own, from which it was started).
    """

    seconds: float
    megabytes: float


def run(command: Sequence[str], environment: dict[str, str] | None, *, reported: bool = False) -> Run:
    """One run of ``command``.

    Raises ``CalledProcessError`` when it fails.
    """
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise subprocess.CalledProcessError(process.returncode, command, output.read(), errors.read())
        unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
        return Run(float(output.read()) if reported else elapsed, usage.ru_maxrss / unit)


def compare(case: Case, runs: int) -> list[str]:
    """Lines of a table: ours, then each peer with the median ratio, run by run in turn."""
    commands = {"variantctl": case.ours, **case.peers}
    taken: dict[str, list[Run]] = {name: [] for name in commands}
    for exclusive_lock in range(runs + case.warm_up):
        for name, command in commands.items():
            if case.prepare is not None:
                case.prepare(name)
            one = run(command, case.environment, reported=case.reported)
            if exclusive_lock or not case.warm_up:
                taken[name].append(one)
    times = {name: [one.seconds for one in all_of] for name, all_of in taken.items()}
    peaks = {name: max(one.megabytes for one in all_of) for name, all_of in taken.items()}
    verdict = ""
    if case.most_megabytes is not None:
        verdict = (
            f"  memory target {case.most_megabytes:g}: {_met(peaks['variantctl'] <= case.most_megabytes)}"
        )
    lines = [case.name, _line("variantctl", times, peaks) + verdict]
    for name in case.peers:
        pairs = list(zip(times["variantctl"], times[name], strict=True))
        ratio = statistics.median(ours / peer for ours, peer in pairs)
        target = case.targets.get(name)
        verdict = "" if target is None else f"  target {target:g}: {_met(ratio <= target)}"
        if name in case.most_over:
            over, most = (
                statistics.median(ours - peer for ours, peer in pairs) * 1000,
                case.most_over[name] * 1000,
            )
            verdict += f"  over {over:.1f} ms, target {most:g}: {_met(over <= most)}"
        lines.append(f"{_line(name, times, peaks)}  ratio {ratio:5.2f}{verdict}")
    return lines


def _line(name: str, times: dict[str, list[float]], peaks: dict[str, float]) -> str:
    return f"  {name:<32} {statistics.median(times[name]) * 1000:10.1f} ms {peaks[name]:6.0f} MB"


def _met(met: bool) -> str:
    return "met" if met else "MISSED"
