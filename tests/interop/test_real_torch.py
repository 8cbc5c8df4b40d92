"""The real PyTorch wheel (2.13.0, CPU, 190 MB, 12,248 files), all the way: made, published, chosen, imported.

It needs three things, and is skipped with the missing one named: a pip whose find-links has the wheel
(``pip download --no-deps --no-index torch==2.13.0`` must give it), the CPython it was built for, and PyPI (or
whatever index pip is configured for) for torch's own dependencies. About a minute and 2 GB of disk.

Run it alone: ``python -m pytest tests/interop/test_real_torch.py -rs``
"""

from __future__ import annotations

import json
import os
import shutil
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


SETUP = """
import torch
from setuptools import setup
from torch.utils.cpp_extension import BuildExtension, CppExtension

setup(
    name="twice",
    version="1.0",
    ext_modules=[
        CppExtension(
            "twice",
            ["twice.cpp"],
            define_macros=[("BUILT_WITH", f'"{torch.__version__}"')],
            extra_compile_args=["-O0", "-g0"],
        )
    ],
    cmdclass={"build_ext": BuildExtension.with_options(use_ninja=False)},
    install_requires=["torch"],
)
"""
TWICE = """
#include <ATen/ATen.h>
#include <torch/library.h>

at::Tensor twice(const at::Tensor &tensor) { return tensor + tensor; }

TORCH_LIBRARY(twice, m) { m.def("twice", twice); }

extern "C" const char *built_with() { return BUILT_WITH; }
"""
TRY = """
import ctypes, glob, sysconfig, torch

(path,) = glob.glob(sysconfig.get_path("platlib") + "/twice*.so")
torch.ops.load_library(path)
built_with = ctypes.CDLL(path).built_with
built_with.restype = ctypes.c_char_p
same = built_with().decode() == torch.__version__
print(same, torch.ops.twice.twice(torch.ones(2)).tolist())
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Of builds: each has torch in an environment of its own."""
    return "--cache-dir", tmp_path_factory.mktemp("cache")


@pytest.mark.network
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")
def test_an_extension_is_locked_and_built_with_the_torch_of_the_lock(
    torch_wheel: Path, environment: Path, tmp_path: Path, cache: tuple[str, Path]
) -> None:
    source = tmp_path / "twice"
    source.mkdir()
    (source / "setup.py").write_text(SETUP)
    (source / "twice.cpp").write_text(TWICE)
    (source / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools", "torch"]\n')
    lock = tmp_path / "pylock.toml"
    place = ("-f", torch_wheel.parent, "--no-backends", *cache)
    variantctl("lock", source, TORCH, "-p", environment, "-o", lock, *place)
    variantctl("sync", lock, "-p", environment, *place)
    assert run(environment / "bin" / "python", "-c", TRY).strip() == "True [2.0, 2.0]"


@pytest.mark.network
def test_a_project_that_imports_torch_and_does_not_ask_for_it(
    torch_wheel: Path, environment: Path, tmp_path: Path, cache: tuple[str, Path]
) -> None:
    source = tmp_path / "thing"
    source.mkdir()
    call = 'setup(name="thing", version="1+" + torch.__version__[:4])'
    (source / "setup.py").write_text(f"import torch\nfrom setuptools import setup\n{call}\n")
    install = ["install", source, TORCH, "-p", environment, "-f", torch_wheel.parent, "--no-backends", *cache]
    command = [sys.executable, "-m", "variantctl", *map(str, install)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 1 and "`--match-build thing=torch`" in done.stderr
    variantctl(*install, "--match-build", "thing=torch")
    listed = json.loads(variantctl("list", "--json", "-p", environment))["packages"]
    assert {package["name"]: package["version"] for package in listed}["thing"] == "1+2.13"
