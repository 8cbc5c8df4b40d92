"""variantctl.pyz: on every Python without pip, put in place by install.sh in an environment that is empty."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from release.one_file import build, write_script
from tests.indexes.server import LoopbackServer
from tests.interpreters import build_wheels, interpreters
from variantctl.wheels.build import build_wheel

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(sys.platform == "win32", reason="install.sh is for a shell of Unix"),
]
INTERPRETERS = interpreters()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to serve: variantctl.pyz, and an index with one wheel."""
    folder = tmp_path_factory.mktemp("one-file")
    wheels = folder / "wheels"
    wheels.mkdir()
    try:
        build(build_wheels(wheels), folder / "variantctl.pyz")
    except subprocess.CalledProcessError as error:
        if "hatchling" in error.stderr and "No solution found" in error.stderr:
            pytest.skip("NOT RUN: hatchling cannot be had here")
        raise AssertionError(error.stdout + error.stderr) from None
    wheel = build_wheel(folder / "simple/lib", name="lib", version="1.0", files={"lib.py": b"said = 'lib'"})
    (folder / "simple/lib/index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')
    return folder


class Bare:
    """A machine with a shell, one Python that has no pip, and nothing else."""

    def __init__(self, folder: Path, python: Path, name: str = "python3") -> None:
        self.home, self.bin = folder / "home", folder / "bin"
        self.home.mkdir()
        self.bin.mkdir()
        # -S: without site-packages, and so without pip.
        (self.bin / name).write_text(f'#!/bin/sh\nexec "{python}" -S "$@"\n')
        (self.bin / name).chmod(0o755)
        self.environ = {"HOME": str(self.home), "PATH": str(self.bin)}

    def run(self, *command: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.environ, cwd=self.home
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done


def test_it_holds_no_compiled_code_and_nothing_of_this_machine(site: Path) -> None:
    with zipfile.ZipFile(site / "variantctl.pyz") as archive:
        names = archive.namelist()
        assert [name for name in names if name.endswith((".so", ".pyd"))] == []
        assert {"tomli", "exceptiongroup", "typing_extensions.py"} <= {name.split("/")[0] for name in names}
        assert [name for name in names if str(site).encode() in archive.read(name)] == []
    assert (site / "variantctl.pyz").stat().st_size < 6e6


def test_the_same_wheels_make_the_same_bytes(site: Path, tmp_path: Path) -> None:
    build(sorted((site / "wheels").glob("*.whl")), tmp_path / "again.pyz")
    assert (tmp_path / "again.pyz").read_bytes() == (site / "variantctl.pyz").read_bytes()


@pytest.mark.parametrize("line", ["#!/a", f"#!/usr/bin/{'python' * 18}"], ids=["short", "long"])
def test_its_first_line_may_be_another(line: str, site: Path, tmp_path: Path) -> None:
    """install.sh names the Python that it found there, such as /usr/bin/python3."""
    bare = Bare(tmp_path, Path(sys.executable))
    changed = tmp_path / "variantctl"
    changed.write_bytes(f"{line}\n".encode() + (site / "variantctl.pyz").read_bytes().partition(b"\n")[2])
    assert bare.run(sys.executable, changed, "--version").stdout.startswith("variantctl ")


@pytest.mark.parametrize("version", INTERPRETERS)
def test_installed_by_the_script_where_nothing_is(version: str, site: Path, tmp_path: Path) -> None:
    bare = Bare(tmp_path, INTERPRETERS[version])
    bare.run("/bin/sh", "-c", "! python3 -c 'import pip' 2>&1")
    with LoopbackServer(site) as server:
        sha256 = hashlib.sha256((site / "variantctl.pyz").read_bytes()).hexdigest()
        write_script(tmp_path / "install.sh", f"{server.url}/variantctl.pyz", sha256)
        done = bare.run("/bin/sh", tmp_path / "install.sh")
        assert f"downloading {server.url}/variantctl.pyz" in done.stdout and "is not on PATH" in done.stdout
        command = bare.home / ".local/bin/variantctl"
        assert [path.name for path in bare.home.rglob("*") if path.is_file()] == ["variantctl"]

        assert bare.run(command, "--version").stdout.startswith("variantctl ")
        # Child processes for drivers, data of profiles, plugins by their entry points.
        found = json.loads(bare.run(command, "detect", "--json").stdout)
        assert {"nvidia", "amd", "intel", "x86_64"} <= {each["namespace"] for each in found["providers"]}
        assert "error" not in {each["status"] for each in found["providers"]}
        bare.run(command, "venv", "env")
        bare.run(command, "install", "lib", "-p", "env", "-i", f"{server.url}/simple/")
    assert bare.run(bare.home / "env/bin/python", "-c", "import lib; print(lib.said)").stdout == "lib\n"
    assert json.loads(bare.run(command, "demo", "--json").stdout)["imported"]
    (unpacked,) = (bare.home / ".cache/variantctl-one-file").iterdir()
    assert unpacked.stat().st_mode & 0o777 == 0o700


def test_what_the_script_refuses(site: Path, tmp_path: Path) -> None:
    bare = Bare(tmp_path, Path(sys.executable), name="python3.12")
    script = tmp_path / "install.sh"
    with LoopbackServer(site) as server:
        write_script(script, f"{server.url}/variantctl.pyz", "0" * 64)
        assert "It was changed on its way" in bare.run("/bin/sh", script, code=1).stderr
        write_script(script, f"{server.url}/variantctl.pyz", "@SHA256@")
        assert "there is no SHA-256 to compare" in bare.run("/bin/sh", script, code=1).stderr
        write_script(script, f"{server.url}/nothing.pyz", "0" * 64)
        assert "404" in bare.run("/bin/sh", script, code=1).stderr
    write_script(script, "@FROM@", "@SHA256@")
    assert "does not say where" in bare.run("/bin/sh", script, code=1).stderr
    assert list(bare.home.rglob("*")) == []
    # A path needs no network, and no hash.
    bare.environ["VARIANTCTL_INSTALL_FROM"] = str(site / "variantctl.pyz")
    bare.environ["VARIANTCTL_INSTALL_DIR"] = "tools"
    bare.run("/bin/sh", script)
    assert bare.run(bare.home / "tools/variantctl", "--version").stdout.startswith("variantctl ")
    (bare.bin / "python3.12").unlink()
    assert "there is no Python 3.10 or newer" in bare.run("/bin/sh", script, code=1).stderr


def test_what_others_could_have_written_is_not_run(site: Path, tmp_path: Path) -> None:
    bare = Bare(tmp_path, Path(sys.executable))
    command = (sys.executable, site / "variantctl.pyz", "--version")
    bare.run(*command)
    (unpacked,) = (bare.home / ".cache/variantctl-one-file").iterdir()
    (unpacked / "variantctl/cli/__init__.py").write_text("def main(): return 7\n")
    bare.run(*command, code=7)
    unpacked.chmod(0o777)
    bare.run(*command)
    # Nor is a folder needed that can be written to.
    (bare.home / ".cache").rename(bare.home / "old")
    (bare.home / ".cache").write_text("")
    bare.run(*command)


def test_first_starts_at_the_same_time(site: Path, tmp_path: Path) -> None:
    bare = Bare(tmp_path, Path(sys.executable))
    command = [sys.executable, str(site / "variantctl.pyz"), "detect", "--json"]
    started = [
        subprocess.Popen(command, env=bare.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert json.loads(out)["providers"]
    assert len(list((bare.home / ".cache/variantctl-one-file").iterdir())) == 1


def test_an_old_python_is_told_so(site: Path) -> None:
    old = [
        path
        for path in (Path.home() / ".pyenv/versions").glob("3.[6-9].*/bin/python3")
        if os.access(path, os.X_OK)
    ]
    if not old:
        pytest.skip("no Python older than 3.10 is here")
    done = subprocess.run([old[0], site / "variantctl.pyz"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "variantctl needs Python 3.10 or newer" in done.stderr
