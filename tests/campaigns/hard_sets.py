"""Sets that people really ask for (``hard_sets.toml``) beside uv, on the index that pip is set up for.

Each set is resolved by both tools into one empty environment, without wheels being fetched: once with the
network, then twice without it for the time of the processor (a proxy of PyPI that lets nobody keep pages
makes uv ask anew, which is no matter of either's search). A failure is a set that uv solves and we do not,
another set than uv's without a reason in ``[differs]``, and above a second ``MOST`` times uv's time.

Pages change by the hour, so there are no seeds. ``VARIANTCTL_HARD_SETS=TEXT,...`` takes the sets whose names
have one of the texts, ``VARIANTCTL_HARD_SETS_CACHE=DIR`` keeps the caches for the next run.
"""

from __future__ import annotations

import json
import math
import os
import re
import resource
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.campaigns.packages import Pins
from tests.campaigns.report import Report
from tests.campaigns.resolvers import environ
from variantctl.config.settings import load_index_settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST = 1.5
"""So many times uv's time may a warm run take where it takes more than a second."""

_LIMIT = 300
_TIMED = 2
_TABLE = Path(__file__).with_suffix(".toml")
_PIN = re.compile(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?\s*(?:==|@)\s*(?P<version>\S+)")


@dataclass(frozen=True)
class Answer:
    """What a tool said of a set.

    Attributes:
        pins: of its plan; ``None`` where it found none.
        seconds: of the processor in the faster of the warm runs; infinite where none worked.
        said: why there is none.
    """

    pins: Pins | None
    seconds: float
    said: str


@dataclass(frozen=True)
class _Tool:
    command: tuple[str, ...]
    environ: Mapping[str, str]

    def ask(self, folder: Path, requirements: Sequence[str]) -> Answer:
        """The answer with the network, and the times without: there is nothing to wait for but the tool."""
        path = folder / "requirements.txt"
        path.write_text("\n".join(requirements) + "\n", "utf-8")
        done, _ = self._once(path)
        pins = pins_said(done.stdout) if done.returncode == 0 else None
        timed = [self._once(path, "--offline") for _ in range(_TIMED if pins is not None else 0)]
        well = [taken for again, taken in timed if again.returncode == 0]
        return Answer(pins, min(well, default=math.inf), why_not(done) if pins is None else "")

    def _once(self, path: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], float]:
        command = [*(str(path) if word == "FILE" else word for word in self.command), *options]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=self.environ, timeout=_LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            done = subprocess.CompletedProcess(command, 124, "", f"nothing in {_LIMIT} s")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run(cases: int, seed: int, folder: Path) -> Report:
    """Compare on the first ``cases`` sets; a line for each is printed as it is done."""
    report = Report("sets that people ask for (beside uv)", seed)
    data = tomllib.loads(_TABLE.read_text("utf-8"))
    index = str(load_index_settings(no_backends=True).layers[-1].index_url)
    cache = Path(os.environ.get("VARIANTCTL_HARD_SETS_CACHE", folder))
    environment = folder / "environment"
    venv.create(environment, symlinks=True)
    ours, uv = _ours(index, environment, cache), _uv(index, environment, cache)
    print(f"{'set':26} {'ours':>5} {'uv':>5} {'others':>6} {'s':>6} {'uv s':>6} {'ratio':>6}", flush=True)
    for name, requirements in list(_chosen({**data["sets"], **data["files"]}))[:cases]:
        theirs, mine = uv.ask(folder, requirements), ours.ask(folder, requirements)
        _judge(report, name, mine, theirs, data["differs"].get(name))
    return report


def _chosen(sets: Mapping[str, list[str]]) -> list[tuple[str, list[str]]]:
    texts = os.environ.get("VARIANTCTL_HARD_SETS", "").split(",")
    return [(name, of) for name, of in sets.items() if any(text in name for text in texts)]


def _judge(report: Report, name: str, mine: Answer, theirs: Answer, reason: str | None) -> None:
    others = different(mine.pins or {}, theirs.pins or {})
    ratio = mine.seconds / theirs.seconds
    print(
        f"{name:26} {_count(mine):>5} {_count(theirs):>5} {len(others):>6} {mine.seconds:6.2f} "
        f"{theirs.seconds:6.2f} {ratio:6.2f}",
        flush=True,
    )
    if mine.pins is None and theirs.pins is None:
        report.count("neither finds a set")
        print(f"    ours: {mine.said}\n    uv: {theirs.said}")
    elif theirs.pins is None:
        report.count("only we find a set")
        print(f"    uv: {theirs.said}")
    elif mine.pins is None and reason is None:
        report.fail("only uv finds a set", f"{name}: {mine.said}")
    elif not others:
        report.count("the same set")
    elif reason is not None:
        report.count("another set, for a reason")
    else:
        report.fail("another set", f"{name} (ours, uv): {'; '.join(others)}")
    if mine.pins is not None and theirs.pins is not None and mine.seconds > max(1.0, MOST * theirs.seconds):
        report.fail(f"(more than {MOST} times uv's time)", f"{name}: {mine.seconds:.2f} s, {ratio:.2f}")


def different(mine: Pins, theirs: Pins) -> list[str]:
    return [
        f"{name} {mine.get(name, '-')} {theirs.get(name, '-')}"
        for name in sorted({*mine, *theirs})
        if mine.get(name) != theirs.get(name)
    ]


def _count(answer: Answer) -> str:
    return "none" if answer.pins is None else str(len(answer.pins))


def _ours(index: str, environment: Path, cache: Path) -> _Tool:
    options = ["--dry-run", "--json", "--no-backends", "--no-families", "--index-url", index, "-r", "FILE"]
    command = [sys.executable, "-m", "variantctl", "install", "-p", str(environment), *options]
    changed = {"XDG_CACHE_HOME": str(cache / "ours"), "PIP_CONFIG_FILE": os.devnull}
    return _Tool(tuple(command), {**environ(), **changed})


def _uv(index: str, environment: Path, cache: Path) -> _Tool:
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "FILE", "--quiet", "--no-header"]
    options = ["--no-annotate", "--default-index", index, "--python", str(environment / "bin" / "python")]
    changed = {"UV_CACHE_DIR": str(cache / "uv"), "UV_NO_CONFIG": "1"}
    return _Tool((*uv, *options), {**environ(), **changed})


def pins_said(said: str) -> Pins:
    """Of one JSON object of ours, or of uv's lines."""
    if said.startswith("{"):
        return {each["name"]: str(Version(each["version"])) for each in json.loads(said)["install"]}
    found = [match for line in said.splitlines() if (match := _PIN.match(line))]
    return {str(canonicalize_name(match["name"])): str(Version(match["version"])) for match in found}


def why_not(done: subprocess.CompletedProcess[str]) -> str:
    """The first words of an error."""
    text = done.stderr
    if done.stdout.startswith("{"):
        text = json.loads(done.stdout)["error"]["message"]
    return " ".join(text.split())[:300]
