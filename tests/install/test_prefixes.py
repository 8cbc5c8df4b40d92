"""Interpreters with a prefix of their own: one that conda made, one that a package manager owns (PEP 668)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests import commands
from tests.campaigns.faults import clean_environ
from tests.install.support import picture
from variantctl.wheels.build import build_wheel


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A Python that is no virtual environment: the executable copied beside links to the standard library."""
    if os.name == "nt":
        pytest.skip("made of links as POSIX has them")
    root, stdlib = tmp_path / "prefix", Path(sysconfig.get_path("stdlib"))
    python = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (root / "bin").mkdir(parents=True)
    shutil.copy(os.path.realpath(sys.executable), root / "bin" / python)
    (root / "bin/python").symlink_to(python)
    library = root / sys.platlibdir / python
    library.mkdir(parents=True)
    for entry in stdlib.iterdir():
        if entry.name not in ("site-packages", "dist-packages", "EXTERNALLY-MANAGED", "__pycache__"):
            (library / entry.name).symlink_to(entry)
    (library / "site-packages").mkdir()
    asked = [str(root / "bin/python"), "-c", "import sys; print(sys.prefix, sys.base_prefix)"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.stdout.split() != [str(root)] * 2:
        pytest.skip(f"this Python cannot be given another prefix: {done.stdout}{done.stderr}")
    return root


def variantctl(folder: Path, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
        "VARIANTCTL_CONFIG_FILE": os.devnull,
        "PIP_CONFIG_FILE": os.devnull,
    }
    return commands.run(*arguments, env=clean_environ() | settings | environ, cwd=folder)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(
        tmp_path,
        name="tool",
        version="1",
        files={"tool.py": b"def main():\n    import sys\n    print(sys.prefix)\n"},
        entry_points={"console_scripts": {"tool": "tool:main"}},
    )


def test_conda_environment(prefix: Path, wheel: Path, tmp_path: Path) -> None:
    """The record that conda keeps is left as it is; our packages go by their dist-info, as those of pip."""
    record = prefix / "conda-meta/python-3.json"
    record.parent.mkdir()
    record.write_text(json.dumps({"name": "python", "files": ["bin/python"]}))
    before = picture(prefix)
    active = {"CONDA_PREFIX": str(prefix)}
    done = variantctl(tmp_path, active, "install", "--no-index", str(wheel))
    assert done.returncode == 0, done.stderr
    assert str(prefix) in done.stdout
    said = subprocess.run([str(prefix / "bin/tool")], capture_output=True, text=True, check=True).stdout
    assert said == f"{prefix}\n"
    (info,) = prefix.rglob("tool-1.dist-info")
    assert (info / "INSTALLER").read_text() == "variantctl\n"
    listed = json.loads(variantctl(tmp_path, active, "list", "--json").stdout)
    assert [package["name"] for package in listed["packages"]] == ["tool"]
    assert variantctl(tmp_path, active, "uninstall", "-y", "tool").returncode == 0
    assert {path: what for path, what in picture(prefix).items() if "__pycache__" not in path} == before


def test_externally_managed_prefix_is_left_alone(prefix: Path, wheel: Path, tmp_path: Path) -> None:
    (library,) = (prefix / sys.platlibdir).iterdir()
    (library / "EXTERNALLY-MANAGED").write_text("[externally-managed]\nError=Ask the distribution.\n")
    before = picture(prefix)
    python = str(prefix / "bin/python")
    for command in (("install", "--no-index", str(wheel)), ("uninstall", "-y", "tool")):
        done = variantctl(tmp_path, {}, command[0], "-p", python, *command[1:])
        assert done.returncode == 1
        assert "Ask the distribution." in done.stderr and "venv" in done.stderr
    assert picture(prefix) == before
    # A folder of one's own may be filled with it.
    done = variantctl(tmp_path, {}, "install", "-p", python, "--target", "mine", "--no-index", str(wheel))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine/tool.py").is_file()
    assert picture(prefix) == before
