"""A copy of this checkout: what a clone of the repository has that an installation needs."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
_NEEDED = ("variantctl", "index", "plugins", "pyproject.toml", "README.md", "LICENSE", "mkdocs.yml")


def copy_checkout(folder: Path) -> None:
    """Put what both distributions are built from into a folder, which is made where it is not there."""
    folder.mkdir(exist_ok=True)
    for name in _NEEDED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
