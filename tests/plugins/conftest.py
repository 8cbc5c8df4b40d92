"""Stand-ins for NVIDIA's driver libraries, compiled here, and an environment that forces nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIBRARIES = {
    "new": ("fake_nvml.c", "libnvidia-ml.so.1", ()),
    "old": ("fake_nvml.c", "libnvidia-ml.so.1", ("-DOLD",)),
    "cuda": ("fake_cuda.c", "libcuda.so.1", ()),
}
PICKS = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "VARIANT_PROVIDERS_TIMEOUT")


@pytest.fixture(autouse=True)
def nothing_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if "_VARIANT_PROVIDER_FORCE_" in name or name in PICKS:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def driver_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders that each hold one library: NVML of ``new`` and of ``old`` drivers, and ``cuda``."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the driver stand-ins cannot be built")
    folders = {}
    for kind, (source, soname, options) in LIBRARIES.items():
        folders[kind] = tmp_path_factory.mktemp(f"driver-{kind}")
        command = [compiler, "-shared", "-fPIC", "-w", *options, "-o", str(folders[kind] / soname)]
        subprocess.run([*command, str(HERE / source)], check=True)
    return folders


@pytest.fixture
def fake_nvml(driver_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``fake_nvml(mode, kind="new")`` puts the stand-in where the loader finds it, behaving as told."""

    def install(mode: str = "", kind: str = "new") -> None:
        monkeypatch.setenv("LD_LIBRARY_PATH", str(driver_folders[kind]))
        monkeypatch.setenv("FAKE_NVML", mode)

    return install


@pytest.fixture
def fake_driver(driver_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """``fake_driver(nvml=..., cuda=...)``: both libraries, each behaving as told; ``None`` leaves one out."""

    def install(nvml: str | None = None, cuda: str | None = None) -> None:
        folders = [driver_folders["new"]] if nvml is not None else []
        folders += [driver_folders["cuda"]] if cuda is not None else []
        monkeypatch.setenv("LD_LIBRARY_PATH", ":".join(map(str, folders)))
        monkeypatch.setenv("FAKE_NVML", nvml or "")
        monkeypatch.setenv("FAKE_CUDA", cuda or "")

    return install
