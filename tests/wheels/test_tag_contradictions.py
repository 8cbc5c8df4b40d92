"""Tags that the code contradicts: ``wheel validate`` refuses each kind, of variants and others."""

from __future__ import annotations

import json
import platform
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.tags import sys_tags

from tests.machine_code.files import elf_library, macho_library, pe_library, universal
from variantctl.cli import main
from variantctl.variants.properties import VariantProperty, in_order
from variantctl.wheels.build import build_wheel
from variantctl.wheels.variant_wheel import make_variant


def gnu(name: str, python: str) -> str:
    return f"{name}.cpython-{python}-x86_64-linux-gnu.so"


X86 = elf_library(needed=["libc.so.6"])
ARM = elf_library(needed=["libc.so.6"], machine=183)
MUSL = elf_library(needed=["libc.musl-x86_64.so.1"])
INTEL_MAC, ARM_MAC = macho_library([], processor=0x01000007), macho_library([])
WINDOWS, WINDOWS_ARM = pe_library({}, []), pe_library({}, [], machine=0xAA64)
SPACES = ("x86_64", "aarch64", "amd")
LINUX = "manylinux_2_28_x86_64"


def said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tag: str, files: dict[str, bytes], *properties: str
) -> list[str]:
    path = build_wheel(tmp_path, name="thing", version="1", tag=tag, files=files)
    if properties:
        wanted = in_order(VariantProperty.parse(text) for text in properties)
        path = make_variant(
            path, tmp_path, label="x", properties=wanted, namespaces=("x86_64", "aarch64", "amd")
        )
    code = main(["wheel", "validate", "--no-validate", "--json", str(path)])
    (found,) = json.loads(capsys.readouterr().out)["wheels"]
    assert code == bool(found["problems"])
    assert all(problem["kind"] == "contradiction" and problem["hint"] for problem in found["problems"])
    return [problem["message"].partition(": ")[2] for problem in found["problems"]]


LIES = [
    (f"py3-none-{LINUX}", {"a.so": ARM}, f"is tagged {LINUX}, and no library is for Linux on x86_64: a.so"),
    ("cp311-cp311-linux_aarch64", {gnu("t/a", "311"): X86}, "is for Linux on x86_64"),
    # A library for the right machine does not help a module for another one.
    (f"cp311-cp311-{LINUX}", {"t/a.abi3.so": ARM, "t/libb.so.1": X86}, "t/a.abi3.so is for Linux on aarch64"),
    (f"py3-none-{LINUX}", {"a.so": WINDOWS}, "a.so is for Windows on x86_64"),
    ("cp311-cp311-win_amd64", {"a.pyd": WINDOWS_ARM}, "on x86_64: a.pyd is for Windows on aarch64"),
    ("cp311-cp311-win_arm64", {"a.pyd": WINDOWS}, "tagged win_arm64"),
    ("cp311-cp311-macosx_11_0_arm64", {"a.so": INTEL_MAC}, "on arm64: a.so is for macOS on x86_64"),
    ("cp311-cp311-macosx_10_9_x86_64", {"a.so": ARM_MAC}, "no library is for macOS on x86_64"),
    ("cp311-cp311-macosx_11_0_universal2", {"a.so": ARM_MAC}, "2, and no library is for macOS on x86_64"),
    ("py3-none-manylinux_2_28_aarch64.manylinux_2_28_x86_64", {"a.so": X86}, "tagged manylinux_2_28_aarch64"),
    ("py3-none-musllinux_1_2_x86_64", {"a.so": X86}, "musllinux_1_2_x86_64, and a.so needs libc.so.6"),
    (f"py3-none-{LINUX}", {"a.so": MUSL}, "a.so needs libc.musl-x86_64.so.1, which is not there"),
    (
        f"cp312-cp312-{LINUX}",
        {gnu("t/a", "311"): X86},
        "cp312-cp312, for Python 3.12, and t/a.cpython-311-x86_64-linux-gnu.so is for Python 3.11 alone",
    ),
    (f"cp39-abi3-{LINUX}", {gnu("a", "311"): X86}, "for Python 3.9 and later ones, and a."),
    (f"cp313-cp313t-{LINUX}", {gnu("a", "313"): X86}, "is for Python 3.13 alone"),
    (f"cp313-cp313t-{LINUX}", {"a.abi3.so": X86}, "is for Python abi3 alone"),
    ("cp311-cp311-win_amd64", {"a.cp310-win_amd64.pyd": WINDOWS}, "is for Python 3.10 alone"),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "files", "says"), LIES)
def test_a_lie_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tag: str, files: dict[str, bytes], says: str
) -> None:
    (problem,) = said(tmp_path, capsys, tag, files)
    assert says in problem


@pytest.mark.parametrize(
    ("tag", "files", "declared", "says"),
    [
        ("py3-none-linux_aarch64", {"a.so": ARM}, "x86_64 :: level :: v3", "tags are for other processors"),
        ("py3-none-any", {"a.so": ARM}, "x86_64 :: level :: v3", "declared, and a.so is for aarch64"),
        (f"py3-none-{LINUX}", {"a.so": X86}, "aarch64 :: version :: 8.2a", "declared, and its tags"),
        (
            f"py3-none-{LINUX}",
            {"a.so": elf_library(needed=["libamdhip64.so.7"])},
            "amd :: rocm_version :: 6.4",
            "amd :: rocm_version :: 6.4 is declared, and a.so needs libamdhip64.so.7",
        ),
    ],
)  # fmt: skip
def test_a_property_that_the_code_is_not_for(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tag: str,
    files: dict[str, bytes],
    declared: str,
    says: str,
) -> None:
    (problem,) = said(tmp_path, capsys, tag, files, declared)
    assert says in problem


TRUTHS = [
    ("py3-none-any", {"a.so": X86, "b.so": ARM, "c.dll": WINDOWS}),
    # Files for other machines, as data.
    (f"cp311-cp311-{LINUX}", {"a.abi3.so": X86, "data/agent-arm": ARM, "data/b.dll": WINDOWS}),
    (f"py3-none-{LINUX}", {"a.so": X86, "b.so": MUSL}),
    ("cp311-cp311-macosx_11_0_universal2", {"a.so": universal(INTEL_MAC, ARM_MAC)}),
    ("cp311-cp311-macosx_11_0_arm64", {"a.so": universal(INTEL_MAC, ARM_MAC)}),
    ("cp311-cp311-win_amd64", {"a.cp311-win_amd64.pyd": WINDOWS, "b.dll": WINDOWS_ARM}),
    ("py3-none-musllinux_1_2_x86_64", {"a.so": MUSL}),
    (f"cp39-abi3-{LINUX}", {"a.abi3.so": X86}),
    (f"cp313-cp313t-{LINUX}", {gnu("a", "313t"): X86}),
    (f"cp313-cp313-{LINUX}", {gnu("a", "313"): X86, gnu("b", "39"): X86}),
    (f"cp39-abi3-{LINUX}", {"a.so": X86, gnu("b", "39"): X86}),
    (f"py3-none-{LINUX}", {gnu("a", "39"): X86}),
    ("cp311-cp311-android_21_arm64_v8a", {"a.so": X86}),
    (f"pp311-pypy311_pp73-{LINUX}", {"a.pypy311-pp73-x86_64-linux-gnu.so": X86}),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "files"), TRUTHS)
def test_the_truth_is_not_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tag: str, files: dict[str, bytes]
) -> None:
    assert said(tmp_path, capsys, tag, files) == []


def test_this_pythons_own_module_is_as_its_tag_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A module that was compiled for this Python, under its real name, and under the tag of another one."""
    if platform.system() != "Linux":
        pytest.skip("the wheel is for Linux")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    path = next(Path(sysconfig.get_path("platlib")).rglob(f"*{suffix}"))
    tag = next(iter(sys_tags()))
    files = {f"thing/module{suffix}": path.read_bytes()}
    assert said(tmp_path, capsys, f"{tag.interpreter}-{tag.abi}-linux_{platform.machine()}", files) == []
    (problem,) = said(tmp_path, capsys, f"cp38-cp38-linux_{platform.machine()}", files)
    assert "for Python 3.8, and thing/module.cpython" in problem


def test_index_verify_names_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = build_wheel(tmp_path, name="thing", version="1", tag="py3-none-linux_x86_64", files={"a.so": X86})
    wanted = in_order([VariantProperty.parse("x86_64 :: level :: v1")])
    path = make_variant(plain, tmp_path / "w", label="x", properties=wanted, namespaces=("x86_64",))
    assert main(["index", "build", str(tmp_path / "w"), "-o", str(tmp_path / "out")]) == 0
    assert main(["index", "verify", "--index", str(tmp_path / "out")]) == 0
    lying = build_wheel(tmp_path, name="thing", version="1", tag="py3-none-linux_x86_64", files={"a.so": ARM})
    path.unlink()
    path = make_variant(lying, tmp_path / "w", label="x", properties=wanted, namespaces=("x86_64",))
    with ZipFile(path) as archive:
        assert archive.read("a.so") == ARM
    assert main(["index", "build", str(tmp_path / "w"), "-o", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["index", "verify", "--index", str(tmp_path / "out")]) == 1
    assert "no library is for Linux on x86_64" in capsys.readouterr().out
