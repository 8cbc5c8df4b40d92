"""``doctor`` and ``uninstall --orphans`` on what the real pip and uv installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_install import Shell

PYTORCH_CUDA = ("nvidia-cublas", "nvidia-cudnn-cu13", "filelock")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.add("torch", "2.9.0", PYTORCH_CUDA)
    shell.world.add("torch", "2.10.0+cpu")
    shell.world.add("nvidia-cudnn-cu13", "9.0", ("nvidia-cublas",))
    for name in ("nvidia-cublas", "filelock"):
        shell.world.add(name)
    return shell


def with_pip(shell: Shell, *requirements: str) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(shell.python), "install", "--no-index"]
    _run(shell, *command, "--find-links", str(shell.world.wheels), *requirements)


def with_uv(shell: Shell, *requirements: str) -> None:
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--python",
        str(shell.python),
        "--no-index",
        "--offline",
    ]
    _run(shell, *command, "--find-links", str(shell.world.wheels), *requirements)


def _run(shell: Shell, *command: str) -> None:
    done = subprocess.run(command, env=shell.environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def findings(shell: Shell, profile: str, code: int) -> list[tuple[str, str]]:
    done = shell.run("doctor", "-p", "env", "--json", "--profile", profile, code=code)
    return [(item["kind"], item["package"]) for item in json.loads(done.stdout)["findings"]]


@pytest.mark.parametrize("install", [with_pip, with_uv])
def test_what_others_installed(shell: Shell, install: object) -> None:
    assert callable(install)
    install(shell, "torch==2.9.0")
    assert findings(shell, "mi300x", 1) == [("other-vendor", "torch")]
    assert findings(shell, "raspberry-pi-5", 0) == [("unused-build", "torch")]
    assert findings(shell, "t4", 1) == [("driver-too-old", "torch")]
    assert findings(shell, "b200", 0) == []
    install(shell, "torch==2.10.0+cpu")
    assert findings(shell, "b200", 1) == [
        ("cpu-build", "torch"),
        ("left-over", "nvidia-cublas"),
    ]
    # uv says of everything that somebody asked for it: what it installed is removed where it is named.
    names = [] if install is with_pip else ["filelock", "nvidia-cudnn-cu13", "nvidia-cublas"]
    done = shell.run("uninstall", "--orphans", *names, "-p", "env", "--json")
    assert {item["name"] for item in json.loads(done.stdout)["remove"]} == {
        "filelock",
        "nvidia-cublas",
        "nvidia-cudnn-cu13",
    }
    assert findings(shell, "b200", 1) == [("cpu-build", "torch")]


def test_uv_is_not_believed_about_what_was_asked_for(shell: Shell) -> None:
    with_uv(shell, "torch==2.9.0")
    dry = ("-p", "env", "--json", "--dry-run")
    assert json.loads(shell.run("uninstall", "--orphans", *dry).stdout)["remove"] == []
    found = json.loads(shell.run("uninstall", "--orphans", "torch", *dry).stdout)
    assert [item["name"] for item in found["remove"]] == ["torch"]
    assert [item["name"] for item in found["orphans"]] == ["filelock", "nvidia-cublas", "nvidia-cudnn-cu13"]
