"""PyTorch's releases 2.8 to 2.15, as they are laid out, and what every machine gets of them.

The table is to be read: machine, what is asked for, version with its build, and what is said about it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_layout import Layout, Release, real_releases
from tests.resolve.test_pytorch_backends import installed
from variantctl.backends.tables import shipped_source
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.explain.wheels import Explanation, explain
from variantctl.indexes.finder import PackageFinder
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import Profile, load_profile, shipped_profiles
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.errors import AcceleratorError, NoCandidateError
from variantctl.resolve.options import SearchOptions
from variantctl.resolve.plan import Plan
from variantctl.resolve.resolver import Request, resolve
from variantctl.select.preferences import VariantPreferences
from variantctl.target.installed import InstalledPackage
from variantctl.target.platforms import platform_environment
from variantctl.values import replace

TORCH = canonicalize_name("torch")


class World:
    """Such a server, and what a machine would get from it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def package_finder(self) -> PackageFinder:
        source = replace(shipped_source("pytorch"), url=f"{self.url}/whl", by_default=False)
        settings = IndexSettings(f"{self.url}/simple", backends=(source,))
        return PackageFinder(settings, cache=Cache(self.folder / "cache"), environ={})

    def plan(
        self,
        profile: Profile | str,
        *requirements: str,
        policy: str = "prefer",
        there: Mapping[Any, InstalledPackage] | None = None,
        **more: Any,
    ) -> Plan:
        profile = load_profile(profile) if isinstance(profile, str) else profile
        request = Request(
            tuple(parse_user_requirement(text) for text in requirements),
            preferences=VariantPreferences(accelerator=policy),
            **more,
        )
        platform = platform_of(profile)
        with self.package_finder() as package_finder:
            machine = Machine(profile, environment=platform.markers)
            who = f"profile {profile.name}"
            return resolve(
                request,
                package_finder=package_finder,
                machine=machine,
                platform=platform,
                installed=there,
                who=who,
            )

    def explain(self, profile: str, requirement: str) -> Explanation:
        platform = platform_of(load_profile(profile))
        with self.package_finder() as package_finder:
            return explain(
                parse_user_requirement(requirement),
                package_finder=package_finder,
                machine=Machine(load_profile(profile), environment=platform.markers),
                platform=platform,
                who=f"profile {profile}",
            )


def platform_of(profile: Profile) -> Any:
    facts = profile.platform
    assert facts is not None
    return platform_environment(system=facts.system, machine=facts.machine, libc=facts.libc, python="3.12")


def builds(plan: Plan) -> dict[str, str]:
    return {planned.name: str(planned.version) for planned in plan.install}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("pytorch")
    here = f"{sys.version_info.major}{sys.version_info.minor}"
    Layout(folder, real_releases(), pythons=sorted({here, "312"}))
    with LoopbackServer(folder) as server:
        yield server


@pytest.fixture
def world(server: LoopbackServer, tmp_path: Path) -> World:
    return World(server.url, tmp_path)


def gpu(driver: str, capability: str, machine: str = "x86_64") -> Profile:
    platform = load_profile("graviton3" if machine == "aarch64" else "x86-64-v3").platform
    facts = {"cuda_driver": driver, "compute_capabilities": [capability]}
    return Profile("box", platform, {"nvidia": facts})


H100 = "the NVIDIA GPU of profile h100 (driver for CUDA 12.8, compute capability 9.0)"

#: profile -> what `torch` becomes, and what is said.
EVERY_PROFILE = {
    "a100": ("2.14.1+cu126", "2.15.0 has no build"),
    "apple-m4": ("2.15.0", ""),
    "arc-a770": ("2.15.0+xpu", ""),
    "arc-b580": ("2.15.0+xpu", ""),
    "b200": ("2.15.0+cu130", ""),
    "b300": ("2.15.0+cu130", ""),
    "dgx-spark": ("2.15.0+cu130", ""),
    "gb300": ("2.15.0+cu130", ""),
    "graviton3": ("2.15.0+cpu", ""),
    "graviton4": ("2.15.0+cpu", ""),
    "gtx-1650": ("2.15.0+cu130", ""),
    "h100": ("2.14.1+cu126", "2.15.0 has no build"),
    "h200": ("2.14.1+cu126", "2.15.0 has no build"),
    # NVIDIA excludes its Jetsons from binary compatibility: 8.0's binaries are none for 8.7.
    "jetson-orin": (
        "2.15.0+cpu",
        "is a CPU build: no version that may be taken has a build for the NVIDIA GPU",
    ),
    "jetson-thor": ("2.15.0+cu130", ""),
    "l4": ("2.14.1+cu126", "2.15.0 has no build"),
    "l40s": ("2.14.1+cu126", "2.15.0 has no build"),
    "lunar-lake": ("2.15.0+xpu", ""),
    "mi250x": ("2.15.0+rocm7.14", ""),
    "mi300x": ("2.15.0+rocm7.14", ""),
    "mi355x": ("2.15.0+rocm7.14", ""),
    "p40": ("2.14.1+cu126", "2.15.0 has no build"),
    "panther-lake": ("2.15.0+xpu", ""),
    "raspberry-pi-5": ("2.15.0+cpu", ""),
    "rtx-3060": ("2.15.0+cu130", ""),
    "rtx-4070-windows": ("2.15.0+cu130", ""),
    "rtx-4090": ("2.15.0+cu130", ""),
    "rtx-5070-laptop": ("2.15.0+cu130", ""),
    "rtx-5090": ("2.15.0+cu130", ""),
    "rtx-pro-6000": ("2.15.0+cu130", ""),
    "rx-7900xtx": ("2.15.0+rocm7.14", ""),
    "rx-7900xtx-windows": ("2.15.0+cpu", "no version that may be taken has a build for the AMD GPU"),
    "rx-9070xt": ("2.15.0+rocm7.14", ""),
    "strix-halo": ("2.15.0+rocm7.14", ""),
    "t4": ("2.14.1+cu126", "2.15.0 has no build"),
    # PyTorch has no build for TPUs on its indexes: torch_xla brings it.
    "tpu-v5e": ("2.15.0+cpu", "no version that may be taken has a build for the Google TPU"),
    "tpu-v6e": ("2.15.0+cpu", "no version that may be taken has a build for the Google TPU"),
    "v100": ("2.14.1+cu126", "2.15.0 has no build"),
    "v100-old-driver": (
        "2.15.0+cpu",
        "is a CPU build: no version that may be taken has a build for the NVIDIA GPU",
    ),
    "x86-64-v2": ("2.15.0+cpu", ""),
    "x86-64-v3": ("2.15.0+cpu", ""),
    "x86-64-v4": ("2.15.0+cpu", ""),
}


@pytest.mark.parametrize("profile", shipped_profiles())
def test_every_profile(world: World, profile: str) -> None:
    version, said = EVERY_PROFILE[profile]
    plan = world.plan(profile, "torch", "torchvision", "torchaudio")
    assert builds(plan)["torch"] == version
    # All come from one backend, and of one release.
    assert {text.partition("+")[2] for text in builds(plan).values()} == {version.partition("+")[2]}
    assert all((said in note) if said else ("no build" not in note) for note in plan.notes), plan.notes
    assert bool(plan.notes) == bool(said)


#: What the issue measured, and old and new cards: driver, compute capability, requirement -> version, note.
CARDS = [
    # RTX 5090 on a driver for 12.8: CUDA 12.6 has no Blackwell, 12.8 has, and 2.11 is the last with 12.8.
    ("12.8", "12.0", "torch", "2.11.0+cu128", "2.15.0, 2.14.1, 2.13.0 and 2.12.1 have no build"),
    # V100: CUDA 12.8 and 13 have no Volta any more, 12.6 has.
    ("12.8", "7.0", "torch", "2.14.1+cu126", "2.15.0 has no build"),
    ("13.0", "7.0", "torch", "2.14.1+cu126", "2.15.0 has no build"),
    # A driver of the CUDA 11 age: nothing of these releases runs; a newer driver would do.
    (
        "11.8",
        "8.0",
        "torch",
        "2.15.0+cpu",
        "is a CPU build: no version that may be taken has a build for the NVIDIA GPU of profile box "
        "(driver for CUDA 11.8, compute capability 8.0); with driver 580 or newer (CUDA 13.0) you would get "
        "2.15.0+cu130",
    ),
    # GTX 750 Ti on the newest driver that it has (580).
    ("13.0", "5.0", "torch", "2.14.1+cu126", "2.15.0 has no build"),
    # Both of CUDA 13 run on every driver for 13.0; cu132 is preferred by one that runs it as it is.
    ("13.0", "12.0", "torch", "2.15.0+cu130", ""),
    ("13.2", "12.0", "torch", "2.15.0+cu132", ""),
    ("13.9", "9.0", "torch", "2.15.0+cu132", ""),
    ("13.0", "9.0", "torch==2.15.0+cu132", "2.15.0+cu132", ""),
    # What is asked for wins, with a word.
    ("12.8", "9.0", "torch==2.15.0", "2.15.0+cpu", "torch 2.14.1+cu126 has one"),
    ("12.8", "9.0", "torch>=2.15", "2.15.0+cpu", "torch 2.14.1+cu126 has one"),
    ("12.8", "9.0", "torch<2.12", "2.11.0+cu128", ""),
    ("12.8", "9.0", "torch==2.15.0+cpu", "2.15.0+cpu", ""),
    ("12.8", "9.0", "torch==2.13.0+cu126", "2.13.0+cu126", ""),
]


@pytest.mark.parametrize(("driver", "capability", "requirement", "version", "said"), CARDS)
def test_cards_and_drivers(
    world: World, driver: str, capability: str, requirement: str, version: str, said: str
) -> None:
    plan = world.plan(gpu(driver, capability), requirement)
    assert builds(plan) == {"torch": version}
    assert (said in plan.notes[0]) if said else not plan.notes


def test_the_line_says_what_would_open_it_and_a_command(world: World) -> None:
    plan = world.plan("h100", "torch", command=("install", "torch", "--profile", "h100"))
    assert plan.notes == (
        f"torch 2.15.0 has no build for {H100}, so 2.14.1+cu126 is taken; with driver 580 or newer "
        "(CUDA 13.0) you would get 2.15.0+cu130. "
        "`variantctl install torch --profile h100 --accelerator any` takes 2.15.0 all the same.",
    )
    (over,) = plan.as_json()["passed_over"]
    assert (over["name"], over["version"], over["why"]) == ("torch", "2.15.0", f"has no build for {H100}")
    assert sorted(over["labels"]) == ["cpu", "cu130", "cu132", "rocm7.14", "xpu"]
    assert (over["would_need"]["label"], over["would_need"]["version"]) == ("cu130", "13.0")


def test_a_pin_wins_and_is_called_what_it_is(world: World) -> None:
    plan = world.plan("h100", "torch==2.15.0", command=("install", "torch==2.15.0"))
    assert plan.notes == (
        f"torch 2.15.0+cpu is a CPU build: it has no build for {H100}; with driver 580 or newer (CUDA 13.0) "
        "you would get 2.15.0+cu130; torch 2.14.1+cu126 has one. "
        "`variantctl install torch==2.14.1` takes it.",
    )
    assert plan.passed_over == ()
    (torch,) = plan.install
    assert torch.fit is not None
    assert torch.fit.status == "misfit"


def test_the_policy_any_takes_the_newest(world: World) -> None:
    plan = world.plan("h100", "torch", policy="any", command=("install", "torch", "--accelerator", "any"))
    assert builds(plan) == {"torch": "2.15.0+cpu"}
    (note,) = plan.notes
    assert note.endswith("`variantctl install torch --accelerator prefer` takes it.")
    assert "torch 2.14.1+cu126 has one" in note


def test_the_policy_require_says_what_would_be_needed(world: World) -> None:
    assert builds(world.plan("h100", "torch", policy="require")) == {"torch": "2.14.1+cu126"}
    with pytest.raises(AcceleratorError) as refused:
        world.plan("h100", "torch>=2.15", policy="require")
    assert refused.value.message.endswith(f"no version that may be taken has a build for {H100}")
    assert refused.value.hint is not None
    assert "driver 580 or newer (CUDA 13.0) you would get 2.15.0+cu130" in refused.value.hint
    assert "torch 2.14.1+cu126 has one" in refused.value.hint
    with pytest.raises(AcceleratorError, match="no accelerator that is known"):
        world.plan("raspberry-pi-5", "torch", policy="require")
    # What is built for nobody's accelerator is not asked for one.
    with pytest.raises(AcceleratorError):
        world.plan("h100", "torchvision", "torch==2.15.0", policy="require")


def test_explain_lists_every_label_of_what_was_passed_over(world: World) -> None:
    found = world.explain("h100", "torch")
    assert str(found.version) == "2.14.1"
    (over,) = found.passed_over
    assert over.labels["cpu"] == ""
    assert "13.0" in over.labels["cu132"]
    assert "no amd properties" in over.labels["rocm7.14"]
    assert found.notes[0].startswith("torch 2.15.0 has no build")
    assert found.as_json()["passed_over"][0]["reasons"]["cpu"] == ""


def test_what_lies_in_no_table_is_taken_by_the_rule_of_its_name(tmp_path: Path) -> None:
    """A release of next year: names that nobody told us about."""
    everywhere = {"torch": "3.0.0", "torchvision": "1.0.0", "torchaudio": "3.0.0"}
    labels = {"cpu": "lawm", "cu134": "law", "cu140": "l", "rocm7.13": "l", "rocm10.0": "l", "xpu": "lw"}
    Layout(tmp_path / "site", [Release(everywhere, labels), *real_releases()])
    with LoopbackServer(tmp_path / "site") as server:
        world = World(server.url, tmp_path)
        # Minor-version compatibility: CUDA 13.4 on a driver for 13.0; 14.0 needs one for 14.0.
        plan = world.plan(gpu("13.0", "9.0"), "torch")
        assert builds(plan)["torch"] == "3.0.0+cu134"
        assert plan.notes == (
            "torch 3.0.0+cu134: no table lists cu134, and so it is taken for CUDA 13.4, and to run on a "
            "driver for CUDA 13.0 or newer (minor-version compatibility); its GPUs are those of cu132",
        )
        assert builds(world.plan(gpu("14.0", "9.0"), "torch"))["torch"] == "3.0.0+cu140"
        assert builds(world.plan(gpu("12.8", "9.0"), "torch"))["torch"] == "2.14.1+cu126"
        assert builds(world.plan("arc-b580", "torch"))["torch"] == "3.0.0+xpu"
        assert builds(world.plan("raspberry-pi-5", "torch"))["torch"] == "3.0.0+cpu"
        amd = load_profile("mi300x")
        newer = replace(amd, namespaces={"amd": {"gfx_archs": ["gfx942"], "amdgpu": "6.16.13"}})
        assert builds(world.plan(newer, "torch", "torchvision")) == {
            "torch": "3.0.0+rocm10.0",
            "torchvision": "1.0.0+rocm10.0",
        }
        assert builds(world.plan(newer, "torch==3.0.0+rocm7.13")) == {"torch": "3.0.0+rocm7.13"}


def test_what_the_wheels_of_an_unknown_backend_say_goes_before_its_name(tmp_path: Path) -> None:
    """The name says CUDA 13.4 and any ROCm GPU; METADATA says CUDA 14, and one GPU."""
    labels = {"cpu": "l", "cu134": "l", "rocm7.15": "l", "rocm10.0": "l"}
    requires = {
        "cu134": ["nvidia-cudnn-cu14==10.1; platform_system == 'Linux'"],
        "rocm10.0": ["rocm[device-gfx950,libraries]==10.0; platform_system == 'Linux'"],
    }
    new = Release({"torch": "3.0.0"}, labels, requires=requires)
    Layout(tmp_path / "site", [new, *real_releases()])
    with LoopbackServer(tmp_path / "site") as server:
        world = World(server.url, tmp_path)
        plan = world.plan(gpu("13.2", "9.0"), "torch")
        assert builds(plan)["torch"] == "2.15.0+cu132"
        assert "needs a driver for CUDA 14.0 or newer" in plan.notes[0]
        assert "requires nvidia-cudnn-cu14==10.1" in plan.notes[0]
        amd = replace(
            load_profile("mi300x"), namespaces={"amd": {"gfx_archs": ["gfx942"], "amdgpu": "6.16.13"}}
        )
        assert builds(world.plan(amd, "torch"))["torch"] == "3.0.0+rocm7.15"


def test_where_a_sibling_lacks_the_build_an_older_one_goes_before_the_cpu(tmp_path: Path) -> None:
    newest, *older = real_releases()
    lacking = replace(newest, without=frozenset({("torchvision", "cu130"), ("torchvision", "cu132")}))
    Layout(tmp_path / "site", [lacking, *older])
    with LoopbackServer(tmp_path / "site") as server:
        world = World(server.url, tmp_path)
        plan = world.plan(gpu("13.0", "9.0"), "torch", "torchvision")
        assert builds(plan) == {"torch": "2.14.1+cu130", "torchvision": "0.29.1+cu130"}
        assert builds(world.plan(gpu("13.0", "9.0"), "torch")) == {"torch": "2.15.0+cu130"}
        assert plan.notes[0].startswith("torch 2.15.0 has no build for the accelerator that goes with")


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("parent", [True, False])
def test_the_advice_needs_no_parent_index(tmp_path: Path, parent: bool, listed: bool) -> None:
    Layout(tmp_path / "site", real_releases(), parent=parent, listed=listed)
    with LoopbackServer(tmp_path / "site") as server:
        plan = World(server.url, tmp_path).plan("h100", "torch")
        assert builds(plan) == {"torch": "2.14.1+cu126"}
        assert "with driver 580 or newer (CUDA 13.0) you would get 2.15.0+cu130" in plan.notes[0]


def test_an_installed_cpu_build_stays_with_a_word_and_is_replaced_by_an_upgrade(
    world: World, tmp_path: Path
) -> None:
    there = installed(tmp_path, "torch", "2.15.0+cpu")
    plan = world.plan("h100", "torch", there=there, command=("install", "torch"))
    assert plan.install == ()
    assert plan.notes == (
        "torch 2.15.0+cpu is installed and stays: it is a CPU build, and 2.14.1+cu126 is a build for "
        f"{H100}. `variantctl install torch --upgrade` takes it.",
    )
    upgraded = world.plan("h100", "torch", there=there, upgrade_requested=True)
    assert builds(upgraded) == {"torch": "2.14.1+cu126"}
    assert builds(world.plan("h100", "torch", there=there, policy="require")) == {"torch": "2.14.1+cu126"}
    # What fits stays silently, and so does what nobody could replace.
    assert world.plan("x86-64-v3", "torch", there=there).notes == ()
    fitting = installed(tmp_path / "other", "torch", "2.13.0+cu126")
    assert world.plan("h100", "torch", there=fitting).notes == ()
    assert world.plan("h100", "torch", there=fitting, policy="require").install == ()


def test_what_joins_an_installed_cpu_build_comes_from_its_backend(world: World, tmp_path: Path) -> None:
    there = installed(tmp_path, "torch", "2.14.1+cpu")
    plan = world.plan("h100", "torchvision", "torch==2.14.1", there=there)
    assert builds(plan) == {"torchvision": "0.29.1+cpu"}


@pytest.mark.parametrize("order", ["h100 mi300x raspberry-pi-5", "raspberry-pi-5 mi300x h100"])
def test_a_lock_gives_each_machine_a_build_whoever_comes_first(
    server: LoopbackServer, tmp_path: Path, order: str
) -> None:
    command = [sys.executable, "-m", "variantctl", "lock", "torch", "torchvision", "--backends", "pytorch"]
    command += [word for name in order.split() for word in ("--profile", name)]
    command += ["-i", f"{server.url}/simple", "-o", str(tmp_path / "pylock.toml"), "--no-cache"]
    environ = {**os.environ, "VARIANTCTL_PYTORCH_URL": f"{server.url}/whl", "VARIANTCTL_CONFIG_FILE": ""}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "pylock.toml").read_text()
    versions = sorted(set(re.findall(r'name = "torch"\nversion = "(.*)"', text)))
    assert versions == ["2.14.1+cpu", "2.14.1+cu126", "2.14.1+rocm7.14"]
    assert "torch 2.15.0 has no build for the NVIDIA GPU of profile h100" in done.stderr
    # It has a build for what is locked, and it is told what that costs it.
    assert "AMD GPU of profile mi300x" not in done.stderr
    assert "profile mi300x would take 2.15.0+rocm7.14" in done.stderr


# --- ROCm as packages: the files of the GPUs that are there ---

DEVICES = ("gfx908", "gfx90a", "gfx942", "gfx950", "gfx1030", "gfx1100")
NEEDS_ROCM = {"rocm7.14": ["rocm[libraries,device-all]==7.14.*"]}


@pytest.fixture(params=[True, False], ids=["wheel", "sdist"])
def rocm(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    newest, *older = real_releases()
    layout = Layout(tmp_path / "site", [replace(newest, requires=NEEDS_ROCM), *older[2:4]])
    layout.rocm("rocm7.14", "7.14.0", DEVICES, wheel=request.param)
    with LoopbackServer(tmp_path / "site") as server:
        yield World(server.url, tmp_path)


@pytest.mark.parametrize("rocm", [True], indirect=True)
def test_of_rocm_only_the_files_of_the_gpus_that_are_there_are_brought(rocm: World) -> None:
    plan = rocm.plan("mi300x", "torch")
    assert set(builds(plan)) == {
        "torch",
        "rocm",
        "rocm-sdk-core",
        "rocm-sdk-libraries",
        "rocm-sdk-device-gfx942",
    }
    assert next(each for each in plan.install if each.name == "torch").requires == (
        "rocm[device-gfx942,libraries]==7.14.*",
    )
    # Two GPUs bring the files of both; what is asked for by name is brought.
    amd = load_profile("mi300x")
    two = replace(amd, namespaces={"amd": {"gfx_archs": ["gfx942", "gfx1100", "gfx906"], "rocm": "7.14"}})
    assert {name for name in builds(rocm.plan(two, "torch")) if "device" in name} == {
        "rocm-sdk-device-gfx942",
        "rocm-sdk-device-gfx1100",
    }
    every = rocm.plan("mi300x", "torch", "rocm[device-all]")
    assert len([name for name in builds(every) if "device" in name]) == len(DEVICES)
    # A lock may be used elsewhere.
    whole = rocm.plan("mi300x", "torch", options=SearchOptions(every_device=True))
    assert len([name for name in builds(whole) if "device" in name]) == len(DEVICES)


@pytest.mark.parametrize("rocm", [True], indirect=True)
def test_a_gpu_that_rocm_has_no_files_for_is_told_in_a_sentence(rocm: World) -> None:
    plan = rocm.plan("strix-halo", "torch")
    assert [note for note in plan.notes if "rocm" in note] == [
        "rocm 7.14.0 has no files for gfx1151 (no extra 'device-gfx1151'): "
        "what needs them may not run on this GPU"
    ]


@pytest.mark.parametrize("rocm", [False], indirect=True)
def test_a_build_whose_rocm_has_to_be_built_is_not_passed_over_silently(rocm: World) -> None:
    plan = rocm.plan("mi300x", "torch")
    assert builds(plan) == {"torch": "2.12.1+rocm7.2"}
    (note,) = plan.notes
    assert note.startswith("torch 2.15.0: it is not taken, 2.12.1+rocm7.2 is: ")
    assert "--build rocm" in note


def test_who_names_the_policy(server: LoopbackServer, tmp_path: Path) -> None:
    """The option, the variable, the project's table, the configuration: the first that says something."""
    command = [sys.executable, "-m", "variantctl", "install", "torch", "--profile", "h100", "--dry-run"]
    command += ["--backends", "pytorch", "-i", f"{server.url}/simple", "--no-cache", "--json"]
    command += ["--target", str(tmp_path / "target")]
    configuration, project = tmp_path / "variantctl.toml", tmp_path / "pyproject.toml"
    environ = {**os.environ, "VARIANTCTL_PYTORCH_URL": f"{server.url}/whl"}
    environ["VARIANTCTL_CONFIG_FILE"] = str(configuration)

    def version(*arguments: str, **more: str) -> str:
        done = subprocess.run(
            [*command, *arguments],
            env=environ | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        found = json.loads(done.stdout)
        return str(found["error"]["kind"] if "error" in found else found["install"][0]["version"])

    configuration.write_text("")
    assert version() == "2.14.1+cu126"
    configuration.write_text('accelerator = "any"\n')
    assert version() == "2.15.0+cpu"
    project.write_text('[tool.variantctl]\naccelerator = "prefer"\n')
    assert version() == "2.14.1+cu126"
    assert version(VARIANTCTL_ACCELERATOR="any") == "2.15.0+cpu"
    assert version("--accelerator", "require", VARIANTCTL_ACCELERATOR="any") == "2.14.1+cu126"
    project.write_text("[tool.variantctl\n")
    assert version() == "2.15.0+cpu"
    configuration.write_text('accelerator = "gpu"\n')
    assert version() == "configuration"


@pytest.mark.parametrize(
    ("profile", "requirement", "why"),
    [
        ("h100", "torch==2.15.0+cu130", "needs nvidia :: cuda_version_lower_bound 13.0"),
        ("h100", "torch==2.15.0+rocm7.14", "offers no amd properties"),
        ("h100", "torch==2.14.1+cu999", "no version of torch satisfies"),
        ("mi300x", "torch==2.15.0+cu130", "offers no nvidia properties"),
    ],
)
def test_a_build_for_others_that_is_named_is_refused_with_the_reason(
    world: World, profile: str, requirement: str, why: str
) -> None:
    with pytest.raises(NoCandidateError, match=re.escape(why)) as refused:
        world.plan(profile, requirement)
    known = "no version" not in why
    assert (f"is no build for profile {profile}" in refused.value.message) == known


def test_explain_lists_the_builds_that_a_machine_cannot_take(world: World) -> None:
    found = world.explain("v100-old-driver", "torch")
    assert (str(found.version), found.selected and found.selected.link.wheel.label) == ("2.15.0", "cpu")
    assert set(found.as_json()["other_builds"]) == {"cu130", "cu132", "rocm7.14", "xpu"}
    assert "13.0" in found.other_builds["cu130"]
    assert found.notes[0].endswith("with driver 525 or newer (CUDA 12.0) you would get 2.14.1+cu126")
    assert "other_builds" not in world.explain("h100", "torch").as_json()
    assert "other_builds" not in world.explain("graviton3", "torch").as_json()
