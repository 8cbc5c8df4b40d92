"""--platform, --python-version, --implementation, --abi: `download` takes the file that pip takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from variantctl.target.named_platform import named_platform, tag_of_uvs
from variantctl.target.platforms import UnknownPlatformError
from variantctl.wheels.build import build_wheel

TAGS = (
    "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
    "cp312-cp312-manylinux_2_34_x86_64",
    "cp312-cp312-musllinux_1_2_x86_64",
    "cp312-cp312-macosx_11_0_arm64",
    "cp312-cp312-win_amd64",
    "cp39-abi3-manylinux_2_28_aarch64",
    "pp311-pypy311_pp73-win_amd64",
)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for tag in TAGS:
        build_wheel(folder, name="thing", version="1.0", tag=tag)
    for tag in ("py3-none-any", "cp312-cp312-win32"):
        build_wheel(folder, name="pure", version="1.0", tag=tag)
    return folder


def taken(tool: list[str], wheels: Path, place: Path, name: str, *options: str) -> str | None:
    """The file that is downloaded; None where there is none."""
    place.mkdir()
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CONFIG_FILE": ""}
    environ |= {"VARIANTCTL_CACHE_DIR": str(place.parent / "cache"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [*tool, name, "-d", str(place), "--no-deps", "--no-index", "-f", str(wheels), *options]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = [path.name for path in place.iterdir()]
    assert bool(found) == (done.returncode == 0), done.stderr
    return found[0] if found else None


@pytest.mark.parametrize(
    ("options", "there"),
    [
        ("--platform manylinux2014_x86_64 --python-version 3.12", "manylinux_2_17"),
        (
            "--platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 --python-version 312",
            "manylinux_2_17",
        ),
        ("--platform manylinux_2_34_x86_64 --python-version 3.12.4", "2_34"),
        ("--platform manylinux2014_x86_64 --python-version 3.11", "cp311"),
        ("--platform manylinux2014_x86_64 --python-version 3.10", None),
        ("--platform musllinux_1_2_x86_64 --python-version 3.12", "musllinux"),
        ("--platform macosx_14_0_arm64 --python-version 3.12", "macosx_11_0"),
        ("--platform win_amd64 --python-version 3.12", "win_amd64"),
        ("--platform win_amd64 --python-version 3.12 --implementation py", None),
        ("--platform win_amd64 --python-version 3.11 --implementation pp --abi pypy311_pp73", "pp311"),
        ("--platform manylinux_2_28_aarch64 --python-version 3.13 --abi abi3", "abi3"),
        ("--platform manylinux_2_28_aarch64 --python-version 3.13 --abi none", "abi3"),
    ],
)
def test_the_file_that_pip_takes(options: str, there: str | None, wheels: Path, tmp_path: Path) -> None:
    words = options.split()
    ours = taken([sys.executable, "-m", "variantctl", "download"], wheels, tmp_path / "ours", "thing", *words)
    pip = [sys.executable, "-m", "pip", "download", "--only-binary", ":all:", "-q"]
    assert ours == taken(pip, wheels, tmp_path / "pip", "thing", *words)
    assert ours is None if there is None else there in str(ours)


@pytest.mark.parametrize(
    "options", ["--platform any --python-version 3.12", "--platform win32 --python-version 3.12"]
)
def test_pure_wheels(options: str, wheels: Path, tmp_path: Path) -> None:
    words = options.split()
    ours = taken([sys.executable, "-m", "variantctl", "download"], wheels, tmp_path / "ours", "pure", *words)
    pip = [sys.executable, "-m", "pip", "download", "--only-binary", ":all:", "-q"]
    assert ours == taken(pip, wheels, tmp_path / "pip", "pure", *words) is not None


def test_markers_are_those_of_the_platform() -> None:
    found = named_platform(["macosx_14_0_arm64"], "3.12", None, [], None)
    assert (found.markers["sys_platform"], found.markers["platform_machine"]) == ("darwin", "arm64")
    assert found.markers["python_version"] == "3.12"
    found = named_platform([], None, "pp", [], None)
    assert found.markers["implementation_name"] == "pypy" and found.tag_names[0].startswith("pp3")


def test_the_names_of_uv() -> None:
    assert tag_of_uvs("x86_64-manylinux_2_31") == "manylinux_2_31_x86_64"
    assert tag_of_uvs("aarch64-unknown-linux-gnu") == "manylinux_2_28_aarch64"
    assert tag_of_uvs("x86_64-unknown-linux-musl") == "musllinux_1_2_x86_64"
    for wrong in ("linus", "x86_64"):
        with pytest.raises(UnknownPlatformError):
            tag_of_uvs(wrong)


@pytest.mark.parametrize(
    ("platforms", "python"),
    [(["win_amd64", "macosx_14_0_arm64"], None), (["linux-x86_64"], None), ([], "3"), ([], "three")],
)
def test_what_names_nothing(platforms: list[str], python: str | None) -> None:
    with pytest.raises(UnknownPlatformError):
        named_platform(platforms, python, None, [], None)


def test_nothing_is_detected_for_another_platform(wheels: Path, tmp_path: Path) -> None:
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "VARIANTCTL_CACHE_DIR": str(tmp_path / "cache")}
    command = [
        sys.executable,
        "-m",
        "variantctl",
        "install",
        "-p",
        sys.executable,
        "--no-index",
        "-f",
        str(wheels),
    ]

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *options], env=environ, capture_output=True, text=True, check=False)

    done = run("pure", "--platform", "win_amd64", "--python-version", "3.12")
    assert done.returncode == 1 and "--target DIR" in done.stderr
    assert "win_amd64, Python 3.12" in done.stderr
    done = run(
        "pure", "--platform", "win_amd64", "--python-version", "3.12", "--target", str(tmp_path / "there")
    )
    assert done.returncode == 0, done.stderr
