"""poetry and pdm, each in an environment of its own: poetry needs another ``installer`` than we do.

They are installed once, below pytest's cache folder, from the index that pip is set up for.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIREMENTS = {
    "poetry": ["poetry>=2,<3"],
    # pdm 2.29 allows hishel 2, and does not start with it.
    "pdm": ["pdm>=2.20,<3", "hishel<2"],
}


def executable(name: str, config: pytest.Config) -> Path:
    """The command of a tool, installed if need be; skips, loudly, where that cannot be."""
    assert config.cache is not None
    folder = config.cache.mkdir("tools") / f"{name}-{sys.version_info[0]}.{sys.version_info[1]}"
    command = folder / ("Scripts" if os.name == "nt" else "bin") / name
    with _alone(folder.with_suffix(".lock")):
        if not command.exists() or not (folder / "complete").exists():
            _install(name, folder)
            (folder / "complete").touch()
    return command


def _install(name: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*pip, *REQUIREMENTS[name]], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NOT RUN: {name} cannot be installed from PyPI: {done.stderr.strip()[-300:]}")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One worker installs, the others wait."""
    import fcntl

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
