"""Properties from code: ``wheel make --infer``, ``infer = true``, and what no property can say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.machine_code.files import bundle, elf_library, fatbin, gnu_property, zebin
from variantctl.cli import main
from variantctl.variants.properties import expand
from variantctl.wheels.audit import audit_wheel
from variantctl.wheels.build import build_wheel
from variantctl.wheels.inference import Inference, InferenceError, infer


def wheel(folder: Path, **libraries: bytes) -> Path:
    files = {f"thing/{name}.so": content for name, content in libraries.items()}
    return build_wheel(folder, name="thing", version="1", tag="py3-none-linux_x86_64", files=files)


def gpu(
    *entries: str, needed: tuple[str, ...] = ("libcudart.so.12",), isa: tuple[int, int] = (8, 7)
) -> bytes:
    return elf_library({".nv_fatbin": fatbin(*entries, isa=isa)}, needed=needed)


def shown(path: Path, *namespaces: str) -> tuple[list[str], Inference]:
    inference = infer(audit_wheel(path), namespaces)
    return [str(item) for item in expand(inference.properties)], inference


BOUND, ARCH = "nvidia :: cuda_version_lower_bound ::", "nvidia :: sm_arch ::"


def test_a_lower_bound_and_architectures(tmp_path: Path) -> None:
    first = gpu("cubin 75", "cubin 90", "cubin 90a", "ptx 90")
    path = wheel(tmp_path, a=first, b=gpu("cubin 90", "ptx 90"), c=elf_library())
    properties, inference = shown(path)
    assert properties == [f"{BOUND} 12.0", f"{ARCH} 75_real", f"{ARCH} 90_real", f"{ARCH} 90_virtual"]
    assert len(inference.found) == 4
    reasons = {str(item.property): item.because for item in inference.found}
    assert reasons[f"{BOUND} 12.0"] == (
        "thing/a.so needs libcudart.so.12, and CUDA 12.x runs on drivers for 12.0"
    )
    assert reasons[f"{ARCH} 90_real"] == "sm_90 in thing/a.so and 1 more"
    assert inference.notes == ("its PTX needs a driver for CUDA 12.8 or newer",)


@pytest.mark.parametrize(
    ("library", "bound"),
    [
        (gpu("ptx 80", needed=()), "12.8"),
        (gpu("ptx 80", needed=(), isa=(9, 2)), "13.2"),
        (gpu("ptx 80", needed=(), isa=(7, 8)), "11.8"),
        (gpu("cubin 80", "ptx 80", needed=()), "12.0"),
        (gpu("cubin 80", needed=("libcublas-9335f6a2.so.12.4.5",)), "12.0"),
        (gpu("cubin 80", needed=("libcudart.so.11.0",)), "11.0"),
        (gpu("cubin 80", needed=("libcufft.so.11", "libcublasLt.so.13")), "13.0"),
    ],
)
def test_the_lower_bound(tmp_path: Path, library: bytes, bound: str) -> None:
    assert f"{BOUND} {bound}" in shown(wheel(tmp_path, a=library))[0]


def test_ptx_that_only_some_libraries_have_promises_nothing(tmp_path: Path) -> None:
    """torch 2.14.1 has PTX in libtorch_nvshmem.so alone: a newer GPU would find no kernel of torch's."""
    path = wheel(tmp_path, a=gpu("cubin 90"), b=gpu("cubin 90", "ptx 90"))
    properties, inference = shown(path)
    assert f"{ARCH} 90_virtual" not in properties
    assert (
        "PTX for 90 is in thing/b.so and not in thing/a.so, so newer GPUs are not promised" in inference.notes
    )


def test_no_version_is_guessed(tmp_path: Path) -> None:
    properties, inference = shown(wheel(tmp_path, a=gpu("cubin 80", needed=())))
    assert properties == [f"{ARCH} 80_real"]
    assert "no library says which CUDA" in inference.notes[0]


def test_code_for_one_architecture_and_for_a_family(tmp_path: Path) -> None:
    properties, inference = shown(wheel(tmp_path, a=gpu("cubin 90a", "cubin 100a", "cubin 120f")))
    assert properties == [f"{BOUND} 12.0", f"{ARCH} 120_real", f"{ARCH} 90_real"]
    assert inference.notes == ("sm_100a runs on one GPU architecture only, which no property can say",)


def test_amd_intel_and_processors(tmp_path: Path) -> None:
    amd = elf_library({".hip_fatbin": bundle("gfx942:xnack-", "gfx12-generic", "gfx90a:xnack+")})
    properties, inference = shown(wheel(tmp_path / "amd", a=amd))
    assert properties == [f"amd :: gfx_arch :: {gfx}" for gfx in ("gfx1200", "gfx1201", "gfx942")]
    assert inference.notes[0].startswith("gfx90a:xnack+ runs only where XNACK is on")
    intel = elf_library({"__CLANG_OFFLOAD_BUNDLE__sycl-spir64_gen": zebin(20, 1, 4)})
    assert shown(wheel(tmp_path / "intel", a=intel))[0] == ["intel :: device_ip :: 20.1.4"]
    name = ".note.gnu.property"
    v3 = elf_library({name: gnu_property(0xC0008002, 0b111)}, types={name: 7})
    assert shown(wheel(tmp_path / "v3", a=v3))[0] == ["x86_64 :: level :: v3"]


def test_several_vendors_and_none(tmp_path: Path) -> None:
    both = wheel(tmp_path / "both", a=gpu("cubin 80"), b=elf_library({".hip_fatbin": bundle("gfx942")}))
    with pytest.raises(InferenceError, match="code for amd, nvidia, and a variant is for one of them"):
        infer(audit_wheel(both))
    assert shown(both, "amd")[0] == ["amd :: gfx_arch :: gfx942"]
    with pytest.raises(InferenceError, match="shows no property"):
        infer(audit_wheel(wheel(tmp_path / "none", a=elf_library())))


def make(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> dict[str, Any]:
    assert main(["wheel", "make", "--json", "--no-validate", *map(str, arguments)]) == code
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_make_infer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = wheel(tmp_path, a=gpu("cubin 80"))
    said = make(capsys, "-f", path, "-o", tmp_path / "out", "--label", "cu12", "--infer")
    assert [item["property"] for item in said["inferred"]] == [f"{BOUND} 12.0", f"{ARCH} 80_real"]
    assert main(["wheel", "inspect", "--json", said["wheel"]]) == 0
    assert json.loads(capsys.readouterr().out)["properties"] == [f"{BOUND} 12.0", f"{ARCH} 80_real"]
    assert main(["wheel", "validate", said["wheel"]]) == 0
    assert main(["wheel", "make", "-f", str(path), "-o", str(tmp_path), "--null", "--infer"]) == 2


def test_recipe_infer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel(tmp_path / "dist", a=gpu("cubin 80"))
    recipe = tmp_path / "variants.toml"
    recipe.write_text(
        'format = 1\nvariant.default-priorities.namespace = ["nvidia"]\n'
        '[[wheels]]\nsource = "dist/*.whl"\nlabel = "cu12"\ninfer = true\n'
    )
    said = make(capsys, "--recipe", recipe)
    (made,) = said["wheels"]
    assert made["properties"] == {"nvidia": {"cuda_version_lower_bound": ["12.0"], "sm_arch": ["80_real"]}}
    assert made["inferred"][1]["because"] == "sm_80 in thing/a.so"
    recipe.write_text(recipe.read_text() + 'properties = ["nvidia :: sm_arch :: 80_real"]\n')
    assert "infer = true goes with" in make(capsys, "--recipe", recipe, code=1)["error"]["message"]
