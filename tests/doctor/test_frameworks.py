"""What installed frameworks say of themselves, in files as their builds write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from variantctl.doctor.frameworks import build_from_files

TORCH = """from typing import Optional

__all__ = ['__version__', 'debug', 'cuda', 'git_version', 'hip', 'rocm', 'xpu']
__version__ = '2.13.0+{local}'
debug = False
cuda: Optional[str] = {cuda}
git_version = '0123'
hip: Optional[str] = {hip}
rocm: Optional[str] = None
xpu: Optional[str] = {xpu}
"""
TENSORFLOW = """import collections
build_info = collections.OrderedDict(
    [("cuda_version", "12.5.1"), ("is_cuda_build", {cuda}), ("is_rocm_build", False)])
"""


def write(site: Path, name: str, text: str) -> None:
    path = site / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("cuda", "hip", "xpu", "expected"),
    [
        ("'12.8'", "None", "None", ("nvidia", "12.8")),
        ("None", "'6.3.42131-fa1d09cbd'", "None", ("amd", "6.3")),
        ("None", "None", "'20250101'", ("intel", None)),
        ("None", "None", "None", ("cpu", None)),
    ],
)
def test_torch(tmp_path: Path, cuda: str, hip: str, xpu: str, expected: tuple[str, str | None]) -> None:
    write(tmp_path, "torch/version.py", TORCH.format(local="x", cuda=cuda, hip=hip, xpu=xpu))
    build = build_from_files(canonicalize_name("torch"), tmp_path)
    assert build is not None and (build.accelerator, build.version) == expected
    assert build.signs[0].evidence.startswith("torch/version.py says ")


def test_tensorflow(tmp_path: Path) -> None:
    name = canonicalize_name("tensorflow")
    write(tmp_path, "tensorflow/python/platform/build_info.py", TENSORFLOW.format(cuda=True))
    build = build_from_files(name, tmp_path)
    assert build is not None and (build.accelerator, build.version) == ("nvidia", "12.5")
    write(tmp_path, "tensorflow/python/platform/build_info.py", TENSORFLOW.format(cuda=False))
    cpu = build_from_files(name, tmp_path)
    assert cpu is not None and cpu.accelerator == "cpu"


def test_onnxruntime(tmp_path: Path) -> None:
    name = canonicalize_name("onnxruntime-gpu")
    path = "onnxruntime/capi/build_and_package_info.py"
    write(tmp_path, path, "package_name = 'onnxruntime-gpu'\n__version__ = '1.20'\ncuda_version = '12.6'\n")
    build = build_from_files(name, tmp_path)
    assert build is not None and (build.accelerator, build.version) == ("nvidia", "12.6")
    write(tmp_path, path, "package_name = 'onnxruntime'\n__version__ = '1.20'\n")
    cpu = build_from_files(name, tmp_path)
    assert cpu is not None and cpu.accelerator == "cpu"


@pytest.mark.parametrize("text", ["", "cuda = (", "\x00", "cuda = '12.8'", "(" * 9000, "cuda = f()\nhip = 1"])
def test_files_that_cannot_be_understood_say_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, "torch/version.py", text)
    assert build_from_files(canonicalize_name("torch"), tmp_path) is None
    assert build_from_files(canonicalize_name("numpy"), tmp_path) is None
