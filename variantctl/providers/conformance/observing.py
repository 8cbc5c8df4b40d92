"""Watching a plugin in child processes: each method several times, in surroundings that must not matter."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from variantctl.providers.answers import ALL, SUPPORTED, printable
from variantctl.providers.child import REFERENCE, passed_on, run_bounded, time_limit
from variantctl.values import dataclass, field

RUNS = 4
"""Processes for each method. The order of a set of two has one chance in eight to look steady."""

_SCRIPT = Path(__file__).with_name("probe.py")
_QUERY = Path(__file__).parents[1] / "isolated_query.py"
_SAID = 300


@dataclass(frozen=True)
class Observation:
    """What one process did.

    Attributes:
        method: the method that it called.
        seen: what ``probe.py`` wrote, ``{}`` where nothing came.
        trouble: how the process ended otherwise than well, in words; ``None`` where it ended well.
        timed_out: whether it was ended because its time was up.
        stdout, stderr: the beginning of what it printed.
        changed: whether the environment was another one (no ``PATH``, another home, no visible devices).
    """

    method: str
    seen: Mapping[str, Any] = field(default_factory=dict)
    trouble: str | None = None
    timed_out: bool = False
    stdout: str = ""
    stderr: str = ""
    changed: bool = False

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls, as ``probe.py`` tells them."""
        calls = self.seen.get("calls")
        return calls if isinstance(calls, list) else []

    @property
    def answered(self) -> bool:
        """Whether every call came back with something."""
        return bool(self.calls) and all("error" not in call for call in self.calls)


def observe(
    python: Path,
    reference: str,
    *,
    environ: Mapping[str, str] = os.environ,
    timeout: float | None = None,
    runs: int = RUNS,
) -> list[Observation]:
    """Run every process that the rules are judged by.

    Args:
        python: the interpreter of the environment that the plugin is installed in.
        reference: the plugin, as ``module[:object]``; it must match ``child.REFERENCE``.
        environ: the environment variables of which :func:`~variantctl.providers.child.passed_on` are its.
        timeout: seconds a process may take; by default ``VARIANTCTL_PROVIDER_TIMEOUT``, else 5.
        runs: processes for each method.

    Where a process ends badly the same is not asked again: a plugin that hangs costs one time limit a method.
    """
    assert REFERENCE.fullmatch(reference)
    limit = time_limit(environ) if timeout is None else timeout
    found = []
    for method in (ALL, SUPPORTED):
        for number in range(runs):
            changed = method == ALL and number % 2 == 1
            one = _run(python, reference, method, environ, limit, seed=number, changed=changed)
            found.append(one)
            if one.trouble is not None or one.seen.get("stage") != "done" or "error" in one.seen:
                break
    return found


def _run(
    python: Path,
    reference: str,
    method: str,
    environ: Mapping[str, str],
    limit: float,
    *,
    seed: int,
    changed: bool,
) -> Observation:
    with tempfile.TemporaryDirectory(prefix="variantctl-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "work").mkdir()
        environment = {**passed_on(environ), "PYTHONHASHSEED": str(seed)}
        if changed:
            environment |= _elsewhere(folder)
        answer = folder / "answer.json"
        command = [str(python), "-s", "-B", str(_SCRIPT), reference, str(answer), method, str(_QUERY)]
        with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
            ended = run_bounded(command, str(folder / "work"), environment, limit, stdout, stderr)
        return Observation(
            method,
            _read(answer),
            ended.trouble,
            ended.timed_out,
            _beginning(folder / "stdout"),
            _beginning(folder / "stderr"),
            changed,
        )


def _elsewhere(folder: Path) -> dict[str, str]:
    """Surroundings that what is valid at all must not depend on."""
    home = folder / "home"
    home.mkdir()
    hidden = ("CUDA", "NVIDIA", "ROCR", "HIP", "TPU", "ASCEND_RT")
    return {
        "PATH": str(home),
        "HOME": str(home),
        "LANG": "C",
        "TZ": "Pacific/Chatham",
        **{f"{vendor}_VISIBLE_DEVICES": "-1" for vendor in hidden},
    }


def _read(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _beginning(path: Path) -> str:
    with path.open("rb") as file:
        return printable(file.read(4 * _SAID).decode("utf-8", "replace"), _SAID)
