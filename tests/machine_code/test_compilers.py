"""The targets that real compilers were asked for are the ones found: LLVM's clang for HIP, NVIDIA's nvcc.

Skipped where the compiler is not installed (Debian: clang-19, lld-19 and clang-tools-19; a CUDA toolkit).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from variantctl.wheels.audit import audit_file

LLVM = Path("/usr/lib/llvm-19/bin")
CLANG = (
    shutil.which("clang-19")
    if (LLVM / "clang-offload-bundler").exists() and shutil.which("ld.lld-19")
    else None
)
NVCC = shutil.which("nvcc")
HIP = """
typedef struct { unsigned x, y, z; } dim3;
extern "C" int hipLaunchKernel(const void *, dim3, dim3, void **, unsigned long, void *);
extern "C" unsigned __hipPopCallConfiguration(dim3 *, dim3 *, unsigned long *, void *);
__attribute__((global)) void add(float *x, float a) { x[__builtin_amdgcn_workitem_id_x()] += a; }
"""
CUDA = "__global__ void add(float *x, float a) { x[threadIdx.x] += a; }\n"
TARGETS = ("gfx11-generic", "gfx1100", "gfx906:xnack+", "gfx90a:sramecc+:xnack-", "gfx942")


def compile_hip(folder: Path, name: str, *options: str) -> Path:
    (folder / "k.hip").write_text(HIP)
    command = [
        str(CLANG),
        "-x",
        "hip",
        "-nogpuinc",
        "-nogpulib",
        "-fPIC",
        "-mcode-object-version=6",
        *options,
    ]
    environ = {**os.environ, "PATH": f"{LLVM}:{os.environ['PATH']}"}
    done = subprocess.run(
        [*command, "-o", name, "k.hip"], cwd=folder, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder / name


@pytest.mark.skipif(CLANG is None, reason="there is no clang-19 with lld and clang-offload-bundler")
@pytest.mark.parametrize("packed", [(), ("--offload-compress",)])
def test_a_library_of_hip_for_several_targets(tmp_path: Path, packed: tuple[str, ...]) -> None:
    archs = [f"--offload-arch={target}" for target in TARGETS]
    compile_hip(tmp_path, "k.o", "-c", *archs, *packed)
    subprocess.run(["cc", "-shared", "-o", "k.so", "k.o"], check=True, cwd=tmp_path)
    library = tmp_path / "k.so"
    assert (b"CCOB" in library.read_bytes()) == bool(packed)
    found = audit_file(library)
    assert found is not None
    assert (found.code.format, found.code.amd, found.code.problems) == ("elf", TARGETS, ())


@pytest.mark.skipif(CLANG is None, reason="there is no clang-19 with lld and clang-offload-bundler")
@pytest.mark.parametrize(
    "target",
    [
        "gfx906",
        "gfx90a:xnack+",
        "gfx942:sramecc+",
        "gfx1201",
        "gfx9-generic",
        "gfx10-3-generic",
        "gfx12-generic",
    ],
)
def test_a_code_object_of_one_target(tmp_path: Path, target: str) -> None:
    options = ("--cuda-device-only", "--no-gpu-bundle-output", f"--offload-arch={target}")
    found = audit_file(compile_hip(tmp_path, "k.hsaco", *options))
    assert found is not None
    assert (found.code.format, found.code.amd, found.code.problems) == ("amd", (target,), ())


@pytest.mark.skipif(NVCC is None, reason="there is no nvcc")
@pytest.mark.parametrize("packed", [(), ("--no-compress",), ("--compress-mode=size",)])
def test_a_library_of_cuda_for_several_architectures(tmp_path: Path, packed: tuple[str, ...]) -> None:
    (tmp_path / "k.cu").write_text(CUDA)
    codes = ["-gencode=arch=compute_80,code=sm_80", "-gencode=arch=compute_90a,code=sm_90a"]
    codes += [
        "-gencode=arch=compute_100f,code=sm_100f",
        "-gencode=arch=compute_120,code=[sm_120,compute_120]",
    ]
    command = [
        str(NVCC),
        "-shared",
        "-Xcompiler",
        "-fPIC",
        "-cudart",
        "shared",
        *codes,
        *packed,
        "-o",
        "k.so",
        "k.cu",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if done.returncode and re.search("cannot find|Unsupported gpu architecture|nvcc fatal", done.stderr):
        pytest.skip(f"this nvcc cannot: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    found = audit_file(tmp_path / "k.so")
    assert found is not None
    cuda = found.code.cuda
    assert (cuda.cubin, cuda.ptx, found.code.problems) == (("100f", "120", "80", "90a"), ("120",), ())
    assert any(name.startswith("libcudart.so.") for name in found.code.needed)
