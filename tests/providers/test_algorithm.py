"""The provider algorithm: who is asked, in which order, and who is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from variantctl.providers import algorithm
from variantctl.providers.algorithm import Machine, ProviderNote, ProviderSettings
from variantctl.providers.asking import FeatureReport, ProviderReport, query_plugin
from variantctl.providers.plugins import KNOWN_PROVIDERS, our_plugins
from variantctl.providers.profiles import Profile, load_profile, parse_profile
from variantctl.providers.settings import PluginSources
from variantctl.variants import load_metadata
from variantctl.variants.metadata import VariantMetadata

FIXTURES = Path(__file__).parents[2] / "fixtures" / "metadata"
V850 = "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json"
NVIDIA = {
    "requires": ["nvidia-variant-provider"],
    "plugin-api": "nvidia_variant_provider.plugin:NvidiaVariantPlugin",
}


@pytest.fixture(autouse=True)
def forced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VARIANTCTL_CONFIG_DIR", str(tmp_path / "nobody-is-trusted"))
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION", "12.8")
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_SM_ARCH", "9.0")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The namespaces whose detectors ran, in order."""
    asked: list[str] = []

    def query(plugin: Any, namespace: str, root: str | None = None) -> ProviderReport:
        asked.append(namespace)
        return query_plugin(plugin, namespace, root)

    monkeypatch.setattr(algorithm, "query_plugin", query)
    yield asked


def metadata(providers: Mapping[str, Any], used: Mapping[str, Any] | None = None) -> VariantMetadata:
    """Metadata with these providers, and a variant that uses one feature of each."""
    used = {name: {"f": ["1"]} for name in providers} if used is None else used
    return load_metadata(
        {
            "$schema": V850,
            "default-priorities": {"namespace": list(providers)},
            "providers": dict(providers),
            "variants": {"null": {}, "v": used} if used else {"null": {}},
        }
    )


@pytest.mark.parametrize("package", KNOWN_PROVIDERS)
def test_every_known_package_is_answered_by_ours(package: str, asked: list[str]) -> None:
    namespace = KNOWN_PROVIDERS[package] or "nvidia"
    spelled = package.replace("-", "_").title() + ">=0.0.1,<1.0.0"
    Machine().supported(metadata({namespace: {"requires": [spelled]}}))
    assert asked == [namespace]


NVIDIA_PLUGIN = "nvidia_variant_provider.plugin:NvidiaVariantPlugin"


@pytest.mark.parametrize(
    ("namespace", "requires", "api", "is_answered"),
    [
        # As uv 0.13.9 does, which was asked (to the second it says no: it has only the one plugin).
        ("nvidia", "nvidia-variant-provider", NVIDIA_PLUGIN, True),
        ("nvidia", "nvidia-variant-provider", None, True),
        (
            "nvidia",
            "nvidia-variant-provider>=0.0.1,<1.0.0",
            " nvidia_variant_provider.plugin : NvidiaVariantPlugin",
            True,
        ),
        ("nvidia", "nvidia-variant-provider>=0.0.2", NVIDIA_PLUGIN, False),
        ("nvidia", "nvidia-variant-provider==1.*", NVIDIA_PLUGIN, False),
        ("nvidia", "nvidia-variant-provider", "nvidia_variant_provider.plugin:Other", False),
        ("nvidia", "nvidia-variant-provider", "a.b:C", False),
        ("x86_64", "x86-64-variant-provider>=0.2.1", None, True),
        ("x86_64", "x86-64-variant-provider>=0.3", None, False),
        ("x86_64", "x86-64-variant-provider<0.2.1", None, False),
        ("x86_64", "x86-64-variant-provider", "x86_64_variant_provider", True),
        ("x86_64", "x86-64-variant-provider", "x86_64_variant_provider:Plugin", False),
        (
            "x86_64",
            "provider-variant-x86-64==0.0.1.post2",
            "provider_variant_x86_64.plugin:X8664Plugin",
            True,
        ),
        ("x86_64", "provider-variant-x86-64>=9", None, False),
        ("amd", "amd-variant-provider>=0.0.2,<1.0.0", "amd_variant_provider.plugin:AMDVariantPlugin", True),
        ("amd", "amd-variant-provider>=1", None, False),
        ("amd", "amd-variant-provider", "intel_variant_provider.plugin:X", False),
        ("intel", "intel-variant-provider>=0.0.3", None, True),
        # Found out by asking uv 0.13.9.
        ("tpu", "tpu-variant-provider>=0.1", "tpu_variant_provider.plugin:TpuVariantPlugin", True),
        ("tpu", "tpu-variant-provider>=0.1.1", "tpu_variant_provider.plugin:TpuVariantPlugin", False),
        ("tpu", "tpu-variant-provider", "tpu_variant_provider.plugin:TPUVariantPlugin", False),
        ("intel", "variant-providers", "variant_providers.intel", True),
        ("intel", "variant-providers", "variant_providers.intel : IntelPlugin", True),
        ("intel", "variant-providers", "variant_providers", True),
        ("intel", "variant-providers", "variant_providers.amd", False),
        ("intel", "variant-providers", "variant_providers.intelligent", False),
    ],
)
def test_versions_and_plugins_are_honoured(
    namespace: str, requires: str, api: str | None, is_answered: bool, asked: list[str]
) -> None:
    machine = Machine()
    provider: dict[str, object] = {"requires": [requires], **({"plugin-api": api} if api else {})}
    supported = machine.supported(metadata({namespace: provider}))
    assert (asked == [namespace]) is is_answered
    if not is_answered:
        assert supported == {}
        (note,) = machine.notes
        assert note.status == "error" and any(
            words in note.message for words in ("answers as", "no plugin", "not for this namespace")
        )


def test_the_answer_is_the_plugins(asked: list[str]) -> None:
    machine = Machine()
    supported = machine.supported(metadata({"nvidia": NVIDIA}))
    assert list(supported["nvidia"]) == ["cuda_version_lower_bound", "cuda_version_upper_bound", "sm_arch"]
    assert supported["nvidia"]["sm_arch"] == ["90_real", "90_virtual"]
    machine.supported(metadata({"nvidia": NVIDIA}))
    assert asked == ["nvidia"]


def test_only_used_namespaces_are_asked(asked: list[str]) -> None:
    x86 = {"requires": ["x86-64-variant-provider"]}
    both = metadata({"nvidia": NVIDIA, "x86_64": x86}, used={"x86_64": {"level": ["v3"]}})
    Machine().supported(both)
    assert asked == ["x86_64"]
    asked.clear()
    Machine().supported(both, used_only=False)
    assert asked == ["nvidia", "x86_64"]


def test_disabled_comes_before_everything(asked: list[str]) -> None:
    machine = Machine(load_profile("h100"), ProviderSettings(disabled=frozenset({"nvidia"})))
    assert machine.supported(metadata({"nvidia": NVIDIA})) == {}
    assert asked == [] and machine.notes == [ProviderNote("nvidia", "disabled", "disabled by you")]


def test_an_optional_provider_answers_when_enabled() -> None:
    optional = metadata({"nvidia": {**NVIDIA, "optional": True}})
    machine = Machine()
    assert machine.supported(optional) == {}
    assert "--enable-provider nvidia" in machine.notes[0].message
    assert "nvidia" in Machine(settings=ProviderSettings(enabled=frozenset({"nvidia"}))).supported(optional)


def test_a_static_list_comes_before_a_profile() -> None:
    static = {"static-properties": {"b": ["2", "1"], "a": ["x"]}, "feature-order": ["a", "b"]}
    supported = Machine(load_profile("h100")).supported(metadata({"mine": static}))
    assert list(supported["mine"].items()) == [("a", ["x"]), ("b", ["2", "1"])]


def test_a_profile_is_exclusive(asked: list[str]) -> None:
    machine = Machine(load_profile("mi300x"))
    amd = {"requires": ["amd-variant-provider"]}
    supported = machine.supported(metadata({"nvidia": NVIDIA, "amd": amd}))
    assert list(supported) == ["amd"] and supported["amd"]["gfx_arch"] == ["gfx942"]
    assert supported["amd"]["rocm_version"][0] == "10.0" and "7.1" in supported["amd"]["rocm_version"]
    assert asked == [] and ProviderNote("nvidia", "absent", "profile mi300x has no nvidia") in machine.notes


def test_a_profiles_lists_answer_for_any_package() -> None:
    profile = parse_profile(b'format = 1\n[properties.ascend]\nnpu_type = ["910b"]', source="x")
    ascend = metadata({"ascend": {"requires": ["ascend-variant-provider"]}})
    assert Machine(profile).supported(ascend) == {"ascend": {"npu_type": ["910b"]}}


def test_a_profile_that_supports_nothing_says_why() -> None:
    profile = parse_profile(b'format = 1\n[nvidia]\ncuda_driver = "16.0"', source="x")
    machine = Machine(profile)
    assert machine.supported(metadata({"nvidia": NVIDIA})) == {}
    assert machine.notes[0].status == "error" and "outside the known range" in machine.notes[0].message


def test_builtin_means_ours_where_there_is_one(asked: list[str]) -> None:
    machine = Machine()
    supported = machine.supported(metadata({"nvidia": {"builtin": "cuda"}, "odd": {"builtin": "odd"}}))
    assert list(supported) == ["nvidia"] and asked == ["nvidia"]
    assert "no detector for the built-in provider 'odd'" in machine.notes[-1].message


def test_without_providers_our_namespaces_answer(asked: list[str]) -> None:
    plain = load_metadata(
        {
            "$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json",
            "default-priorities": {"namespace": ["nvidia", "blas"]},
            "variants": {"v": {"nvidia": {"sm_arch": ["90_real"]}, "blas": {"library": ["mkl"]}}},
        }
    )
    assert list(Machine().supported(plain)) == ["nvidia"] and asked == ["nvidia"]


def test_an_unknown_package_is_refused_by_name() -> None:
    ascend = metadata({"ascend": {"requires": ["Ascend.Variant_Provider>=0.0.2"]}})
    machine = Machine()
    assert machine.supported(ascend) == {}
    assert machine.notes[0].status == "untrusted"
    assert "package ascend-variant-provider, is not trusted" in machine.notes[0].message
    machine.supported(ascend)
    assert len(machine.notes) == 1


def test_a_trusted_package_that_cannot_be_had_costs_a_note(tmp_path: Path) -> None:
    nowhere = PluginSources(no_index=True, find_links=(str(tmp_path),), cache_dir=tmp_path / "cache")
    settings = ProviderSettings(trusted=frozenset({"Ascend_Variant_Provider"}), sources=lambda: nowhere)
    machine = Machine(settings=settings)
    assert machine.supported(metadata({"ascend": {"requires": ["ascend-variant-provider"]}})) == {}
    assert [note.status for note in machine.notes] == ["error"]
    assert "package ascend-variant-provider, could not be asked" in machine.notes[0].message


def test_a_known_package_cannot_answer_for_another_namespace(asked: list[str]) -> None:
    machine = Machine()
    assert machine.supported(metadata({"gpu": NVIDIA, "mine": {"requires": ["variant-providers"]}})) == {}
    assert asked == [] and [note.status for note in machine.notes] == ["error", "error"]


def test_abi_dependencies_are_left_to_the_resolver() -> None:
    both = metadata(
        {"nvidia": NVIDIA}, used={"nvidia": {"sm_arch": ["90_real"]}, "abi_dependency": {"torch": ["2.9"]}}
    )
    machine = Machine()
    assert list(machine.supported(both)) == ["nvidia"]
    assert {note.namespace for note in machine.notes} == {"nvidia"}


def test_real_metadata_of_torch_2_10(asked: list[str]) -> None:
    torch = load_metadata((FIXTURES / "torch-2.10.0-variants.json").read_bytes())
    machine = Machine(load_profile("h100"))
    supported = machine.supported(torch)
    assert supported["priority"] == {"order": ["1", "2", "3"]} and "nvidia" in supported
    assert asked == []


def test_enable_if_is_evaluated_for_the_profiles_platform(asked: list[str]) -> None:
    torch = load_metadata((FIXTURES / "torch-2.10.0-variants.json").read_bytes())
    mac = Profile("mac", load_profile("apple-m4").platform, {"nvidia": {"cuda_driver": "12.8"}})
    assert "nvidia" not in Machine(mac).supported(torch)
    assert "nvidia" not in Machine(environment={"platform_system": "Darwin"}).supported(torch)
    Machine(environment={"platform_system": "Windows"}).supported(torch)
    assert asked == ["nvidia", "intel"]


def test_requirements_of_other_platforms_do_not_count(asked: list[str]) -> None:
    requires = ["other-provider; platform_system == 'Plan9'", "nvidia-variant-provider"]
    Machine().supported(metadata({"nvidia": {"requires": requires, "plugin-api": NVIDIA_PLUGIN}}))
    assert asked == ["nvidia"]


@pytest.mark.parametrize("answer", [None, {}, {"status": "ok"}, RuntimeError("boom"), KeyError("features")])
def test_a_detector_that_fails_costs_a_note(answer: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def detect(root: str | None = None) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(our_plugins()["nvidia"], "detect", detect)
    machine = Machine()
    assert machine.supported(metadata({"nvidia": NVIDIA})) == {}
    assert machine.notes[0].status == "error" and "bug" in machine.notes[0].message


def test_a_malformed_override_costs_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_SM_ARCH", "sm_90")
    machine = Machine()
    assert machine.supported(metadata({"nvidia": NVIDIA})) == {}
    assert "NV_VARIANT_PROVIDER_FORCE_SM_ARCH" in machine.notes[0].message


class Foreign:
    """Stands for the providers of others: says which plugin was asked."""

    asked: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, settings: ProviderSettings) -> None:
        pass

    def query(self, namespace: str, requirements: Any, plugin_api: str) -> ProviderReport:
        self.asked.append((namespace, plugin_api))
        value = "1" if plugin_api == "first:Plugin" else "2"
        return ProviderReport(namespace, "ok", "foreign", features=(FeatureReport("f", (value,), False),))


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    monkeypatch.setattr("variantctl.providers.foreign.ForeignProviders", Foreign)
    Foreign.asked = []
    return Foreign.asked


def test_a_package_for_another_namespace_answers_nothing(asked: list[str]) -> None:
    """An ``amd`` that requires NVIDIA's provider is a mistake: nobody's detector may answer for it."""
    machine = Machine()
    assert machine.supported(metadata({"amd": NVIDIA})) == {}
    assert asked == []
    (note,) = machine.notes
    assert (note.namespace, note.status) == ("amd", "error")
    assert "nvidia-variant-provider does not provide this namespace" in note.message


def test_what_may_not_be_asked_at_install_time_is_not(foreign: list[tuple[str, str]]) -> None:
    """Older metadata's ``install-time: false``, without a list; trusted or not."""
    older = {
        "$schema": "https://variants-schema.wheelnext.dev/v0.0.3.json",
        "default-priorities": {"namespace": ["theirs"]},
        "providers": {"theirs": {"requires": ["theirs"], "plugin-api": "a:B", "install-time": False}},
        "variants": {"v": {"theirs": {"f": ["1"]}}},
    }
    settings = ProviderSettings(trusted=frozenset({"theirs"}))
    machine = Machine(settings=settings)
    assert machine.supported(load_metadata(older)) == {}
    assert foreign == []
    assert [(note.status, "install time" in note.message) for note in machine.notes] == [("absent", True)]
    older["providers"]["theirs"]["install-time"] = True  # type: ignore[index]
    assert Machine(settings=settings).supported(load_metadata(older)) == {"theirs": {"f": ["2"]}}
    assert foreign == [("theirs", "a:B")]


def test_each_plugin_of_a_package_answers_for_itself(foreign: list[tuple[str, str]]) -> None:
    """Two versions of a project may name two objects of one package."""
    machine = Machine(settings=ProviderSettings(trusted=frozenset({"theirs"})))
    answers = [
        machine.supported(metadata({"theirs": {"requires": ["theirs"], "plugin-api": api}}))
        for api in ("first:Plugin", "second:Plugin", "first:Plugin")
    ]
    assert answers == [{"theirs": {"f": ["1"]}}, {"theirs": {"f": ["2"]}}, {"theirs": {"f": ["1"]}}]
    assert foreign == [("theirs", "first:Plugin"), ("theirs", "second:Plugin")]
