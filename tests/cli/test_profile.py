"""``variantctl profile from``: the files, the matrix, and what is refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fixtures.clusters.make import HERE
from tests.cli.test_install import Shell

NODES = str(HERE / "nodes.json")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_file_for_each_class_and_what_each_would_get(shell: Shell, index: str, tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    done = shell.run(
        "profile", "from", "kubernetes", NODES, "torch", "-i", index, "-d", str(folder), "--json", "--no-deps"
    )
    found = json.loads(done.stdout)
    files = {one["name"]: one["file"] for one in found["classes"]}
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{name}.toml" for name in files)
    assert all(one["written"] for one in found["classes"])
    labels = {row["machine"]: row["install"][0]["label"] for row in found["machines"]}
    assert labels["h100-80gb-hbm3"] == "cuda12.8"
    assert labels["instinct-mi300x-vf"] == "rocm7.1"
    assert labels["cpu-x86-64"] == "null"
    # What cannot be known yet is in no row, and its profile is refused until somebody fills it in.
    unfinished = {one["name"] for one in found["classes"] if not one["complete"]}
    assert unfinished == {"nvidia-gpu", "l4"} and not unfinished & labels.keys()
    again = shell.run("explain", "torch", "-i", index, "--profile", files["l4"], code=1)
    assert "nvidia.cuda_driver: missing" in again.stderr
    # The row is what the profile's file gives.
    row = json.loads(
        shell.run("explain", "torch", "-i", index, "--profile", files["h100-80gb-hbm3"], "--json").stdout
    )
    assert row["selected"]["label"] == "cuda12.8"


def test_nothing_is_overwritten_without_a_word(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    command = ("profile", "from", "kubernetes", NODES, "-d", str(folder), "--json")
    shell.run(*command)
    assert not any(one["written"] for one in json.loads(shell.run(*command).stdout)["classes"])
    mine = folder / "l4.toml"
    before = {path: path.read_bytes() for path in folder.iterdir()}
    mine.write_text(mine.read_text().replace("[nvidia]", '[nvidia]\ncuda_driver = "12.8"'))
    (folder / "t4.toml").unlink()
    refused = json.loads(shell.run(*command, code=1).stdout)
    assert refused["error"]["kind"] == "profile-exists" and "l4.toml" in refused["error"]["message"]
    assert not (folder / "t4.toml").exists() and "12.8" in mine.read_text()
    shell.run(*command, "--overwrite")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_dry_run_writes_nothing(shell: Shell, index: str, tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    done = shell.run(
        "profile", "from", "slurm", str(HERE / "scontrol.txt"), "torch", "-i", index, "-d", str(folder),
        "--dry-run", "--json", "--assume", "nvidia.cuda_driver=12.8",
    )  # fmt: skip
    assert not folder.exists()
    found = json.loads(done.stdout)
    assert {one["file"] for one in found["classes"]} == {None}
    labels = {row["machine"]: row["install"][0]["label"] for row in found["machines"]}
    assert labels["a100-sxm4-80gb"] == "cuda12.8"


def test_standard_input_and_a_narrow_terminal(shell: Shell, index: str) -> None:
    environ = {**shell.environ, "COLUMNS": "80"}
    done = subprocess.run(
        shell.command("profile", "from", "kubernetes", "-", "torch", "opacus", "-i", index, "--dry-run"),
        input=Path(NODES).read_bytes(), env=environ, capture_output=True, check=True,
    )  # fmt: skip
    lines = done.stdout.decode().splitlines()
    assert lines and max(map(len, lines)) <= 80
    assert "h100-80gb" in done.stdout.decode() and "cuda12.8" in done.stdout.decode()
    told = done.stderr.decode()
    assert "nvidia.cuda_driver is not known" in told and "--assume nvidia.cuda_driver=12.8" in told
    assert "C library" in told


def test_where_no_class_can_have_it(shell: Shell, index: str) -> None:
    command = ("profile", "from", "kubernetes", NODES, "nothing-of-that-name", "-i", index, "--dry-run")
    done = shell.run(*command, code=1)
    assert "h100-80gb-hbm3" in done.stdout and "nothing-of-that-name" in done.stderr
    found = json.loads(shell.run(*command, "--json", code=1).stdout)
    assert found["error"]["kind"] and len(found["classes"]) == 14


def test_what_is_refused(shell: Shell, tmp_path: Path) -> None:
    for content in (b"", b"{}", b"\x00\x01", b'{"items": []}'):
        (tmp_path / "bad").write_bytes(content)
        for cluster in ("kubernetes", "slurm"):
            done = shell.run("profile", "from", cluster, str(tmp_path / "bad"), "--json", code=1)
            assert json.loads(done.stdout)["error"]["kind"] == "invalid-cluster-file"
    done = shell.run("profile", "from", "slurm", str(tmp_path / "none"), code=1)
    assert "there is no file" in done.stderr
    shell.run("profile", "from", "kubernetes", NODES, "--assume", "nvidia.cuda=1", code=1)
    shell.run("profile", "from", "nomad", NODES, code=2)
