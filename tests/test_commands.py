"""A command that is a copy of a running process does what one that was started does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import commands
from tests.install.support import new_place
from variantctl.wheels.build import build_wheel

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")


def started(*arguments: str, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "variantctl", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "VARIANTCTL_CACHE_DIR": str(tmp_path / "cache"), "PIP_CONFIG_FILE": os.devnull}


def _without_times(text: str) -> str:
    return re.sub(r"\d+(\.\d+)? (ms|s)\b", "TIME", text)


@pytest.mark.parametrize(
    "words",
    [
        "--version",
        "--help",
        "install --help",
        "install one -n",
        "install one --no-index",
        "install one --no-index -f wheels -p env --dry-run --json",
        "install one --no-index -f wheels -p env --dry-run -v",
        "cache info",
        "list -p nowhere",
        "detect --profile h100",
    ],
)
def test_both_say_the_same(words: str, environ: dict[str, str], tmp_path: Path) -> None:
    build_wheel(tmp_path / "wheels", name="one", version="1", files={"one.py": b""})
    new_place(tmp_path, name="env")
    ours = commands.run(*words.split(), env=environ, cwd=tmp_path)
    theirs = started(*words.split(), env=environ, cwd=tmp_path)
    assert ours.returncode == theirs.returncode
    assert _without_times(ours.stdout) == _without_times(theirs.stdout)
    assert _without_times(ours.stderr) == _without_times(theirs.stderr)


def test_variables_and_folders_are_its_own(environ: dict[str, str], tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        done = commands.run(
            "cache", "dir", env={**environ, "VARIANTCTL_CACHE_DIR": name}, cwd=tmp_path / name
        )
        assert done.stdout == f"{tmp_path / name / name}\n"
    assert Path.cwd() != tmp_path / "b"


def test_an_encoding_is_that_of_its_variables(environ: dict[str, str], tmp_path: Path) -> None:
    """What the interpreter reads at its start is heeded."""
    for more in ({}, {"PYTHONIOENCODING": "ascii"}):
        words = ("install", "naïve", "--no-index", "--target", "t")
        ours, theirs = (way(*words, env={**environ, **more}, cwd=tmp_path) for way in (commands.run, started))
        assert ours.stderr == theirs.stderr
    assert "na\\xefve" in ours.stderr


def test_several_at_once(environ: dict[str, str], tmp_path: Path) -> None:
    done: list[str] = []
    threads = [
        threading.Thread(
            target=lambda name=name: done.append(
                commands.run("cache", "dir", "--cache-dir", name, env=environ, cwd=tmp_path).stdout
            )
        )
        for name in "abcd"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [f"{tmp_path / name}\n" for name in "abcd"]


def test_what_takes_too_long_is_ended(environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        commands.run("detect", env=environ, cwd=tmp_path, timeout=0.0)
