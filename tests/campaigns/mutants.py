"""Does a test notice? Code that decides is changed in one place, and the tests of its room are run.

The changes are those of ``mutation.py``. mutmut and cosmic-ray change files, or switch inside one process:
many of our tests start ``variantctl`` as users do. Here every Python that a test starts imports the changed
module, since ``sitecustomize`` tells it to; no file is touched. A case is one mutant, drawn with the seed;
as many cases as there are mutants are all of them. ``mutant_runs.py`` runs them; what is changed outside
functions is run here, in a pytest of its own. ``VARIANTCTL_MUTANTS_OF="select.ranking net.hashes"`` looks at
these modules alone.
"""

from __future__ import annotations

import ast
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from tests.campaigns.mutation import mutations
from tests.campaigns.report import Report

ROOT = Path(__file__).parents[2]
#: Module -> the tests that have to notice.
TARGETS: Mapping[str, Sequence[str]] = {
    "variantctl.variants.ordering": ("tests/variants/test_ordering.py",),
    "variantctl.select.ranking": ("tests/select/test_ranking.py", "tests/select/test_ranking_corners.py"),
    "variantctl.install.transaction": ("tests/install/test_transaction_steps.py",),
    "variantctl.install.clashes": ("tests/install/test_clash_rules.py", "tests/install/test_clashes.py"),
    "variantctl.install.file_changes": ("tests/install/test_file_changes.py",),
    "variantctl.providers.algorithm": (
        "tests/providers/test_algorithm.py",
        "tests/providers/test_algorithm_corners.py",
    ),
    "variantctl.providers.answers": (
        "tests/providers/test_answers.py",
        "tests/providers/test_answer_limits.py",
    ),
    "variantctl.wheels.verify": ("tests/wheels/test_verify.py", "tests/wheels/test_untidy.py"),
    "variantctl.wheels.record": (
        "tests/wheels/test_record_rows.py",
        "tests/wheels/test_untidy.py",
        "tests/wheels/test_archive.py",
    ),
    "variantctl.net.hashes": ("tests/net/test_digests.py",),
    "variantctl.lock.selection": ("tests/lock/test_selection.py",),
}
_SITE = """\
import os
import sys

wanted = os.environ.get("VARIANTCTL_MUTANT") or os.environ.get("VARIANTCTL_MARKED")
if wanted:
    sys.path.append({folder!r})
    import mutation

    sys.path.remove({folder!r})
    mutation.install(wanted)
"""
#: In seconds: a mutant that makes the tests take so much longer than they do counts as noticed.
_LONGER = 60.0


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        module: of which.
        number: its place among the module's mutations.
        line: where.
        code: the line.
        words: what is changed.
    """

    module: str
    number: int
    line: int
    code: str
    words: str

    def __str__(self) -> str:
        return f"{self.module}:{self.number} line {self.line}: {self.words}\n      {self.code}"


@cache
def equivalent() -> frozenset[tuple[str, str, str]]:
    """Mutants that nobody could see: module, line of code, change; ``equivalent.toml`` says why."""
    told = tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text())
    return frozenset(
        (f"variantctl.{module}", code, change)
        for module, mutants in told.items()
        for mutant in mutants
        for code, change in ((mutant["code"], change) for change in mutant["changes"])
    )


def mutants_of(module: str) -> list[Mutant]:
    """All of a module's, but for those that nobody could see."""
    spec = find_spec(module)
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).read_text()
    lines = source.splitlines()
    found = [
        Mutant(module, number, line, lines[line - 1].strip() if line else "", words)
        for number, (line, words, _) in enumerate(mutations(ast.parse(source)))
    ]
    return [mutant for mutant in found if (module, mutant.code, mutant.words) not in equivalent()]


def run(cases: int, seed: int, folder: Path, modules: Sequence[str] = ()) -> Report:
    """Draw mutants of all modules, and run the tests that come to each."""
    report = Report("mutants that a test notices", seed)
    (folder / "site").mkdir()
    (folder / "site/sitecustomize.py").write_text(_SITE.format(folder=str(Path(__file__).parent)))
    asked = [f"variantctl.{name}" for name in os.environ.get("VARIANTCTL_MUTANTS_OF", "").split()]
    every = [mutant for module in modules or asked or TARGETS for mutant in mutants_of(module)]
    drawn = random.Random(seed).sample(every, min(cases, len(every)))
    for module in sorted({mutant.module for mutant in drawn}):
        _look_at(module, [mutant for mutant in drawn if mutant.module == module], folder, report)
    return report


def _look_at(module: str, mutants: Sequence[Mutant], folder: Path, report: Report) -> None:
    own = folder / module
    own.mkdir()
    started = time.monotonic()
    answers, failed = _answers(module, mutants, own)
    took = time.monotonic() - started
    for test in failed:
        report.fail(f"{module}: a test fails with nothing changed", test)
    for mutant in mutants:
        said = answers[mutant.number]
        if said == "elsewhere":
            said = "noticed" if _is_noticed_by_all(mutant, own, 3 * took + _LONGER) else "survived"
        if said.startswith("noticed"):
            report.count(f"{module}: noticed")
        else:
            report.fail(f"{module}: survived", f"{mutant}\n      {said}")
    print(f"  {module}: {len(mutants)} in {time.monotonic() - started:.0f} s", flush=True)


def _environ(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis"),
        "PYTHONPATH": os.pathsep.join([str(folder.parent / "site"), str(ROOT), str(ROOT / "index")]),
        "PYTEST_DEBUG_TEMPROOT": str(folder),
    }


def _command(*arguments: str) -> list[str]:
    quiet = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0")
    return [sys.executable, "-m", "pytest", *quiet, *arguments]


def _answers(module: str, mutants: Sequence[Mutant], folder: Path) -> tuple[dict[int, str], list[str]]:
    file = folder / "asked.json"
    numbers = {mutant.number: mutant.line for mutant in mutants}
    file.write_text(json.dumps({"module": module, "mutants": numbers}))
    environ = {**_environ(folder), "VARIANTCTL_MUTANTS": str(file), "VARIANTCTL_MARKED": module}
    command = _command("-p", "tests.campaigns.mutant_runs", *TARGETS[module])
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    said = json.loads(file.read_text())
    if "answers" not in said:
        raise RuntimeError(done.stdout + done.stderr)
    return {int(number): answer for number, answer in said["answers"].items()}, said["failed"]


def _is_noticed_by_all(mutant: Mutant, folder: Path, limit: float) -> bool:
    environ = {**_environ(folder), "VARIANTCTL_MUTANT": f"{mutant.module}:{mutant.number}"}
    command = _command(*TARGETS[mutant.module])
    try:
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0
