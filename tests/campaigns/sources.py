"""Source code of real packages, built and installed by ``lock`` and ``sync``, and by uv: the same files.

The first cases are packages of PyPI that have no wheel, from the index that pip is set up for; the last five
are repositories made here, one for each of the build backends that people use. Needs the network: what builds
ask for comes from that index, too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.report import Report
from tests.campaigns.resolvers import environ
from variantctl.config.settings import load_index_settings
from variantctl.target.environment import find_environment
from variantctl.target.installed import installed_packages

#: No version of these has a wheel. Two of them compile something.
SDISTS = (
    "antlr4-python3-runtime==4.9.3",
    "crcmod==1.7",
    "docopt==0.6.2",
    "gputil==1.4.0",
    "iopath==0.1.10",
    "jieba==0.42.1",
    "jsonmerge==1.9.2",
    "langdetect==1.0.9",
    "odfpy==1.4.1",
    "pathtools==0.1.2",
    "progressbar==2.5",
    "pycosat==0.6.6",
    "rouge-score==0.1.2",
    "sgmllib3k==1.0.0",
    "wget==3.2",
)

_PROJECT = '[project]\nname = "NAME"\nversion = "1.0"\ndescription = "x"\n'
#: Backend -> what pyproject.toml has beside the project's name.
BACKENDS = {
    "setuptools": '[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n',
    "hatchling": '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
    "flit": '[build-system]\nrequires = ["flit_core>=3.4"]\nbuild-backend = "flit_core.buildapi"\n',
    "poetry": '[build-system]\nrequires = ["poetry-core>=2"]\nbuild-backend = "poetry.core.masonry.api"\n',
    "pdm": '[build-system]\nrequires = ["pdm-backend"]\nbuild-backend = "pdm.backend"\n',
}
_LIMIT = 600


@dataclass(frozen=True)
class _Tools:
    """Both tools, each with a cache of its own."""

    index: str
    folder: Path

    def ours(self, environment: Path, requirement: str) -> str:
        """Locked, and then synced; why not, or nothing."""
        lock = environment.parent / "pylock.toml"
        command = [sys.executable, "-m", "variantctl"]
        options = ["--no-deps", "--no-backends", "--index-url", self.index, "-p", str(environment)]
        said = self._run([*command, "lock", requirement, *options, "-o", str(lock)])
        return said or self._run([*command, "sync", str(lock), "-p", str(environment)])

    def theirs(self, environment: Path, requirement: str) -> str:
        """Installed by uv; why not, or nothing."""
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--no-deps"]
        return self._run([*uv, "-p", str(environment), "--default-index", self.index, requirement])

    def _run(self, command: Sequence[str]) -> str:
        caches = {"XDG_CACHE_HOME": str(self.folder / "ours"), "UV_CACHE_DIR": str(self.folder / "uv")}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env={**environ(), **caches, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"},
            timeout=_LIMIT,
            check=False,
        )
        return "" if done.returncode == 0 else done.stderr.strip()[-600:] or f"ended with {done.returncode}"


def run(cases: int, seed: int, folder: Path) -> Report:
    """Compare on the first ``cases`` sources; a line for each is printed as it is done."""
    report = Report("source code (beside uv)", seed)
    tools = _Tools(str(load_index_settings(no_backends=True).layers[-1].index_url), folder)
    repositories = [(f"git with {name}", repository(folder, name)) for name in BACKENDS]
    for name, requirement in [*((each, each) for each in SDISTS), *repositories][:cases]:
        _compare(report, name, requirement, tools)
    return report


def _compare(report: Report, name: str, requirement: str, tools: _Tools) -> None:
    place = tools.folder / name.replace(" ", "-")
    for who in ("ours", "theirs"):
        venv.create(place / who, symlinks=True)
    theirs, mine = tools.theirs(place / "theirs", requirement), tools.ours(place / "ours", requirement)
    outcome, details = "the same files", ""
    if mine or theirs:
        outcome = "neither builds it" if mine and theirs else f"only {'uv builds' if mine else 'we build'} it"
        details = mine or theirs
    elif differences := _differences(_files(place / "ours"), _files(place / "theirs")):
        outcome, details = "other files", ", ".join(differences)
    print(f"{name:32} {outcome}", flush=True)
    if outcome in ("the same files", "only we build it"):
        report.count(outcome)
    else:
        report.fail(outcome, f"{name}: {details}")


def _files(environment: Path) -> dict[str, str]:
    """Path below site-packages -> digest; of what was compiled here the path alone."""
    found = {}
    for package in installed_packages(find_environment(str(environment))).values():
        found[f"{package.name} {package.version}"] = ""
        for file in package.files():
            path = os.path.relpath(file.path, package.dist_info.parent)
            parts = Path(path).parts
            if "__pycache__" in parts or ".dist-info" in path or ".." in parts:
                continue
            found[path] = "" if path.endswith((".so", ".pyd")) else file.digest
    return found


def _differences(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    return [path for path in sorted({*mine, *theirs}) if mine.get(path) != theirs.get(path)]


def repository(folder: Path, backend: str) -> str:
    """A requirement for a repository with one package, which a backend builds."""
    place = folder / f"repository-{backend}"
    name = f"made-with-{backend}"
    module = place / "src" / name.replace("-", "_")
    module.mkdir(parents=True)
    module.joinpath("__init__.py").write_text(f'"""Made with {backend}."""\n\n__version__ = "1.0"\n')
    module.joinpath("data.txt").write_text("data\n")
    (place / "pyproject.toml").write_text(BACKENDS[backend] + _PROJECT.replace("NAME", name))
    author = ("-c", "user.name=me", "-c", "user.email=me@h.invalid", "-c", "commit.gpgsign=false")
    for words in (("init", "--quiet", "."), ("add", "."), (*author, "commit", "--quiet", "-m", "one")):
        subprocess.run(["git", *words], cwd=place, check=True)
    return f"{name} @ git+{place.as_uri()}"
