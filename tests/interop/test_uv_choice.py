"""The same index, the same machine: uv 0.13 with wheel variants and variantctl choose the same wheel.

The machine is made up with the two environment variables that both understand. uv reads no AMD, Intel or
CPU-extension properties and no variant markers (observed with 0.13.9), so the wheels here have NVIDIA and
static properties and no dependencies.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from variant_index.build import build_index

from variantctl.demo.server import serve
from variantctl.variants import load_metadata
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.wheels.build import build_wheel

NVIDIA_ARCHS = {
    "cuda12.6": ("12.0", ["50_real", "60_real", "70_real", "75_real", "80_real", "86_real", "90_real"]),
    "cuda12.8": ("12.8", ["70_real", "75_real", "80_real", "86_real", "90_real", "100_real", "120_real"]),
    "cuda13.0": ("13.0", ["75_real", "80_real", "86_real", "90_real", "100_real", "120_real", "120_virtual"]),
}

METADATA = load_metadata(
    {
        "$schema": PEP_850_SCHEMA,
        "default-priorities": {"namespace": ["nvidia", "priority"]},
        "providers": {
            "nvidia": {
                "requires": ["nvidia-variant-provider>=0.0.1,<1.0.0"],
                "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
            },
            "priority": {"static-properties": {"order": ["1", "2"]}},
        },
        "variants": {
            "null": {},
            # Two builds that differ in nothing but a static property, and one with an upper bound.
            "cuda12.0_slow": {
                "nvidia": {"cuda_version_lower_bound": ["12.0"], "sm_arch": ["86_real", "90_real"]},
                "priority": {"order": ["2"]},
            },
            "cuda12.0_fast": {
                "nvidia": {"cuda_version_lower_bound": ["12.0"], "sm_arch": ["86_real", "90_real"]},
                "priority": {"order": ["1"]},
            },
            "cuda11": {
                "nvidia": {"cuda_version_lower_bound": ["11"], "cuda_version_upper_bound": ["12"]},
            },
            **{
                label: {"nvidia": {"cuda_version_lower_bound": [bound], "sm_arch": archs}}
                for label, (bound, archs) in NVIDIA_ARCHS.items()
            },
        },
    }
)

MACHINES = [
    ("13.0", "9.0"),
    ("13.0", "12.0"),
    ("13.0", "12.1"),
    ("13.0", "7.0"),
    ("13.1", "10.0"),
    ("13.2", "8.9"),
    ("12.9", "9.0"),
    ("12.8", "9.0"),
    ("12.8", "8.6"),
    ("12.8", "8.7"),
    ("12.7", "9.0"),
    ("12.4", "7.5"),
    ("12.0", "5.0"),
    ("12.0", "6.1"),
    ("12.0", "12.0"),
    ("11.8", "8.0"),
    ("11.0", "8.6"),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("index")
    for name in ("torch", "with-ordinary"):
        for label in METADATA.variants:
            build_wheel(folder / "wheels", name=name, version="2.10.0", label=label, metadata=METADATA)
    build_wheel(folder / "wheels", name="with-ordinary", version="2.10.0")
    build_index(folder / "wheels", folder / "site")
    with serve(folder / "site") as root:
        yield f"{root}/simple/"


def environment(tmp_path: Path, cuda: str | None = None, arch: str | None = None) -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    environ |= {
        "PIP_CONFIG_FILE": os.devnull,
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_NO_CONFIG": "1",
        "VARIANTCTL_CACHE_DIR": str(tmp_path / "variantctl"),
    }
    if cuda is not None and arch is not None:
        environ["NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"] = cuda
        environ["NV_VARIANT_PROVIDER_FORCE_SM_ARCH"] = arch
    return environ


def run(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def installed_label(folder: Path) -> str | None:
    """The label of the one wheel in a folder, ``None`` for an ordinary one."""
    (dist_info,) = folder.glob("*.dist-info")
    path = dist_info / "variant.json"
    if not path.exists():
        return None
    (label,) = json.loads(path.read_text())["variants"]
    assert isinstance(label, str)
    return label


def with_uv(index: str, name: str, target: Path, environ: dict[str, str]) -> str | None:
    uv = ["uv", "pip", "install", "--preview-features", "wheel-variants", "--python", sys.executable]
    run([sys.executable, "-m", *uv, "--target", str(target), "--index-url", index, name], environ)
    return installed_label(target)


def with_variantctl(index: str, name: str, target: Path, environ: dict[str, str]) -> str | None:
    ours = [sys.executable, "-m", "variantctl", "install", "--python", sys.executable]
    run([*ours, "--target", str(target), "--index-url", index, name], environ)
    return installed_label(target)


@pytest.mark.parametrize(("cuda", "arch"), MACHINES)
def test_uv_and_variantctl_choose_the_same(index: str, tmp_path: Path, cuda: str, arch: str) -> None:
    environ = environment(tmp_path, cuda, arch)
    theirs = with_uv(index, "torch", tmp_path / "theirs", environ)
    ours = with_variantctl(index, "torch", tmp_path / "ours", environ)
    assert ours == theirs


def test_a_jetson_gets_nothing_that_was_built_for_another_gpu(index: str, tmp_path: Path) -> None:
    """uv takes binaries for 8.0 on 8.7, which NVIDIA's CUDA programming guide (3.1.2) excludes on Tegra.

    Where the variables say what the GPU is, both do as uv does (above); of a Jetson, variantctl knows better.
    """
    environ = environment(tmp_path)
    ours = [sys.executable, "-m", "variantctl", "install", "--profile", "jetson-orin", "--no-deps"]
    run([*ours, "--target", str(tmp_path / "ours"), "--index-url", index, "torch"], environ)
    assert installed_label(tmp_path / "ours") == "null"


def test_the_machines_are_told_apart(index: str, tmp_path: Path) -> None:
    """Guards the test above: choices that are all alike would prove nothing."""
    labels = set()
    for cuda, arch in MACHINES:
        folder = tmp_path / f"{cuda}-{arch}"
        labels.add(with_variantctl(index, "torch", folder, environment(tmp_path, cuda, arch)))
    assert len(labels) >= 5, labels


def test_pip_takes_the_ordinary_wheel(index: str, tmp_path: Path) -> None:
    target = tmp_path / "pip"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-cache-dir", "--isolated"]
    run([*pip, "--target", str(target), "--index-url", index, "with-ordinary"], environment(tmp_path))
    assert installed_label(target) is None


def test_with_an_ordinary_wheel_beside_variants(index: str, tmp_path: Path) -> None:
    environ = environment(tmp_path, "11.0", "5.2")
    assert with_uv(index, "with-ordinary", tmp_path / "theirs", environ) == "cuda11"
    assert with_variantctl(index, "with-ordinary", tmp_path / "ours", environ) == "cuda11"
