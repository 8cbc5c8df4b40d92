"""Auditing what is installed and what would be; ``doctor`` on libraries without code for the GPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_doctor import doctor
from tests.cli.test_install import Shell
from tests.machine_code.files import elf_library, fatbin
from variantctl.wheels.build import build_wheel


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A folder of wheels, one with a library for CUDA, and nothing else."""
    shell = Shell(tmp_path)
    shell.environ["PIP_INDEX_URL"] = "http://127.0.0.1:9/simple/"
    library = elf_library({".nv_fatbin": fatbin("cubin 75", "cubin 80")}, needed=["libcudart.so.12"])
    folder = shell.world.root / "dist"
    files = {"ext/__init__.py": b"", "ext/_C.so": library, "ext/text.so": b"GROUP ( libx.so )"}
    needs = ["nvidia-cublas-cu12"]
    build_wheel(folder, name="ext", version="2.0", files=files, requires=needs)
    build_wheel(folder, name="ext", version="1.0", files={"ext/__init__.py": b""})
    build_wheel(folder, name="nvidia-cublas-cu12", version="12.8")
    return shell


def audit(shell: Shell, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = shell.run("wheel", "audit", "--json", *arguments, code=code)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_wheel_that_would_be_installed(shell: Shell) -> None:
    found = audit(shell, "ext", "--no-index", "-f", "dist", "-p", "env")
    assert [wheel["filename"] for wheel in found["wheels"]] == ["ext-2.0-py3-none-any.whl"]
    (library,) = found["libraries"]
    assert (library["name"], library["cuda"]["cubin"]) == ("ext/_C.so", ["75", "80"])
    assert audit(shell, "ext<2", "--no-index", "-f", "dist", "-p", "env")["libraries"] == []
    assert audit(shell, "nothing", "--no-index", "-f", "dist", "-p", "env", code=1)["error"]


def test_what_is_installed(shell: Shell) -> None:
    shell.run("install", "ext", "--no-index", "-f", "dist", "-p", "env")
    found = audit(shell, "--installed", "-p", "env")
    assert [wheel["filename"] for wheel in found["wheels"]] == ["ext 2.0"]
    assert [library["name"] for library in found["libraries"]] == ["ext/_C.so"]
    for arguments in ([], ["--installed", "ext"]):
        assert audit(shell, *arguments, "-p", "env", code=2)["error"]["kind"] == "usage"


def test_what_has_no_code_for_the_gpu_is_taken_back(shell: Shell) -> None:
    shell.environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = "12.8"
    shell.environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = "9.0"
    place = ("--no-index", "-f", "dist", "-p", "env")
    failed = json.loads(shell.run("install", "ext", "--verify", "--json", *place, code=1).stdout)["error"]
    assert failed["kind"] == "verification-failed"
    assert (
        "has any for a GPU of capability 9.0, which this machine has; nothing was changed"
        in failed["message"]
    )
    assert "sm_75, sm_80" in failed["hint"]
    assert "ext" not in shell.packages()
    shell.environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = "8.6"
    shell.run("install", "ext", "--verify", *place)
    assert shell.packages()["ext"] == "2.0"


def test_doctor_reads_the_libraries(shell: Shell) -> None:
    shell.run("install", "ext", "--no-index", "-f", "dist", "-p", "env")
    assert doctor(shell, "--profile", "a100")["findings"] == []
    (finding,) = doctor(shell, "--profile", "h100", code=1)["findings"]
    assert (finding["severity"], finding["kind"], finding["package"]) == ("error", "no-code-for-gpu", "ext")
    assert "for a GPU of capability 9.0, which profile h100 has" in finding["detail"]
    assert finding["evidence"][0].endswith("ext/_C.so: sm_75, sm_80")
