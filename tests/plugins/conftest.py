"""A stand-in for NVIDIA's driver library, compiled here, and an environment that forces nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_nvml.c")
SONAME = "libnvidia-ml.so.1"


@pytest.fixture(autouse=True)
def nothing_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if "_VARIANT_PROVIDER_FORCE_" in name or name == "VARIANT_PROVIDERS_TIMEOUT":
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def nvml_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders that each hold a libnvidia-ml.so.1: ``new`` names, and those of ``old`` drivers."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the NVML stand-in cannot be built")
    folders = {}
    for kind, options in {"new": [], "old": ["-DOLD"]}.items():
        folders[kind] = tmp_path_factory.mktemp(f"nvml-{kind}")
        command = [compiler, "-shared", "-fPIC", *options, "-o", str(folders[kind] / SONAME), str(SOURCE)]
        subprocess.run(command, check=True)
    return folders


@pytest.fixture
def fake_nvml(nvml_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``fake_nvml(mode, kind="new")`` puts the stand-in where the loader finds it, behaving as told."""

    def install(mode: str = "", kind: str = "new") -> None:
        monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml_folders[kind]))
        monkeypatch.setenv("FAKE_NVML", mode)

    return install
