"""The workflow files of docs/ci/, taken apart into the commands that a runner would run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "docs" / "ci"
GITHUB = FOLDER / "github-actions.yml"
GITLAB = FOLDER / "gitlab-ci.yml"
_EXPRESSION = re.compile(r"\$\{\{\s*([\w.]+)\s*\}\}")


@dataclass(frozen=True)
class Step:
    """One command.

    Attributes:
        job: the job it belongs to, and its place in the matrix: each has a checkout of its own.
        command: for a shell.
        environ: the variables that are set for it.
    """

    job: tuple[str, int]
    command: str
    environ: Mapping[str, str]


def load(path: Path) -> dict[str, Any]:
    """A workflow file, which must be YAML and a mapping."""
    document = yaml.safe_load(path.read_text())
    assert isinstance(document, dict)
    return document


def steps(path: Path, settings: Mapping[str, str]) -> list[Step]:
    """Every command, in the order in which the jobs depend on each other, the matrix multiplied out.

    Args:
        path: the file.
        settings: the repository's: ``vars.NAME`` and ``secrets.NAME`` for GitHub, ``NAME`` for GitLab.
    """
    return list(_github(load(path), settings) if path == GITHUB else _gitlab(load(path), settings))


def _github(document: dict[str, Any], settings: Mapping[str, str]) -> Iterator[Step]:
    done: set[str] = set()
    for name, job in document["jobs"].items():
        needs = job.get("needs", [])
        assert {needs} if isinstance(needs, str) else set(needs) <= done, (
            "written in the order of their needs"
        )
        done.add(name)
        for number, row in enumerate(job.get("strategy", {}).get("matrix", {}).get("include", [{}])):
            known = {**settings, **{f"matrix.{key}": value for key, value in row.items()}}

            def filled(text: str, known: Mapping[str, str] = known) -> str:
                return _EXPRESSION.sub(lambda match: known[match[1]], text)

            for step in job["steps"]:
                assert ("run" in step) != ("uses" in step)
                if "run" in step:
                    environ = {key: filled(value) for key, value in step.get("env", {}).items()}
                    yield Step((name, number), filled(step["run"]), environ)


def _gitlab(document: dict[str, Any], settings: Mapping[str, str]) -> Iterator[Step]:
    jobs = {name: job for name, job in document.items() if name not in ("default", "stages")}
    for name, job in sorted(jobs.items(), key=lambda item: document["stages"].index(item[1]["stage"])):
        rows = job.get("parallel", {}).get("matrix", [{}])
        for number, environ in enumerate(environ for row in rows for environ in _multiplied(row)):
            for command in job["script"]:
                yield Step((name, number), command, {**settings, **environ})


def _multiplied(row: Mapping[str, str | list[str]]) -> Iterator[dict[str, str]]:
    """A row of GitLab's matrix: lists of values are multiplied out."""
    values = [[value] if isinstance(value, str) else value for value in row.values()]
    for combination in itertools.product(*values):
        yield dict(zip(row, combination, strict=True))
