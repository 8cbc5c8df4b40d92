"""Variants in a resolution: the chosen wheel's dependencies, fallback, ABI dependencies, preferences."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from packaging.utils import canonicalize_name

from tests.resolve.world import World, machine, variant_metadata
from variantctl.resolve.accelerator_order import AcceleratorOrder
from variantctl.resolve.errors import AcceleratorError, NoCandidateError, UnsupportedVariantError
from variantctl.select.preferences import PreferenceError, VariantPreferences
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.wheels.errors import WheelError

GPU = {"cuda_version_lower_bound": ["12.8", "12.6", "12.0"], "sm_arch": ["90_real", "80_real"]}


def torch_metadata() -> VariantMetadata:
    return variant_metadata(
        ["nvidia", "amd"],
        {
            "cuda12.8": {
                "nvidia": {"cuda_version_lower_bound": ["12.8"], "sm_arch": ["120_real", "90_real"]}
            },
            "cuda12.6": {"nvidia": {"cuda_version_lower_bound": ["12.6"]}},
            "rocm7": {"amd": {"rocm_version": ["7.0"]}},
            "null": {},
        },
    )


@pytest.fixture
def torches(world: World) -> World:
    """Two versions of torch in four variants and a plain wheel, whose dependencies depend on the variant."""
    requires = [
        'triton; "nvidia" in variant_namespaces',
        'triton-rocm; "amd" in variant_namespaces',
        'gemm; "nvidia :: sm_arch :: 90_real" in variant_properties',
        'blackwell; "nvidia::sm_arch::120_real" in variant_properties',
        'cpu; variant_label == "null"',
        'plain; variant_label == ""',
    ]
    for version in ("2.9.0", "2.10.0"):
        world.variants("torch", version, torch_metadata(), requires)
        world.add("torch", version, requires)
    for name in ("triton", "triton-rocm", "gemm", "blackwell", "cpu", "plain"):
        world.add(name)
    return world


@pytest.mark.parametrize(
    ("properties", "label", "dependencies"),
    [
        ({"nvidia": GPU}, "cuda12.8", {"triton", "gemm"}),
        ({"nvidia": {**GPU, "sm_arch": ["80_real"]}}, "cuda12.6", {"triton"}),
        ({"amd": {"rocm_version": ["7.0"]}}, "rocm7", {"triton-rocm"}),
        ({"amd": {"rocm_version": ["6.4"]}}, "null", {"cpu"}),
        ({}, "null", {"cpu"}),
    ],
)
def test_the_chosen_variant_decides_the_dependencies(
    torches: World, properties: dict[str, dict[str, list[str]]], label: str, dependencies: set[str]
) -> None:
    torches.machine = machine(**properties)
    plan = torches.plan("torch")
    torch = next(p for p in plan.install if p.name == "torch")
    assert (str(torch.version), torch.label) == ("2.10.0", label)
    assert {p.name for p in plan.install} == {"torch", *dependencies} == {"torch", *torch.requires}


def test_because_names_the_best_properties(torches: World) -> None:
    torches.machine = machine(nvidia=GPU)
    torch = next(p for p in torches.plan("torch").install if p.name == "torch")
    assert (
        torch.because == "requested; cuda12.8: nvidia :: cuda_version_lower_bound :: 12.8, sm_arch :: 90_real"
    )


def test_a_variant_that_cannot_have_its_dependencies_gives_way_to_the_next(torches: World) -> None:
    torches.machine = machine(nvidia=GPU)
    plan = torches.plan("torch", constraints=["gemm>=3"])
    torch = next(p for p in plan.install if p.name == "torch")
    assert (str(torch.version), torch.label) == ("2.10.0", "cuda12.6")
    (note,) = plan.notes
    assert note.startswith("torch 2.10.0: its variant cuda12.6 is taken in place of cuda12.8: it needs gemm")


def test_fallback_to_null_over_a_deep_conflict(world: World) -> None:
    world.machine = machine(nvidia=GPU)
    metadata = variant_metadata(["nvidia"], {"cuda": {"nvidia": {"sm_arch": ["90_real"]}}, "null": {}})
    world.variants("net", "2.0", metadata, ['mid; variant_label == "cuda"'])
    world.variants("net", "1.0", metadata)
    world.add("mid", requires=["leaf==1"])
    world.add("leaf", "1")
    world.add("leaf", "2")
    plan = world.plan("net", "leaf==2")
    net = next(p for p in plan.install if p.name == "net")
    assert (str(net.version), net.label) == ("2.0", "null")
    assert "in place of cuda" in plan.notes[0] and "leaf==1" in plan.notes[0]


def test_abi_dependency_follows_the_package_and_leads_it(world: World) -> None:
    world.machine = machine(nvidia=GPU)
    gpu = {"nvidia": {"sm_arch": ["90_real"]}}
    metadata = variant_metadata(
        ["nvidia"],
        {
            "torch29": {**gpu, "abi_dependency": {"torch": ["2.9"]}},
            "torch210": {**gpu, "abi_dependency": {"torch": ["2.10"]}},
            "torch2x": {**gpu, "abi_dependency": {"torch": ["2.7", "2.8"]}},
        },
    )
    world.variants("vllm", "1.0", metadata, ["torch"])
    for version in ("2.7.1", "2.8.0", "2.9.0", "2.9.1", "2.10.0"):
        world.add("torch", version)
    assert world.labels("vllm") == {"vllm": "torch210", "torch": None}
    plan = world.plan("vllm", "torch<2.10")
    assert {p.name: (str(p.version), p.label) for p in plan.install} == {
        "vllm": ("1.0", "torch29"),
        "torch": ("2.9.1", None),
    }
    assert "torch==2.10.*" in plan.notes[0]
    assert world.versions("vllm", "torch<2.8", preferences=None) == {"vllm": "1.0", "torch": "2.7.1"}
    chosen = VariantPreferences.parse(labels=["vllm=torch29"])
    assert world.versions("vllm", preferences=chosen) == {"vllm": "1.0", "torch": "2.9.1"}


def test_abi_dependency_follows_what_is_installed(world: World) -> None:
    metadata = variant_metadata(
        ["x"],
        {"t29": {"abi_dependency": {"torch": ["2.9"]}}, "t210": {"abi_dependency": {"torch": ["2.10"]}}},
    )
    world.variants("vllm", "1.0", metadata, ["torch"])
    world.add("torch", "2.10.0")
    world.install("torch", "2.9.0")
    plan = world.plan("vllm")
    assert [(p.name, p.label) for p in plan.install] == [("vllm", "t29")]
    assert [kept.name for kept in plan.keep] == ["torch"]


def test_no_variants_takes_the_plain_wheel(torches: World) -> None:
    torches.machine = machine(nvidia=GPU)
    labels = torches.labels("torch", preferences=VariantPreferences.parse(no_variants=True))
    assert labels == {"torch": None, "plain": None}


def test_variant_option_narrows(torches: World) -> None:
    torches.machine = machine(nvidia=GPU)
    for label, expected in (("cuda12.6", "cuda12.6"), ("null", "null"), ("", None)):
        chosen = VariantPreferences.parse(labels=[f"Torch={label}"])
        assert torches.labels("torch", preferences=chosen)["torch"] == expected


def test_variant_option_never_selects_the_unsupported(torches: World) -> None:
    torches.machine = machine(nvidia={**GPU, "cuda_version_lower_bound": ["12.6"]})
    with pytest.raises(UnsupportedVariantError) as caught:
        torches.plan("torch", preferences=VariantPreferences.parse(labels=["torch=cuda12.8"]))
    assert caught.value.message == (
        "the variant 'cuda12.8' of torch 2.10.0 needs nvidia :: cuda_version_lower_bound 12.8; "
        "the test machine's driver offers 12.6 and older"
    )
    assert caught.value.hint is not None and "--profile" in caught.value.hint


def test_variant_option_with_a_label_that_is_nowhere(torches: World) -> None:
    with pytest.raises(NoCandidateError, match=r"torch 2\.10\.0 has no wheel with the label 'cu99'"):
        torches.plan("torch", preferences=VariantPreferences.parse(labels=["torch=cu99"]))


def test_prefer_and_exclude(torches: World) -> None:
    torches.machine = machine(nvidia=GPU, amd={"rocm_version": ["7.0"]})
    for options, expected in (
        ({"prefer": ["amd"]}, "rocm7"),
        ({"prefer": ["amd :: rocm_version :: 6.0"]}, "cuda12.8"),
        ({"prefer": ["nvidia :: cuda_version_lower_bound :: 12.6", "amd"]}, "cuda12.6"),
        ({"exclude": ["nvidia"]}, "rocm7"),
        ({"exclude": ["nvidia :: sm_arch"]}, "cuda12.6"),
        ({"exclude": ["nvidia :: cuda_version_lower_bound :: 12.8"]}, "cuda12.6"),
        ({"exclude": ["nvidia", "amd"]}, "null"),
    ):
        chosen = VariantPreferences.parse(**options)  # type: ignore[arg-type]
        assert torches.labels("torch", preferences=chosen)["torch"] == expected, options


def test_prefer_cannot_widen(torches: World) -> None:
    chosen = VariantPreferences.parse(prefer=["nvidia", "amd :: rocm_version :: 7.0"])
    assert torches.labels("torch", preferences=chosen)["torch"] == "null"


@pytest.mark.parametrize("text", ["", "a ::", "A", "a :: b :: c :: d", "a b", ":: x"])
def test_patterns_that_cannot_be_read(text: str) -> None:
    with pytest.raises(PreferenceError, match="neither a namespace, a feature nor a property"):
        VariantPreferences.parse(prefer=[text])


@pytest.mark.parametrize("text", ["torch", "=cuda", "torch=CUDA"])
def test_variant_options_that_cannot_be_read(text: str) -> None:
    with pytest.raises(PreferenceError):
        VariantPreferences.parse(labels=[text])
    with pytest.raises(PreferenceError, match="exclude each other"):
        VariantPreferences.parse(labels=["a=b"], no_variants=True)


def test_a_label_missing_from_the_index_metadata_is_incompatible(world: World) -> None:
    metadata = torch_metadata()
    world.variants("torch", "1.0", metadata)
    (world.wheels / "torch-1.0-variants.json").write_text(
        '{"$schema": "https://variants-schema.wheelnext.dev/peps/825/v0.1.1.json", '
        '"default-priorities": {"namespace": ["nvidia"]}, "variants": {"cuda12.6": '
        '{"nvidia": {"cuda_version_lower_bound": ["12.6"]}}}}'
    )
    world.list("torch", "torch-1.0-variants.json")
    world.machine = machine(nvidia=GPU)
    assert world.labels("torch") == {"torch": "cuda12.6"}
    with pytest.raises(NoCandidateError, match="does not list the label 'rocm7'"):
        world.plan("torch", preferences=VariantPreferences.parse(labels=["torch=rocm7"]))


def test_direct_variant_wheel_is_judged_by_its_own_metadata(torches: World) -> None:
    wheel = str(torches.wheels / "torch-2.9.0-py3-none-any-cuda12.6.whl")
    with pytest.raises(NoCandidateError, match=r"needs nvidia :: cuda_version_lower_bound 12\.6"):
        torches.plan(wheel)
    torches.machine = machine(nvidia=GPU)
    assert torches.labels(wheel) == {"torch": "cuda12.6", "triton": None}


def test_variants_of_other_platforms_cost_no_metadata(world: World) -> None:
    """Where all variant wheels are for other platforms no variant metadata is needed (PEP 825, step 4)."""
    metadata = torch_metadata()
    world.variants("lib", "1.0", metadata, tag="cp311-cp311-win_amd64")
    world.add("lib", "1.0")
    world.list("lib", "lib-1.0-variants.json#sha256=" + "0" * 64)
    assert world.labels("lib") == {"lib": None}


# --- the accelerator policy on an index of variants ---

CUDA = variant_metadata(["nvidia"], {"cuda": {"nvidia": {"sm_arch": ["90_real"]}}, "null": {}})
CUDA_OTHER = variant_metadata(["nvidia"], {"cuda": {"nvidia": {"sm_arch": ["120_real"]}}, "null": {}})
LEVELS = variant_metadata(["x86_64"], {"v4": {"x86_64": {"level": ["v4"]}}, "null": {}})


def chosen(world: World, *requirements: str, policy: str = "prefer") -> list[tuple[str, str | None]]:
    plan = world.plan(*requirements, preferences=VariantPreferences(accelerator=policy))
    return [(str(planned.version), planned.label) for planned in plan.install]


def test_an_older_version_with_a_build_goes_before_newer_ones_without(world: World) -> None:
    world.variants("net", "1.0", CUDA)
    world.variants("net", "1.1", CUDA)
    world.variants("net", "2.0", CUDA_OTHER)
    world.add("net", "3.0")
    world.machine = machine(nvidia=GPU)
    assert chosen(world, "net") == [("1.1", "cuda")]
    assert chosen(world, "net>=2") == [("3.0", None)]
    assert chosen(world, "net==2.0") == [("2.0", "null")]
    assert chosen(world, "net", policy="any") == [("3.0", None)]
    assert chosen(world, "net", policy="require") == [("1.1", "cuda")]
    with pytest.raises(AcceleratorError, match="no version that may be taken has a build"):
        chosen(world, "net>=2", policy="require")
    world.machine = machine()
    assert chosen(world, "net") == [("3.0", None)]


def test_what_is_built_for_a_processor_holds_nothing_back(world: World) -> None:
    world.variants("fast", "1.0", LEVELS)
    world.add("fast", "2.0")
    world.machine = machine(nvidia=GPU, x86_64={"level": ["v4", "v3"]})
    assert chosen(world, "fast") == [("2.0", None)]
    assert chosen(world, "fast", policy="require") == [("2.0", None)]


def test_an_accelerator_that_only_its_profile_knows_counts(world: World) -> None:
    world.variants("npu", "1.0", variant_metadata(["ascend"], {"910b": {"ascend": {"npu_type": ["910b"]}}}))
    world.add("npu", "2.0")
    world.machine = machine(ascend={"npu_type": ["910b"]})
    assert chosen(world, "npu") == [("1.0", "910b")]


def test_what_metadata_lists_itself_is_no_device(world: World) -> None:
    static = VariantMetadata(
        schema=PEP_850_SCHEMA,
        namespaces=("build",),
        providers={"build": ProviderInfo(static_properties={"kind": ("fast",)})},
        variants={"quick": {"build": {"kind": ("fast",)}}},
    )
    world.variants("lib", "1.0", static)
    world.add("lib", "2.0")
    world.machine = machine(nvidia=GPU)
    assert chosen(world, "lib") == [("2.0", None)]


def test_what_the_user_excludes_is_no_accelerator(world: World) -> None:
    world.variants("net", "1.0", CUDA)
    world.add("net", "2.0")
    world.machine = machine(nvidia=GPU)
    plan = world.plan("net", preferences=VariantPreferences.parse(exclude=["nvidia"]))
    assert [str(planned.version) for planned in plan.install] == ["2.0"]
    assert plan.notes == ()
    named = world.plan("net", preferences=VariantPreferences.parse(labels=["net="]))
    assert [str(planned.version) for planned in named.install] == ["2.0"]


class Finder:
    """Stands in for what can be had: what each version has, and whether looking at it fails."""

    preferences = VariantPreferences()
    accelerators = ("nvidia",)

    def __init__(self) -> None:
        self.ahead: list[str] = []
        self.backends = self
        self.builds = self

    def has_source(self, _name: str) -> bool:
        return False

    def project(self, _name: str) -> SimpleNamespace:
        return SimpleNamespace(variants_json={})

    def has_variants(self, _name: str) -> bool:
        return True

    def read_ahead(self, _name: str, versions: list[str]) -> None:
        self.ahead += versions


def test_an_old_version_that_cannot_be_read_does_not_stand_in_the_way() -> None:
    finder = Finder()

    def of_version(version: str) -> list[SimpleNamespace]:
        if version == "1.0":
            raise WheelError("net-1.0.whl", "has no variant.json")
        return [SimpleNamespace(version=version, accelerators=())]

    found = AcceleratorOrder(cast("Any", finder)).candidates(
        canonicalize_name("net"), cast("Any", ["3.0", "2.0", "1.0"]), cast("Any", of_version)
    )
    assert [str(next(found).version) for _ in range(2)] == ["3.0", "2.0"]
    with pytest.raises(WheelError):
        next(found)
    assert finder.ahead == ["2.0", "1.0"]
    # The newest fails as it always did.
    first = AcceleratorOrder(cast("Any", finder)).candidates(
        canonicalize_name("net"), cast("Any", ["1.0", "0.9"]), cast("Any", of_version)
    )
    with pytest.raises(WheelError):
        next(first)
