"""The demonstration: what it builds, what each machine gets, and that it asks nothing of the network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from variantctl.demo.recipe import build_wheels, packages
from variantctl.providers.profiles import shipped_profiles
from variantctl.variants import load_metadata

PUBLISHED = Path(__file__).parents[2] / "fixtures" / "metadata" / "torch-2.10.0-variants.json"

TRITONS = {"cuda": "triton", "rocm": "triton-rocm", "xpu": "triton-xpu"}

EXPECTED = {
    "a100": ("cuda12.8", "null"),
    "apple-m4": ("null", "i8mm"),
    "arc-a770": ("xpu", "null"),
    "arc-b580": ("xpu", "null"),
    "b200": ("cuda13.0", "null"),
    "b300": ("cuda13.0", "null"),
    "dgx-spark": ("cuda13.0", "i8mm"),
    "gb300": ("cuda13.0", "i8mm"),
    "graviton3": ("null", "i8mm"),
    "graviton4": ("null", "i8mm"),
    "gtx-1650": ("cuda13.0", "null"),
    "h100": ("cuda12.8", "null"),
    "h200": ("cuda12.8", "null"),
    "jetson-orin": ("null", "sdot"),
    "jetson-thor": ("null", "i8mm"),
    "l4": ("cuda12.8", "null"),
    "l40s": ("cuda12.8", "null"),
    "lunar-lake": ("xpu", "null"),
    "mi250x": ("rocm7.1", "null"),
    "mi300x": ("rocm7.1", "null"),
    "mi355x": ("rocm7.1", "null"),
    "p40": ("cuda12.6", "null"),
    "panther-lake": ("xpu", "null"),
    "raspberry-pi-5": ("null", "sdot"),
    "rtx-3060": ("cuda13.0", "null"),
    "rtx-4070-windows": ("cuda13.0", "null"),
    "rtx-4090": ("cuda13.0", "null"),
    "rtx-5070-laptop": ("cuda13.0", "null"),
    "rtx-5090": ("cuda13.0", "null"),
    "rtx-pro-6000": ("cuda13.0", "null"),
    "rx-7900xtx": ("rocm7.1", "null"),
    "rx-7900xtx-windows": ("rocm7.1", "null"),
    "rx-9070xt": ("rocm7.1", "null"),
    "strix-halo": ("rocm7.1", "null"),
    "t4": ("cuda12.8", "null"),
    "tpu-v5e": ("null", "null"),
    "tpu-v6e": ("null", "null"),
    "v100": ("cuda12.8", "null"),
    "v100-old-driver": ("null", "null"),
    "x86-64-v2": ("null", "null"),
    "x86-64-v3": ("null", "null"),
    "x86-64-v4": ("null", "null"),
}


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The demo's JSON, run where pip and variantctl are told to use sources that do not exist."""
    nowhere = "http://127.0.0.1:9/simple/"
    environ = {**os.environ, "PIP_INDEX_URL": nowhere, "PIP_EXTRA_INDEX_URL": nowhere}
    done = subprocess.run(
        [sys.executable, "-m", "variantctl", "demo", "--json"],
        env={**environ, "VARIANTCTL_INDEX_URL": nowhere},
        cwd=tmp_path_factory.mktemp("elsewhere"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


def test_the_matrix_is_the_published_one() -> None:
    (torch,) = [package for package in packages() if (package.name, package.version) == ("torch", "2.10.0")]
    published = load_metadata(PUBLISHED.read_bytes())
    assert torch.metadata is not None
    assert torch.metadata.variants == published.variants
    assert torch.metadata.namespaces == published.namespaces


def test_the_wheels_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    first, second = build_wheels(tmp_path / "a"), build_wheels(tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_torch_was_installed_and_imported(summary: dict[str, object]) -> None:
    assert str(summary["imported"]).startswith("2.10.0 ")


@pytest.mark.parametrize("profile", EXPECTED)
def test_what_each_machine_gets(summary: dict[str, object], profile: str) -> None:
    matrix = summary["matrix"]
    assert isinstance(matrix, dict)
    labels = matrix[profile]
    torch, executorch = EXPECTED[profile]
    assert (labels["torch"], labels["executorch"]) == (torch, executorch)
    # Unlike torch's, vllm's stand-in names no architecture, so that it fits a Jetson, too.
    on_cuda = torch.startswith("cuda") or profile.startswith("jetson")
    assert labels["vllm"] == ("cuda_torch2.10" if on_cuda else "cpu_torch2.10")
    needed = {name for name in labels if name.startswith("triton")}
    assert needed == {package for prefix, package in TRITONS.items() if torch.startswith(prefix)}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's wheels, in a folder."""
    folder = tmp_path_factory.mktemp("wheels")
    build_wheels(folder)
    return folder


@pytest.mark.parametrize(
    ("asked", "torch", "vllm"),
    [
        (["vllm"], ("2.10.0", "cuda12.8"), "cuda_torch2.10"),
        (["vllm", "torch<2.10"], ("2.9.1", "cuda12.8"), "cuda_torch2.9"),
        (["vllm", "--variant", "vllm=cuda_torch2.9"], ("2.9.1", "cuda12.8"), "cuda_torch2.9"),
        (
            ["vllm", "--variant", "vllm=cpu_torch2.9", "--exclude", "nvidia"],
            ("2.9.1", "null"),
            "cpu_torch2.9",
        ),
        # Another variant of the same version is tried before an older version.
        (["vllm", "triton==3.5.1"], ("2.10.0", "null"), "cuda_torch2.10"),
    ],
)
def test_builds_of_vllm_and_torch_follow_each_other(
    wheels: Path, asked: list[str], torch: tuple[str, str], vllm: str
) -> None:
    command = [sys.executable, "-m", "variantctl", "install", "--dry-run", "--json", "--profile", "h100"]
    done = subprocess.run(
        [*command, "--no-index", "-f", str(wheels), "--reinstall", *asked],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    planned = {item["name"]: item for item in json.loads(done.stdout)["install"]}
    assert (planned["torch"]["version"], planned["torch"]["label"]) == torch
    assert planned["vllm"]["label"] == vllm


def test_every_shipped_profile_is_in_the_table(summary: dict[str, object]) -> None:
    assert list(EXPECTED) == shipped_profiles()
    matrix = summary["matrix"]
    assert isinstance(matrix, dict)
    assert set(matrix) == set(EXPECTED)


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    command = [sys.executable, "-m", "variantctl", "demo", "--keep", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "not an empty folder" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
