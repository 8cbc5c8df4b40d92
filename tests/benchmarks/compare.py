"""Time two commands as whole processes, in turn: their ratio is a figure that survives a noisy machine."""

from __future__ import annotations

import statistics
import subprocess
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
        prepare: called before every single run, outside the timed part.
        environment: the environment of every run (``None``: this one's).
        reported: whether the commands print, as all their output, the seconds of the part that counts.
    """

    name: str
    ours: Sequence[str]
    peers: dict[str, Sequence[str]]
    targets: dict[str, float] = field(default_factory=dict)
    most_over: dict[str, float] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None
    environment: dict[str, str] | None = None
    reported: bool = False


def seconds(command: Sequence[str], environment: dict[str, str] | None, *, reported: bool = False) -> float:
    """Seconds of one run of ``command``, by the clock or as it reports them.

    Raises ``CalledProcessError`` when it fails.
    """
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, env=environment)
    return float(done.stdout) if reported else time.perf_counter() - start


def compare(case: Case, runs: int) -> list[str]:
    """Lines of a table: ours, then each peer with the median ratio, run by run in turn after one warm-up."""
    commands = {"variantctl": case.ours, **case.peers}
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            if case.prepare is not None:
                case.prepare()
            elapsed = seconds(command, case.environment, reported=case.reported)
            if turn:  # the first turn warms caches
                times[name].append(elapsed)
    lines = [case.name, f"  {'variantctl':<32} {statistics.median(times['variantctl']) * 1000:10.1f} ms"]
    for name in case.peers:
        pairs = list(zip(times["variantctl"], times[name], strict=True))
        ratio = statistics.median(ours / peer for ours, peer in pairs)
        target = case.targets.get(name)
        verdict = "" if target is None else f"  target {target:g}: {'met' if ratio <= target else 'MISSED'}"
        if name in case.most_over:
            over, most = (
                statistics.median(ours - peer for ours, peer in pairs) * 1000,
                case.most_over[name] * 1000,
            )
            verdict += f"  over {over:.1f} ms, target {most:g}: {'met' if over <= most else 'MISSED'}"
        lines.append(
            f"  {name:<32} {statistics.median(times[name]) * 1000:10.1f} ms  ratio {ratio:5.2f}{verdict}"
        )
    return lines
