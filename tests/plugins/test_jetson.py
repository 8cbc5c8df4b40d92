"""Jetsons, whose GPU is on no bus: which CUDA version their files prove."""

from __future__ import annotations

from pathlib import Path

import pytest
from variant_providers.nvidia import NvidiaPlugin
from variant_providers.nvidia.jetson import read_jetson
from variant_providers.nvidia.tables.chips import JETSON_LINUX, TEGRA, TEGRA_CAPABILITIES
from variant_providers.probing.tree import Tree

from tests.plugins.here import in_tree

RELEASE = "# R{major} (release), REVISION: {minor}.0, GCID: 1, BOARD: generic, EABI: aarch64\n"
PACKAGE = """\
Package: nvidia-l4t-bootloader
Status: install ok installed
Version: 99.9.9-2025

Package: nvidia-l4t-core
Status: install ok installed
Architecture: arm64
Version: 36.4.4-20250616085344
Description: NVIDIA Core Package

Package: zlib
Version: 1.3
"""
NVRM = "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  {version}  Release Build\n"


def jetson(root: Path, **files: str) -> Tree:
    """A Jetson Orin with these files."""
    places = {
        "compatible": "proc/device-tree/compatible",
        "release": "etc/nv_tegra_release",
        "packages": "var/lib/dpkg/status",
        "driver": "proc/driver/nvidia/version",
        "kernel": "proc/sys/kernel/osrelease",
    }
    for name, text in {"compatible": "nvidia,p3737\0nvidia,tegra234\0", **files}.items():
        path = root / places[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tree(str(root))


@pytest.mark.parametrize(
    ("major", "minor", "cuda"),
    [(32, 7, (10, 2)), (35, 6, (11, 4)), (36, 3, (12, 2)), (36, 4, (12, 6)), (36, 5, (12, 6)),
     (37, 0, (12, 6)), (38, 2, (13, 0)), (38, 4, (13, 0)), (39, 2, (13, 2)), (40, 0, (13, 2))],
)  # fmt: skip
def test_each_release(tmp_path: Path, major: int, minor: int, cuda: tuple[int, int]) -> None:
    report = read_jetson(jetson(tmp_path, release=RELEASE.format(major=major, minor=minor)))
    assert report is not None and report.cuda == cuda and not report.failed
    assert any("newer than this version's table" in note for note in report.notes) == (major > 39)


@pytest.mark.parametrize(
    ("files", "cuda"),
    [
        ({"packages": PACKAGE}, (12, 6)),
        ({"driver": NVRM.format(version="35.3.1")}, (11, 4)),
        ({"driver": NVRM.format(version="540.4.0"), "kernel": "5.15.148-tegra\n"}, (12, 2)),
        ({"driver": NVRM.format(version="580.00"), "kernel": "6.8.12-tegra\n"}, (13, 0)),
        ({"driver": NVRM.format(version="540.5.0"), "kernel": "6.8.12-tegra\n"}, (13, 0)),
        ({"driver": NVRM.format(version="999.1"), "kernel": "6.8.12-tegra\n"}, (13, 3)),
        ({"kernel": "5.10.216-tegra\n"}, (11, 4)),
        ({"kernel": "7.1.0-tegra\n"}, (13, 0)),
        ({"packages": PACKAGE, "release": RELEASE.format(major=38, minor=2)}, (13, 0)),
    ],
)
def test_without_the_release_file(tmp_path: Path, files: dict[str, str], cuda: tuple[int, int]) -> None:
    report = read_jetson(jetson(tmp_path, **files))
    assert report is not None and report.cuda == cuda and not report.failed


@pytest.mark.parametrize("files", [{}, {"kernel": "6.8.0-generic\n"}, {"release": "nonsense", "driver": "x"}])
def test_what_proves_nothing_is_an_error(tmp_path: Path, files: dict[str, str]) -> None:
    report = read_jetson(jetson(tmp_path, **files))
    assert report is not None and report.cuda is None and report.failed
    assert "neither /etc/nv_tegra_release nor its driver" in report.notes[-1]


def test_the_recorded_ones() -> None:
    newest = in_tree(NvidiaPlugin, "jetson-orin-r39")
    assert newest["status"] == "ok" and newest["facts"] == {
        "cuda_driver": "13.2",
        "compute_capabilities": ["8.7"],
    }
    own = in_tree(NvidiaPlugin, "jetson-yocto")
    assert own["status"] == "ok" and own["facts"]["cuda_driver"] == "12.2"


def test_the_tables() -> None:
    assert [release for release, _cuda in JETSON_LINUX] == sorted(release for release, _cuda in JETSON_LINUX)
    assert {capability for _name, capability in TEGRA.values()} <= TEGRA_CAPABILITIES
