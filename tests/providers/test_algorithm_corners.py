"""The provider algorithm where it is asked oddly: several devices, metadata that contradicts itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.test_algorithm import NVIDIA, V850, metadata
from variantctl.providers import algorithm
from variantctl.providers.algorithm import Machine, ProviderNote
from variantctl.providers.errors import MissingDetectorsError
from variantctl.providers.profiles import Profile, load_profile
from variantctl.providers.settings import ALL, ProviderSettings
from variantctl.variants import load_metadata
from variantctl.variants.metadata import ProviderInfo, VariantMetadata

EACH = ProviderSettings(accelerator_of=ALL)
AMD = {"requires": ["amd-variant-provider"]}


def two_gpus(*capabilities: str, **more: Any) -> Profile:
    facts = {"cuda_driver": "13.0", "compute_capabilities": list(capabilities)}
    return Profile("made-up", namespaces={"nvidia": facts, **more})


def arch(view: Any) -> list[str]:
    return list(view["nvidia"]["sm_arch"])


def test_each_accelerator_alone() -> None:
    wanted = metadata({"nvidia": NVIDIA, "x86_64": {"requires": ["x86-64-variant-provider"]}})
    profile = two_gpus("8.9", "7.5", x86_64={"level": "v3"})
    machine = Machine(profile, EACH)
    supported = machine.supported(wanted)
    views = machine.each_alone(wanted, supported)
    assert [arch(view)[0] for view in views] == ["89_real", "75_real"]
    assert [view["x86_64"] for view in views] == [supported["x86_64"]] * 2
    assert set(views[0]["nvidia"]) == set(supported["nvidia"])
    # Only where it is asked for, and only where there are several that differ.
    assert Machine(profile).each_alone(wanted, supported) == ()
    for same in (two_gpus("8.9"), two_gpus("8.9", "8.9")):
        machine = Machine(same, EACH)
        assert machine.each_alone(wanted, machine.supported(wanted)) == ()


def test_several_vendors_with_several_devices() -> None:
    """The first has one device, or a list of its own: the others are looked at all the same."""
    amd = {"gfx_archs": ["gfx942", "gfx1100"], "rocm": "7.0"}
    for nvidia in ({"nvidia": NVIDIA}, {"nvidia": {"static-properties": {"sm_arch": ["89_real"]}}}):
        wanted = metadata({**nvidia, "amd": AMD})
        machine = Machine(two_gpus("8.9", amd=amd), EACH)
        views = machine.each_alone(wanted, machine.supported(wanted))
        assert [next(iter(view["amd"]["gfx_arch"])) for view in views] == ["gfx942", "gfx1100"]


def test_a_list_in_the_metadata_is_of_no_device() -> None:
    static = {"nvidia": {"static-properties": {"sm_arch": ["89_real", "75_real"]}}}
    machine = Machine(two_gpus("8.9", "7.5"), EACH)
    wanted = metadata(static)
    assert machine.each_alone(wanted, machine.supported(wanted)) == ()


def test_a_profiles_own_lists_are_of_no_device() -> None:
    profile = Profile("x", properties={"nvidia": {"sm_arch": ("89_real", "75_real")}})
    machine = Machine(profile, EACH)
    wanted = metadata({"nvidia": NVIDIA})
    assert machine.each_alone(wanted, {"nvidia": {"sm_arch": ["89_real", "75_real"]}}) == ()


def test_this_machines_own_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION", "13.0")
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_SM_ARCH", "8.9")
    machine = Machine(settings=EACH)
    wanted = metadata({"nvidia": NVIDIA})
    supported = machine.supported(wanted)
    assert machine._facts["nvidia"]["compute_capabilities"] == ["8.9"]
    assert machine.each_alone(wanted, supported) == ()
    machine._facts["nvidia"] = {**machine._facts["nvidia"], "compute_capabilities": ["8.9", "7.5"]}
    assert [arch(view)[0] for view in machine.each_alone(wanted, supported)] == ["89_real", "75_real"]


def test_accelerators_of_a_profile_and_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile(
        "x",
        namespaces={
            "nvidia": {"cuda_driver": "12.8", "compute_capabilities": ["9.0"]},
            "x86_64": {"level": "v3"},
        },
        properties={"ascend": {"npu_type": ("910b",)}},
    )
    assert list(Machine(profile).accelerators()) == ["nvidia", "ascend"]
    assert Machine(load_profile("x86-64-v3")).accelerators() == {}
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION", "12.8")
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_SM_ARCH", "9.0")
    assert list(Machine().accelerators()) == ["nvidia"]
    off = Machine(settings=ProviderSettings(disabled=frozenset({"nvidia"})))
    assert off.accelerators() == {}
    assert Machine().is_one


def test_a_namespace_that_is_used_and_not_listed_is_asked_too() -> None:
    """load_metadata refuses such metadata; what is made by hand may have it."""
    built = VariantMetadata(V850, ("x86_64",), {}, {"v": {"nvidia": {"sm_arch": ("90_real",)}}})
    supported = Machine(load_profile("h100")).supported(built)
    assert list(supported) == ["nvidia"]
    both = VariantMetadata(V850, ("x86_64", "nvidia"), {}, {"v": {"nvidia": {"sm_arch": ("90_real",)}}})
    assert list(Machine(load_profile("h100")).supported(both)) == ["nvidia"]


@pytest.mark.parametrize(
    ("namespace", "package", "says"),
    [
        ("nvidia", "x86-64-variant-provider", "but x86_64"),
        ("mine", "variant-providers", "but others"),
    ],
)
def test_what_a_known_package_is_for(namespace: str, package: str, says: str) -> None:
    machine = Machine()
    assert machine.supported(metadata({namespace: {"requires": [package]}})) == {}
    (note,) = machine.notes
    assert note.message == f"package {package} does not provide this namespace, {says}"


def test_a_detector_that_finds_nothing_has_no_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION", raising=False)
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_SM_ARCH", "not one")
    machine = Machine(settings=EACH)
    wanted = metadata({"nvidia": NVIDIA})
    assert machine.supported(wanted) == {} and machine._facts == {}


def test_without_detectors_there_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise MissingDetectorsError("variant-providers is not installed")

    monkeypatch.setattr(algorithm, "our_plugins", missing)
    machine = Machine()
    assert machine.supported(metadata({"nvidia": {"builtin": "cuda"}})) == {}
    assert ProviderNote("nvidia", "error", "variant-providers is not installed") in machine.notes


def test_a_requirement_that_is_none_is_passed_over() -> None:
    info = ProviderInfo(requires=("===", "nvidia-variant-provider"), plugin_api=NVIDIA["plugin-api"])  # type: ignore[arg-type]
    built = VariantMetadata(V850, ("nvidia",), {"nvidia": info}, {"v": {"nvidia": {"sm_arch": ("90_real",)}}})
    machine = Machine()
    assert machine._packages(info) == ["nvidia-variant-provider"]
    machine.supported(built)
    assert all("no provider package" not in note.message for note in machine.notes)


def test_an_enable_if_that_cannot_be_evaluated_enables_nothing() -> None:
    older = {
        "$schema": "https://variants-schema.wheelnext.dev/v0.0.3.json",
        "default-priorities": {"namespace": ["nvidia"]},
        "providers": {"nvidia": {**NVIDIA, "enable-if": "platform_system == 'Linux'"}},
        "variants": {"v": {"nvidia": {"sm_arch": ["90_real"]}}},
    }
    read = load_metadata(older)
    assert "nvidia" in Machine(load_profile("h100"), environment={"platform_system": "Linux"}).supported(read)
    machine = Machine(load_profile("h100"))
    assert machine._applies("nvidia", "platform_system ==") is False
    assert machine._applies("nvidia", "platform_system == 'Linux'") is True
    assert [note.status for note in machine.notes] == ["error"]
    assert machine.notes[0].message == "its enable-if marker cannot be evaluated: platform_system =="


def test_features_that_no_order_names_come_last() -> None:
    info = ProviderInfo(static_properties={"a": ("1",), "b": ("2",), "c": ("3",)}, feature_order=("c", "x"))
    assert list(algorithm._static(info).items()) == [("c", ["3"]), ("a", ["1"]), ("b", ["2"])]
