"""``python -m variantctl`` in somebody else's folder runs nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("module", ["variantctl", "variantctl.cli"])
@pytest.mark.parametrize(
    "words", [["detect"], ["provider", "list"], ["list", "-p", sys.executable], ["--help"]]
)
def test_nothing_of_the_current_folder_is_run(tmp_path: Path, module: str, words: list[str]) -> None:
    trap = f"open({str(tmp_path / 'sprung')!r}, 'a').write(__name__)\n"
    names = ("json", "platformdirs", "packaging", "httpx", "rich", "argparse", "tomllib", "trap", "shtab")
    for name in names:
        (tmp_path / f"{name}.py").write_text(trap)
    info = tmp_path / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[variant_plugins]\nnvidia = trap:Plugin\nevil = trap:Plugin\n[keyring.backends]\nx = trap\n"
    )
    environ = {**os.environ, "VARIANTCTL_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "evil" not in done.stdout + done.stderr
    assert not (tmp_path / "sprung").exists()
