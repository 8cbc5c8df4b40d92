"""Profiles: what ships, what is refused and how, and that a saved machine comes back the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from variantctl.providers.errors import ProfileError, UnknownProfileError
from variantctl.providers.machine_platform import PlatformFacts
from variantctl.providers.profiles import dump_profile, load_profile, parse_profile, shipped_profiles
from variantctl.values import replace

HEAD = 'format = 1\nname = "x"\n'

SHIPPED: dict[str, tuple[str, dict[str, dict[str, str]]]] = {
    "rtx-4090": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "89_real"}}),
    "rtx-3060": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "86_real"}}),
    "gtx-1650": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "75_real"}}),
    "t4": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "12.8", "sm_arch": "75_real"}}),
    "a100": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "12.8", "sm_arch": "80_real"}}),
    "h100": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "12.8", "sm_arch": "90_real"}}),
    "h200": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "12.8", "sm_arch": "90_real"}}),
    "b200": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "100_real"}}),
    "jetson-orin": ("aarch64", {"nvidia": {"cuda_version_lower_bound": "12.6", "sm_arch": "87_real"}}),
    "dgx-spark": ("aarch64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "121_real"}}),
    "mi250x": ("x86_64", {"amd": {"gfx_arch": "gfx90a", "rocm_version": "10.0"}}),
    "mi300x": ("x86_64", {"amd": {"gfx_arch": "gfx942", "rocm_version": "10.0"}}),
    "rx-7900xtx": ("x86_64", {"amd": {"gfx_arch": "gfx1100", "rocm_version": "10.0"}}),
    "arc-b580": ("x86_64", {"intel": {"device_ip": "20.1.0"}}),
    "arc-a770": ("x86_64", {"intel": {"device_ip": "12.55.8"}}),
    "raspberry-pi-5": ("aarch64", {"aarch64": {"version": "8.2a", "asimddp": "on"}}),
    "graviton3": ("aarch64", {"aarch64": {"version": "8.4a", "i8mm": "on", "bf16": "on", "sve": "on"}}),
    "graviton4": ("aarch64", {"aarch64": {"version": "9.0a", "i8mm": "on", "sve2": "on"}}),
    "apple-m4": (
        "arm64",
        {"aarch64": {"version": "8.5a", "i8mm": "on", "bf16": "on", "sme": "on", "sme2": "on"}},
    ),
    "rtx-5090": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "120_real"}}),
    "rtx-5070-laptop": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "120_real"}}),
    "rtx-pro-6000": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "120_real"}}),
    "b300": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "103_real"}}),
    "gb300": ("aarch64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "103_real"}}),
    "jetson-thor": ("aarch64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "110_real"}}),
    "v100": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "12.8", "sm_arch": "70_real"}}),
    "v100-old-driver": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "11.4", "sm_arch": "70_real"}}),
    "p40": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "12.8", "sm_arch": "61_real"}}),
    "l4": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "12.8", "sm_arch": "89_real"}}),
    "l40s": ("x86_64", {"nvidia": {"cuda_version_lower_bound": "12.8", "sm_arch": "89_real"}}),
    "rtx-4070-windows": ("AMD64", {"nvidia": {"cuda_version_lower_bound": "13.0", "sm_arch": "89_real"}}),
    "mi355x": ("x86_64", {"amd": {"gfx_arch": "gfx950", "rocm_version": "10.0"}}),
    "rx-9070xt": ("x86_64", {"amd": {"gfx_arch": "gfx1201", "rocm_version": "10.0"}}),
    "strix-halo": ("x86_64", {"amd": {"gfx_arch": "gfx1151", "rocm_version": "10.0"}}),
    "rx-7900xtx-windows": ("AMD64", {"amd": {"gfx_arch": "gfx1100", "rocm_version": "10.0"}}),
    "lunar-lake": ("x86_64", {"intel": {"device_ip": "20.4.4"}}),
    "panther-lake": ("x86_64", {"intel": {"device_ip": "30.0.4"}}),
    "tpu-v5e": ("x86_64", {"tpu": {"generation": "v5e", "present": "true"}}),
    "tpu-v6e": ("x86_64", {"tpu": {"generation": "v6e", "present": "true"}}),
    "x86-64-v2": ("x86_64", {"x86_64": {"level": "v2"}}),
    "x86-64-v3": ("x86_64", {"x86_64": {"level": "v3"}}),
    "x86-64-v4": ("x86_64", {"x86_64": {"level": "v4"}}),
}


def test_the_table_covers_what_ships() -> None:
    assert shipped_profiles() == sorted(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile(name: str) -> None:
    machine, best = SHIPPED[name]
    profile = load_profile(name)
    supported = profile.supported()
    assert profile.name == name and profile.sources
    # What AMD's driver runs is more than what is installed, and a Jetson runs less than its number says.
    assert set(profile.notes()) <= ({"nvidia"} if name.startswith("jetson") else {"amd"})
    assert profile.platform is not None and profile.platform.machine == machine
    assert profile.platform.python is None
    for namespace, features in best.items():
        for feature, value in features.items():
            assert supported[namespace][feature][0] == value
    processor = "x86_64" if machine in ("x86_64", "AMD64") else "aarch64"
    assert set(supported) == {*best, processor}


def test_what_a_raspberry_pi_lacks() -> None:
    assert "i8mm" not in load_profile("raspberry-pi-5").supported()["aarch64"]
    assert "asimddp" in load_profile("graviton3").supported()["aarch64"]


def test_a_profile_file_is_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'format = 1\n[nvidia]\ncuda_driver = "12.4"\n[properties.ascend]\nnpu_type = ["910b", "310"]\n'
    )
    profile = load_profile(str(path))
    assert profile.name == "mine" and profile.platform is None
    assert profile.supported()["ascend"] == {"npu_type": ["910b", "310"]}
    monkeypatch.chdir(tmp_path)
    assert load_profile("mine.toml") == profile
    (tmp_path / "h100").write_text("not a profile")
    assert load_profile("h100").namespaces["nvidia"]["cuda_driver"] == "12.8"


@pytest.mark.parametrize(
    ("name", "suggested"), [("h10", "h100"), ("rtx4090", "rtx-4090"), ("x86-64-v5", "x86-64-v")]
)
def test_an_unknown_name_suggests_close_ones(name: str, suggested: str) -> None:
    with pytest.raises(UnknownProfileError) as caught:
        load_profile(name)
    assert name in caught.value.message and suggested in str(caught.value.hint)


def test_an_unknown_name_like_no_other_lists_all() -> None:
    with pytest.raises(UnknownProfileError) as caught:
        load_profile("zzzzzzzz")
    assert all(name in str(caught.value.hint) for name in SHIPPED)


@pytest.mark.parametrize(
    ("body", "key", "hint"),
    [
        ("[nvidia", "", ""),
        ("[nvdia]\n", "nvdia", "nvidia"),
        ("[ascend]\n", "ascend", "[properties.ascend]"),
        ("platform = 1", "platform", "[platform]"),
        ('[platform]\nsistem = "Linux"', "platform.sistem", "system"),
        ('[platform]\nsystem = "linux"', "platform.system", '"Linux"'),
        ('[platform]\nlibc = "2.35"', "platform.libc", "glibc 2.35"),
        ("[platform]\npython = 3.12", "platform.python", '"3.12"'),
        ("[nvidia]\ncuda_driver = 12.8", "nvidia.cuda_driver", '"12.8"'),
        ('[nvidia]\ncompute_capabilities = ["9.0"]', "nvidia.cuda_driver", "required"),
        (
            '[nvidia]\ncuda_driver = "12.8"\ncompute_capabilities = "9.0"',
            "nvidia.compute_capabilities",
            "a list",
        ),
        ('[nvidia]\ncuda = "12.8"', "nvidia.cuda", "cuda_driver"),
        ('[amd]\ngfx_archs = ["gfx000"]', "amd.gfx_archs", "gfx942"),
        ('[amd]\nrocm = "7.0"', "amd.gfx_archs", "required"),
        ('[intel]\ndevice_ips = ["b580"]', "intel.device_ips", "20.1.0"),
        ('[x86_64]\nlevel = "v5"', "x86_64.level", "v4"),
        ('[x86_64]\nfeatures = ["avx2"]', "x86_64.level", "one of"),
        ('[x86_64]\nlevel = "v3"\nfeatures = ["avx512_vni"]', "x86_64.features", "avx512_vnni"),
        ('[aarch64]\nversion = "8.2"', "aarch64.version", "8.2a"),
        ('[properties.nvidia]\nsm_arch = ["90_real"]', "properties.nvidia", "[nvidia]"),
        ('[properties.ascend]\nnpu_type = "910b"', "properties.ascend.npu_type", "910b"),
        ('[properties.ascend]\nnpu_type = ["910B"]', "properties.ascend.npu_type", ""),
        ('[properties.Ascend]\nnpu_type = ["910b"]', "properties.Ascend.npu_type", ""),
        ("properties = []", "properties", "[properties]"),
    ],
)
def test_a_bad_profile_is_refused(body: str, key: str, hint: str) -> None:
    with pytest.raises(ProfileError) as caught:
        parse_profile((HEAD + body).encode(), source="mine.toml")
    assert caught.value.source == "mine.toml" and caught.value.key == key
    assert caught.value.message.startswith(f"mine.toml: {key}" if key else "mine.toml: ")
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("line", ["", "format = 2", 'format = "1"', "format = true"])
def test_another_format_is_refused(line: str) -> None:
    with pytest.raises(ProfileError, match="format"):
        parse_profile(f'{line}\nname = "x"\n'.encode(), source="mine.toml")


def test_facts_outside_the_known_range_are_allowed_and_noted() -> None:
    profile = parse_profile((HEAD + '[nvidia]\ncuda_driver = "16.0"').encode(), source="new.toml")
    assert profile.supported() == {} and "outside" in profile.notes()["nvidia"][0]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_dumped_profile_reads_back_the_same(name: str) -> None:
    profile = replace(load_profile(name), title="", description="")  # for people; not of the facts
    text = dump_profile(
        name, platform=profile.platform, namespaces=profile.namespaces, sources=profile.sources
    )
    assert parse_profile(text.encode(), source="dumped") == profile


def test_platform_keys_are_individually_optional() -> None:
    profile = parse_profile((HEAD + '[platform]\npython = "3.13t"').encode(), source="x")
    assert profile.platform == PlatformFacts(python="3.13t")


toml_lines = st.sampled_from(
    [
        "format = 1", "[platform]", 'system = "Linux"', "[nvidia]", 'cuda_driver = "12.8"', "[amd]",
        "[x86_64]", 'level = "v3"', 'features = ["avx512f"]', "[properties.a]", "[properties]", 'b = ["c"]',
        "sources = 3", 'name = ""', "cuda_driver = [[1]]", "[[nvidia]]", "level = 1979-05-27", "x = nan",
    ]
)  # fmt: skip


@given(st.lists(toml_lines).map("\n".join).map(str.encode) | st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_profile_or_refused(data: bytes) -> None:
    try:
        profile = parse_profile(data, source="fuzz.toml")
    except ProfileError as error:
        assert error.message.startswith("fuzz.toml")
        return
    for features in profile.supported().values():
        for values in features.values():
            assert values and all(isinstance(value, str) for value in values)
