"""Lock files between tools: ours read by uv and pip, theirs by us; everybody installs the same.

pip reads pylock files since 26.1, so that one comes from PyPI into an environment of its own; what is
installed comes from a folder of small wheels. Neither tool knows the names of variant wheels: uv passes over
those, pip refuses the file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from variantctl.cli import main
from variantctl.target.installed import packages_in
from variantctl.variants import load_metadata
from variantctl.wheels.build import build_wheel

EXPECTED = {"app": "1.0", "lib": "2.0", "opt": "1.0"}
METADATA = load_metadata(
    {
        "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
        "default-priorities": {"namespace": ["gpu"]},
        "variants": {"fast": {"gpu": {"arch": ["1"]}}, "null": {}},
    }
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A graph with an extra, a cycle, markers that hold and do not, two versions, and one with variants."""
    folder = tmp_path_factory.mktemp("wheels")
    requires = [
        "lib>=1",
        "on-windows; sys_platform == 'win32'",
        "old-python; python_version < '3'",
    ]
    build_wheel(folder, name="app", version="1.0", requires=requires, extras={"more": ["opt"]})
    build_wheel(folder, name="lib", version="1.0")
    build_wheel(folder, name="lib", version="2.0", requires=["app"])
    for name in ("on-windows", "old-python", "other"):
        build_wheel(folder, name=name, version="1.0")
    build_wheel(folder, name="opt", version="1.0", requires=["lib"])
    for label in ("fast", "null", None):
        metadata = METADATA if label else None
        build_wheel(folder, name="kernels", version="1.0", label=label, metadata=metadata)
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "VIRTUAL_ENV"))}
    return kept | {"UV_CACHE_DIR": str(tmp_path / "uv"), "UV_NO_CONFIG": "1"}


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment with something in it that no lock has."""
    path = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True)
    return path


@pytest.fixture(scope="module")
def new_pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pip that has ``pip lock`` and reads pylock files."""
    path = tmp_path_factory.mktemp("pip") / "venv"
    subprocess.run([sys.executable, "-m", "venv", path], check=True)
    pip = path / ("Scripts" if os.name == "nt" else "bin") / "pip"
    command: list[str | Path] = [pip, "install", "-q", "--disable-pip-version-check", "pip>=26.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        pytest.skip(f"A PIP THAT READS LOCKS CANNOT BE HAD HERE: {done.stderr.strip().splitlines()[-1]}")
    return pip


def installed(venv: Path) -> dict[str, str]:
    (site,) = {path.resolve() for path in venv.rglob("site-packages")}
    return {name: str(package.version) for name, package in packages_in([site]).items()}


def run(command: list[str | Path], environ: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(
        command, env=environ, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def ours(*arguments: str | Path, cache: Path) -> None:
    assert main([*map(str, arguments), "--cache-dir", str(cache)]) == 0


def lock(tmp_path: Path, wheels: Path, *requirements: str) -> Path:
    """Ours, in a folder beside a copy of the wheels, so that its paths are relative."""
    shutil.copytree(wheels, tmp_path / "wheels")
    path = tmp_path / "project" / "pylock.toml"
    path.parent.mkdir()
    options = ("--no-index", "-f", tmp_path / "wheels", "-o", path)
    ours("lock", *requirements, *options, cache=tmp_path / "cache")
    return path


def uv() -> str:
    found = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    assert found is not None, "uv is one of the test dependencies"
    return found


def test_uv_syncs_ours(tmp_path: Path, wheels: Path, venv: Path, environ: dict[str, str]) -> None:
    path = lock(tmp_path, wheels, "app[more]")
    run([uv(), "pip", "sync", "--no-index", "-p", venv, path], environ, tmp_path)
    assert installed(venv) == EXPECTED


def test_uv_takes_the_non_variant_wheel_of_ours(
    tmp_path: Path, wheels: Path, venv: Path, environ: dict[str, str]
) -> None:
    path = lock(tmp_path, wheels, "kernels", "--all-variants")
    assert path.read_text().count("kernels-1.0-py3-none-any") == 3
    run([uv(), "pip", "sync", "--no-index", "-p", venv, path], environ, tmp_path)
    assert installed(venv) == {"kernels": "1.0"}
    assert not list(venv.rglob("variant.json"))


@pytest.mark.network
def test_pip_installs_ours(
    tmp_path: Path, wheels: Path, venv: Path, environ: dict[str, str], new_pip: Path
) -> None:
    path = lock(tmp_path, wheels, "app[more]")
    run([new_pip, "--python", venv, "install", "--no-index", "-r", path], environ, tmp_path)
    assert installed(venv) == EXPECTED


@pytest.mark.network
def test_pip_installs_ours_where_no_variants_were_locked(
    tmp_path: Path, wheels: Path, venv: Path, environ: dict[str, str], new_pip: Path
) -> None:
    path = lock(tmp_path, wheels, "kernels", "--no-variants")
    run([new_pip, "--python", venv, "install", "--no-index", "-r", path], environ, tmp_path)
    assert installed(venv) == {"kernels": "1.0"}


@pytest.mark.parametrize("universal", [False, True])
def test_we_sync_what_uv_compiled(
    tmp_path: Path, wheels: Path, venv: Path, environ: dict[str, str], universal: bool
) -> None:
    path = tmp_path / "pylock.toml"
    (tmp_path / "wanted.in").write_text("app[more]\n")
    command: list[str | Path] = [uv(), "pip", "compile", "wanted.in", "--no-index", "-f", wheels]
    command += ["--format", "pylock.toml", "-o", path, "-p", sys.executable]
    run([*command, *(["--universal"] if universal else [])], environ, tmp_path)
    assert ("on-windows" in path.read_text()) == universal
    check_sync(path, wheels, venv, tmp_path)


def test_we_sync_what_uv_exported(tmp_path: Path, wheels: Path, venv: Path, environ: dict[str, str]) -> None:
    """A project with an extra and a group: uv decides when exporting which of them are in."""
    (tmp_path / "pyproject.toml").write_text(
        f"""[project]
name = "mine"
version = "1"
requires-python = ">=3.10"
dependencies = ["app"]
[project.optional-dependencies]
full = ["opt"]
[dependency-groups]
dev = ["other"]
[tool.uv]
package = false
no-index = true
find-links = ["{wheels.as_posix()}"]
"""
    )
    del environ["UV_NO_CONFIG"]
    options: list[str | Path] = ["--extra", "full", "--no-dev", "-p", sys.executable]
    path = tmp_path / "pylock.toml"
    run([uv(), "export", "--format", "pylock.toml", "-o", path, *options], environ, tmp_path)
    check_sync(path, wheels, venv, tmp_path)


@pytest.mark.network
def test_we_sync_what_pip_locked(
    tmp_path: Path, wheels: Path, venv: Path, environ: dict[str, str], new_pip: Path
) -> None:
    path = tmp_path / "pylock.toml"
    run([new_pip, "lock", "--no-index", "-f", wheels, "app[more]", "-o", path], environ, tmp_path)
    check_sync(path, wheels, venv, tmp_path)


def check_sync(path: Path, wheels: Path, venv: Path, tmp_path: Path) -> None:
    """What is missing comes, what is too much goes."""
    options = ("--no-index", "-f", wheels, "-p", venv)
    ours("install", "other", "lib==1.0", *options, cache=tmp_path / "cache")
    ours("sync", path, "-p", venv, cache=tmp_path / "cache")
    assert installed(venv) == EXPECTED
