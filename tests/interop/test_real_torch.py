"""The real PyTorch wheel (2.13.0, CPU, 190 MB, 12,248 files), all the way: made, published, chosen, imported.

It needs three things, and is skipped with the missing one named: a pip whose find-links has the wheel
(``pip download --no-deps --no-index torch==2.13.0`` must give it), the CPython it was built for, and PyPI (or
whatever index pip is configured for) for torch's own dependencies. About a minute and 2 GB of disk.

Run it alone: ``python -m pytest tests/interop/test_real_torch.py -rs``
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from variantctl.demo.server import serve

TORCH = "torch==2.13.0"

PYPROJECT = """
[variant.default-priorities]
namespace = ["nvidia"]

[variant.providers.nvidia]
requires = ["nvidia-variant-provider>=0.0.1,<1.0.0"]
plugin-api = "nvidia_variant_provider.plugin:NvidiaVariantPlugin"

[variant.variants."cuda12.8".nvidia]
cuda_version_lower_bound = ["12.8"]
sm_arch = ["70_real", "75_real", "80_real", "86_real", "90_real", "100_real", "120_real"]

[variant.variants."cuda13.0".nvidia]
cuda_version_lower_bound = ["13.0"]
sm_arch = ["75_real", "80_real", "86_real", "90_real", "100_real", "120_real", "120_virtual"]
"""


def run(*command: object, **environ: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def variantctl(*arguments: object, **environ: str) -> str:
    return run(sys.executable, "-m", "variantctl", *arguments, **environ)


@pytest.fixture(scope="module")
def torch_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("torch")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-index", "-d", str(folder), TORCH]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0:
        pytest.skip(f"THE REAL TORCH WHEEL CANNOT BE HAD HERE: {done.stderr.strip().splitlines()[-1]}")
    (wheel,) = folder.glob("torch-*.whl")
    return wheel


@pytest.fixture(scope="module")
def index(torch_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One null variant and two that claim to need NVIDIA, served on loopback."""
    folder = tmp_path_factory.mktemp("variants")
    pyproject = folder / "pyproject.toml"
    pyproject.write_text(PYPROJECT)
    for choice in (["--null"], ["--label", "cuda12.8"], ["--label", "cuda13.0"]):
        make = ["wheel", "make", "-f", torch_wheel, "-o", folder / "wheels", "--pyproject", pyproject]
        variantctl(*make, *choice)
    variantctl("index", "build", folder / "wheels", "-o", folder / "site")
    with serve(folder / "site") as root:
        yield f"{root}/simple/"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    return tmp_path / "venv"


def planned(output: str) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in json.loads(output)["install"]}


def test_a_profile_chooses_the_cuda_build(index: str, environment: Path, tmp_path: Path) -> None:
    dry = ["install", "torch", "--no-deps", "--dry-run", "--json", "-p", environment, "-i", index]
    cache = ["--cache-dir", tmp_path / "cache"]
    assert planned(variantctl(*dry, *cache, "--profile", "h100"))["torch"]["label"] == "cuda12.8"
    assert planned(variantctl(*dry, *cache, "--profile", "b200"))["torch"]["label"] == "cuda13.0"
    assert planned(variantctl(*dry, *cache, "--profile", "x86-64-v3"))["torch"]["label"] == "null"


@pytest.mark.network
def test_the_null_variant_is_installed_and_runs(index: str, environment: Path, tmp_path: Path) -> None:
    reports = json.loads(variantctl("detect", "--json"))["providers"]
    if any(report["namespace"] == "nvidia" and report["status"] == "ok" for report in reports):
        pytest.skip("this machine has an NVIDIA GPU: the null variant is not what it would get")
    # The extra index is searched first; torch's dependencies come from the index that pip is configured for.
    install = ["install", "torch", "-p", environment, "--extra-index-url", index, "--verify"]
    variantctl(*install, "--cache-dir", tmp_path / "cache")
    python = environment / "bin" / "python"
    assert run(python, "-c", "import torch; print(torch.ones(2).sum())").strip() == "tensor(2.)"
    listed = json.loads(variantctl("list", "--json", "-p", environment))
    (torch,) = [package for package in listed["packages"] if package["name"] == "torch"]
    assert torch["label"] == "null"
    doctor = json.loads(variantctl("doctor", "--run", "--json", "-p", environment))
    assert doctor["status"] == "ok" and doctor["findings"] == []
    assert [(trial["framework"], trial["status"]) for trial in doctor["run"]] == [("torch", "ok")]
    assert [(device["device"], device["ok"]) for device in doctor["run"][0]["devices"]] == [("cpu", True)]
    assert (
        run(sys.executable, "-m", "pip", "--python", python, "check").strip()
        == "No broken requirements found."
    )
