"""Locks and accelerators: a machine's own build, and a word where a lock made elsewhere has none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_layout import Layout, real_releases

HERE = f"{sys.version_info.major}{sys.version_info.minor}"


class Shell:
    """Commands against such a server."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        words = [*arguments, "--backends", "pytorch", "--no-cache", "-i", f"{self.url}/simple"]
        environ = {**os.environ, "VARIANTCTL_PYTORCH_URL": f"{self.url}/whl", "VARIANTCTL_CONFIG_FILE": ""}
        done = commands.run(*words, env=environ)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def lock(self, *arguments: str) -> Path:
        out = self.folder / "pylock.toml"
        self.run("lock", "torch", *arguments, "-o", str(out))
        return out

    def sync(self, lock: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
        target = str(self.folder / "target")
        words = ["--target", target, "--dry-run", "--json", *arguments]
        answer: dict[str, Any] = json.loads(self.run("sync", str(lock), *words, code=code).stdout)
        return answer


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    Layout(tmp_path / "site", real_releases()[:2], pythons=(HERE,))
    with LoopbackServer(tmp_path / "site") as server:
        yield Shell(server.url, tmp_path)


def test_a_lock_made_for_a_cpu_is_called_what_it_is_beside_a_gpu(shell: Shell) -> None:
    lock = shell.lock("--profile", "x86-64-v3")
    assert shell.sync(lock, "--profile", "x86-64-v3")["notes"] == []
    answer = shell.sync(lock, "--profile", "h100")
    assert [planned["version"] for planned in answer["install"]] == ["2.15.0+cpu"]
    (note,) = answer["notes"]
    assert note.startswith("torch 2.15.0+cpu is a CPU build: the lock has no build of it for the NVIDIA GPU")
    assert shell.sync(lock, "--profile", "h100", "--accelerator", "any")["notes"] == []


def test_require_refuses_a_lock_without_a_build(shell: Shell) -> None:
    lock = shell.lock("--profile", "x86-64-v3", "--profile", "h100")
    fitting = shell.sync(lock, "--profile", "h100", "--accelerator", "require")
    assert [planned["version"] for planned in fitting["install"]] == ["2.14.1+cu126"]
    error = shell.sync(lock, "--profile", "x86-64-v3", "--accelerator", "require", code=1)["error"]
    assert error["kind"] == "no-accelerator-build"
    assert "has no accelerator that is known" in error["message"]
