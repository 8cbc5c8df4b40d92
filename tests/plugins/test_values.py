"""The ordered lists of every namespace: what published wheels were labelled with, and what uv chooses by."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from variant_providers.aarch64 import Aarch64Plugin
from variant_providers.amd import AmdPlugin
from variant_providers.config import FactsError
from variant_providers.intel import IntelPlugin
from variant_providers.nvidia import NvidiaPlugin
from variant_providers.plugin import Plugin
from variant_providers.x86_64 import X8664Plugin

PLUGINS = (NvidiaPlugin, AmdPlugin, IntelPlugin, X8664Plugin, Aarch64Plugin)
DRIVER = "NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION"
SM_ARCH = "NV_VARIANT_PROVIDER_FORCE_SM_ARCH"


def lists(plugin: type[Plugin], facts: dict[str, object]) -> dict[str, list[str]]:
    return {config.name: config.values for config in plugin.configs_from_facts(facts)}


def supported(plugin: type[Plugin]) -> dict[str, list[str]]:
    return {config.name: config.values for config in plugin.get_supported_configs()}


def test_the_nvidia_lists_in_full() -> None:
    offered = lists(NvidiaPlugin, {"cuda_driver": "12.2", "compute_capabilities": ["8.6", "8.2"]})
    assert list(offered) == ["cuda_version_lower_bound", "cuda_version_upper_bound", "sm_arch"]
    older = [f"11.{minor}" for minor in range(20, -1, -1)]
    assert offered["cuda_version_lower_bound"] == ["12.2", "12.1", "12.0", "12", *older, "11"]
    newer: list[str] = []
    for major in (15, 14, 13):
        newer += [*(f"{major}.{minor}" for minor in range(20, -1, -1)), f"{major}"]
    assert offered["cuda_version_upper_bound"] == [*newer, *(f"12.{minor}" for minor in range(20, 2, -1))]
    assert offered["sm_arch"] == [
        "86_real", "85_real", "84_real", "83_real", "82_real", "81_real", "80_real", "80_virtual",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("capability", "archs"),
    [
        ("5.3", ["53_real", "50_virtual"]), ("7.2", ["72_real", "70_virtual"]),
        ("8.7", ["87_real", "80_virtual"]), ("11.0", ["110_real", "110_virtual"]),
        ("8.6", ["86_real", "85_real", "84_real", "83_real", "82_real", "81_real", "80_real", "80_virtual"]),
    ],
)  # fmt: skip
def test_a_tegra_gpu_runs_no_binary_of_another(capability: str, archs: list[str]) -> None:
    """CUDA C++ Programming Guide, "Binary Compatibility": it is not supported for Tegra."""
    facts: dict[str, object] = {"cuda_driver": "13.0", "compute_capabilities": [capability]}
    assert lists(NvidiaPlugin, facts)["sm_arch"] == archs
    noted = any("is a Jetson's" in note for note in NvidiaPlugin.notes_from_facts(facts))
    assert noted == (capability in ("5.3", "7.2", "8.7"))


def test_the_override_does_as_uv_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which makes no difference between a Jetson's GPU and a desktop's."""
    monkeypatch.setenv(DRIVER, "12.8")
    monkeypatch.setenv(SM_ARCH, "8.7")
    report = NvidiaPlugin.detect()
    assert report["facts"] == {
        "cuda_driver": "12.8", "compute_capabilities": ["8.7"], "binary_compatibility": "desktop",
    }  # fmt: skip
    real = [f"8{minor}_real" for minor in range(7, -1, -1)]
    assert supported(NvidiaPlugin)["sm_arch"] == [*real, "80_virtual"]
    monkeypatch.setenv(SM_ARCH, "8.6")
    assert "binary_compatibility" not in str(NvidiaPlugin.detect()["facts"])
    with pytest.raises(FactsError, match="binary_compatibility"):
        NvidiaPlugin.configs_from_facts({"cuda_driver": "12.8", "binary_compatibility": "server"})


def test_each_device_alone() -> None:
    facts: dict[str, object] = {"cuda_driver": "13.0", "compute_capabilities": ["8.9", "7.0", "8.9"]}
    assert NvidiaPlugin.each_alone(facts) == [
        {"cuda_driver": "13.0", "compute_capabilities": ["8.9"]},
        {"cuda_driver": "13.0", "compute_capabilities": ["7.0"]},
    ]
    assert AmdPlugin.each_alone({"gfx_archs": ["gfx1100", "gfx1036"]}) == [
        {"gfx_archs": ["gfx1100"]}, {"gfx_archs": ["gfx1036"]},
    ]  # fmt: skip
    assert IntelPlugin.each_alone({"device_ips": ["20.1.0"]}) == [{"device_ips": ["20.1.0"]}]
    assert X8664Plugin.each_alone({"level": "v3"}) == [{"level": "v3"}]
    assert NvidiaPlugin.each_alone({"cuda_driver": "13.0"}) == [{"cuda_driver": "13.0"}]


def test_the_order_is_the_one_uv_was_seen_to_choose_by() -> None:
    """uv 0.13.9 was given one variant a value and asked again and again without the one it chose."""
    offered = lists(NvidiaPlugin, {"cuda_driver": "12.3", "compute_capabilities": ["8.7"]})
    asked = "16 15.20 13 13.0 12.21 12.9 12.8 12.4 12.3 12.2 12.1 12.0 12 11.21 11.20 11.8 11.1 11.0 11 10.2"
    lower = [value for value in offered["cuda_version_lower_bound"] if value in asked.split()]
    assert lower == ["12.3", "12.2", "12.1", "12.0", "12", "11.20", "11.8", "11.1", "11.0", "11"]
    upper = [value for value in offered["cuda_version_upper_bound"] if value in asked.split()]
    assert upper == ["15.20", "13.0", "13", "12.9", "12.8", "12.4"]


cuda_versions = st.tuples(st.integers(11, 15), st.integers(0, 20))


@given(cuda_versions)
def test_bounds_mean_what_they_say(driver: tuple[int, int]) -> None:
    """Every listed bound, and no other of the known range, holds: lower <= driver < upper."""
    offered = lists(NvidiaPlugin, {"cuda_driver": f"{driver[0]}.{driver[1]}"})
    valid = NvidiaPlugin.get_all_configs()[0].values

    def number(value: str) -> tuple[int, int]:
        major, _dot, minor = value.partition(".")
        return int(major), int(minor or 0)

    assert set(offered["cuda_version_lower_bound"]) == {value for value in valid if number(value) <= driver}
    upper = offered.get("cuda_version_upper_bound", [])
    assert set(upper) == {value for value in valid if number(value) > driver}
    for bounds in (offered["cuda_version_lower_bound"], upper):
        assert len(set(bounds)) == len(bounds)
        assert [number(value) for value in bounds] == sorted(map(number, bounds), reverse=True)


@pytest.mark.parametrize(
    ("driver", "capabilities", "note"),
    [
        ("10.2", ["7.5"], "outside the known range"),
        ("16.0", ["9.0"], "outside the known range"),
        ("15.21", ["9.0"], "outside the known range"),
        ("12.8", ["3.5"], "compute capability 3.5 is below 5.0"),
        ("12.8", ["4.9", "3.7"], "compute capability 4.9 is below 5.0"),
    ],
)
def test_outside_the_known_range_nothing_is_supported(
    driver: str, capabilities: list[str], note: str
) -> None:
    facts: dict[str, object] = {"cuda_driver": driver, "compute_capabilities": capabilities}
    assert lists(NvidiaPlugin, facts) == {}
    assert note in NvidiaPlugin.notes_from_facts(facts)[0]


@pytest.mark.parametrize(("driver", "capability"), [("11.0", "5.0"), ("15.20", "12.1"), ("12.25", "10.3")])
def test_the_ends_of_the_known_range(driver: str, capability: str) -> None:
    offered = lists(NvidiaPlugin, {"cuda_driver": driver, "compute_capabilities": [capability]})
    assert offered["cuda_version_lower_bound"][0] == driver
    assert offered["sm_arch"][0] == capability.replace(".", "") + "_real"
    assert ("cuda_version_upper_bound" in offered) == (driver != "15.20")


@pytest.mark.parametrize(
    ("written", "read"),
    # What uv 0.13.9 reads: a PEP 440 version, of which the first two numbers count.
    [("12.8", "12.8"), ("12", "12.0"), ("12.8.1", "12.8"), (" 12.8 ", "12.8"), ("v12.8", "12.8"),
     ("12.8rc1", "12.8"), ("12.8.post1", "12.8"), ("12.25", "12.25")],
)  # fmt: skip
def test_the_driver_override(written: str, read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DRIVER, written)
    monkeypatch.setenv(SM_ARCH, "9.0")
    assert supported(NvidiaPlugin)["cuda_version_lower_bound"][0] == read


@pytest.mark.parametrize("written", ["abc", "12.x", "12,8", "1e3", "12.8/", "-12.8", "12.8 9", "9" * 400])
def test_a_malformed_driver_override_disables_nvidia(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DRIVER, written)
    monkeypatch.setenv(SM_ARCH, "9.0")
    report = NvidiaPlugin.detect()
    assert report["status"] == "disabled" and report["features"] == []
    assert DRIVER in str(report["notes"])


@pytest.mark.parametrize(
    "written", ["90", "9", "9.0.0", "9.0a", "sm_90", "90_real", "9.0,8.6", "9.0;8.6", "abc"]
)
def test_a_malformed_sm_override_disables_nvidia(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DRIVER, "12.8")
    monkeypatch.setenv(SM_ARCH, written)
    assert supported(NvidiaPlugin) == {}
    assert SM_ARCH in str(NvidiaPlugin.detect()["notes"])


def test_empty_overrides_count_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    before = supported(NvidiaPlugin)
    monkeypatch.setenv(DRIVER, "")
    monkeypatch.setenv(SM_ARCH, " ")
    assert supported(NvidiaPlugin) == before


def test_a_driver_alone_gives_the_bounds_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "")
    monkeypatch.setattr("variant_providers.nvidia.probe.find_libraries", lambda _names: [])
    monkeypatch.setenv(DRIVER, "12.8")
    assert list(supported(NvidiaPlugin)) == ["cuda_version_lower_bound", "cuda_version_upper_bound"]
    monkeypatch.delenv(DRIVER)
    monkeypatch.setenv(SM_ARCH, "9.0")
    assert supported(NvidiaPlugin) == {}


def test_the_amd_lists() -> None:
    offered = lists(AmdPlugin, {"gfx_archs": ["gfx1100", "gfx90a", "gfx1100"], "rocm_limit": "7.2.1"})
    assert offered == {"gfx_arch": ["gfx1100", "gfx90a"], "rocm_version": ["7.2", "7.1", "7.0"]}
    assert list(lists(AmdPlugin, {"gfx_archs": ["gfx942"]})) == ["gfx_arch"]


@pytest.mark.parametrize(
    ("archs", "rocm", "read"),
    [
        ("gfx1100", "7.0.0", {"gfx_arch": ["gfx1100"], "rocm_version": ["7.0"]}),
        (
            "gfx942, gfx90a;gfx908",
            "6.1",
            {"gfx_arch": ["gfx942", "gfx90a", "gfx908"], "rocm_version": ["6.1", "6.0"]},
        ),
        ("GFX1201", "", {"gfx_arch": ["gfx1201"]}),
        ("gfx000", "7.0", {}),
        ("9.0.0", "7.0", {}),
        ("gfx942", "seven", {}),
        ("gfx942", "7", {}),
        (" ; , ", "7.0", {}),
    ],
)
def test_the_amd_overrides(
    archs: str, rocm: str, read: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMD_VARIANT_PROVIDER_FORCE_GFX_ARCH", archs)
    monkeypatch.setenv("AMD_VARIANT_PROVIDER_FORCE_ROCM_VERSION", rocm)
    assert supported(AmdPlugin) == read


@pytest.mark.parametrize(
    ("device_ips", "values"),
    [
        (["20.1.0"], ["20.1.0"]),
        (["30.1.0", "20.4.4"], ["30.1.0", "30.0.4", "20.4.4", "20.1.0"]),
        (["12.56.5", "12.55.8"], ["12.56.5", "12.55.8"]),
        (["99.1.2"], ["99.1.2"]),
    ],
)
def test_the_intel_lists(device_ips: list[str], values: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert lists(IntelPlugin, {"device_ips": device_ips}) == {"device_ip": values}
    monkeypatch.setenv("INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP", ",".join(device_ips))
    assert supported(IntelPlugin) == {"device_ip": values}
    monkeypatch.setenv("INTEL_VARIANT_PROVIDER_FORCE_DEVICE_IP", "battlemage")
    assert IntelPlugin.detect()["status"] == "disabled"


def test_a_level_implies_its_own_extensions_and_no_more() -> None:
    assert list(lists(X8664Plugin, {"level": "v1"})) == ["level", "sse2", "sse", "mmx"]
    v4 = lists(X8664Plugin, {"level": "v4", "features": ["avx512_bf16"]})
    assert v4["level"] == ["v4", "v3", "v2", "v1"]
    assert "avx512f" in v4 and "avx2" in v4 and list(v4)[1] == "avx512_bf16" and "avx512_vnni" not in v4


def test_a_version_implies_what_it_makes_mandatory_and_no_more() -> None:
    pi = lists(Aarch64Plugin, {"version": "8.2a"})
    assert pi["version"] == ["8.2a", "8.1a", "8a"] and "asimddp" not in pi and "atomics" in pi
    assert "asimddp" in lists(Aarch64Plugin, {"version": "8.4a"})
    newest = lists(Aarch64Plugin, {"version": "9.0a", "features": ["i8mm"]})
    assert newest["version"] == ["9.0a", "8.5a", "8.4a", "8.3a", "8.2a", "8.1a", "8a"]
    assert list(newest).index("sve2") < list(newest).index("i8mm") < list(newest).index("asimddp")


@pytest.mark.parametrize("plugin", PLUGINS)
def test_every_valid_value_is_well_formed_and_unique(plugin: type[Plugin]) -> None:
    configs = plugin.get_all_configs()
    assert len({config.name for config in configs}) == len(configs) > 0
    for config in configs:
        assert re.fullmatch(r"[a-z0-9_]+", config.name)
        assert len(set(config.values)) == len(config.values) > 0
        assert all(re.fullmatch(r"[a-z0-9_.]+", value) for value in config.values)


@pytest.mark.parametrize(
    ("plugin", "facts"),
    [
        (NvidiaPlugin, {"cuda_driver": "13.1", "compute_capabilities": ["12.1"]}),
        (AmdPlugin, {"gfx_archs": ["gfx950"], "rocm": "7.1"}),
        (IntelPlugin, {"device_ips": ["30.1.0"]}),
        (X8664Plugin, {"level": "v4", "features": ["amx_tile"]}),
        (Aarch64Plugin, {"version": "9.0a", "features": ["sme2"]}),
    ],
)
def test_what_is_supported_is_valid_in_the_same_order(plugin: type[Plugin], facts: dict[str, object]) -> None:
    valid = {config.name: config.values for config in plugin.get_all_configs()}
    multiple = {config.name for config in plugin.get_all_configs() if config.multi_value}
    configs = plugin.configs_from_facts(facts)
    assert [config.name for config in configs] == [
        name for name in valid if name in {c.name for c in configs}
    ]
    for config in configs:
        assert set(config.values) <= set(valid[config.name])
        assert config.multi_value == (config.name in multiple)


scalars = st.text(max_size=12) | st.integers() | st.floats() | st.booleans() | st.none()
fact_names = st.sampled_from(
    ["cuda_driver", "compute_capabilities", "gfx_archs", "rocm", "device_ips", "level", "version", "features"]
)
plausible = st.sampled_from(["12.8", "9.0", "gfx942", "7.0", "20.1.0", "v3", "8.2a", "avx2", "sve"])
tables = st.dictionaries(
    fact_names | st.text(max_size=5),
    scalars | plausible | st.lists(scalars | plausible, max_size=4),
    max_size=3,
)


@pytest.mark.parametrize("plugin", PLUGINS)
@given(facts=tables)
def test_any_table_is_understood_or_refused(plugin: type[Plugin], facts: dict[str, Any]) -> None:
    try:
        configs = plugin.configs_from_facts(facts)
    except FactsError as error:
        assert error.problem and error.allowed
        return
    for config in configs:
        assert all(re.fullmatch(r"[a-z0-9_.]+", value) for value in config.values)
