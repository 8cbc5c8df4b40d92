"""What real projects need (``projects.toml``), from their own source code, beside uv.

Of each project the newest source distribution is fetched, as data: its pyproject.toml says what it needs, or
its build backend does. Both tools plan that for an empty environment, on the index that pip is set up for:
once what the project needs, and once with all of its extras, where it has any. A failure is a project that uv
plans and we do not, and another set than uv's without a reason in ``[differs]``.
``VARIANTCTL_PROJECTS=TEXT,...`` takes those whose names have one of the texts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename

from tests.campaigns.hard_sets import different, pins_said, why_not
from tests.campaigns.packages import Pins
from tests.campaigns.report import Report
from tests.campaigns.resolvers import environ
from variantctl.config.settings import load_index_settings
from variantctl.indexes.finder import PackageFinder
from variantctl.requirements.projects import Project, read_project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LIMIT = 300
_TABLE = Path(__file__).with_suffix(".toml")


class _Tools:
    """Both tools, each with a cache of its own, for one environment."""

    def __init__(self, folder: Path) -> None:
        self._index = str(load_index_settings(no_backends=True).layers[-1].index_url)
        cache = Path(os.environ.get("VARIANTCTL_PROJECTS_CACHE", folder))
        self._environ = {
            **environ(),
            "XDG_CACHE_HOME": str(cache / "ours"),
            "UV_CACHE_DIR": str(cache / "uv"),
            "PIP_CONFIG_FILE": os.devnull,
            "UV_NO_CONFIG": "1",
        }
        self._environment = folder / "environment"
        venv.create(self._environment, symlinks=True)

    def source(self, name: str, folder: Path) -> Path:
        """The unpacked source distribution of a project's newest version; nothing of it is run."""
        settings = load_index_settings(index_url=self._index, no_backends=True)
        with PackageFinder(settings) as package_finder:
            versions = {}
            for file in package_finder.project(name).sdists:
                with suppress(InvalidSdistFilename):  # dask-0.7.4.linux-x86_64.tar.gz
                    versions[parse_sdist_filename(file.filename)[1]] = file
            newest = versions[max(version for version in versions if not version.is_prerelease)]
            archive = package_finder.fetch_archive(newest.url, newest.hashes).path
            with tarfile.open(archive) as opened:
                opened.extractall(folder, filter="data")
        (found,) = folder.iterdir()
        return found

    def ours(self, source: Path, extras: str) -> tuple[Pins | None, str]:
        """What we plan; else why there is no plan."""
        options = ["--only-deps", "--dry-run", "--json", "--no-backends", "--no-families"]
        place = ["--index-url", self._index, "-p", str(self._environment)]
        done = self._run([*self._variantctl("install"), f"{source}{extras}", *options, *place])
        return (pins_said(done.stdout), "") if done.returncode == 0 else (None, why_not(done))

    def theirs(self, source: Path, extras: str) -> tuple[Pins | None, str]:
        """What uv plans; else why there is no plan."""
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "compile", str(source / _described(source))]
        options = ["--quiet", "--no-header", "--no-annotate", "--no-sources", "--default-index", self._index]
        options += ["--python", str(self._environment / "bin" / "python")]
        done = self._run([*uv, *options, *(["--all-extras"] if extras else [])])
        return (pins_said(done.stdout), "") if done.returncode == 0 else (None, why_not(done))

    def _variantctl(self, command: str) -> list[str]:
        return [sys.executable, "-m", "variantctl", command]

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                command, capture_output=True, text=True, env=self._environ, timeout=_LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, "", f"nothing in {_LIMIT} s")


def run(cases: int, seed: int, folder: Path) -> Report:
    """Compare on the first ``cases`` projects; a line for each plan is printed as it is done."""
    report = Report("what real projects need (beside uv)", seed)
    data = tomllib.loads(_TABLE.read_text("utf-8"))
    tools = _Tools(folder)
    texts = os.environ.get("VARIANTCTL_PROJECTS", "").split(",")
    for name in [name for name in data["projects"] if any(text in name for text in texts)][:cases]:
        place = folder / name
        place.mkdir()
        source = tools.source(name, place)
        _judge(report, name, source, "", tools, data["differs"])
        if extras := _all_extras(source):
            _judge(report, f"{name} with extras", source, extras, tools, data["differs"])
    return report


def _judge(
    report: Report, name: str, source: Path, extras: str, tools: _Tools, differs: dict[str, str]
) -> None:
    (mine, our_words), (theirs, their_words) = tools.ours(source, extras), tools.theirs(source, extras)
    others = different(mine or {}, theirs or {}) if mine is not None and theirs is not None else []
    outcome, details = "the same packages", "; ".join(others)
    if mine is None:
        outcome, details = ("only uv plans it" if theirs is not None else "neither plans it"), our_words
    elif theirs is None:
        outcome, details = "only we plan it", their_words
    elif others:
        outcome = "another set, for a reason" if name in differs else "another set"
    print(f"{name:32} {len(mine or ()):4} {len(theirs or ()):4}  {outcome}  {details}", flush=True)
    if outcome in ("only uv plans it", "another set"):
        report.fail(outcome, f"{name}: {details}")
    else:
        report.count(outcome)


def _described(source: Path) -> str:
    """The file that uv is given: it takes what describes a project."""
    names = ("pyproject.toml", "setup.cfg", "setup.py")
    return next(name for name in names if (source / name).is_file())


def _all_extras(source: Path) -> str:
    """``[a,b]`` of the extras that pyproject.toml has, or nothing."""
    if not (source / "pyproject.toml").is_file():
        return ""
    project: Project = read_project(source / "pyproject.toml")
    return f"[{','.join(sorted(map(canonicalize_name, project.optional)))}]" if project.optional else ""
