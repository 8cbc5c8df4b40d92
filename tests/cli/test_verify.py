"""``install --verify``: what was installed is tried, and taken back where it does not work."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_doctor import torch_wheel
from tests.cli.test_install import Shell
from tests.doctor.test_trials import TORCH
from variantctl.wheels.build import build_wheel

PLACE = ("-p", "env", "--no-index", "-f", "wheels")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = "12.8"
    shell.environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = "9.0"
    return shell


def everything(shell: Shell) -> dict[str, bytes]:
    """Every file of the environment's packages; byte code aside."""
    (site,) = shell.env.glob("lib/python*/site-packages")
    return {
        str(path.relative_to(site)): path.read_bytes()
        for path in site.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_a_build_that_sees_its_gpu_stays(shell: Shell) -> None:
    torch_wheel(shell, "2.10.0+cu128", sees=True)
    done = shell.run("install", "torch", "--verify", *PLACE)
    assert "torch 2.10.0+cu128 computes on: NVIDIA H100, CPU" in done.stderr
    assert shell.packages() == {"torch": "2.10.0+cu128"}
    assert not list(shell.env.glob("lib/python*/site-packages/.variantctl*"))


def test_a_gpu_build_that_sees_none_is_taken_back(shell: Shell) -> None:
    torch_wheel(shell, "2.9.0+cu128", sees=True)
    shell.run("install", "torch", *PLACE)
    before = everything(shell)
    torch_wheel(shell, "2.10.0+cu128", sees=False)
    shell.world.add("other")
    failed = shell.run("install", "torch==2.10.0+cu128", "other", "--verify", "--json", *PLACE, code=1)
    error = json.loads(failed.stdout)["error"]
    assert error["kind"] == "verification-failed"
    assert error["message"].startswith("torch 2.10.0+cu128 is built for CUDA 12.8, and sees no GPU")
    assert error["message"].endswith("nothing was changed") and "without --verify" in error["hint"]
    assert everything(shell) == before
    shell.run("install", "torch==2.10.0+cu128", *PLACE)
    assert shell.packages()["torch"] == "2.10.0+cu128"


def test_one_that_cannot_be_imported_is_taken_back(shell: Shell) -> None:
    text = TORCH.format(version="1", gpus=1, before="import gone", kernel="pass", why="")
    build_wheel(shell.world.wheels, name="torch", version="2.10.0+cpu", files={"torch.py": text.encode()})
    failed = shell.run("install", "torch", "--verify", *PLACE, code=1)
    assert "torch cannot be imported: ModuleNotFoundError: No module named 'gone'" in failed.stderr
    assert shell.packages() == {}


def test_a_library_that_a_framework_needs(shell: Shell) -> None:
    """What breaks torch is found where torch itself is not installed anew."""
    text = TORCH.format(version="1", gpus=1, before="import lib; lib.works()", kernel="pass", why="")
    build_wheel(
        shell.world.wheels,
        name="torch",
        version="2.10.0+cu128",
        files={"torch.py": text.encode()},
        requires=["lib"],
    )
    shell.world.add("lib", "1.0", files={"lib.py": b"def works(): pass\n"})
    shell.run("install", "torch", "--verify", *PLACE)
    shell.world.add("lib", "2.0", files={"lib.py": b"def works(): raise OSError('libcudart.so.12')\n"})
    failed = shell.run("install", "lib", "-U", "--verify", *PLACE, code=1)
    assert "torch cannot be imported: OSError: libcudart.so.12" in failed.stderr
    assert shell.packages()["lib"] == "1.0"
    shell.world.add("unrelated")
    assert "computes" not in shell.run("install", "unrelated", "--verify", *PLACE).stderr


def test_a_cpu_build_needs_no_gpu(shell: Shell) -> None:
    torch_wheel(shell, "2.10.0+cpu", sees=False)
    assert "computes on: CPU" in shell.run("install", "torch", "--verify", *PLACE).stderr
