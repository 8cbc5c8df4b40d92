"""Both distributions as people get them: built, checked by twine, installed by pipx and ``uv tool``."""

from __future__ import annotations

import email.parser
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.interpreters import REPOSITORY, build_wheels, interpreters

pytestmark = pytest.mark.network

INTERPRETERS = interpreters()


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels and source distributions."""
    folder = tmp_path_factory.mktemp("dist")
    try:
        build_wheels(folder)
    except subprocess.CalledProcessError as error:
        if "hatchling" in error.stderr and "No solution found" in error.stderr:
            pytest.skip("NOT RUN: hatchling cannot be had here")
        raise AssertionError(error.stdout + error.stderr) from None
    return folder


def run(*command: str | Path, environ: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environ or {})}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_twine_accepts_them(dist: Path) -> None:
    files = sorted(dist.iterdir())
    assert [file.name.partition("-")[0] for file in files] == ["variant_providers"] * 2 + ["variantctl"] * 2
    said = run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files)
    assert said.count("PASSED") == 4


def test_what_the_wheels_hold(dist: Path) -> None:
    [ours] = dist.glob("variantctl-*.whl")
    with zipfile.ZipFile(ours) as archive:
        names = set(archive.namelist())
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        about = email.parser.BytesParser().parsebytes(archive.read(metadata))
    tracked = run("git", "-C", REPOSITORY, "ls-files", "variantctl", "index/variant_index").splitlines()
    assert names >= {name.removeprefix("index/") for name in tracked}
    assert not [name for name in names if name.startswith(("tests/", "fixtures/", "docs/"))]
    assert about["Requires-Python"] == ">=3.10" and "variant-providers" in about.get_all("Requires-Dist", [])
    [plugins] = dist.glob("variant_providers-*.whl")
    with zipfile.ZipFile(plugins) as archive:
        held = set(archive.namelist())
    tracked = run("git", "-C", REPOSITORY, "ls-files", "plugins/variant_providers").splitlines()
    assert held >= {name.removeprefix("plugins/") for name in tracked}


def test_the_source_distribution_has_its_tests(dist: Path) -> None:
    [sdist] = dist.glob("variantctl-*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "LICENSE", "tests/conftest.py", "vectors/order.json", "docs/start.md"} <= held


def check_command(command: Path) -> None:
    """An installed ``variantctl`` does what needs its data files and its plugins."""
    assert run(command, "--version").startswith("variantctl ")
    found = json.loads(run(command, "detect", "--json"))
    namespaces = {report["namespace"] for report in found["providers"]}
    assert {"nvidia", "amd", "intel", "tpu", "x86_64", "aarch64"} <= namespaces
    told = json.loads(run(command, "detect", "--profile", "h100", "--json"))
    assert told["providers"][0]["status"] == "ok"
    assert "usage: variantctl" in run(command, "index", "build", "--help")


@pytest.mark.parametrize("version", INTERPRETERS)
def test_uv_tool_install(version: str, dist: Path, tmp_path: Path) -> None:
    [ours], [plugins] = dist.glob("variantctl-*.whl"), dist.glob("variant_providers-*.whl")
    environ = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    uv = [sys.executable, "-m", "uv", "tool", "install", "--quiet", "--python"]
    run(*uv, INTERPRETERS[version], "--with", plugins, ours, environ=environ)
    check_command(tmp_path / "bin" / ("variantctl.exe" if sys.platform == "win32" else "variantctl"))


@pytest.mark.parametrize("version", INTERPRETERS)
def test_pipx(version: str, dist: Path, tmp_path: Path) -> None:
    [ours] = dist.glob("variantctl-*.whl")
    environ = {
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
        # Beside its own index: variant-providers is on none yet.
        "PIP_FIND_LINKS": f"{os.environ.get('PIP_FIND_LINKS', '')} {dist}".strip(),
        "UV_FIND_LINKS": str(dist),
    }
    pipx = [sys.executable, "-m", "pipx", "install", "--quiet", "--python"]
    run(*pipx, INTERPRETERS[version], ours, environ=environ)
    check_command(tmp_path / "bin" / ("variantctl.exe" if sys.platform == "win32" else "variantctl"))
