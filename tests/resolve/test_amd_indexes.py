"""AMD's own indexes, simulated with their layout and file names: an index for each family of GPUs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from variantctl.wheels.build import build_wheel

FAMILIES = {
    "gfx94X-dcgpu": ("gfx942",),
    "gfx950-dcgpu": ("gfx950",),
    "gfx110X-all": ("gfx1100", "gfx1101", "gfx1102", "gfx1103"),
    "gfx1151": ("gfx1151",),
    "gfx120X-all": ("gfx1200", "gfx1201"),
}
PLATFORMS = ("linux_x86_64", "win_amd64")
VERSION = "2.11.0+rocm7.13.0"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Below ``whl/`` an index a family: torch, which needs the ROCm of its index, for both systems."""
    folder = tmp_path_factory.mktemp("amd")
    for family in FAMILIES:
        libraries = f"rocm-sdk-libraries-{family}"
        for platform in PLATFORMS:
            made: tuple[tuple[str, str, str, list[str]], ...] = (
                ("torch", VERSION, f"cp312-cp312-{platform}", ["rocm[libraries]==7.13.0"]),
                (libraries, "7.13.0", f"py3-none-{platform}", []),
            )
            for name, version, tag, requires in made:
                where = folder / "whl" / family / _page(name)
                build_wheel(where, name=name, version=version, tag=tag, requires=requires)
        where = folder / "whl" / family / "rocm"
        # A source distribution at AMD's, which finds out the family where it is built.
        extras = {"libraries": [f"{libraries}==7.13.0"]}
        build_wheel(where, name="rocm", version="7.13.0", extras=extras)
    for page in (folder / "whl").glob("*/*"):
        names = [path.name for path in sorted(page.glob("*.whl"))]
        page.joinpath("index.html").write_text("".join(f'<a href="{name}">{name}</a>\n' for name in names))
    wheel = build_wheel(folder / "simple" / "torch", name="torch", version="2.15.0", tag="py3-none-any")
    wheel.with_name("index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    return folder


def _page(name: str) -> str:
    return name.lower().replace("_", "-")


def plan(site: Path, folder: Path, profile: Path | str, *words: str, code: int = 0) -> dict[str, str]:
    """Distribution -> version and file, as ``install --dry-run`` has it for a machine."""
    environ = {
        **os.environ,
        "VARIANTCTL_AMD_URL": (site / "whl").as_uri(),
        "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
        "VARIANTCTL_CONFIG_FILE": "",
        "VARIANTCTL_KNOWLEDGE_DIR": "",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
    }
    where = ("--python-version", "3.12", "--profile", profile, "--target", folder / "target")
    index = ("-i", (site / "simple").as_uri())
    command = [sys.executable, "-m", "variantctl", "install", "torch", "--dry-run", "--json", *index]
    done = subprocess.run(
        list(map(str, [*command, *where, *words])), env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    planned = json.loads(done.stdout)["install"]
    return {
        each["name"]: f"{each['url'].removeprefix((site / 'whl').as_uri() + '/')} {each['label']}"
        for each in planned
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("system", ["Linux", "Windows"])
def test_each_gpu_gets_the_index_of_its_family(site: Path, tmp_path: Path, family: str, system: str) -> None:
    machine = {"Linux": "x86_64", "Windows": "AMD64"}[system]
    libc = 'libc = "glibc 2.39"\n' if system == "Linux" else ""
    for arch in FAMILIES[family]:
        profile = tmp_path / f"{arch}.toml"
        profile.write_text(
            f'format = 1\n[platform]\nsystem = "{system}"\nmachine = "{machine}"\n{libc}'
            f'[amd]\ngfx_archs = ["{arch}"]\nrocm = "7.14"\n'
        )
        found = plan(site, tmp_path, profile, "--backends", "amd")
        label = family.lower().replace("-", "_")
        platform = {"Linux": "linux_x86_64", "Windows": "win_amd64"}[system]
        file = f"torch-2.11.0+rocm7.13.0-cp312-cp312-{platform}.whl"
        assert found["torch"] == f"{family}/torch/{file} {label}"
        assert set(found) == {"torch", "rocm", f"rocm-sdk-libraries-{family.lower()}"}


def test_it_is_asked_only_where_somebody_names_it(site: Path, tmp_path: Path) -> None:
    assert plan(site, tmp_path, "rx-7900xtx-windows") == {
        "torch": f"{(site / 'simple').as_uri()}/torch/torch-2.15.0-py3-none-any.whl None"
    }
    named = plan(site, tmp_path, "rx-7900xtx-windows", "--backends", "amd")
    assert "gfx110X-all/torch/" in named["torch"]
    # It has nothing for another vendor's GPU, nor for processors.
    assert "torch-2.15.0" in plan(site, tmp_path, "h100", "--backends", "amd")["torch"]
