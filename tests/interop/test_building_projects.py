"""The recipe of docs/making-wheels.md: hatchling, setuptools and scikit-build-core projects, built for real.

The commands are those of the workflow files in docs/ci/, run in a copy of each project with the packages that
they install themselves, from PyPI, and variantctl from a wheel built here.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.checkout import copy_checkout
from tests.interop.ci_files import GITHUB, GITLAB, Step, load, steps
from variantctl.cli import main

ROOT = Path(__file__).parents[2]
PROJECTS = ROOT / "fixtures" / "projects"
GITHUB_SETTINGS = {
    "vars.WHEEL_INDEX": "site",
    "vars.VARIANTCTL_REPOSITORY": "",
    "secrets.AWS_ACCESS_KEY_ID": "",
    "secrets.AWS_SECRET_ACCESS_KEY": "",
}
GITLAB_SETTINGS = {"INDEX": "site"}
ALL = [(GITHUB, GITHUB_SETTINGS), (GITLAB, GITLAB_SETTINGS)]


class Runner:
    """A machine of the CI: a Python environment, and what was installed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        uv = [sys.executable, "-m", "uv"]
        self.repository = folder / "repository"
        copy_checkout(self.repository)
        git = ["git", "-C", str(self.repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "All"]):
            self._run([*git, *words])
        self._run([*uv, "venv", "-q", "--no-config", "--seed", "-p", sys.executable, str(folder / "env")])
        self._installed: set[str] = set()

    def run(self, step: Step, cwd: Path) -> None:
        """Run one command as the shell of a runner does; what is installed already is not again."""
        if " pip install " in step.command:
            if step.command in self._installed:
                return
            self._installed.add(step.command)
        binaries = self.folder / "env" / ("Scripts" if os.name == "nt" else "bin")
        environ = {
            **{name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CFLAGS")},
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(cwd.parent),
            **step.environ,
            "REPOSITORY": str(self.repository),
            "VARIANTCTL_REPOSITORY": str(self.repository),
        }
        self._run(["bash", "-eo", "pipefail", "-c", step.command], environ, cwd)

    @staticmethod
    def _run(command: list[str], environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
        done = subprocess.run(
            command, env=environ, cwd=cwd, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    if shutil.which("bash") is None:
        pytest.skip("NOT RUN: the runners' shell, bash, is not here")
    folder = tmp_path_factory.mktemp("runner")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder / "control")]
    packages = ["hatchling", "setuptools>=77", "scikit-build-core>=0.11"]
    control = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
    if control.returncode != 0:
        reason = control.stderr.strip().splitlines()[-1:]
        pytest.skip(f"NOT RUN: pip cannot download {', '.join(packages)}: {reason}")
    return Runner(folder)


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=lambda path: path.stem)
def test_the_files_are_what_the_services_read(path: Path) -> None:
    document = load(path)
    if path == GITHUB:
        # YAML 1.1 reads the key "on" as true; GitHub does not.
        assert {"name", True, "permissions", "jobs"} == set(document)
        assert all("runs-on" in job and job["steps"] for job in document["jobs"].values())
        uses = [step["uses"] for job in document["jobs"].values() for step in job["steps"] if "uses" in step]
        assert all("@v" in action for action in uses)
    else:
        assert set(document) == {"default", "stages", *document["stages"]}
        assert all(
            isinstance(line, str) for stage in document["stages"] for line in document[stage]["script"]
        )


def test_both_files_run_the_same_commands() -> None:
    github, gitlab = (
        [
            (step.command.replace("$LABEL", step.environ.get("LABEL", "")), step.environ.get("CFLAGS", ""))
            for step in steps(path, settings)
            if " pip install " not in step.command and "git clone" not in step.command
        ]
        for path, settings in ALL
    )
    assert github == gitlab
    assert len(github) == 5


@pytest.mark.network
@pytest.mark.parametrize(
    ("project", "path", "settings"),
    [
        ("pure-hatchling", *ALL[0]),
        ("compiled-setuptools", *ALL[1]),
        ("compiled-cmake", *ALL[0]),
    ],
    ids=["hatchling", "setuptools", "scikit-build-core"],
)
def test_a_project_and_its_workflow(
    runner: Runner,
    tmp_path: Path,
    project: str,
    path: Path,
    settings: Mapping[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = project.startswith("compiled")
    if compiled and (shutil.which("cc") is None or platform.machine() not in ("x86_64", "AMD64")):
        pytest.skip("NOT RUN: the compiled projects need a C compiler for x86-64")
    checkout = run_jobs(runner, PROJECTS / project, tmp_path, steps(path, settings))
    name = project.replace("-", "_")
    wheels = sorted(wheel.name for wheel in (checkout / "wheels").iterdir())
    labels = ["null", "v3"] if compiled else ["cuda12", "null"]
    assert [wheel.removesuffix(".whl").rpartition("-")[2] for wheel in wheels] == labels
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    index = (checkout / "site" / "simple").as_uri()
    for profile, label in (
        (("h100", "cuda12"), ("mi300x", "null"))
        if not compiled
        else (("x86-64-v3", "v3"), ("x86-64-v2", "null"))
    ):
        target = tmp_path / profile
        command = ["install", project, "-i", index, "--no-backends", "--no-deps", "--profile", profile]
        assert main([*command, "--target", str(target), "--json"]) == 0
        (item,) = json.loads(capsys.readouterr().out)["install"]
        assert item["label"] == label
        if compiled:
            check_level(target, name, label)
        else:
            metadata = (target / f"{name}-1.0.dist-info" / "METADATA").read_text()
            wanted = {"cuda12": "cupy-cuda12x>=13", "null": "numpy>=1.26"}[label]
            needs = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
            assert needs == [f"Requires-Dist: {wanted}"]


def run_jobs(runner: Runner, project: Path, folder: Path, commands: list[Step]) -> Path:
    """Run every job in a checkout of its own, with the artefacts of those before; gives the last checkout."""
    checkout = folder
    for number, (_, job) in enumerate(itertools.groupby(commands, key=lambda step: step.job)):
        before, checkout = checkout, folder / f"checkout-{number}"
        shutil.copytree(project, checkout)
        if (before / "dist").exists():
            shutil.copytree(before / "dist", checkout / "dist")
        for step in job:
            runner.run(step, checkout)
    return checkout


def check_level(target: Path, name: str, label: str) -> None:
    """The module was compiled for its label: it is asked, where this machine can run it."""
    if label == "v3" and "avx2" not in Path("/proc/cpuinfo").read_text():
        return
    code = f"import {name}; print({name}.level())"
    environ: dict[str, Any] = {**os.environ, "PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == {"null": "1", "v3": "3"}[label], done.stderr
