"""PyTorch's indexes, simulated with their real layout and file names: which build each machine gets."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests import commands
from tests.indexes.server import LoopbackServer
from tests.resolve.pytorch_site import PyTorchSite
from variantctl.backends.tables import shipped_source
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.explain.driver_updates import driver_updates
from variantctl.explain.wheels import Explanation, explain
from variantctl.indexes.finder import PackageFinder
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import Profile, load_profile, shipped_profiles
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.errors import NoCandidateError, UnsatisfiableError
from variantctl.resolve.options import SearchOptions
from variantctl.resolve.plan import Plan
from variantctl.resolve.resolver import Request, resolve
from variantctl.select.preferences import VariantPreferences
from variantctl.target.installed import InstalledPackage
from variantctl.target.platforms import platform_environment
from variantctl.values import replace
from variantctl.wheels.build import build_wheel

TRIO = ("torch", "torchvision", "torchaudio")

#: What torch, torchvision and torchaudio come from, and what torch brings along.
EXPECTED = {
    "a100": ("cu128", "triton"),
    "apple-m4": ("cpu", None),
    "arc-a770": ("xpu", "triton-xpu"),
    "arc-b580": ("xpu", "triton-xpu"),
    "b200": ("cu130", "triton"),
    "b300": ("cu130", "triton"),
    "dgx-spark": ("cu130", "triton"),
    "gb300": ("cu130", "triton"),
    "graviton3": ("cpu", None),
    "graviton4": ("cpu", None),
    "gtx-1650": ("cu130", "triton"),
    "h100": ("cu128", "triton"),
    "h200": ("cu128", "triton"),
    "jetson-orin": ("cpu", None),  # no binary of PyTorch's is for 8.7 itself
    "jetson-thor": ("cu130", "triton"),
    "l4": ("cu128", "triton"),
    "l40s": ("cu128", "triton"),
    "lunar-lake": ("xpu", "triton-xpu"),
    "mi250x": ("rocm7.1", "triton-rocm"),
    "mi300x": ("rocm7.1", "triton-rocm"),
    "mi355x": ("rocm7.1", "triton-rocm"),
    "p40": ("cu126", "triton"),
    "panther-lake": ("xpu", "triton-xpu"),
    "raspberry-pi-5": ("cpu", None),
    "rtx-3060": ("cu130", "triton"),
    "rtx-4070-windows": ("cu130", None),
    "rtx-4090": ("cu130", "triton"),
    "rtx-5070-laptop": ("cu130", "triton"),
    "rtx-5090": ("cu130", "triton"),
    "rtx-pro-6000": ("cu130", "triton"),
    "rx-7900xtx": ("rocm7.1", "triton-rocm"),
    "rx-7900xtx-windows": ("cpu", None),
    "rx-9070xt": ("rocm7.1", "triton-rocm"),
    "strix-halo": ("rocm7.1", "triton-rocm"),
    "t4": ("cu128", "triton"),
    "tpu-v5e": ("cpu", None),
    "tpu-v6e": ("cpu", None),
    "v100": ("cu128", "triton"),
    "v100-old-driver": ("cu118", "triton"),
    "x86-64-v2": ("cpu", None),
    "x86-64-v3": ("cpu", None),
    "x86-64-v4": ("cpu", None),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("pytorch")
    PyTorchSite(folder)
    with LoopbackServer(folder) as server:
        yield server


@pytest.fixture
def world(server: LoopbackServer, tmp_path: Path) -> World:
    server.clear()
    return World(server, tmp_path)


class World:
    """The simulated server, and what a machine would get from it."""

    def __init__(self, server: LoopbackServer, folder: Path) -> None:
        self.server = server
        self.folder = folder

    def package_finder(self) -> PackageFinder:
        source = replace(shipped_source("pytorch"), url=f"{self.server.url}/whl")
        settings = IndexSettings(f"{self.server.url}/simple", backends=(source,))
        return PackageFinder(settings, cache=Cache(self.folder / "cache"), environ={})

    def plan(
        self,
        profile: Profile | str,
        *requirements: str,
        installed: Mapping[Any, InstalledPackage] | None = None,
        preferences: VariantPreferences | None = None,
        upgrade: bool = False,
        **options: Any,
    ) -> Plan:
        profile = load_profile(profile) if isinstance(profile, str) else profile
        request = Request(
            tuple(parse_user_requirement(text) for text in requirements),
            preferences=preferences or VariantPreferences(),
            options=SearchOptions(**options),
            upgrade_requested=upgrade,
        )
        with self.package_finder() as package_finder:
            platform = _platform(profile)
            machine = Machine(profile, environment=platform.markers)
            return resolve(
                request,
                package_finder=package_finder,
                machine=machine,
                platform=platform,
                installed=installed,
                who=f"profile {profile.name}",
            )

    def explain(self, profile: str, requirement: str) -> Explanation:
        platform = _platform(load_profile(profile))
        with self.package_finder() as package_finder:
            return explain(
                parse_user_requirement(requirement),
                package_finder=package_finder,
                machine=Machine(load_profile(profile), environment=platform.markers),
                platform=platform,
            )

    def pages(self) -> dict[str, list[str]]:
        """Project -> the backends whose page was asked for."""
        pages: dict[str, list[str]] = {}
        for path in self.server.paths:
            parts = path.strip("/").split("/")
            if parts[0] == "whl" and len(parts) == 3:
                pages.setdefault(parts[2], []).append(parts[1])
        return pages


def _platform(profile: Profile) -> Any:
    facts = profile.platform
    if facts is None:
        return platform_environment(system="Linux", machine="x86_64", libc="glibc 2.35", python="3.12")
    return platform_environment(system=facts.system, machine=facts.machine, libc=facts.libc, python="3.12")


def nvidia(driver: str, capability: str) -> Profile:
    """A Linux machine with one NVIDIA GPU."""
    facts = {"cuda_driver": driver, "compute_capabilities": [capability]}
    return Profile("made-up", namespaces={"nvidia": facts})


def builds(plan: Plan) -> dict[str, tuple[str, str | None]]:
    return {item.name: (str(item.version), item.label) for item in plan.install}


def labels(plan: Plan) -> set[str | None]:
    return {item.label for item in plan.install if item.name in TRIO}


def test_every_shipped_profile_is_in_the_table() -> None:
    assert list(EXPECTED) == shipped_profiles()


@pytest.mark.parametrize("profile", EXPECTED)
def test_what_each_machine_gets(world: World, profile: str) -> None:
    backend, companion = EXPECTED[profile]
    plan = world.plan(profile, *TRIO)
    found = builds(plan)
    local = "" if profile == "apple-m4" else f"+{backend}"
    # 2.7 is the last release with a build that a driver for CUDA 11.4 runs.
    torch, torchvision = ("2.7.1", "0.22.1") if profile == "v100-old-driver" else ("2.10.0", "0.25.0")
    assert found["torch"] == (f"{torch}{local}", backend)
    assert found["torchvision"] == (f"{torchvision}{local}", backend)
    assert found["torchaudio"] == (f"{torch}{local}", backend)
    assert {name for name in found if "triton" in name} == ({companion} if companion else set())
    # The whole page of each supported backend is asked for once; another backend's only where a release was
    # passed over, to say what would open it.
    supported = {item.label for item in shipped_source("pytorch").supported(*_asking(profile))}
    for project in TRIO:
        asked = world.pages()[project]
        assert sorted(asked) == sorted(supported) or (plan.passed_over and set(supported) < set(asked))
    assert all(wheel.url.startswith(f"{world.server.url}/") for wheel in plan.install)


def _asking(profile: str) -> tuple[Any, Mapping[str, str]]:
    platform = _platform(load_profile(profile))
    return Machine(load_profile(profile), environment=platform.markers).supported, platform.markers


def test_what_torch_needs_comes_from_its_own_backend_or_the_default_index(world: World) -> None:
    urls = {str(item.name): item.url for item in world.plan("mi300x", "torch").install}
    assert urls["triton-rocm"].startswith(f"{world.server.url}/whl/rocm7.1/")
    urls = {str(item.name): item.url for item in world.plan("h100", "torch").install}
    assert set(urls) == {"torch", "filelock", "nvidia-cublas-cu12", "triton"}
    assert all(url.startswith(f"{world.server.url}/simple/") for name, url in urls.items() if name != "torch")


@pytest.mark.parametrize(
    ("driver", "capability", "requirement", "expected"),
    [
        # Minor-version compatibility: a driver for 12.2 runs what was built with 12.8, if declared so (2.10).
        ("12.2", "8.6", "torch", ("2.10.0+cu128", "cu128")),
        # 2.8 declared 12.8 as the lower bound of its cu128.
        ("12.2", "8.6", "torch==2.8.0", ("2.8.0+cu126", "cu126")),
        ("12.8", "8.6", "torch==2.8.0", ("2.8.0+cu128", "cu128")),
        ("12.9", "8.6", "torch==2.8.0", ("2.8.0+cu129", "cu129")),
        # A GTX 1080 (6.1) is not in what is built with 12.8 and 13.0, whatever the driver.
        ("13.0", "6.1", "torch", ("2.10.0+cu126", "cu126")),
        # A V100 (7.0) is not in 13.0, nor in 2.7's 12.8.
        ("13.0", "7.0", "torch", ("2.10.0+cu128", "cu128")),
        ("12.8", "7.0", "torch==2.7.1", ("2.7.1+cu126", "cu126")),
        # A driver of the CUDA 11 age: today's torch has nothing for it, an older one has, and goes before it.
        ("11.4", "8.0", "torch", ("2.7.1+cu118", "cu118")),
        ("11.4", "8.0", "torch>=2.8", ("2.10.0+cpu", "cpu")),
        ("11.4", "8.0", "torch<2.8", ("2.7.1+cu118", "cu118")),
        # Newer than everything there is.
        ("13.2", "12.0", "torch", ("2.10.0+cu130", "cu130")),
    ],
)
def test_old_drivers_and_old_gpus(
    world: World, driver: str, capability: str, requirement: str, expected: tuple[str, str]
) -> None:
    assert builds(world.plan(nvidia(driver, capability), requirement))["torch"] == expected


def test_no_driver_at_all(world: World) -> None:
    found = builds(world.plan(Profile("bare"), *TRIO))
    assert found["torch"] == ("2.10.0+cpu", "cpu")
    assert world.pages() == {name: ["cpu"] for name in TRIO}


def test_the_order_of_the_names_does_not_matter(world: World) -> None:
    first = builds(world.plan("rtx-3060", "torchaudio", "torchvision", "torch"))
    assert first == builds(world.plan("rtx-3060", *TRIO))
    assert builds(world.plan("rtx-3060", "torchvision")) == {
        name: build for name, build in first.items() if name != "torchaudio"
    }


@pytest.mark.parametrize("missing", ["torchvision", "torchaudio", "torch"])
def test_a_package_that_the_best_backend_lacks_takes_all_to_the_next(tmp_path: Path, missing: str) -> None:
    version = {"torchvision": "0.25.0"}.get(missing, "2.10.0")
    PyTorchSite(tmp_path / "site", without=[("cu130", missing, version)])
    with LoopbackServer(tmp_path / "site") as server:
        world = World(server, tmp_path)
        for names in (TRIO, TRIO[::-1]):
            plan = world.plan("rtx-4090", *names)
            assert labels(plan) == {"cu128"}
            assert builds(plan)["torch"] == ("2.10.0+cu128", "cu128")
        # Of the backends that were never in question only pages are read (cu126 is looked at ahead of need).
        asked = {
            path.split("/")[2] for path in server.paths if path.endswith(".metadata") and "/whl/" in path
        }
        assert asked <= {"cu130", "cu128", "cu126"}
        if missing != "torch":
            assert any("in place of cu130" in note for note in plan.notes)
        assert labels(world.plan("rtx-4090", "torch")) == {"cu128" if missing == "torch" else "cu130"}


def test_a_pin_to_a_local_version_takes_that_backend_for_all(world: World) -> None:
    assert labels(world.plan("h100", "torch==2.10.0+cu126", "torchvision")) == {"cu126"}
    assert labels(world.plan("h100", "torchvision", "torch===2.10.0+cu126")) == {"cu126"}


def test_a_pin_to_what_the_machine_cannot_run_is_refused(world: World) -> None:
    with pytest.raises(NoCandidateError, match="torch"):
        world.plan("h100", "torch==2.10.0+cu130")


def test_two_backends_contradict_each_other(world: World) -> None:
    with pytest.raises(UnsatisfiableError) as caught:
        world.plan("h100", "torch==2.10.0+cu126", "torchaudio==2.10.0+cu128")
    assert "cu126 builds of everything from pytorch" in caught.value.message
    assert "cu128 builds of everything from pytorch" in caught.value.message


def test_the_users_preferences_hold_here_too(world: World) -> None:
    def label(**preferences: Any) -> set[str | None]:
        return labels(world.plan("rtx-3060", *TRIO, preferences=VariantPreferences.parse(**preferences)))

    assert label(labels=["torch=cu126"]) == {"cu126"}
    assert label(exclude=["nvidia"]) == {"cpu"}
    assert label(prefer=["nvidia :: cuda_version_lower_bound :: 12.0"]) <= {"cu128", "cu126"}
    world.server.clear()
    plain = world.plan("rtx-3060", "torch", preferences=VariantPreferences.parse(no_variants=True))
    assert builds(plain) == {"torch": ("2.10.0", None)}
    assert world.pages() == {}


def test_explain_says_why(world: World) -> None:
    explanation = world.explain("rtx-3060", "torch")
    assert explanation.version == Version("2.10.0")
    ranked = [wheel.link.wheel.label for wheel in explanation.wheels if wheel.rank]
    assert ranked == ["cu130", "cu128", "cu126", "cpu"]
    assert explanation.selected is not None
    assert "cuda_version_lower_bound :: 13.0" in explanation.selected.reasons[0].detail
    pinned = world.explain("rtx-3060", "torch==2.10.0+cu126").selected
    assert pinned is not None and pinned.link.wheel.label == "cu126"


# --- what is installed already ---


def installed(folder: Path, name: str, version: str) -> dict[Any, InstalledPackage]:
    import zipfile

    from variantctl.target.installed import packages_in

    with zipfile.ZipFile(build_wheel(folder / "wheels", name=name, version=version)) as archive:
        archive.extractall(folder / "site")
    return packages_in([folder / "site"])


def test_what_is_installed_stays_and_the_rest_goes_with_it(world: World, tmp_path: Path) -> None:
    there = installed(tmp_path, "torch", "2.10.0+cu126")
    plan = world.plan("rtx-3060", "torchvision", "torch", installed=there)
    assert builds(plan) == {"torchvision": ("0.25.0+cu126", "cu126")}
    assert [kept.name for kept in plan.keep] == ["torch"]
    assert plan.notes == ()
    assert plan.install == world.plan("rtx-3060", "torchvision", installed=there).install


def test_what_is_installed_of_two_backends_is_put_right(world: World, tmp_path: Path) -> None:
    installed(tmp_path, "torch", "2.10.0+cu126")
    there = installed(tmp_path, "torchvision", "0.25.0+cu130")
    plan = world.plan("rtx-3060", "torch", "torchvision", installed=there)
    assert len(plan.install) >= 1
    final = {str(kept.name): str(kept.version) for kept in plan.keep}
    final |= {str(item.name): str(item.version) for item in plan.install}
    assert final["torch"].partition("+")[2] == final["torchvision"].partition("+")[2]


def test_a_build_from_elsewhere_makes_room(world: World, tmp_path: Path) -> None:
    """PyPI's torch is built with one CUDA version only; torchvision of another would not load beside it."""
    there = installed(tmp_path, "torch", "2.10.0")
    assert labels(world.plan("rtx-3060", "torchvision", installed=there)) == {"cu130"}
    alone = world.plan("rtx-3060", "torch", installed=there)
    assert alone.install == () and [kept.name for kept in alone.keep] == ["torch"]


def test_on_macos_what_is_installed_has_no_local_version_and_stays(world: World, tmp_path: Path) -> None:
    there = installed(tmp_path, "torch", "2.10.0")
    plan = world.plan("apple-m4", "torchvision", installed=there)
    assert builds(plan) == {"torchvision": ("0.25.0", "cpu")}


def test_an_owners_own_build_stays(world: World, tmp_path: Path) -> None:
    there = installed(tmp_path, "torch", "2.10.0+acme.3")
    assert labels(world.plan("rtx-3060", "torchvision", installed=there)) == {"cu130"}
    assert "torch" not in builds(world.plan("rtx-3060", "torchvision", installed=there))


def test_an_upgrade_takes_the_best_backend(world: World, tmp_path: Path) -> None:
    there = installed(tmp_path, "torch", "2.10.0+cu126")
    assert labels(world.plan("rtx-3060", *TRIO, installed=there, upgrade=True)) == {"cu130"}


# --- the commands ---


def variantctl(folder: Path, server: LoopbackServer, *arguments: object, **environ: str) -> dict[str, Any]:
    done = commands.run(
        *map(str, arguments),
        "--json",
        env={
            **os.environ,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": "",
            "VARIANTCTL_CACHE_DIR": str(folder / "cache"),
            "VARIANTCTL_CONFIG_FILE": "",
            "VARIANTCTL_INDEX_URL": f"{server.url}/simple/",
            "VARIANTCTL_PYTORCH_URL": f"{server.url}/whl/",
            **environ,
        },
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer | {"stderr": done.stderr}


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    """The same for the Python that runs this."""
    folder = tmp_path_factory.mktemp("pytorch-own")
    PyTorchSite(folder, python="{}{}".format(*sys.version_info))
    with LoopbackServer(folder) as server:
        yield server


def test_installed_for_real(own_server: LoopbackServer, tmp_path: Path) -> None:
    target = tmp_path / "target"
    install = ["install", "torch", "torchvision", "--profile", "h100", "--target", target]
    answer = variantctl(tmp_path, own_server, *install)
    assert {item["name"]: (item["version"], item["label"]) for item in answer["install"]}["torch"] == (
        "2.10.0+cu128",
        "cu128",
    )
    metadata = (target / "torch-2.10.0+cu128.dist-info" / "METADATA").read_text()
    assert "Version: 2.10.0+cu128" in metadata
    assert (
        "torch-2.10.0+cu128.dist-info/METADATA"
        in (target / "torch-2.10.0+cu128.dist-info" / "RECORD").read_text()
    )
    listed = variantctl(tmp_path, own_server, "list", "--target", target)["packages"]
    assert {item["name"]: item["label"] for item in listed}["torchvision"] == "cu128"
    assert variantctl(tmp_path, own_server, *install)["install"] == []


def test_locked_for_two_vendors_and_synced_on_each(own_server: LoopbackServer, tmp_path: Path) -> None:
    lock = tmp_path / "pylock.toml"
    machines = {"h100": "cu128", "mi300x": "rocm7.1"}
    profiles = [word for name in machines for word in ("--profile", name)]
    variantctl(tmp_path, own_server, "lock", "torch", "torchvision", *profiles, "-o", lock)
    for name, label in machines.items():
        target = tmp_path / name
        words = ("torch", "torchvision", "--profile", name, "--target", target, "--dry-run")
        wanted = variantctl(tmp_path, own_server, "install", *words)
        synced = variantctl(tmp_path, own_server, "sync", lock, "--profile", name, "--target", target)
        chosen = {item["name"]: (item["version"], item["label"]) for item in synced["install"]}
        assert chosen == {item["name"]: (item["version"], item["label"]) for item in wanted["install"]}
        assert chosen["torch"][1] == chosen["torchvision"][1] == label


# --- what a newer driver would bring ---


def test_a_backend_that_a_newer_driver_would_open(world: World) -> None:
    explanation = world.explain("h100", "torch")
    assert [str(advice) for advice in explanation.advice] == [
        "with CUDA driver 13.0 you would get cu130 (now it is 12.8)"
    ]
    # Beyond the pages of its own backends those that an update would open; of AMD's and Intel's none.
    assert {backend[:2] for backend in world.pages()["torch"]} == {"cu", "cp"}
    assert world.explain("rtx-3060", "torch").advice == ()
    assert world.explain("mi300x", "torch").advice == ()


def test_a_plan_has_it_for_the_first_package_of_the_source(world: World) -> None:
    plan = world.plan("h100", *TRIO)
    profile = load_profile("h100")
    platform = _platform(profile)
    with world.package_finder() as package_finder:
        said = driver_updates(
            plan,
            package_finder=package_finder,
            machine=Machine(profile, environment=platform.markers),
            platform=platform,
            preferences=VariantPreferences(),
            who="profile h100",
        )
    assert said == "with CUDA driver 13.0 you would get torch cu130 (now it is 12.8)"
