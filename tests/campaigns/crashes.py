"""Never half: real commands, killed at any moment and failing at any call, leave the old state or the new.

Each case starts from the same environment, runs ``variantctl`` with the layer of ``faults.c`` below it, and
then a plain ``variantctl uninstall`` of nothing, which undoes or finishes what was left. Before that,
``list`` must say that something is left, and change nothing. File by file (content, mode, links), the
environment is then what it was or what it should become, and nothing else is in it.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests import commands
from tests.campaigns.faults import CALLS, CHANGES, Call, Fault, build, calls, clean_environ
from tests.campaigns.report import Report
from tests.install.support import picture
from variantctl.wheels.build import build_wheel

#: What fails, once and from then on: the errno and the calls that can fail so.
ONCE = ((errno.ENOSPC, CHANGES), (errno.EIO, CALLS), (errno.EACCES, CALLS))
LASTING = ((errno.ENOSPC, "cds"), (errno.EIO, CALLS), (errno.EACCES, "cnmr"))
#: One in so many kills is followed by another one, of the command that recovers from it.
KILLED_AGAIN = 4
WORKERS = 2
#: A command that changes nothing but what an earlier one left.
RECOVER = ("uninstall", "--yes", "nobody")
Picture = dict[str, str]


@dataclass(frozen=True)
class Operation:
    """A command that changes an environment.

    Attributes:
        start: what is installed before.
        command: the command and its arguments.
        cold: whether the cache is empty, and watched instead of the environment.
    """

    start: tuple[str, ...]
    command: tuple[str, ...]
    cold: bool = False


OPERATIONS = {
    "install": Operation(("keep", "gamma"), ("install", "alpha==2")),
    "upgrade": Operation(("alpha==1", "beta==1", "keep"), ("install", "-U", "alpha", "beta")),
    "uninstall": Operation(("alpha==2", "keep", "delta"), ("uninstall", "-y", "alpha", "delta", "beta")),
    "sync": Operation(("alpha==1", "gamma", "keep"), ("sync", "pylock.toml")),
    "cold install": Operation(("keep",), ("install", "alpha==2"), cold=True),
}


def make_wheels(folder: Path) -> None:
    """Packages with something of everything, of which newer ones turn files into folders and back."""
    points = {"console_scripts": {"alpha": "alpha:main", "old-name": "alpha:main"}}
    build_wheel(
        folder,
        name="alpha",
        version="1",
        files={
            "alpha/__init__.py": b"def main(): print(1)\n",
            "alpha/same.py": b"same = True\n",
            "alpha/gone/deep/x.py": b"x = 1\n",
            "alpha/turn": b"a file\n",
            "alpha/back/y.py": b"y = 1\n",
        },
        data={"data/share/alpha/a.txt": b"1", "headers/alpha.h": b"// 1\n", "scripts/tool": b"#!python\n1\n"},
        entry_points=points,
    )
    build_wheel(
        folder,
        name="alpha",
        version="2",
        files={
            "alpha/__init__.py": b"def main(): print(2)\n",
            "alpha/same.py": b"same = True\n",
            "alpha/new/deep/er/x.py": b"x = 2\n",
            "alpha/turn/z.py": b"z = 2\n",
            "alpha/back": b"a file\n",
            "top_level.py": b"",
        },
        data={
            "data/share/alpha/b/c.txt": b"2",
            "headers/alpha.h": b"// 2\n",
            "scripts/tool": b"#!python\n2\n",
        },
        entry_points={"console_scripts": {"alpha": "alpha:main"}, "gui_scripts": {"window": "alpha:main"}},
        requires=("beta>=1",),
    )
    build_wheel(folder, name="beta", version="1", files={"beta.py": b"1", "ns/beta.py": b"1"})
    build_wheel(
        folder,
        name="beta",
        version="2",
        files={"beta/__init__.py": b"2", "ns/beta.py": b"22", "taken.py": b"of beta\n"},
    )
    build_wheel(
        folder,
        name="gamma",
        version="1",
        files={"gamma.pth": b"# gamma\n", "ns/gamma.py": b"g", "sub/__init__.py": b""},
    )
    # Its place is taken by a file of beta 2: the one replaces the other.
    build_wheel(
        folder, name="delta", version="1", files={"delta/__init__.py": b"", "delta/data.bin": bytes(70000)}
    )
    build_wheel(
        folder,
        name="keep",
        version="1",
        files={"keep/__init__.py": b"k", "ns/keep.py": b"k"},
        data={"data/share/keep.txt": b"k", "scripts/keep": b"#!python\n"},
    )


class Scene:
    """An environment that is put back before each case, the wheels, a cache and the layer."""

    def __init__(self, folder: Path, library: Path, operation: Operation) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.folder.mkdir(parents=True)
        self.library = library
        self.operation = operation
        self.env, self._start = self.folder / "env", self.folder / "start"
        self.cache, self._start_cache = self.folder / "cache", self.folder / "start-cache"
        self.state = f"{os.sep}.variantctl"
        make_wheels(self.folder / "wheels")
        venv.create(self.env, with_pip=False)
        self._prepare()

    def run(
        self, fault: Fault | None, *arguments: str, log: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """``variantctl`` about the environment, with a fault or without."""
        environ = clean_environ() | {
            "VARIANTCTL_CACHE_DIR": str(self.cache),
            "VARIANTCTL_CONFIG_FILE": os.devnull,
            "PIP_CONFIG_FILE": os.devnull,
        }
        command, *rest = arguments
        sources = ("--no-index", "-f", "wheels") if command in ("install", "sync", "lock") else ()
        place = ("-p", str(self.env)) if command != "lock" else ()
        words = (command, *sources, *place, *rest)
        if fault is None:
            return commands.run(*words, env=environ, cwd=self.folder)
        root = self.cache if self.operation.cold else self.env
        return subprocess.run(
            [sys.executable, "-m", "variantctl", *words],
            cwd=self.folder,
            env=environ | fault.environ(self.library, (root,), log),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def operate(self, fault: Fault | None, log: Path | None = None) -> subprocess.CompletedProcess[str]:
        """The operation."""
        return self.run(fault, *self.operation.command, log=log)

    def reset(self) -> None:
        """Put the environment and the cache back."""
        _put(self._start, self.env)
        if self.operation.cold:
            _put(self._start_cache, self.cache)

    def found(self) -> Picture:
        """The environment as it is, the state folder aside."""
        prefix = str(self.env)
        return {
            path.removeprefix(prefix): what
            for path, what in picture(self.env).items()
            if self.state not in path.removeprefix(prefix)
        }

    def is_new(self, *, copied: bool = False) -> bool:
        """Whether the environment is what it should become; ``copied``: as it is where links are refused."""
        found, new = self.found(), self.new
        return found == new or (copied and _writable(found) == _writable(new))

    def has_state(self) -> bool:
        """Whether the state folder is there."""
        return any(self.env.rglob(".variantctl"))

    def journal(self) -> str | None:
        """What the next command has to do: ``undid`` or ``finished``; None: nothing."""
        for name, word in (("journal.json", "undid"), ("done.json", "finished")):
            if any(self.env.rglob(f".variantctl/{name}")):
                return word
        return None

    def _prepare(self) -> None:
        _must(self.run(None, "lock", "alpha", "keep", "-o", "pylock.toml"))
        # Fills the cache with everything, so that only the environment is what is worked on.
        if not self.operation.cold:
            _must(self.run(None, "install", "alpha==2", "delta", "keep"))
            _must(self.run(None, "uninstall", "-y", "alpha", "delta", "beta", "keep"))
        _must(self.run(None, "install", *self.operation.start))
        if self.operation.cold:
            shutil.rmtree(self.cache / "install", ignore_errors=True)
            shutil.copytree(self.cache, self._start_cache, symlinks=True)
        shutil.copytree(self.env, self._start, symlinks=True)
        self.old = self.found()
        _must(self.operate(None))
        self.new = self.found()
        assert self.old != self.new
        self.reset()
        log = self.folder / "calls.log"
        _must(self.operate(Fault(0, classes=CALLS), log))
        self.calls: list[Call] = calls(log)

    def count(self, classes: str) -> int:
        """How many calls of some classes the operation makes."""
        return sum(call.kind in classes for call in self.calls)


def _put(source: Path, destination: Path) -> None:
    shutil.rmtree(destination, ignore_errors=True)
    shutil.copytree(source, destination, symlinks=True)


def _writable(found: Picture) -> Picture:
    """As if everything was: files of the store are read-only, and copies of them are not."""
    return {path: what.replace("file 444", "file 644") for path, what in found.items()}


def _must(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"


def run(cases: int, seed: int, folder: Path, names: Sequence[str] = tuple(OPERATIONS)) -> Report:
    """Kill each operation at ``cases`` moments, and let ``cases`` of its calls fail."""
    report = Report("crashes (old state or new, file by file)", seed)
    library = build(folder)
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(lambda name: _campaign(report, name, cases, seed, folder, library), names):
            pass
    return report


def _campaign(report: Report, name: str, cases: int, seed: int, folder: Path, library: Path) -> None:
    chance = random.Random(f"{seed} {name}")
    scene = Scene(folder / name.replace(" ", "-"), library, OPERATIONS[name])
    for fault in [*kills(scene, cases, chance), *failures(scene, cases, chance)]:
        scene.reset()
        again = chance.randrange(1, 40) if chance.randrange(KILLED_AGAIN) == 0 else None
        judge = killed if not fault.number else failed
        outcome, problem = judge(scene, fault, again)
        if problem is None:
            report.count(f"{name}: {outcome}")
        else:
            report.fail(f"{name}: {outcome}", f"{fault} (then {again}; seed {seed})\n{problem}")


def kills(scene: Scene, cases: int, chance: random.Random) -> Iterator[Fault]:
    """Every moment, or as many as asked for, evenly spread."""
    for at in _spread(scene.count(CHANGES), cases, chance):
        yield Fault(at)


def failures(scene: Scene, cases: int, chance: random.Random) -> Iterator[Fault]:
    """Every call with every errno, or as many of them as asked for."""
    every = [
        Fault(at, number, classes, lasting)
        for lasting, kinds in ((False, ONCE), (True, LASTING))
        for number, classes in kinds
        for at in range(1, scene.count(classes) + 1)
    ]
    for at in _spread(len(every), cases, chance):
        yield every[at - 1]


def _spread(total: int, cases: int, chance: random.Random) -> list[int]:
    """Numbers from 1 to ``total``: one of each part; all of them, and some again, where that is too few."""
    if cases >= total:
        return [*range(1, total + 1), *(chance.randrange(total) + 1 for _ in range(cases - total))]
    edges = [total * part // cases for part in range(cases + 1)]
    return [chance.randrange(low, high) + 1 for low, high in pairwise(edges)]


Verdict = tuple[str, str | None]


def killed(scene: Scene, fault: Fault, again: int | None) -> Verdict:
    """A case that is killed, and perhaps killed again while the next command recovers."""
    done = scene.operate(fault)
    if done.returncode != -9:
        return "was not killed", None if scene.found() == scene.new else _differences(scene)
    outcome = "killed"
    if again is not None and scene.run(Fault(again), *RECOVER).returncode == -9:
        outcome = "killed twice"
    return settled(scene, outcome, done)


def failed(scene: Scene, fault: Fault, _: int | None) -> Verdict:
    """A case in which a call fails: said in words, and undone at once unless everything keeps failing."""
    done = scene.operate(fault)
    if problem := misspoken(done):
        return "it is not said as it should be", problem
    name = f"{errno.errorcode[fault.number]}{' for good' if fault.lasting else ''}"
    if done.returncode == 0:
        if scene.journal() == "finished":
            if "note: what the " not in done.stderr:
                return f"{name}: it does not say that something is left", done.stderr
        elif not scene.is_new(copied=fault.number == errno.EACCES):
            return "it says that it is done, and it is not", _differences(scene) + done.stderr
        return settled(scene, f"{name}: done nevertheless", done)
    if not fault.lasting:
        if scene.found() != scene.old:
            return f"{name}: not undone", _differences(scene) + done.stderr
        if scene.has_state():
            return f"{name}: something is left", "\n".join(
                map(str, scene.env.rglob(".variantctl/**"))
            ) + done.stderr
    elif scene.journal() == "undid" and "could not be undone" not in done.stderr:
        return f"{name}: it does not say that it is not undone", done.stderr
    return settled(scene, f"{name}: refused", done)


def misspoken(done: subprocess.CompletedProcess[str]) -> str | None:
    """What is wrong with how a command ended, or None."""
    if done.returncode not in (0, 1):
        return f"exit code {done.returncode}\n{done.stdout}{done.stderr}"
    if "Traceback" in done.stderr or "this is a bug" in done.stderr:
        return done.stderr
    if done.returncode == 1 and not any(line.startswith("error: ") for line in done.stderr.splitlines()):
        return f"no error is named: {done.stderr}"
    return None


def settled(scene: Scene, outcome: str, before: subprocess.CompletedProcess[str]) -> Verdict:
    """What the next command makes of it: the old state or the new, which it says, and no trace."""
    expected = scene.journal()
    if problem := _only_reads(scene, expected):
        return f"{outcome}, and a command that reads does not only do that", problem
    done = scene.run(None, *RECOVER)
    said = before.stderr + done.stderr
    if done.returncode != 0 or misspoken(done):
        return f"{outcome}, and the next command fails", said
    found = scene.found()
    if found != scene.old and not scene.is_new(copied=True):
        return f"{outcome}, and the environment is half", _differences(scene) + said
    if scene.has_state():
        return f"{outcome}, and something is left", said
    if expected is not None and f"note: {expected} " not in done.stderr:
        return f"{outcome}, and nobody says what was done about it", said
    if expected == "undid" and found != scene.old:
        return f"{outcome}, and what is undone is the new state", said
    again = scene.operate(None)
    if again.returncode != 0 or not scene.is_new(copied=True):
        return f"{outcome}, and it cannot be done again", _differences(scene) + again.stderr
    return f"{outcome}, {expected or 'nothing to do'}", None


def _only_reads(scene: Scene, expected: str | None) -> str | None:
    """What is wrong with what ``list`` does about a change that was cut short, or None."""
    found = picture(scene.env)
    done = scene.run(None, "list")
    if picture(scene.env) != found:
        return f"list changed something\n{done.stderr}"
    word = {"undid": "was cut short", "finished": "not tidied up", None: ""}[expected]
    return None if word in done.stderr else f"list does not say {word!r}: {done.stderr}"


def _differences(scene: Scene) -> str:
    found = scene.found()
    lines = []
    for name, wanted in (("old", scene.old), ("new", scene.new)):
        changed = sorted(path for path in found.keys() | wanted.keys() if found.get(path) != wanted.get(path))
        lines += [f"  not {name}: {path}: {found.get(path)}, not {wanted.get(path)}" for path in changed[:6]]
    return "\n".join(lines) + "\n"
