"""What ordinary wheels were built for: names, local versions and requirements as published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variantctl.select.ordinary_builds import OrdinaryBuild, ordinary_build, toolkit_version
from variantctl.variants.properties import ABI_DEPENDENCY, VALUE_PATTERN, Properties


def cuda(major: int) -> Properties:
    return {"nvidia": {"cuda_version_lower_bound": (f"{major}.0",)}}


#: torch 2.14.1 of PyPI, Linux (read with pip's report, November 2026).
TORCH_214 = (
    "cuda-toolkit[cublas,cudart,cufft,cufile,cupti,curand,cusolver,cusparse,nvjitlink,nvrtc,nvtx]==13.0.3",
    "cuda-bindings<14,>=13.0.3",
    "nvidia-cudnn-cu13==9.24.0.43",
    "nvidia-cusparselt-cu13==0.8.1",
    "nvidia-nccl-cu13==2.30.7",
    "triton~=3.8.0",
)
#: onnxruntime-gpu 1.31.1 of PyPI: what its extras need.
ONNXRUNTIME_EXTRAS = (
    "nvidia-cuda-nvrtc~=13.0",
    "nvidia-cuda-runtime~=13.0",
    "nvidia-cufft~=12.0",
    "nvidia-curand~=10.0",
    "nvidia-cudnn-cu13~=9.0",
)


@pytest.mark.parametrize(
    ("name", "version", "requires", "accelerator", "number", "properties"),
    [
        ("torch", "2.14.1", TORCH_214, "nvidia", "13.0", cuda(13)),
        ("torch", "2.15.0", ("nvidia-cublas", "filelock"), "nvidia", "13.0", cuda(13)),
        ("torch", "2.5.0", ("nvidia-cublas-cu12==12.4.5.8",), "nvidia", "12", cuda(12)),
        ("torch", "1.13.0", ("nvidia-cublas-cu11==11.10.3.66",), "nvidia", "11", cuda(11)),
        ("app", "1", ("cuda-toolkit==13.2.*",), "nvidia", "13.2", cuda(13)),
        ("app", "1", ("nvidia-cuda-runtime~=14.1",), "nvidia", "14.1", cuda(14)),
        ("vllm", "0.33.0", ("nvidia-cutlass-dsl[cu13]==4.8.0",), "nvidia", "13", cuda(13)),
        ("app", "1", ("jax-cuda12-plugin[with-cuda]==0.10.2",), "nvidia", "12", cuda(12)),
        ("torch", "2.15.0", ("rocm[libraries]==7.14.0", "triton-rocm"), "amd", "7.14", None),
        ("torch", "2.9.0", ("pytorch-triton-rocm==3.5.0",), "amd", None, {"amd": {}}),
        ("torch", "2.13.0", ("intel-sycl-rt==2026.0", "triton-xpu"), "intel", None, {"intel": {}}),
        ("torch", "2.10.0+cu128", (), "nvidia", "12.8", cuda(12)),
        ("torch", "2.10.0+cpu", (), "cpu", None, {}),
        ("torch", "2.15.0+cpu", ("nvidia-cublas",), "cpu", None, {}),
        ("torch", "2.15.0+rocm7.14", (), "amd", "7.14", {"amd": {"rocm_version": ("7.14",)}}),
        ("torch", "2.9.0+rocm7.10.0a20251006", (), "amd", "7.10", None),
        ("torch", "2.9.0+rocmsdk20251006", (), "amd", None, {"amd": {}}),
        ("vllm", "0.16.0+rocm700", (), "amd", "7.0", {"amd": {"rocm_version": ("7.0",)}}),
        ("torch", "2.10.0+xpu", (), "intel", None, {"intel": {}}),
        ("torch-scatter", "2.1.2+pt28cu126", (), "nvidia", "12.6", cuda(12)),
        ("torch-scatter", "2.1.2+pt28cpu", (), "cpu", None, None),
        ("flash-attn", "2.8.3+cu12torch2.8cxx11abiTRUE", (), "nvidia", "12", cuda(12)),
        ("transformer-engine-torch", "2.12+cu.13.0.torch.2.11", (), "nvidia", "13.0", cuda(13)),
        ("kernels", "1+cuda12.4", (), "nvidia", "12.4", cuda(12)),
        ("torch", "2.15.0+cu134", (), "nvidia", "13.4", cuda(13)),
        ("torch", "1.7.1+cu92", (), "nvidia", "9.2", {"nvidia": {}}),
        ("app", "1+cu128.2", (), "nvidia", "12.8", cuda(12)),
        ("cupy-cuda13x", "14.2.0", ("cuda-pathfinder==1.*",), "nvidia", "13", cuda(13)),
        ("cupy_cuda102", "12.3", (), "nvidia", "10.2", {"nvidia": {}}),
        ("cupy-rocm-7-0", "14.2", (), "amd", "7.0", {"amd": {"rocm_version": ("7.0",)}}),
        ("jax-rocm7-plugin", "0.10.2", (), "amd", "7", {"amd": {}}),
        ("cudf-cu12", "26.10", (), "nvidia", "12", cuda(12)),
        ("tensorflow-cpu", "2.21.0", (), "cpu", None, {}),
        ("onnxruntime-gpu", "1.20", (), "nvidia", None, {"nvidia": {}}),
        ("nvidia-cublas", "13.1.0.3", (), "nvidia", "13.0", cuda(13)),
    ],
)
def test_builds_that_show_what_they_are_for(
    name: str,
    version: str,
    requires: tuple[str, ...],
    accelerator: str,
    number: str | None,
    properties: Properties | None,
) -> None:
    build = ordinary_build(name, version, requires)
    assert (build.accelerator, build.version) == (accelerator, number)
    accelerators = {key: value for key, value in build.properties.items() if key != ABI_DEPENDENCY}
    assert properties is None or accelerators == properties
    assert build.signs and all(sign.rule and sign.evidence for sign in build.signs)


@pytest.mark.parametrize(
    ("name", "version", "requires"),
    [
        ("numpy", "2.3.0", ()),
        ("torchvision", "0.25.0", ("torch==2.10.0", "numpy")),
        ("nvitop", "1.5", ("nvidia-ml-py>=12",)),
        ("scikit-learn", "1.8", ("intel-openmp", "mkl", "tbb")),
        ("app", "1.0+gitabc", ("nonsense >= is", "nvidia-cutlass-dsl==4.8")),
        ("app", "1.0+gpuacu", ()),
        ("app", "not a version", ()),
    ],
)
def test_what_shows_nothing(name: str, version: str, requires: tuple[str, ...]) -> None:
    assert ordinary_build(name, version, requires) == OrdinaryBuild()


def test_it_says_what_it_follows_from() -> None:
    build = ordinary_build("torch", "2.14.1", TORCH_214)
    assert build.built_for == "CUDA 13.0"
    assert (
        build.signs[0].evidence.startswith("requires cuda-toolkit[") and "==13.0.3" in build.signs[0].evidence
    )
    assert ordinary_build("torch", "2+rocmsdk20251006").built_for == "AMD GPUs"
    assert ordinary_build("torch", "2+cpu").built_for == "CPUs"


def test_the_extras_of_a_build_for_cuda_show_which() -> None:
    build = ordinary_build("onnxruntime-gpu", "1.31.1", (), ONNXRUNTIME_EXTRAS)
    assert (build.version, build.properties) == ("13.0", cuda(13))
    both = (*ONNXRUNTIME_EXTRAS, "nvidia-cublas-cu12")
    assert ordinary_build("onnxruntime-gpu", "1.31.1", (), both).properties == {"nvidia": {}}
    # Of a package that shows nothing else its extras say nothing: who installs jax[cuda13] gets a plugin.
    assert ordinary_build("jax", "0.10.2", (), ("jax-cuda13-plugin",)) == OrdinaryBuild()


def test_a_build_for_one_release_of_torch() -> None:
    for version in ("1+cu12torch2.8cxx11abiTRUE", "1+pt28cu126", "1+cu.13.0.torch.2.8", "1+pt28cpu"):
        assert ordinary_build("ext", version).properties[ABI_DEPENDENCY] == {"torch": ("2.8",)}
    assert ordinary_build("ext", "1+torch2.11").properties == {ABI_DEPENDENCY: {"torch": ("2.11",)}}
    assert ordinary_build("ext", "1+pt211cu130").properties[ABI_DEPENDENCY] == {"torch": ("2.11",)}


def test_libraries_are_judged_with_what_needs_them() -> None:
    assert ordinary_build("nvidia-cublas-cu12", "12.8.4.1").library
    assert ordinary_build("triton-rocm", "3.6.0").library
    assert not ordinary_build("cupy-cuda13x", "14").library
    assert not ordinary_build("torch", "2.14.1", TORCH_214).library


@pytest.mark.parametrize(
    ("namespace", "written", "expected"),
    [
        ("nvidia", "12", "12"),
        ("nvidia", "126", "12.6"),
        ("nvidia", "1210", "12.10"),
        ("nvidia", "100", "10.0"),
        ("nvidia", "92", "9.2"),
        ("nvidia", "13.0", "13.0"),
        ("amd", "700", "7.0"),
        ("amd", "7", "7"),
        ("amd", "6-4", "6.4"),
        ("amd", "20251006", None),
        ("intel", "1", None),
        ("nvidia", None, None),
    ],
)
def test_versions_as_they_are_written(namespace: str, written: str | None, expected: str | None) -> None:
    assert toolkit_version(namespace, written) == expected


LONG = "9" * 5000


@pytest.mark.parametrize(
    ("name", "version", "requires"),
    [
        ("torch", f"1+cu{LONG}", ()),
        ("torch", f"1+rocm{LONG}.1", ()),
        ("torch", f"1+pt{LONG}", ()),
        ("torch", f"1+torch{LONG}.{LONG}", ()),
        (f"cupy-cuda{LONG}x", "1", ()),
        ("torch", "1", (f"nvidia-cublas=={LONG}", f"cuda-toolkit=={LONG}.1", f"jax-rocm{LONG}-plugin")),
    ],
)
def test_numbers_without_end_are_no_error(name: str, version: str, requires: tuple[str, ...]) -> None:
    build = ordinary_build(name, version, requires)
    assert len(str(build.properties)) < 200


WORDS = st.lists(
    st.sampled_from(
        [
            "cu",
            "cuda",
            "rocm",
            "torch",
            "pt",
            "cpu",
            "xpu",
            ".",
            "-",
            "1",
            "12",
            "128",
            "0",
            "9" * 40,
            "a",
            "x",
        ]
    )
).map("".join)


@given(WORDS, WORDS, st.lists(WORDS, max_size=3))
def test_whatever_is_written_gives_properties_of_the_standard(
    name: str, local: str, requires: list[str]
) -> None:
    texts = tuple(f"nvidia-{text}" for text in requires)
    build = ordinary_build(f"a{name}", f"1+{local}", texts)
    for features in build.properties.values():
        for values in features.values():
            assert all(VALUE_PATTERN.fullmatch(value) for value in values)
    assert build.built_for or build.accelerator is None


def test_names_are_told_apart_before_they_are_matched() -> None:
    """A rule whose names have none of the words that are looked for first would never apply."""
    import re

    from variantctl.select import ordinary_builds

    for rule in ordinary_builds.NAME_RULES:
        plain = re.sub(r"\(\?P<\w+>|\(\?:|\\\w|[()?|]", " ", rule.pattern)
        assert any(word.strip("-1") in plain for word in ordinary_builds._IN_NAMES), rule.pattern
