"""A pytest plugin: the tests are collected once, and each mutant runs those of them that come to its line.

A mutant is a process that pytest's own is copied to, with the code of one function exchanged there; what its
tests start imports the whole module mutated. So a mutant costs what its tests take until one of them fails.
``mutants.py`` starts this, and says which in a JSON file (``VARIANTCTL_MUTANTS``); the answers go there, too.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, Phase, settings

from tests.campaigns.mutation import mutated

_AT_ONCE = 2
#: In seconds, beside three times what the tests take: then a mutant counts as noticed.
_LONGER = 60.0
#: How a mutant's process ends.
_SURVIVED, _NOTICED, _ELSEWHERE = 0, 1, 3

# One failing example is enough, and the machine may be slow.
settings.register_profile(
    "mutants",
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
settings.load_profile("mutants")


def pytest_runtestloop(session: pytest.Session) -> bool:
    """In place of running the tests: see what each comes to, then run the mutants."""
    file = Path(os.environ["VARIANTCTL_MUTANTS"])
    asked = json.loads(file.read_text())
    runs = Runs(session, asked["module"], file.parent)
    answers, failed = runs.answers({int(number): line for number, line in asked["mutants"].items()})
    file.write_text(json.dumps({**asked, "failed": failed, "answers": answers}))
    return True


class Runs:
    """The processes."""

    def __init__(self, session: pytest.Session, module: str, folder: Path) -> None:
        self._items = session.items
        self._module, self._folder = module, folder
        self._source = Path(sys.modules[module].__file__ or "").read_text()
        self._tree = ast.parse(self._source)
        self._running: dict[int, tuple[int, float]] = {}
        self._ended: dict[int, str] = {}

    def answers(self, mutants: Mapping[int, int]) -> tuple[dict[int, str], list[str]]:
        """Number -> what became of the mutant; and the tests that fail with nothing changed."""
        times, lines, failed = self._look()
        sound = [place for place in sorted(times, key=times.__getitem__) if not failed[place]]
        for number, line in mutants.items():
            start = _statement(self._tree, line)
            chosen = [place for place in sound if start in lines[place]]
            if not chosen:
                self._ended[number] = "survived: no test comes to it" if start else "elsewhere"
                continue
            while len(self._running) >= _AT_ONCE:
                self._wait()
            longest = 3 * sum(times[place] for place in chosen) + _LONGER
            self._start(number, longest, partial(self._mutant, number, chosen))
        while self._running:
            self._wait()
        return self._ended, [self._items[place].nodeid for place in failed if failed[place]]

    def _look(self) -> tuple[dict[int, float], dict[int, set[int]], dict[int, bool]]:
        """Each test's time, the lines that it comes to, and whether it fails."""
        found = self._folder / "found.json"

        def look() -> int:
            said = {}
            for place in range(len(self._items)):
                file = self._folder / f"lines-{place}"
                sys.modules["mutation"].LINES.start(str(file))
                started = time.monotonic()
                bad = self._fails(place, self._items[place + 1 : place + 2])
                ended = time.monotonic() - started
                hit = {int(line) for line in file.read_text().split()} if file.exists() else set()
                said[place] = (ended, sorted(hit), bad)
            found.write_text(json.dumps(said))
            return _SURVIVED

        self._start(-1, 3600.0, look)
        while self._running:
            self._wait()
        self._ended.clear()
        said = {int(place): what for place, what in json.loads(found.read_text()).items()}
        return (
            {place: what[0] for place, what in said.items()},
            {place: set(what[1]) for place, what in said.items()},
            {place: what[2] for place, what in said.items()},
        )

    def _fails(self, place: int, following: Sequence[pytest.Item]) -> bool:
        after = following[0] if following else None
        reports = runtestprotocol(self._items[place], nextitem=after, log=False)
        return any(report.failed for report in reports)

    def _mutant(self, number: int, chosen: Sequence[int]) -> int:
        os.environ["VARIANTCTL_MUTANT"] = f"{self._module}:{number}"
        os.environ.pop("VARIANTCTL_MARKED", None)
        if not _exchange(self._module, self._source, number):
            return _ELSEWHERE
        for index, place in enumerate(chosen):
            following = [self._items[other] for other in chosen[index + 1 : index + 2]]
            if self._fails(place, following):
                return _NOTICED
        return _SURVIVED

    def _start(self, number: int, longest: float, work: Callable[[], int]) -> None:
        child = os.fork()
        if child:
            self._running[child] = (number, time.monotonic() + longest)
            return
        status = 2
        try:
            os.setsid()
            place = self._folder / f"of-{number}"
            place.mkdir()
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(place)
            status = work()
        finally:
            os._exit(status)

    def _wait(self) -> None:
        """Until one has ended."""
        while True:
            for child, (number, until) in tuple(self._running.items()):
                ended, status = os.waitpid(child, os.WNOHANG)
                late = not ended and time.monotonic() > until
                if late:
                    _end(child)
                    os.waitpid(child, 0)
                if ended or late:
                    del self._running[child]
                    self._ended[number] = "noticed: took too long" if late else _word(status)
                    _end(child)
                    shutil.rmtree(self._folder / f"of-{number}", ignore_errors=True)
                    return
            time.sleep(0.02)


def _word(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return {_SURVIVED: "survived", _ELSEWHERE: "elsewhere"}.get(code, "noticed")


def _end(child: int) -> None:
    """The child, and what it started and left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)


def _statement(tree: ast.Module, line: int) -> int:
    """Where the statement begins that has ``line`` and is in a function; 0: there is none."""
    starts = [0]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = [one for part in node.body for one in ast.walk(part) if isinstance(one, ast.stmt)]
            starts += [one.lineno for one in inner if one.lineno <= line <= (one.end_lineno or 0)]
    return max(starts)


def _exchange(module: str, source: str, number: int) -> bool:
    """Give the module's functions the mutated code; ``False`` where that is not possible."""
    whole = compile(mutated(source, number), sys.modules[module].__file__ or "", "exec", dont_inherit=True)
    plain = compile(source, sys.modules[module].__file__ or "", "exec", dont_inherit=True)
    old, new = dict(_functions(plain, "")), dict(_functions(whole, ""))
    changed = [name for name in old if name not in new or old[name] != new[name]]
    if not changed or any(name not in new for name in changed):
        return False
    functions = [
        found
        for found in gc.get_objects()
        if type(found) is FunctionType and found.__module__ == module and found.__qualname__ in changed
    ]
    if {function.__qualname__ for function in functions} != set(changed):
        return False
    try:
        for function in functions:
            function.__code__ = new[function.__qualname__]
    except ValueError:  # of another number of outer variables
        return False
    return True


def _functions(code: CodeType, prefix: str) -> Iterator[tuple[str, CodeType]]:
    """Qualified name -> code, of the functions of a module and the methods of its classes."""
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and not inner.co_name.startswith("<"):
            name = f"{prefix}{inner.co_name}"
            if inner.co_flags & 2:  # CO_NEWLOCALS: a function, and not the body of a class
                yield name, inner
            else:
                yield from _functions(inner, f"{name}.")
