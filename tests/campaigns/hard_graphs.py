"""Large random graphs with dense conflicts, beside an exact solver and uv: nothing wrong, nothing given up.

A sixth of the cases are small (10 to 40 projects). The others have 100 to 400 projects: with chains of
versions that go together, with pins across them (what pip calls deep backtracking), or with as many conflicts
as the small ones. Whether there is an answer, python-sat says; ``Case.problem_of`` says whether ours is one.
uv is asked on every ``UV_EVERY``-th case: it must find an answer where we do, and the versions may be others.
The environment variable ``VARIANTCTL_HARD_GRAPHS_UV_EVERY`` changes how often.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.campaigns.exact import Exact
from tests.campaigns.memory_index import MemoryIndex
from tests.campaigns.packages import Case, Pins
from tests.campaigns.registry import Registry, Release
from tests.campaigns.report import Report
from tests.campaigns.resolvers import Ours, uv_pins
from variantctl.cache.folder import Cache
from variantctl.resolve.errors import TooDeepError

UV_EVERY = int(os.environ.get("VARIANTCTL_HARD_GRAPHS_UV_EVERY", "10"))
_LONG = 20.0
"""Seconds of the processor: a machine that is busy otherwise makes no search slow."""


def run(cases: int, seed: int, folder: Path, *, uv_every: int = UV_EVERY) -> Report:
    """Compare on ``cases`` random graphs."""
    report = Report("hard graphs (beside python-sat, and uv)", seed)
    slowest = 0.0
    ours = Ours("https://index.test/simple/", folder)
    for number in range(cases):
        case = hard_case(seed, number)
        finder = MemoryIndex(case.releases.values(), Cache(folder / "cache"))
        started = time.process_time()
        try:
            mine, said = ours.pins(case, finder)
        except TooDeepError as error:
            report.fail("given up", f"{seed}/{number}: {error}")
            continue
        taken = time.process_time() - started
        slowest = max(slowest, taken)
        _judge(report, case, mine, said, ours.markers)
        if taken > _LONG:
            report.fail("too slow", f"{seed}/{number}: {taken:.1f} s")
        if not number % uv_every:
            _beside_uv(report, case, mine, folder)
    ours.close()
    report.count(f"(the slowest took {slowest:.2f} s)")
    return report


def _judge(report: Report, case: Case, mine: Pins | None, said: str, markers: dict[str, str]) -> None:
    """Whether our answer is right, and none is missed."""
    name = f"{report.seed}/{case.number}"
    if mine is None:
        if Exact(case, markers).has_answer():
            report.fail("there is an answer, and we find none", f"{name}: {said}")
        else:
            report.count("there is none, and that is what we say")
    elif problem := case.problem_of(mine, markers):
        report.fail("our answer is wrong", f"{name}: {problem}")
    else:
        report.count("an answer that is right")


def _beside_uv(report: Report, case: Case, mine: Pins | None, folder: Path) -> None:
    with Registry() as registry:
        for release in case.releases.values():
            registry.add(release)
        theirs, _ = uv_pins(case, registry.url, folder)
    if theirs == mine:
        report.count("uv: the same" if mine is not None else "uv: none either")
    elif theirs is None or mine is None:
        report.fail("uv says otherwise", f"{report.seed}/{case.number}: uv {theirs}, ours {mine}")
    else:
        report.count("uv: another right choice")


def hard_case(seed: int, number: int) -> Case:
    """Case ``number`` of a campaign."""
    chance = Random(f"hard/{seed}/{number}")
    kind = number % 3
    count = chance.randint(10, 40) if number % 6 == 0 else chance.randint(100, 400)
    names = [f"h{number}-{place:03}" for place in range(count)]
    versions = {name: [f"{one}.0" for one in range(1, chance.randint(2, 10))] for name in names}
    make = (_dense, _in_step, _pinned)[kind]
    releases = {}
    for place, name in enumerate(names):
        for at, version in enumerate(versions[name]):
            others = _neighbours(chance, names, place)
            needs = tuple(make(chance, other, at, versions[name], versions[other]) for other in others)
            extras = {"x": needs[:1]} if chance.random() < 0.2 else {}
            releases[name, version] = Release(name, version, needs, extras)
    some = chance.sample(names[: max(5, count // 8)], chance.randint(2, 5))
    roots = tuple(_root(chance, name, versions[name]) for name in some)
    return Case(number, releases, roots, (), frozenset(), pre=False)


def _root(chance: Random, name: str, versions: Sequence[str]) -> str:
    """Often in one version or a few, which makes for cases without an answer."""
    bound = chance.choice(versions)
    return name + chance.choice(("", "", f"=={bound}", f">={bound}", f"<={bound}"))


def _neighbours(chance: Random, names: Sequence[str], place: int) -> list[str]:
    """Projects further down, most of them near; now and then one further up, so that there are cycles."""
    below = names[place + 1 : place + 25]
    found = chance.sample(below, min(len(below), chance.choice((1, 2, 2, 3, 4))))
    if chance.random() < 0.15:
        found.append(chance.choice(names))
    return [name for name in dict.fromkeys(found) if name != names[place]]


def _dense(chance: Random, other: str, at: int, mine: Sequence[str], theirs: Sequence[str]) -> str:
    """Whatever: a bound, a pin, a hole."""
    bound = chance.choice(theirs)
    return _with_extra(chance, other) + chance.choice(
        (f"=={bound}", f"<={bound}", f">={bound}", f"!={bound}", f"<={bound}", "")
    )


def _in_step(chance: Random, other: str, at: int, mine: Sequence[str], theirs: Sequence[str]) -> str:
    """Releases of one time go together: the n-th needs what is near the n-th of the other."""
    near = round(at * (len(theirs) - 1) / max(1, len(mine) - 1))
    low, high = max(0, near - chance.randint(0, 1)), min(len(theirs) - 1, near + chance.randint(0, 2))
    return f"{_with_extra(chance, other)}>={theirs[low]},<={theirs[high]}"


def _pinned(chance: Random, other: str, at: int, mine: Sequence[str], theirs: Sequence[str]) -> str:
    """Free mostly, with pins and upper bounds here and there that shut out what is newest."""
    if chance.random() < 0.75:
        return _with_extra(chance, other)
    bound = chance.choice(theirs)
    return f"{_with_extra(chance, other)}{chance.choice(('==', '<=', '<=', '<=', '!='))}{bound}"


def _with_extra(chance: Random, name: str) -> str:
    return f"{name}[x]" if chance.random() < 0.1 else name
