"""Installed libraries against the machine's GPU: code for it, PTX alone, PTX that is too new, and none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doctor.machines import COMMANDS, installed, kinds
from tests.machine_code.files import bundle, elf_library, fatbin
from variantctl.doctor.code_checks import check_code
from variantctl.doctor.findings import Finding
from variantctl.doctor.installed_code import installed_code
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile
from variantctl.select.fit import ACCELERATORS
from variantctl.target.installed import InstalledFile

CUDA12 = ("nvidia-cublas-cu12",)


def cuda(*entries: str, isa: tuple[int, int] = (8, 4)) -> bytes:
    return elf_library({".nv_fatbin": fatbin(*entries, isa=isa)}, needed=["libcudart.so.12"])


def found(folder: Path, *libraries: bytes, profile: str, requires: tuple[str, ...] = CUDA12) -> list[Finding]:
    """What is said of a package with these libraries on a shipped profile's machine."""
    files = []
    for number, content in enumerate(libraries):
        path = folder / f"lib{number}.so.1"
        path.write_bytes(content)
        files.append(InstalledFile(path, "", len(content)))
    gone = InstalledFile(folder / "gone.so", "", 1)
    package = installed("ext", "2.0", requires, files=(*files, gone))
    machine = Machine(load_profile(profile))
    code = installed_code([package])
    who = f"profile {profile}"
    return check_code({package.name: package}, code, machine.supported(ACCELERATORS), who, COMMANDS)


@pytest.mark.parametrize(
    ("libraries", "profile"),
    [
        ([cuda("cubin 90")], "h100"),
        ([cuda("cubin 90a")], "h100"),
        ([cuda("cubin 80")], "rtx-3060"),
        ([cuda("cubin 75"), cuda("cubin 90")], "h100"),
        ([cuda("cubin 75")], "x86-64-v3"),
        ([elf_library(needed=["libcudart.so.12"])], "h100"),
        ([cuda("lto 75")], "h100"),
    ],
)
def test_code_that_runs(tmp_path: Path, libraries: list[bytes], profile: str) -> None:
    assert found(tmp_path, *libraries, profile=profile) == []


def test_no_library_has_code_for_the_gpu(tmp_path: Path) -> None:
    libraries = (cuda("cubin 75", "cubin 80"), cuda("cubin 100a", "ptx 120"), elf_library())
    (finding,) = found(tmp_path, *libraries, profile="h100")
    assert kinds([finding]) == [("error", "no-code-for-gpu", "ext")]
    assert (
        "none of ext 2.0's 2 libraries with CUDA code has any for a GPU of capability 9.0" in finding.detail
    )
    assert "no kernel image is available" in finding.means
    assert finding.evidence[0].endswith("lib0.so.1: sm_75, sm_80")
    # The same version would be the same file.
    assert "`variantctl install --upgrade ext -p env`" in finding.hint


def test_ptx_alone(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, cuda("cubin 75", "ptx 80"), profile="h100")
    assert kinds([finding]) == [("suggestion", "ptx-only", "ext")]
    assert "compiled when it is first used" in finding.means


def test_ptx_that_the_driver_does_not_know(tmp_path: Path) -> None:
    (finding,) = found(tmp_path, cuda("cubin 75", "ptx 80", isa=(9, 2)), profile="h100")
    assert kinds([finding]) == [("error", "ptx-too-new", "ext")]
    assert "needs a driver for CUDA 13.2; this one runs 12.8" in finding.detail
    assert finding.hint.startswith("Update the driver, or: ")


def test_a_jetson_runs_only_its_own_code(tmp_path: Path) -> None:
    assert kinds(found(tmp_path, cuda("cubin 80", "cubin 86"), profile="jetson-orin")) == [
        ("error", "no-code-for-gpu", "ext")
    ]
    assert found(tmp_path, cuda("cubin 87"), profile="jetson-orin") == []


def test_amd(tmp_path: Path) -> None:
    rocm = ("rocm[libraries]==7.1",)
    library = elf_library({".hip_fatbin": bundle("gfx90a", "gfx11-generic")})
    (finding,) = found(tmp_path, library, profile="mi300x", requires=rocm)
    assert kinds([finding]) == [("error", "no-code-for-gpu", "ext")]
    assert "has any for gfx942, which profile mi300x has" in finding.detail
    assert found(tmp_path, library, profile="rx-7900xtx", requires=rocm) == []
    assert found(tmp_path, library, profile="mi250x", requires=rocm) == []


def test_vendors_own_libraries_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "libcublas.so.12"
    path.write_bytes(cuda("cubin 75"))
    library = installed("nvidia-cublas-cu12", files=(InstalledFile(path, "", 1),))
    assert installed_code([library, installed("numpy", files=(InstalledFile(path, "", 1),))]) == {}
