"""Does a test notice? Code that decides is changed in one place, and the tests of its room are run.

The changes are those of ``mutation.py``. mutmut and cosmic-ray change files, or switch inside one process:
many of our tests start ``variantctl`` as users do. Here every Python that a test starts imports the changed
module, since ``sitecustomize`` tells it to; no file is touched. A case is one mutant, drawn with the seed;
as many cases as there are mutants are all of them.
"""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tests.campaigns.mutation import mutations
from tests.campaigns.report import Report

ROOT = Path(__file__).parents[2]
#: Module -> the tests that have to notice.
TARGETS: Mapping[str, Sequence[str]] = {
    "variantctl.variants.ordering": ("tests/variants/test_ordering.py",),
    "variantctl.select.ranking": ("tests/select/test_ranking.py", "tests/explain"),
    "variantctl.install.transaction": ("tests/install/test_transaction.py", "tests/install/test_state.py"),
    "variantctl.install.clashes": ("tests/install/test_clashes.py",),
    "variantctl.install.file_changes": ("tests/install/test_refusals.py", "tests/install/test_clashes.py"),
    "variantctl.providers.algorithm": ("tests/providers/test_algorithm.py",),
    "variantctl.providers.answers": ("tests/providers/test_answers.py",),
    "variantctl.wheels.verify": ("tests/wheels/test_archive.py", "tests/wheels/test_untidy.py"),
    "variantctl.wheels.record": ("tests/wheels/test_untidy.py", "tests/wheels/test_archive.py"),
    "variantctl.net.hashes": ("tests/net", "tests/cache", "tests/install/test_hashes.py"),
    "variantctl.lock.selection": ("tests/lock/test_locking.py", "tests/lock/test_syncing.py"),
}
#: Mutants that change nothing anybody could see: module, how the line begins, and the change.
EQUIVALENT: Sequence[tuple[str, str, str]] = (
    # Larger than every key, either way; a dict needs no call to be empty.
    ("variantctl.variants.ordering", "_AFTER_ALL = ", "1 -> 2"),
    ("variantctl.variants.ordering", "_AFTER_ALL = ", "62 -> 63"),
    ("variantctl.variants.ordering", "super().__init__()", "left out: super().__init__()"),
)
_SITE = """\
import os
import sys

if os.environ.get("VARIANTCTL_MUTANT"):
    sys.path.append({folder!r})
    import mutation

    sys.path.remove({folder!r})
    mutation.install(os.environ["VARIANTCTL_MUTANT"])
"""
_WORKERS = 2
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

    def is_like(self, known: tuple[str, str, str]) -> bool:
        """Whether it is one of those that are known, wherever its line is by now."""
        module, beginning, words = known
        return (self.module, self.words) == (module, words) and self.code.startswith(beginning)

    def __str__(self) -> str:
        return f"{self.module}:{self.number} line {self.line}: {self.words}\n      {self.code}"


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
    return [mutant for mutant in found if not any(map(mutant.is_like, EQUIVALENT))]


def is_noticed(mutant: Mutant | None, tests: Sequence[str], folder: Path, limit: float | None) -> bool:
    """Whether a test fails with it; ``None``: with nothing changed."""
    environ = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / "hypothesis")}
    environ["PYTHONPATH"] = str(folder / "site")
    environ["PYTEST_DEBUG_TEMPROOT"] = str(folder)
    if mutant is not None:
        environ["VARIANTCTL_MUTANT"] = f"{mutant.module}:{mutant.number}"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    try:
        done = subprocess.run(
            [*command, "--hypothesis-seed=0", *tests],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def run(cases: int, seed: int, folder: Path, modules: Sequence[str] = tuple(TARGETS)) -> Report:
    """Draw mutants of all modules, and run the tests of each."""
    report = Report("mutants that a test notices", seed)
    (folder / "site").mkdir()
    (folder / "site/sitecustomize.py").write_text(_SITE.format(folder=str(Path(__file__).parent)))
    every = [mutant for module in modules for mutant in mutants_of(module)]
    drawn = random.Random(seed).sample(every, min(cases, len(every)))
    limits: dict[str, float] = {}
    for module in {mutant.module for mutant in drawn}:
        started = time.monotonic()
        if is_noticed(None, TARGETS[module], folder, None):
            report.fail(f"{module}: its tests fail as it is", " ".join(TARGETS[module]))
        limits[module] = 3 * (time.monotonic() - started) + _LONGER

    def look(mutant: Mutant) -> tuple[Mutant, bool]:
        return mutant, is_noticed(mutant, TARGETS[mutant.module], folder, limits[mutant.module])

    with ThreadPoolExecutor(_WORKERS) as pool:
        for mutant, noticed in pool.map(look, drawn):
            if noticed:
                report.count(f"{mutant.module}: noticed")
            else:
                report.fail(f"{mutant.module}: survived", str(mutant))
    return report
