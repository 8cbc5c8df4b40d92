"""``download`` for several machines: once the server is gone, everything works from the folder."""

# ruff: noqa: E501

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import pytest
from variant_index.build import build_index

from tests.cli.test_install import Shell
from tests.indexes.server import LoopbackServer
from tests.resolve.test_pytorch_backends import own_server
from variantctl.cli import main
from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve
from variantctl.wheels.build import build_wheel

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
    venv.create(folder)
    return folder / "bin" / "python"


#: That of the environment that runs the tests: to install one into another takes five seconds of CPU.
PIP = (sys.executable, "-m", "pip", "--python")
ALONE = {
    "PATH": os.environ["PATH"],
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_NO_CACHE_DIR": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "UV_NO_CONFIG": "1",
    "http_proxy": "http://127.0.0.1:9",
    "https_proxy": "http://127.0.0.1:9",
    "no_proxy": "",
}


@pytest.mark.skipif(os.name == "nt", reason="an environment's Python lies elsewhere")
@pytest.mark.parametrize("profile", PROFILES)
def test_uv_takes_what_was_planned_too(
    carried: tuple[Path, dict[str, Any]], tmp_path: Path, profile: str
) -> None:
    _folder, said = carried
    (machine,) = (each for each in said["machines"] if each["machine"] == f"profile {profile}")
    python = environment(tmp_path / "env")
    environ = {**ALONE, "HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "uv")}
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert uv is not None
    tree = Path(machine["index"]).absolute().as_uri()
    command = [uv, "pip", "install", "-q", "--python", str(python), "--default-index", tree, "torch"]
    subprocess.run(command, env=environ, check=True)
    subprocess.run(
        [uv, "pip", "check", "--python", str(python)], env=environ, check=True, capture_output=True
    )
    done = subprocess.run(
        [uv, "pip", "list", "--python", str(python), "--format", "json"],
        env=environ,
        check=True,
        capture_output=True,
    )
    names = {item["name"] for item in json.loads(done.stdout)} - {"pip", "setuptools"}
    assert names == {name.partition("-")[0].replace("_", "-").lower() for name in machine["wheels"]}


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
    pip = [*PIP, str(python)]
    command = [*pip, "install", "-q", "-i", Path(tree).absolute().as_uri(), "torch"]
    subprocess.run(command, env=environ, check=True)
    subprocess.run([*pip, "check"], env=environ, check=True, stdout=subprocess.DEVNULL)
    listed = subprocess.run([*pip, "list", "--format", "json"], env=environ, check=True, capture_output=True)
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
    pip = [*PIP, str(python)]
    subprocess.run([*pip, "install", "-q", "--no-deps", "-i", tree, "torch"], env=environ, check=True)
    shown = subprocess.run([*pip, "show", "torch"], env=environ, check=True, capture_output=True, text=True)
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


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_interrupted_it_leaves_whole_files_and_goes_on_where_it_was(shell: Shell, tmp_path: Path) -> None:
    build_wheels(tmp_path / "wheels")
    build_index(tmp_path / "wheels", tmp_path / "site")
    folder = tmp_path / "usb"
    with LoopbackServer(tmp_path / "site") as server:
        (slow,) = (tmp_path / "site" / "simple" / "torch").glob("*rocm7.1*.whl")
        path = f"/simple/torch/{slow.name}"
        server.rule(path, pace=0.2, times=1)
        command = (
            *("download", "torch", "--profile", "h100", "--profile", "mi300x"),
            *("-i", f"{server.url}/simple/", "-d", str(folder), "--json"),
        )
        process = subprocess.Popen(
            shell.command(*command),
            env=shell.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 60
        while not any(path in each for each in server.paths) and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert process.returncode == 130, (output, errors)
        assert json.loads(output)["error"]["kind"] == "interrupted"
        there = {each.name for each in folder.iterdir()}
        assert not any(name.endswith(".part") for name in there)
        asked = len(server.paths)
        shell.run(*command)
        again = [each for each in server.paths[asked:] if each.endswith(".whl")]
        assert not [each for each in again if each.rpartition("/")[2] in there], "what was there came again"
    shell.run("sync", str(folder / "pylock.toml"), "--profile", "mi300x", "--offline", "--dry-run")


def test_a_full_disk_leaves_no_half_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    build_wheels(tmp_path / "wheels")
    build_index(tmp_path / "wheels", tmp_path / "site")
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("VARIANTCTL_CONFIG_FILE", "")
    copied = 0
    real = shutil.copyfileobj

    def copy(source: Any, target: Any, length: int = 0) -> None:
        nonlocal copied
        if str(tmp_path / "usb") in str(getattr(target, "name", "")):
            copied += 1
            if copied == 3:
                target.write(b"half")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(source, target, length)

    monkeypatch.setattr(shutil, "copyfileobj", copy)
    with serve(tmp_path / "site") as root:
        command = ["download", "torch", "--profile", "h100", "--profile", "mi300x", "-i", f"{root}/simple/"]
        command += ["-d", str(tmp_path / "usb"), "--json"]
        capsys.readouterr()
        assert main(command) == 1
        error = json.loads(capsys.readouterr().out)["error"]
        assert "No space left" in error["message"] and "usb" in error["message"]
        there = {each.name for each in (tmp_path / "usb").iterdir()}
        assert len(there) == 2 and all(name.endswith(".whl") for name in there)
        assert main(command) == 0


def test_what_one_machine_cannot_have_is_said_and_nothing_is_written(
    shell: Shell, own_server: LoopbackServer, tmp_path: Path
) -> None:
    shell.environ |= {"VARIANTCTL_PYTORCH_URL": f"{own_server.url}/whl"}
    done = shell.run(
        *(
            "download",
            "torch",
            "--profile",
            "h100",
            "--profile",
            "raspberry-pi-5",
            "--accelerator",
            "require",
        ),
        *("--backends", "pytorch", "-i", f"{own_server.url}/simple", "-d", str(tmp_path / "usb"), "--json"),
        code=1,
    )
    error = json.loads(done.stdout)["error"]
    assert "raspberry-pi-5" in error["message"] + (error["hint"] or ""), error
    assert not (tmp_path / "usb").exists() or not list((tmp_path / "usb").iterdir())


def test_a_wheel_that_is_named_by_its_file(shell: Shell, tmp_path: Path) -> None:
    for number, system in enumerate(("one", "two")):
        build_wheel(
            tmp_path / system, name="tool", version="1.0", files={"tool.py": f"N = {number}".encode()}
        )
    done = shell.run(
        *("download", "tool", str(next((tmp_path / "one").glob("*.whl"))), "--profile", "h100", "--index"),
        *("--no-index", "-f", str(tmp_path / "two"), "-d", str(tmp_path / "usb")),
    )
    assert len(list((tmp_path / "usb").glob("*.whl"))) == 1 and done.returncode == 0


def test_source_code_is_refused(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "pyproject.toml").write_text("[project]\nname = 'tree'\nversion = '1'\n")
    places = ("--index", "--no-index", "-f", str(tmp_path), "-d", str(tmp_path / "usb"), "--json")
    for words in ((str(tmp_path / "tree"),), ("six", "--no-binary", "six")):
        done = shell.run("download", *words, *places, code=2)
        assert "only wheels" in json.loads(done.stdout)["error"]["message"]
    assert not (tmp_path / "usb").exists()


def test_a_machine_s_name_stays_in_the_folder(shell: Shell, tmp_path: Path) -> None:
    build_wheel(tmp_path / "wheels", name="tool", version="1.0")
    for name in ("../../up", "a b/c", ".."):
        profile = tmp_path / "profile.toml"
        profile.write_text(f"format = 1\nname = {json.dumps(name)}\n")
        shell.run(
            *("download", "tool", "--profile", str(profile), "--index", "--no-index"),
            *("-f", str(tmp_path / "wheels"), "-d", str(tmp_path / "usb")),
        )
    assert {each.name for each in (tmp_path / "usb").iterdir() if each.is_dir()} == {
        *("simple", "simple-up", "simple-a-b-c", "simple-machine")
    }
