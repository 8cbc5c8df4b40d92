"""Resolving an application of some 90 packages, with every tool's cache warm, beside uv and pip."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.compare import Case

APPLICATION = "jupyterlab"


def cases() -> list[Case]:
    """The same index for all three: the one this machine is set up for. Nothing is installed."""
    folder = Path(tempfile.mkdtemp(prefix="variantctl-benchmark-"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    python = str(next((folder / "venv").glob("[bS]*/python*")))
    scripts = Path(sys.executable).parent
    asked = [APPLICATION, "--dry-run", "--index-url", _index()]
    return [
        Case(
            name=f"resolving: {APPLICATION} into an empty environment, warm caches",
            ours=[str(scripts / "variantctl"), "install", *asked, "--python", python],
            peers={
                "uv": [str(scripts / "uv"), "pip", "install", *asked, "--python", python],
                "pip": [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *asked],
            },
            targets={"uv": 2.0, "pip": 0.2},
        )
    ]


def _index() -> str:
    from variantctl.config.settings import load_index_settings

    return next(layer.index_url for layer in load_index_settings().layers if layer.index_url)
