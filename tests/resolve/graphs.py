"""Random graphs of packages, and what pip and uv make of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from variantctl.wheels.build import build_wheel

Pins = dict[str, str]


@dataclass
class Graph:
    """Packages with versions, and what is asked for.

    Attributes:
        seed: makes it again.
        requires: (name, version) -> requirements.
        extras: (name, version) -> extra -> requirements.
        roots: what is asked for.
    """

    seed: int
    requires: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    extras: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)
    roots: list[str] = field(default_factory=list)

    def build(self, folder: Path) -> None:
        """Real wheels of it."""
        for (name, version), requires in self.requires.items():
            build_wheel(
                folder, name=name, version=version, requires=requires, extras=self.extras.get((name, version))
            )

    def problem_of(self, pins: Pins) -> str | None:
        """Why some pins are no solution; ``None`` if they are one. Says nothing about which is best."""
        wanted = [Requirement(root) for root in self.roots]
        seen: set[tuple[str, str]] = set()
        needed: set[str] = set()
        while wanted:
            requirement = wanted.pop()
            name = canonicalize_name(requirement.name)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            if name not in pins:
                return f"{requirement} is missing"
            if not requirement.specifier.contains(pins[name], prereleases=True):
                return f"{requirement} is not satisfied by {pins[name]}"
            needed.add(name)
            for extra in ["", *requirement.extras]:
                if (name, extra) not in seen:
                    seen.add((name, extra))
                    texts = (
                        self.extras.get((name, pins[name]), {}).get(extra, [])
                        if extra
                        else self.requires[name, pins[name]]
                    )
                    wanted += [Requirement(text) for text in texts]
        return f"{sorted(set(pins) - needed)} are not needed" if set(pins) - needed else None


def random_graph(seed: int, *, prereleases: bool) -> Graph:
    """A small graph with extras, markers, bounded and pinned requirements; many need backtracking."""
    random = Random(seed)
    names = [f"p{letter}" for letter in "abcdefghi"[: random.randint(4, 9)]]
    versions = {name: _versions(random, prereleases) for name in names}
    graph = Graph(seed)
    for place, name in enumerate(names):
        for version in versions[name]:
            # Mostly downwards, so that many graphs have a solution; cycles now and then.
            others = names[place + 1 :] or names
            if random.random() < 0.1:
                others = [other for other in names if other != name]
            picked = random.sample(others, min(len(others), random.choice((0, 1, 1, 2, 3))))
            graph.requires[name, version] = [_requirement(random, other, versions[other]) for other in picked]
            if random.random() < 0.4:
                extra = random.choice([other for other in names if other != name])
                graph.extras[name, version] = {"x": [_requirement(random, extra, versions[extra])]}
    for name in random.sample(names, random.randint(1, 3)):
        graph.roots.append(_requirement(random, name, versions[name], markers=False))
    return graph


def _versions(random: Random, prereleases: bool) -> list[str]:
    numbers = sorted(random.sample(range(1, 9), random.randint(1, 5)))
    if not prereleases:
        return [f"{number}.0" for number in numbers]
    return [f"{number}.0" + random.choice(("", "", "", "a1", "rc1", ".dev1", ".post1")) for number in numbers]


def _requirement(random: Random, name: str, versions: list[str], *, markers: bool = True) -> str:
    extra = random.choice(("", "", "", "[x]"))
    bound = random.choice(versions)
    specifier = random.choice(
        (
            "",
            "",
            "",
            f">={bound}",
            f"<={bound}",
            f"=={bound}",
            f"!={bound}",
            f"<{bound}",
            f">={versions[0]},<={bound}",
        )
    )
    marker = (
        random.choice(("", "", "", ' ; python_version >= "3.8"', ' ; sys_platform == "win32"'))
        if markers
        else ""
    )
    return f"{name}{extra}{specifier}{marker}"


def uv_pins(graph: Graph, wheels: Path) -> Pins | None:
    """uv's answer; ``None`` where it finds none."""
    done = subprocess.run(
        [
            *(_tool("uv"), "pip", "compile", "-", "--no-index", "--find-links", str(wheels), "--no-header"),
            *("--no-annotate", "--no-cache", "--quiet", "--python", sys.executable),
        ],
        input="\n".join(graph.roots),
        capture_output=True,
        text=True,
        env=_environ(),
        check=False,
    )
    if done.returncode:
        assert "No solution found" in done.stderr or "no version" in done.stderr, done.stderr
        return None
    pins = {}
    for line in done.stdout.splitlines():
        match = re.fullmatch(r"([\w.-]+)(?:\[[^\]]*\])?==(\S+)(?:\s*;.*)?", line.strip())
        assert match, line
        pins[str(canonicalize_name(match[1]))] = match[2]
    return pins


def pip_pins(graph: Graph, wheels: Path) -> Pins | None:
    """pip's answer; ``None`` where it finds none."""
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pip",
                "install",
                "--dry-run",
                "--ignore-installed",
                "--quiet",
                "--report",
                "-",
            ),
            *("--no-index", "--find-links", str(wheels), "--disable-pip-version-check", *graph.roots),
        ],
        capture_output=True,
        text=True,
        env=_environ(),
        check=False,
    )
    if done.returncode:
        refusals = ("ResolutionImpossible", "No matching distribution", "Cannot install")
        assert any(words in done.stderr for words in refusals), done.stderr
        return None
    report = json.loads(done.stdout)
    return {
        str(canonicalize_name(item["metadata"]["name"])): str(Version(item["metadata"]["version"]))
        for item in report["install"]
    }


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _environ() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    return {**kept, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
