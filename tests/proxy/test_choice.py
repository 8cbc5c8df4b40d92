"""What the proxy shows of every version is what ``explain`` selects, for every machine that ships."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from variant_index.build import build_index

from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_layout import Layout, real_releases
from tests.resolve.pytorch_site import PyTorchSite
from tests.resolve.world import variant_metadata
from variantctl.backends.tables import shipped_source
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.demo.recipe import build_wheels
from variantctl.explain.wheels import explain
from variantctl.indexes.finder import PackageFinder
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile, shipped_profiles
from variantctl.proxy.project_view import ClientTarget, ProjectView, view_project
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.select.preferences import VariantPreferences
from variantctl.target.platforms import platform_environment
from variantctl.values import replace
from variantctl.wheels.build import build_wheel


def buyer(profile_name: str) -> ClientTarget:
    profile = load_profile(profile_name)
    facts = profile.platform
    machine_platform = (
        platform_environment()
        if facts is None
        else platform_environment(
            system=facts.system, machine=facts.machine, libc=facts.libc, python=facts.python
        )
    )
    machine = Machine(profile, environment=machine_platform.markers)
    return ClientTarget(machine, machine_platform, VariantPreferences(), profile_name)


def shown_to(whom: ClientTarget, shelf: ProjectView, version: str) -> set[str]:
    """The names of the wheels of a version, as their source has them, that fit the buyer's interpreter."""
    tags = set(whom.platform.tags)
    return {
        file.file.filename
        for file in shelf.shown
        if file.link is not None and str(file.link.wheel.version) == version and file.link.wheel.tags & tags
    }


def compare(package_finder: PackageFinder, whom: ClientTarget, name: str) -> int:
    """Every version of a project; gives how many were chosen among."""
    shelf = view_project(package_finder, whom, canonicalize_name(name))
    compared = 0
    for version in package_finder.for_machine(None, {}).project(name).by_version:
        selected = explain(
            parse_user_requirement(f"{name}=={version}"),
            package_finder=package_finder,
            machine=whom.machine,
            platform=whom.platform,
        ).selected
        shown = shown_to(whom, shelf, str(version))
        assert shown == ({selected.link.file.filename} if selected else set()), (name, version)
        compared += 1
    return compared


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    build_wheels(folder / "wheels")
    build_index(folder / "wheels", folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def pytorch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("pytorch")
    PyTorchSite(folder)
    with LoopbackServer(folder) as server:
        yield server


@pytest.mark.parametrize("profile", shipped_profiles())
def test_on_an_index_of_variants(demo: Path, tmp_path: Path, profile: str) -> None:
    settings = IndexSettings(index_url=(demo / "simple").as_uri())
    with PackageFinder(settings, cache=Cache(tmp_path), environ={}) as package_finder:
        for name in ("torch", "executorch", "vllm", "triton"):
            assert compare(package_finder, buyer(profile), name)


@pytest.mark.parametrize("profile", ["h100", "mi300x", "gtx-1650", "x86-64-v3", "arc-b580"])
def test_on_an_index_for_each_backend(pytorch: LoopbackServer, tmp_path: Path, profile: str) -> None:
    source = replace(shipped_source("pytorch"), url=f"{pytorch.url}/whl")
    settings = IndexSettings(f"{pytorch.url}/simple", backends=(source,))
    whom = buyer(profile)
    with PackageFinder(settings, cache=Cache(tmp_path), environ={}) as package_finder:
        shelf = view_project(package_finder, whom, canonicalize_name("torch"))
        for version in ("2.10.0", "2.8.0", "2.7.1"):
            selected = explain(
                parse_user_requirement(f"torch=={version}"),
                package_finder=package_finder,
                machine=whom.machine,
                platform=whom.platform,
            ).selected
            shown = shown_to(whom, shelf, version)
            assert shown == ({selected.link.file.filename} if selected else set()), version
    here = {tag.platform for tag in whom.platform.tags}
    wheels = [file for file in shelf.shown if file.link and str(file.link.wheel.version) == "2.10.0"]
    labels = {
        file.label for file in wheels if file.link and here & {tag.platform for tag in file.link.wheel.tags}
    }
    assert len(labels) == 1, "one backend for every Python of this platform"
    assert all(not file.rewritten and file.filename == file.file.filename for file in shelf.shown)


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("releases")
    Layout(folder, real_releases(), pythons=(f"{sys.version_info.major}{sys.version_info.minor}",))
    with LoopbackServer(folder) as server:
        yield server


def test_a_newer_cpu_build_is_shown_so_that_only_a_pin_takes_it(
    releases: LoopbackServer, tmp_path: Path
) -> None:
    source = replace(shipped_source("pytorch"), url=f"{releases.url}/whl", by_default=False)
    settings = IndexSettings(f"{releases.url}/simple", backends=(source,))

    def yanked(profile: str, policy: str = "prefer") -> dict[str, str]:
        whom = replace(buyer(profile), preferences=VariantPreferences(accelerator=policy))
        with PackageFinder(settings, cache=Cache(tmp_path), environ={}) as package_finder:
            shelf = view_project(package_finder, whom, canonicalize_name("torch"))
        return {str(file.link.wheel.version): file.passed_over for file in shelf.shown if file.link}

    assert [version for version, why in yanked("h100").items() if why] == ["2.15.0"]
    assert "no build for the NVIDIA GPU" in yanked("h100")["2.15.0"]
    assert not any(yanked("h100", "any").values())
    assert not any(yanked("gtx-1650").values())
    assert not any(yanked("x86-64-v3").values())


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the profile is of an x86-64 machine")
@pytest.mark.parametrize(
    ("requirement", "version"),
    [("torch", "2.14.1+cu126"), ("torch==2.15.0+cpu", "2.15.0+cpu"), ("torch<2.14", "2.13.0+cu126")],
)
@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_pip_and_uv_are_led_to_the_same_version(
    releases: LoopbackServer, tmp_path: Path, tool: str, requirement: str, version: str
) -> None:
    ours = [sys.executable, "-m", "variantctl", "proxy", "--profile", "h100", "--backends", "pytorch"]
    ours += ["-i", f"{releases.url}/simple", "--cache-dir", str(tmp_path / "cache"), "--"]
    pip = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--target", str(tmp_path / "x")]
    uv = ["uv", "pip", "install", "--dry-run", "--no-deps", "--target", str(tmp_path / "x"), "--no-cache"]
    uv += ["--python", sys.executable]
    environ = {**os.environ, "VARIANTCTL_PYTORCH_URL": f"{releases.url}/whl", "VARIANTCTL_CONFIG_FILE": ""}
    # What the machine's own files ask of pip and uv is no part of this.
    environ |= {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*ours, *(pip if tool == "pip" else uv), requirement],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert f"torch-{version}" in said or f"torch=={version}" in said, said


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_flattened_tree_leads_to_the_version_with_a_build(tmp_path: Path, tool: str) -> None:
    """kernels 2.0 has a build for newer drivers alone: pip and uv take 1.0 from the tree, as install does."""
    for version, label, cuda in (("2.0", "cuda13.2", "13.2"), ("1.0", "cuda12.6", "12.0")):
        properties = {label: {"nvidia": {"cuda_version_lower_bound": [cuda]}}, "null": {}}
        metadata = variant_metadata(["nvidia"], properties)
        for each in properties:
            build_wheel(tmp_path / "new", name="kernels", version=version, label=each, metadata=metadata)
        build_wheel(tmp_path / "new", name="kernels", version=version)
    build_index(tmp_path / "new", tmp_path / "out")
    variantctl = [sys.executable, "-m", "variantctl"]
    subprocess.run([*variantctl, "index", "flatten", str(tmp_path / "out"), "h100"], check=True)
    with LoopbackServer(tmp_path / "out") as server:
        tree = ["-i", f"{server.url}/simple-h100/", "--dry-run", "--no-deps", "--target", str(tmp_path / "x")]
        pip = [sys.executable, "-m", "pip", "install"]
        uv = ["uv", "pip", "install", "--no-cache", "--python", sys.executable]
        environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "UV_NO_CONFIG": "1"}
        environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        for requirement, version in (("kernels", "1.0"), ("kernels==2.0", "2.0")):
            words = [*(pip if tool == "pip" else uv), *tree, requirement]
            done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
            said = done.stdout + done.stderr
            assert f"kernels-{version}" in said or f"kernels=={version}" in said, said
