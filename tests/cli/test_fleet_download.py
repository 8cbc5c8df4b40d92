"""``download`` for several machines: once the server is gone, everything works from the folder."""

# ruff: noqa: E501

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest
from variant_index.build import build_index

from tests.cli.test_install import Shell
from tests.indexes.server import LoopbackServer
from tests.resolve.test_pytorch_backends import own_server
from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve

__all__ = ["own_server"]
PROFILES = ("h100", "mi300x", "x86-64-v3")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def carried(shell: Shell, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A folder of torch for three machines; the server is gone. The folder, and what was printed."""
    build_wheels(tmp_path / "wheels")
    build_index(tmp_path / "wheels", tmp_path / "site")
    folder = tmp_path / "usb"
    options = [word for name in PROFILES for word in ("--profile", name)]
    with serve(tmp_path / "site") as root:
        done = shell.run("download", "torch", *options, "-i", f"{root}/simple/", "-d", str(folder), "--json")
    # What was on the way here is not to help.
    shell.environ["VARIANTCTL_CACHE_DIR"] = str(tmp_path / "another-cache")
    return folder, json.loads(done.stdout)


def labels(plan: str) -> dict[str, str | None]:
    return {item["name"]: item["label"] for item in json.loads(plan)["install"]}


def test_each_file_once_and_all_that_is_needed(carried: tuple[Path, dict[str, Any]]) -> None:
    folder, said = carried
    wheels = sorted(path.name for path in folder.glob("*.whl"))
    assert wheels == sorted(item["filename"] for item in said["download"])
    assert {name for machine in said["machines"] for name in machine["wheels"]} == set(wheels)
    assert {f"{name}.metadata" for name in wheels} == {path.name for path in folder.glob("*.metadata")}
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        "simple",
        *(f"simple-{n}" for n in PROFILES),
    }
    text = (folder / "pylock.toml").read_text()
    assert "http" not in text.replace("https://variants-schema.wheelnext.dev", "")


@pytest.mark.parametrize(
    ("profile", "label"), [("h100", "cuda12.8"), ("mi300x", "rocm7.1"), ("x86-64-v3", "null")]
)
def test_sync_and_install_without_a_network(
    shell: Shell, carried: tuple[Path, dict[str, Any]], tmp_path: Path, profile: str, label: str
) -> None:
    folder, _said = carried
    moved = tmp_path / "mounted elsewhere"
    folder.rename(moved)
    target = tmp_path / "target"
    shell.run("sync", str(moved / "pylock.toml"), "--profile", profile, "--target", str(target), "--offline")
    listed = json.loads(shell.run("list", "--target", str(target), "--json").stdout)
    assert {item["label"] for item in listed["packages"] if item["name"] == "torch"} == {label}
    for source in (("-i", (moved / "simple").as_uri()), ("--no-index", "-f", str(moved))):
        done = shell.run(
            "install",
            "torch",
            *source,
            "--profile",
            profile,
            "--target",
            str(tmp_path / "t"),
            "--dry-run",
            "--json",
        )
        assert labels(done.stdout)["torch"] == label


def environment(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


@pytest.mark.skipif(os.name == "nt", reason="an environment's Python lies elsewhere")
@pytest.mark.parametrize(
    ("profile", "needs"), [("h100", "triton"), ("mi300x", "triton-rocm"), ("x86-64-v3", None)]
)
def test_pip_takes_what_was_planned(
    carried: tuple[Path, dict[str, Any]], tmp_path: Path, profile: str, needs: str | None
) -> None:
    _folder, said = carried
    python = environment(tmp_path / "env")
    (tree,) = (machine["index"] for machine in said["machines"] if machine["machine"] == f"profile {profile}")
    environ = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "HOME": str(tmp_path),
               "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": ""}  # fmt: skip
    command = [str(python), "-m", "pip", "install", "-q", "-i", Path(tree).absolute().as_uri(), "torch"]
    subprocess.run(command, env=environ, check=True)
    subprocess.run([python, "-m", "pip", "check"], env=environ, check=True, stdout=subprocess.DEVNULL)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json"], env=environ, check=True, capture_output=True
    )
    names = {item["name"] for item in json.loads(listed.stdout)}
    assert "torch" in names and {name for name in names if name.startswith("triton")} == (
        {needs} if needs else set()
    )


def test_a_second_run_fetches_nothing_and_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    build_wheels(tmp_path / "wheels")
    build_index(tmp_path / "wheels", tmp_path / "site")
    command = (
        "download",
        "torch",
        "--profile",
        "h100",
        "--profile",
        "mi300x",
        "-d",
        str(tmp_path / "usb"),
        "--json",
    )
    with serve(tmp_path / "site") as root:
        shell.run(*command, "-i", f"{root}/simple/")
        before = {
            path: (path.read_bytes(), path.stat().st_mtime_ns)
            for path in (tmp_path / "usb").rglob("*")
            if path.is_file()
        }
        shell.run(*command, "-i", f"{root}/simple/", "--no-cache")
    after = {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in (tmp_path / "usb").rglob("*")
        if path.is_file()
    }
    assert after == before


def test_what_is_there_already_and_not_ours_stays(shell: Shell, tmp_path: Path) -> None:
    build_wheels(tmp_path / "wheels")
    build_index(tmp_path / "wheels", tmp_path / "site")
    mine = tmp_path / "usb" / "simple"
    mine.mkdir(parents=True)
    (mine / "index.html").write_text("mine")
    with serve(tmp_path / "site") as root:
        done = shell.run(
            "download",
            "torch",
            "--index",
            "--profile",
            "h100",
            "-i",
            f"{root}/simple/",
            "-d",
            str(tmp_path / "usb"),
            "--json",
            code=1,
        )
    assert "not made by variantctl" in json.loads(done.stdout)["error"]["message"]
    assert (mine / "index.html").read_text() == "mine"


def test_one_profile_is_as_it_was(shell: Shell, tmp_path: Path) -> None:
    build_wheels(tmp_path / "wheels")
    build_index(tmp_path / "wheels", tmp_path / "site")
    with serve(tmp_path / "site") as root:
        shell.run(
            "download", "torch", "--profile", "h100", "-i", f"{root}/simple/", "-d", str(tmp_path / "usb")
        )
    assert {path.suffix for path in (tmp_path / "usb").iterdir()} == {".whl"}


def test_pages_link_to_files_that_are_there(carried: tuple[Path, dict[str, Any]]) -> None:
    folder, _said = carried
    for page in folder.glob("simple*/*/index.html"):
        links = [
            line.split('href="')[1].split("#")[0]
            for line in page.read_text().splitlines()
            if "<a href" in line
        ]
        assert links and all((page.parent / link).is_file() for link in links), page


def test_pytorch_s_layout_whose_builds_differ_in_the_local_version(
    shell: Shell, own_server: LoopbackServer, tmp_path: Path
) -> None:
    """pip, shown all of them, would take the local version that sorts last: +rocm7.1 on an H100."""
    shell.environ |= {"VARIANTCTL_PYTORCH_URL": f"{own_server.url}/whl"}
    folder = tmp_path / "usb"
    options = (
        "--profile",
        "h100",
        "--profile",
        "mi300x",
        "--backends",
        "pytorch",
        "-i",
        f"{own_server.url}/simple",
        "-d",
        str(folder),
        "--no-deps",
    )
    said = json.loads(shell.run("download", "torch", *options, "--json").stdout)
    shell.environ["VARIANTCTL_CACHE_DIR"] = str(tmp_path / "another-cache")
    chosen = {machine["machine"]: machine["wheels"] for machine in said["machines"]}
    assert all("+cu" in name for name in chosen["profile h100"]) and all(
        "+rocm" in name for name in chosen["profile mi300x"]
    )
    python = environment(tmp_path / "env")
    environ = {
        "PATH": os.environ["PATH"],
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "HOME": str(tmp_path),
    }
    tree = (folder / "simple-h100").absolute().as_uri()
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-deps", "-i", tree, "torch"], env=environ, check=True
    )
    shown = subprocess.run(
        [python, "-m", "pip", "show", "torch"], env=environ, check=True, capture_output=True, text=True
    )
    assert "+cu" in shown.stdout
    done = shell.run(
        "sync",
        str(folder / "pylock.toml"),
        "--profile",
        "mi300x",
        "--offline",
        "--target",
        str(tmp_path / "t"),
        "--json",
    )
    assert "+rocm" in json.loads(done.stdout)["install"][0]["version"]
