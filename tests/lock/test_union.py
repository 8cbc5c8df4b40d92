"""``lock --union``: one environment for several machines."""

# ruff: noqa: E501

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from packaging.version import Version

from tests.indexes.server import LoopbackServer
from tests.lock.bench import Bench, Outcome
from tests.resolve.test_pytorch_releases import World, platform_of, server
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile
from variantctl.providers.united import UnitedMachine
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request, resolve
from variantctl.select.fit import ACCELERATORS
from variantctl.target.platforms import NoCommonPlatformError, common_platform, platform_environment
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.ordering import explain_label, order_labels
from variantctl.variants.schemas import PEP_850_SCHEMA

__all__ = ["server"]


def machines(*names: str) -> list[Machine]:
    return [Machine(load_profile(name)) for name in names]


def metadata(**variants: dict[str, dict[str, tuple[str, ...]]]) -> VariantMetadata:
    spaces = ("nvidia", "amd", "intel", "x86_64", "aarch64")
    return VariantMetadata(
        schema=PEP_850_SCHEMA,
        namespaces=spaces,
        providers={name: ProviderInfo(requires=("variant-providers",)) for name in spaces},
        variants=variants,
    )


CUDA = metadata(
    cu130={"nvidia": {"cuda_version_lower_bound": ("13.0",), "sm_arch": ("80_real", "90_real", "100_real", "120_real")}},
    cu128={"nvidia": {"cuda_version_lower_bound": ("12.0",), "sm_arch": ("70_real", "80_real", "90_real", "120_virtual")}},
    hopper={"nvidia": {"cuda_version_lower_bound": ("12.0",), "sm_arch": ("90_real",)}},
    ampere={"nvidia": {"cuda_version_lower_bound": ("12.0",), "sm_arch": ("80_real",)}},
    rocm={"amd": {"gfx_arch": ("gfx90a", "gfx942")}},
    v4={"x86_64": {"level": ("v4",)}},
    v2={"x86_64": {"level": ("v2",)}},
    null={},
)  # fmt: skip


def labels(*names: str, of: VariantMetadata = CUDA) -> list[str]:
    """Those that run on all, as a resolution judges them."""
    united = UnitedMachine(machines(*names))
    supported = united.supported(of)
    alone = united.each_alone(of, supported)
    return [
        label
        for label in order_labels(of, supported)
        if not any(explain_label(of, label, each) for each in alone)
    ]


def test_a_build_for_both_is_taken_and_one_for_either_is_not() -> None:
    found = labels("a100", "h100")
    assert "cu128" in found and "hopper" not in found and "ampere" not in found


@pytest.mark.parametrize("pair", list(combinations(("a100", "h100", "b200", "v100", "rtx-3060", "mi300x", "mi250x", "graviton4", "x86-64-v2"), 2)))  # fmt: skip
def test_by_definition(pair: tuple[str, str]) -> None:
    """What is left is what is compatible with each machine alone, no more and no less."""
    each = [set(order_labels(CUDA, machine.supported(CUDA))) for machine in machines(*pair)]
    assert set(labels(*pair)) == each[0] & each[1]


def test_the_oldest_driver_decides() -> None:
    supported = UnitedMachine(machines("v100-old-driver", "h100")).supported(ACCELERATORS)
    assert supported["nvidia"]["cuda_version_lower_bound"][0] == "11.4"
    both = UnitedMachine(machines("h100", "b200")).supported(ACCELERATORS)
    assert both["nvidia"]["cuda_version_lower_bound"][0] == "12.8"
    assert both["nvidia"]["sm_arch"][0] == "90_real" and "100_real" in both["nvidia"]["sm_arch"]


def test_platforms() -> None:
    old, new = (
        platform_environment(system="Linux", machine="x86_64", libc=libc)
        for libc in ("glibc 2.28", "glibc 2.39")
    )
    both = common_platform([("new", new), ("old", old)])
    assert set(both.tag_names) == set(old.tag_names)
    arm = platform_environment(system="Linux", machine="aarch64")
    with pytest.raises(NoCommonPlatformError, match="processor x86_64, and arm aarch64"):
        common_platform([("new", new), ("arm", arm)])
    with pytest.raises(NoCommonPlatformError, match=r"Python 3\.11, and"):
        common_platform(
            [("a", platform_environment(python="3.11")), ("b", platform_environment(python="3.12"))]
        )


PAIRS = [("a100", "h100"), ("v100", "b200"), ("t4", "b200"), ("p40", "h100"), ("mi250x", "mi300x"), ("rtx-5090", "a100"), ("h100", "mi300x")]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids="+".join)
def test_on_pytorch_s_layout_the_newest_version_with_a_build_for_both(
    pair: tuple[str, str], server: LoopbackServer, tmp_path: Path
) -> None:
    """Counted out: every build of every version, asked of each machine alone."""
    world = World(server.url, tmp_path)
    platform = platform_of(load_profile(pair[0]))
    each = machines(*pair)
    with world.package_finder() as finder:
        # Nobody's machine: the pages of every backend.
        project = finder.for_machine(lambda metadata: newest_of(metadata), platform.markers).project("torch")
        expected: tuple[Version, str] | None = None
        for version in sorted(project.by_version, reverse=True):
            known = finder.readable_variants(project, version)
            assert known is not None
            both = set.intersection(*(set(order_labels(known, one.supported(known))) for one in each)) - {
                "cpu",
                "null",
            }
            fitting = [link for link in project.wheels_of(version) if link.wheel.label in both]
            if fitting and expected is None:
                expected = (version, "")
    with world.package_finder() as finder:
        plan = resolve(
            Request((parse_user_requirement("torch"),)), package_finder=finder, machine=UnitedMachine(each), platform=platform, who="both",
        )  # fmt: skip
        (torch,) = (planned for planned in plan.install if planned.name == "torch")
        if expected is None:
            assert torch.label in ("cpu", None)
            return
        assert torch.link.wheel.version == expected[0]
        known = finder.readable_variants(finder.project("torch"), torch.link.wheel.version)
        assert known is not None and all(
            torch.label in order_labels(known, one.supported(known)) for one in each
        )


def newest_of(metadata: VariantMetadata) -> dict[str, dict[str, list[str]]]:
    """Whatever any build asks for is supported."""
    found: dict[str, dict[str, list[str]]] = {}
    for properties in metadata.variants.values():
        for namespace, features in properties.items():
            for feature, values in features.items():
                found.setdefault(namespace, {}).setdefault(feature, []).extend(values)
    return found


class TestCommand:
    """On the demo's torch: CUDA 13.0 from 7.5 on, 12.8 from 7.0 to 12.0, 12.6 from 5.0 to 9.0."""

    def run(self, bench: Bench, *options: str) -> Outcome:
        return bench.run("lock", "torch", *options, "-i", bench.index, "-o", bench.lock, *bench.cache)

    def lock(self, bench: Bench, *options: str, code: int = 0) -> dict[str, object]:
        done = self.run(bench, *options, "--json")
        assert done.code == code, done.err
        return done.json

    def labels(self, found: dict[str, object]) -> set[str | None]:
        installs = found["install"]
        assert isinstance(installs, list)
        return {item["label"] for item in installs if item["name"] == "torch"}

    @pytest.mark.parametrize(
        ("profiles", "together", "apart"),
        [
            (("a100", "h100"), {"cuda12.8"}, {"cuda12.8"}),
            (("t4", "rtx-4090"), {"cuda12.8"}, {"cuda12.8", "cuda13.0"}),
            (("p40", "rtx-4090"), {"cuda12.6"}, {"cuda12.6", "cuda13.0"}),
            (("p40", "b200"), {"null"}, {"cuda12.6", "cuda13.0"}),
            (("a100", "mi300x"), {"null"}, {"cuda12.8", "rocm7.1"}),
            (("mi250x", "mi300x"), {"rocm7.1"}, {"rocm7.1"}),
            (("h100", "x86-64-v4"), {"null"}, {"cuda12.8", "null"}),
        ],
    )
    def test_which_builds(
        self, bench: Bench, profiles: tuple[str, ...], together: set[str], apart: set[str]
    ) -> None:
        options = [word for name in profiles for word in ("--profile", name)]
        assert self.labels(self.lock(bench, *options, "--union")) == together
        for name in profiles:
            done = bench.sync("--profile", name, "--dry-run", "--target", bench.root / "t", "--json")
            installed = done.json["install"]
            assert {item["label"] for item in installed if item["name"] == "torch"} == together
        assert self.labels(self.lock(bench, *options, "-U")) == apart

    def test_other_vendors_get_a_word(self, bench: Bench) -> None:
        options = ("--profile", "a100", "--profile", "mi300x", "--union")
        done = self.run(bench, *options)
        assert (
            "profile a100 has NVIDIA GPU, profile mi300x has AMD GPU" in done.err
            and "without --union" not in done.err
        )
        found = self.lock(bench, *options, "--accelerator", "require", code=1)
        assert json.dumps(found).count("no-accelerator-build") == 1
        assert "NVIDIA" not in self.run(bench, *options, "--accelerator", "any").err

    def test_what_cannot_be_united(self, bench: Bench) -> None:
        one = self.run(bench, "--profile", "a100", "--union")
        assert one.code == 2 and "at least two" in one.err
        arm = self.lock(bench, "--profile", "a100", "--profile", "graviton4", "--union", code=1)
        assert json.dumps(arm).count("no-common-platform") == 1
        every = bench.run(
            "lock", "torch", "--profile", "a100", "--profile", "h100", "--union", "--all-variants"
        )
        assert every.code == 2

    def test_the_same_bytes_again(self, bench: Bench) -> None:
        options = ("--profile", "a100", "--profile", "h100", "--union")
        self.lock(bench, *options)
        before = (bench.lock).read_bytes()
        assert self.lock(bench, *options)["changed"] is False
        self.run(bench, *options, "--check")
        assert (bench.lock).read_bytes() == before
