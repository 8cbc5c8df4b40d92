"""pip, uv and variantctl asked for the same: each gives pins, or ``None`` where it finds no solution."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.campaigns.packages import Case, Pins
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.indexes.finder import PackageFinder
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import Profile
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.errors import NoCandidateError, UnsatisfiableError
from variantctl.resolve.options import SearchOptions
from variantctl.resolve.resolver import Request, resolve
from variantctl.target.environment import find_environment

_PIN = re.compile(r"(?P<name>[\w.-]+)(?:\[[^\]]*\])?={2,3}(?P<version>\S+)(?:\s*;.*)?")
_PIP_REFUSES = ("ResolutionImpossible", "No matching distribution", "Cannot install", "conflict")
#: What pip ends with in place of an answer. resolvelib's walk to the roots does not end where what nobody
#: needs any more forms a cycle; and pip asserts that what meets a need for a package's extras has them.
PIP_CRASHES = ("RecursionError", "AssertionError: Internal issue: Candidate is not for this requirement")
_UV_REFUSES = ("No solution found", "no version", "not found in the package registry")


class Ours:
    """variantctl, in this process, for the interpreter that runs the campaign."""

    def __init__(self, index: str, folder: Path) -> None:
        environment = find_environment(sys.executable, for_changes=False)
        self._platform = environment
        self._package_finder = PackageFinder(IndexSettings(index_url=index), cache=Cache(folder / "ours"))
        self.markers = dict(environment.markers)
        self.python = self.markers["python_full_version"]

    def close(self) -> None:
        """Close the connections."""
        self._package_finder.close()

    def pins(self, case: Case, finder: PackageFinder | None = None) -> tuple[Pins | None, str]:
        """The pins, and what was said where there are none; *finder* has the packages, if not the index."""
        request = Request(
            requirements=tuple(parse_user_requirement(root) for root in case.roots),
            constraints=tuple(
                parse_user_requirement(line, origin="constraints.txt") for line in case.constraints
            ),
            options=SearchOptions(pre=case.pre),
        )
        try:
            plan = resolve(
                request,
                package_finder=finder or self._package_finder,
                machine=Machine(Profile("none")),
                platform=self._platform,
            )
        except (NoCandidateError, UnsatisfiableError) as error:
            return None, str(error)
        return {planned.name: str(planned.version) for planned in plan.install}, ""


def uv_pins(case: Case, index: str, folder: Path) -> tuple[Pins | None, str]:
    """uv's answer, and what it said."""
    constraints = folder / "uv-constraints.txt"
    constraints.write_text("\n".join(case.constraints), "utf-8")
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "-", "--quiet", "--no-header"]
    options = ["--no-annotate", "--only-binary", ":all:", "--index-url", index, "-c", str(constraints)]
    done = subprocess.run(
        [*uv, *options, *(["--prerelease", "allow"] if case.pre else []), "--python", sys.executable],
        input="\n".join(case.roots),
        capture_output=True,
        text=True,
        env={**environ(), "UV_CACHE_DIR": str(folder / "uv"), "UV_NO_CONFIG": "1"},
        timeout=120,
        check=False,
    )
    if done.returncode:
        assert any(words in done.stderr for words in _UV_REFUSES), done.stderr
        return None, done.stderr
    pins: Pins = {}
    for line in done.stdout.splitlines():
        found = _PIN.fullmatch(line.strip())
        assert found, line
        pins[str(canonicalize_name(found["name"]))] = str(Version(found["version"]))
    return pins, done.stderr


class Pip:
    """pip, in one process of its own for all cases."""

    def __init__(self, index: str, folder: Path) -> None:
        self._index = index
        self._folder = folder
        driver = Path(__file__).with_name("pip_driver.py")
        self._process = subprocess.Popen(
            [sys.executable, str(driver)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environ(), "PIP_CONFIG_FILE": os.devnull},
        )

    def __enter__(self) -> Pip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()

    def ask(self, case: Case) -> None:
        """Hand a case over; ``answer`` gives the pins, in the same order."""
        constraints = self._folder / f"pip-constraints-{case.number}.txt"
        constraints.write_text("\n".join(case.constraints), "utf-8")
        report = self._folder / f"pip-report-{case.number}.json"
        options = ["--dry-run", "--ignore-installed", "--disable-pip-version-check", "--report", str(report)]
        options += ["--index-url", self._index, "--only-binary", ":all:", "-c", str(constraints), "-q", "-q"]
        arguments = ["install", *options, *(["--pre"] if case.pre else []), *case.roots]
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"arguments": arguments, "report": str(report)}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> tuple[Pins | None, str]:
        """The pins, and what was said."""
        assert self._process.stdout
        answer = json.loads(self._process.stdout.readline())
        said = str(answer["said"])
        if answer["pins"] is None:
            assert any(words in said for words in (*_PIP_REFUSES, *PIP_CRASHES)), said
            return None, said
        pins = answer["pins"].items()
        return {str(canonicalize_name(name)): str(Version(version)) for name, version in pins}, said


def environ() -> dict[str, str]:
    """This process's environment, with nothing that configures pip or uv."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
