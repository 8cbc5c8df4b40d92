"""One machine keeps a version back for all: which one, and what it costs the others."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests import commands
from tests.indexes.server import LoopbackServer
from tests.lock.test_locking import ARM, LINUX, X86_TAG, target
from tests.resolve.pytorch_layout import Layout, real_releases
from tests.resolve.world import World
from variantctl.lock.locking import LockRequest, make_lock
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("pytorch")
    Layout(folder, real_releases()[:3], pythons=["{}{}".format(*sys.version_info)])
    with LoopbackServer(folder) as server:
        yield server


def locked(folder: Path, server: LoopbackServer, *words: str) -> tuple[dict[str, Any], str]:
    command = ["lock", *words, "--backends", "pytorch", "-i", f"{server.url}/simple", "--json"]
    environ = {**os.environ, "VARIANTCTL_PYTORCH_URL": f"{server.url}/whl", "VARIANTCTL_CONFIG_FILE": ""}
    environ["VARIANTCTL_CACHE_DIR"] = str(folder / "cache")
    done = commands.run(*command, "-o", str(folder / "pylock.toml"), env=environ)
    answer = json.loads(done.stdout)
    assert done.returncode == 0, answer
    return answer, done.stderr


@pytest.mark.parametrize("order", tuple(permutations(("h100", "mi300x", "arc-b580"))))
def test_whoever_comes_first_it_is_said_who_keeps_what_back(
    tmp_path: Path, server: LoopbackServer, order: tuple[str, ...]
) -> None:
    profiles = [word for name in order for word in ("--profile", name)]
    answer, said = locked(tmp_path, server, "torch", "torchvision", *profiles)
    assert {item["version"].partition("+")[0] for item in answer["packages"] if item["name"] == "torch"} == {
        "2.14.1"
    }
    (line,) = (note for note in answer["notes"] if note.startswith("torch is locked at"))
    assert line.startswith(
        "torch is locked at 2.14.1, because profile h100 can take no newer version; alone, "
    )
    assert "profile mi300x would take 2.15.0+rocm7.14" in line
    assert "profile arc-b580 would take 2.15.0+xpu" in line
    assert "-o pylock.NAME.toml" in line
    assert any(note.startswith("torch 2.15.0 has no build for the NVIDIA GPU of") for note in answer["notes"])
    assert all(note in said for note in answer["notes"]) and "torchvision is locked" not in said


def test_nothing_is_said_where_nobody_loses(tmp_path: Path, server: LoopbackServer) -> None:
    for profiles in (("mi300x", "rtx-4090"), ("h100", "v100"), ("h100",)):
        words = [word for name in profiles for word in ("--profile", name)]
        answer, _ = locked(tmp_path, server, "torch", *words)
        assert not any("is locked at" in note for note in answer["notes"])
        (tmp_path / "pylock.toml").unlink()
    answer, _ = locked(tmp_path, server, "torch<2.15", "--profile", "h100", "--profile", "mi300x")
    assert answer["notes"] == []


def test_ordinary_packages_are_told_of_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.add("app", "1.0", ["lib"])
    world.add("lib", "1.0")
    world.add("lib", "2.0", tag=X86_TAG)
    for targets in ([target(LINUX), target(ARM)], [target(ARM), target(LINUX)]):
        request = Request((parse_user_requirement("app"),))
        with world.package_finder() as package_finder:
            made = make_lock(LockRequest(request, targets, world.root), package_finder)
        assert [note for note in made.notes if "is locked at" in note] == [
            "lib is locked at 1.0, because aarch64 with 3.11 can take no newer version; alone, "
            "x86_64 with 3.11 would take 2.0. A machine that is locked by itself (-o pylock.NAME.toml) takes "
            "its own"
        ]
