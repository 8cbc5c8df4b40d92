"""Each kind of lie is a wheel that ``wheel validate`` refuses, and true wheels are not refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.machine_code.files import bundle, elf_library, fatbin, gnu_property, zebin
from variantctl.cli import main
from variantctl.variants.properties import VariantProperty, in_order
from variantctl.wheels.build import build_wheel
from variantctl.wheels.variant_wheel import make_variant


def gpu(*entries: str, needed: tuple[str, ...] = ("libcudart.so.12",)) -> bytes:
    return elf_library({".nv_fatbin": fatbin(*entries)}, needed=needed)


def told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], libraries: list[bytes], *properties: str
) -> list[str]:
    """What ``validate`` says of a wheel with these libraries that declares these properties."""
    files = {f"thing/{number}.so": content for number, content in enumerate(libraries)}
    plain = build_wheel(tmp_path, name="thing", version="1", tag="py3-none-linux_x86_64", files=files)
    wanted = in_order(VariantProperty.parse(text) for text in properties)
    spaces = ("nvidia", "amd", "intel", "x86_64")
    label = "x" if properties else "null"
    path = make_variant(plain, tmp_path / "out", label=label, properties=wanted, namespaces=spaces)
    code = main(["wheel", "validate", "--no-validate", "--json", str(path)])
    (found,) = json.loads(capsys.readouterr().out)["wheels"]
    assert code == bool(found["problems"])
    assert all(problem["kind"] == "contradiction" for problem in found["problems"])
    assert all(problem["hint"] for problem in found["problems"])
    return [problem["message"].partition("variant ")[2] for problem in found["problems"]]


ARCH, BOUND = "nvidia :: sm_arch ::", "nvidia :: cuda_version_lower_bound ::"
NOTE = ".note.gnu.property"
V3 = elf_library({NOTE: gnu_property(0xC0008002, 0b111)}, types={NOTE: 7})
AMD = elf_library({".hip_fatbin": bundle("gfx942", "gfx11-generic")})
INTEL = elf_library({"__CLANG_OFFLOAD_BUNDLE__sycl-spir64_gen": zebin(20, 1, 4)})


@pytest.mark.parametrize(
    ("library", "declared", "said"),
    [
        (
            gpu("cubin 75"),
            f"{ARCH} 90_real",
            "x: nvidia :: sm_arch :: 90_real is declared, and no library has",
        ),
        (gpu("cubin 86"), f"{ARCH} 80_real", "no library has machine code for it"),
        (gpu("cubin 100a"), f"{ARCH} 103_real", "no library has machine code for it"),
        (gpu("cubin 75", "ptx 90"), f"{ARCH} 90_real", "machine code for it, only PTX"),
        (gpu("cubin 90"), f"{ARCH} 90_virtual", "no library has PTX that is as old"),
        (gpu("cubin 90", "ptx 90"), f"{ARCH} 80_virtual", "no library has PTX that is as old"),
        (gpu("cubin 100a"), f"{ARCH} 100_real", "only code for sm_100a, which runs on no other one"),
        (gpu("cubin 90", "ptx 90a"), f"{ARCH} 90_virtual", "that for compute_90a is not for newer GPUs"),
        (gpu("cubin 90", "ptx 100f"), f"{ARCH} 103_virtual", "compute_100f is not for newer GPUs"),
        (gpu("ptx 80"), f"{BOUND} 12.4", "only PTX, of version 9.0, which drivers compile from CUDA 13.0 on"),
        (
            elf_library({".hip_fatbin": bundle("gfx90a:xnack+", "gfx942")}),
            "amd :: gfx_arch :: gfx90a",
            "no library has code for it that runs where XNACK is off",
        ),
        (elf_library({".hip_fatbin": bundle("gfx90a:xnack+")}), "amd :: gfx_arch :: gfx90a", "XNACK is off"),
        (elf_library({".hip_fatbin": bundle("gfx11-generic")}), "amd :: gfx_arch :: gfx1201", "no library"),
        (elf_library(needed=["libnvidia-ml.so.1"]), None, "needs libnvidia-ml.so.1 of NVIDIA's driver"),
        (
            AMD,
            f"{ARCH} 90_real",
            "sm_arch is declared, and no library has code for it; there is code for amd",
        ),
        (
            elf_library(),
            f"{ARCH} 90_real",
            "x: nvidia :: sm_arch is declared, and no library has code for it",
        ),
        (
            gpu("cubin 90", needed=("libcudart.so.13",)),
            f"{BOUND} 12.8",
            "12.8 is declared, and thing/0.so needs libcudart.so.13, which needs a driver for CUDA 13.0",
        ),
        (AMD, "amd :: gfx_arch :: gfx90a", "amd :: gfx_arch :: gfx90a is declared, and no library has code"),
        (gpu("cubin 75"), "amd :: gfx_arch :: gfx90a", "amd :: gfx_arch is declared, and no library"),
        (INTEL, "intel :: device_ip :: 12.60.7", "12.60.7 is declared, and no library has code for it"),
        (gpu("cubin 75"), "intel :: device_ip :: 20.1.4", "intel :: device_ip is declared, and no library"),
        (V3, "x86_64 :: level :: v2", "level :: v2 is declared, and thing/0.so needs v3"),
        (
            gpu("cubin 90", needed=("libcudart.so.13",)),
            "nvidia :: cuda_version_upper_bound :: 13",
            "upper_bound :: 13.0 is declared, for older drivers, and what it needs is of CUDA 13",
        ),
        (
            elf_library(needed=["libcuda.so.1"]),
            None,
            "null: it fits every machine, and thing/0.so needs libcuda",
        ),
    ],
)
def test_a_lie_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], library: bytes, declared: str | None, said: str
) -> None:
    (problem,) = told(tmp_path, capsys, [library], *([declared] if declared else []))
    assert said in problem


@pytest.mark.parametrize(
    ("libraries", "declared"),
    [
        ([], [f"{ARCH} 90_real", f"{BOUND} 12.0"]),
        ([gpu("cubin 80"), gpu("cubin 90")], [f"{ARCH} 80_real", f"{ARCH} 90_real", f"{BOUND} 12.0"]),
        ([gpu("cubin 80")], [f"{ARCH} 86_real"]),
        ([gpu("cubin 100f")], [f"{ARCH} 103_real"]),
        ([gpu("cubin 90a")], [f"{ARCH} 90_real"]),
        ([gpu("cubin 100a"), gpu("cubin 100")], [f"{ARCH} 100_real"]),
        ([gpu("cubin 103a")], [f"{ARCH} 103_real"]),
        ([gpu("cubin 80", "ptx 80")], [f"{ARCH} 80_virtual", f"{BOUND} 12.0"]),
        (
            [elf_library({".hip_fatbin": bundle("gfx90a:xnack+", "gfx90a:xnack-")})],
            ["amd :: gfx_arch :: gfx90a"],
        ),
        ([gpu("ptx 80")], [f"{ARCH} 90_virtual", f"{BOUND} 13.0"]),
        ([gpu("lto 80")], [f"{ARCH} 90_real"]),
        ([elf_library(needed=["libnvrtc.so.12"])], [f"{ARCH} 90_real", f"{BOUND} 12.8"]),
        ([gpu("cubin 75", needed=("libcudart.so.11.0",)), gpu("cubin 75")], [f"{BOUND} 11.8"]),
        ([AMD], ["amd :: gfx_arch :: gfx942", "amd :: gfx_arch :: gfx1151"]),
        ([INTEL], ["intel :: device_ip :: 20.1.4"]),
        ([V3], ["x86_64 :: level :: v3"]),
        ([elf_library(needed=["libc.so.6"])], []),
    ],
)
def test_the_truth_is_not_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], libraries: list[bytes], declared: list[str]
) -> None:
    assert told(tmp_path, capsys, libraries, *declared) == []
