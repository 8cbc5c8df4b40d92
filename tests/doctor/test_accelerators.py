"""What is installed against the machine's accelerator: each check both ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doctor.machines import found, installed, kinds
from variantctl.select.ordinary_builds import CPU, OrdinaryBuild, ordinary_build

CUDA13 = ("nvidia-cublas", "nvidia-cudnn-cu13==9.24.0.43")
TORCH_CUDA13 = installed("torch", "2.15.0", CUDA13)


def test_pytorch_for_cpus_beside_a_gpu() -> None:
    """Row 5 of issue 13's table."""
    both = (installed("torch", "2.15.0+cpu"), installed("torchvision", "0.30.0+cpu"))
    (finding,) = found(*both, profile="h100")
    assert kinds([finding]) == [("error", "cpu-build", "torch")]
    assert "torch 2.15.0+cpu, torchvision 0.30.0+cpu are builds for CPUs" in finding.detail
    assert "profile h100 has an NVIDIA GPU, for which pytorch has cu" in finding.detail
    assert "`variantctl install --reinstall torch torchvision --backends pytorch -p env`" in finding.hint
    assert "torch.cuda.is_available() is False" in finding.means
    assert finding.evidence[0] == "torch: is version 2.15.0+cpu"
    for profile in ("mi300x", "arc-b580", "rx-7900xtx"):
        assert kinds(found(*both, profile=profile)) == [("error", "cpu-build", "torch")]
    for profile in ("x86-64-v3", "raspberry-pi-5", "graviton4"):
        assert found(*both, profile=profile) == []


def test_pytorch_that_only_its_own_files_know() -> None:
    """conda's torch and that of PyPI for Windows have no local version."""
    cpu = installed("torch", "2.15.0", build=OrdinaryBuild(CPU))
    assert kinds(found(cpu, profile="h100")) == [("error", "cpu-build", "torch")]
    assert found(cpu) == []


def test_another_vendors_build() -> None:
    (finding,) = found(TORCH_CUDA13, profile="mi300x")
    assert kinds([finding]) == [("error", "other-vendor", "torch")]
    assert "is built for CUDA 13.0, and profile mi300x has no NVIDIA GPU, but an AMD GPU" in finding.detail
    assert "`variantctl install --reinstall torch --backends pytorch -p env`" in finding.hint
    assert finding.evidence == ("torch: requires nvidia-cublas",)
    assert kinds(found(installed("cupy-cuda13x"), profile="mi300x")) == [
        ("error", "other-vendor", "cupy-cuda13x")
    ]
    rocm = installed("torch", "2.15.0", ("rocm[libraries]==7.14",))
    assert kinds(found(rocm, profile="h100")) == [("error", "other-vendor", "torch")]
    assert found(rocm, profile="mi300x") == []


def test_a_build_for_a_gpu_where_there_is_none() -> None:
    (finding,) = found(TORCH_CUDA13, profile="raspberry-pi-5")
    assert kinds([finding]) == [("suggestion", "unused-build", "torch")]


def test_a_cuda_that_the_driver_cannot_run() -> None:
    (finding,) = found(TORCH_CUDA13, profile="t4")
    assert kinds([finding]) == [("error", "driver-too-old", "torch")]
    assert "needs a driver for CUDA 13.0 or newer; profile t4's driver offers 12.8" in finding.detail
    assert finding.hint.startswith("Update the driver, or: `variantctl install --reinstall torch")
    assert found(installed("torch", "2.5.0", ("nvidia-cublas-cu12",)), profile="t4") == []
    (jax,) = found(installed("jax"), installed("jax-cuda13-plugin"), profile="t4")
    assert (jax.kind, jax.package) == ("driver-too-old", "jax-cuda13-plugin")
    assert (
        "`variantctl uninstall -y jax-cuda13-plugin -p env`, then "
        "`variantctl install --reinstall jax -p env` takes the build for profile t4."
    ) in jax.hint


def test_pytorch_of_an_ordinary_index_for_gpus_that_it_was_not_built_for(tmp_path: Path) -> None:
    """PyPI's torch is the build cu130, which has no kernels for a GPU of capability 7.0."""
    old = installed("torch", "2.9.0", ("cuda-toolkit==13.0.*",))
    assert found(old, profile="b200") == []
    profile = tmp_path / "v100.toml"
    profile.write_text(
        'format = 1\nname = "v100"\n[nvidia]\ncuda_driver = "13.0"\ncompute_capabilities = ["7.0"]\n'
    )
    (finding,) = found(old, profile=str(profile))
    assert kinds([finding]) == [("error", "variant-mismatch", "torch")]
    assert "which is the build cu130" in finding.detail and "sm_arch" in finding.detail


@pytest.mark.parametrize(
    ("package", "profile", "name", "member"),
    [
        ("jax", "h100", "jax", "'jax[cuda12]'"),
        ("jax", "mi300x", "jax", "'jax[rocm7-local]'"),
        ("tensorflow-cpu", "h100", "tensorflow", "'tensorflow[and-cuda]'"),
        ("onnxruntime", "h100", "onnxruntime", "onnxruntime-gpu"),
        ("onnxruntime", "mi300x", "onnxruntime", "onnxruntime-migraphx"),
        ("faiss-cpu", "h100", "faiss", "faiss-gpu"),
    ],
)
def test_a_member_for_cpus_beside_a_gpu(package: str, profile: str, name: str, member: str) -> None:
    there = installed(package, requested=True)
    (finding,) = found(there, profile=profile)
    assert kinds([finding]) == [("error", "cpu-build", package)]
    assert f"`variantctl install --reinstall {name} -p env`" in finding.hint
    assert f"{package} 1.0 makes no use of an" in finding.detail and finding.evidence
    # Where names are taken as they are, the commands name the member.
    (finding,) = found(there, profile=profile, as_one=False)
    assert f"`variantctl install {member} -p env`" in finding.hint
    assert ("variantctl uninstall" in finding.hint) == (member.strip("'").partition("[")[0] != package)
    assert found(there) == [] and found(there, profile="raspberry-pi-5") == []


def test_a_member_that_stands_in_for_another_name_is_right() -> None:
    """The other name is no distribution of its own, and so nothing is said of it."""
    cupy = installed("cupy-cuda12x", "14.1.1")
    name = installed("cupy", "14.1.1", stands_in_by="cupy-cuda12x")
    assert found(cupy, name, profile="h100") == []
    (alone,) = found(name, profile="h100")
    assert kinds([alone]) == [("error", "stand-in-alone", "cupy")]
    assert "only says that cupy-cuda12x stands in for it, and that is not installed" in alone.detail
    assert alone.hint == "`variantctl install cupy -p env` installs it."


def test_a_member_that_the_table_knows_more_of(tmp_path: Path) -> None:
    """Nothing about the wheel itself says that CUDA 13 has no code for a GPU of capability 7.0."""
    profile = tmp_path / "v100.toml"
    profile.write_text(
        'format = 1\nname = "v100"\n[nvidia]\ncuda_driver = "13.0"\ncompute_capabilities = ["7.0"]\n'
    )
    (finding,) = found(installed("cupy-cuda13x", "14.1.1"), profile=str(profile))
    assert kinds([finding]) == [("error", "variant-mismatch", "cupy-cuda13x")]
    assert "which is the build cuda13x, needs nvidia :: sm_arch" in finding.detail
    assert "`variantctl install --reinstall cupy -p env` takes the build" in finding.hint
    assert found(installed("cupy-cuda12x", "14.1.1"), profile=str(profile)) == []
    # The major of onnxruntime-gpu changed with 1.27.
    assert found(installed("onnxruntime-gpu", "1.26.0"), profile="h100") == []
    (newer,) = found(installed("onnxruntime-gpu", "1.27.0"), profile="h100")
    assert newer.kind == "variant-mismatch" and "driver offers 12.8 and older" in newer.detail
    # It runs on processors, too.
    assert found(installed("onnxruntime-openvino", requested=True), profile="h100") == []


def test_what_a_dependency_brought_is_a_suggestion() -> None:
    assert kinds(found(installed("onnxruntime"), profile="h100")) == [
        ("suggestion", "cpu-build", "onnxruntime")
    ]


def test_frameworks_with_their_plugins_are_right() -> None:
    assert found(installed("jax", requested=True), installed("jax-cuda12-plugin"), profile="h100") == []
    assert found(installed("onnxruntime-gpu", "1.20"), profile="h100") == []
    cuda = OrdinaryBuild("nvidia", "12.5", {"nvidia": {"cuda_version_lower_bound": ("12.0",)}})
    assert found(installed("onnxruntime", requested=True, build=cuda), profile="h100") == []


def test_two_cuda_majors_in_one_process() -> None:
    (finding,) = found(TORCH_CUDA13, installed("cupy-cuda12x"), profile="b200")
    assert kinds([finding]) == [("error", "mixed-cuda", "torch")]
    assert "torch 2.15.0 for CUDA 13; cupy-cuda12x 1.0 for CUDA 12" in finding.detail
    assert finding.hint == (
        "`variantctl install --reinstall cupy-cuda13x -p env` takes the build for CUDA 13."
    )
    (finding,) = found(TORCH_CUDA13, installed("cupy-cuda12x"), profile="b200", as_one=False)
    assert "`variantctl uninstall -y cupy-cuda12x -p env`, then `variantctl install cupy-cuda13x -p env`" in (
        finding.hint
    )
    assert found(TORCH_CUDA13, installed("cupy-cuda13x"), profile="b200") == []
    # Libraries alone are told as left over, where nothing needs them.
    assert [item.kind for item in found(TORCH_CUDA13, installed("nvidia-cublas-cu12"), profile="b200")] == [
        "left-over"
    ]


def test_built_for_another_release_of_torch() -> None:
    flash = installed("flash-attn", "2.8.3+cu12torch2.8cxx11abiTRUE")
    torch = installed("torch", "2.9.0", ("nvidia-cublas-cu12",))
    (finding,) = found(torch, flash, profile="h100")
    assert kinds([finding]) == [("error", "other-torch", "flash-attn")]
    assert found(installed("torch", "2.8.1", ("nvidia-cublas-cu12",)), flash, profile="h100") == []


def test_libraries_that_nothing_needs() -> None:
    cublas = installed("nvidia-cublas-cu12")
    cudnn = installed("nvidia-cudnn-cu12", requires=("nvidia-cublas-cu12",))
    torch = installed("torch", "2.8.0", ("nvidia-cudnn-cu12",))
    assert found(torch, cudnn, cublas, profile="h100") == []
    (finding,) = found(cudnn, cublas, installed("numpy"), profile="h100")
    assert kinds([finding]) == [("suggestion", "left-over", "nvidia-cublas-cu12")]
    assert "`variantctl uninstall -y nvidia-cublas-cu12 nvidia-cudnn-cu12 -p env`" in finding.hint
    asked = installed("nvidia-cublas-cu12", requested=True)
    assert found(asked, profile="h100") == []


def test_what_an_extra_asked_for_is_not_left_over() -> None:
    extras = (
        'nvidia-cublas-cu12; extra == "and-cuda"',
        'nvidia-cudnn-cu12; extra == "and-cuda"',
    )
    tensorflow = installed("tensorflow", "2.21.0", extras, build=ordinary_build("tensorflow", "2.21.0"))
    libraries = (installed("nvidia-cublas-cu12"), installed("nvidia-cudnn-cu12"))
    assert found(tensorflow, *libraries, profile="h100") == []
    # Where only some of it is there, nobody asked for the extra.
    assert [item.kind for item in found(tensorflow, libraries[0], profile="h100")] == [
        "cpu-build",
        "left-over",
    ]
