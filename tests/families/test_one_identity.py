"""A family is one project to the resolver, whatever its members are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.resolve.world import World, machine
from variantctl.families.knowledge import FamilyKnowledge
from variantctl.families.registry import Families
from variantctl.providers.algorithm import Machine
from variantctl.resolve.plan import Plan
from variantctl.select.preferences import VariantPreferences
from variantctl.variants.errors import VariantctlError

CUDA_12 = {"cuda_version_lower_bound": ["12.8", "12.0"], "sm_arch": ["90_real"]}
CUDA_13 = {"cuda_version_lower_bound": ["13.0", "12.8", "12.0"], "sm_arch": ["90_real"]}


def shipped() -> Families:
    """The families that come with variantctl."""
    return Families(lambda: FamilyKnowledge(None))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """onnxruntime as it is on PyPI, in small, and what needs one or another of its names."""
    made = World(tmp_path, families=shipped())
    for version in ("1.26.0", "1.31.1", "1.32.0"):
        made.add("onnxruntime", version)
    for version in ("1.26.0", "1.31.1"):
        made.add("onnxruntime-gpu", version, ["cuda; extra == 'cuda'"])
    made.add("onnxruntime-migraphx", "1.27.1")
    made.add("onnxruntime-openvino", "1.24.1")
    made.add("needs-cpu", "1.0", ["onnxruntime>=1.20"])
    made.add("needs-gpu", "1.0", ["onnxruntime-gpu<1.31.1"])
    return made


def taken(plan: Plan) -> dict[str, str]:
    return {planned.distribution: str(planned.version) for planned in plan.install}


def members(plan: Plan) -> list[str]:
    return [name for name in taken(plan) if name.startswith("onnxruntime")]


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        (machine(nvidia=CUDA_13), ("onnxruntime-gpu", "1.31.1")),
        (machine(nvidia=CUDA_12), ("onnxruntime-gpu", "1.26.0")),
        (machine(amd={"gfx_arch": ["gfx942"]}), ("onnxruntime-migraphx", "1.27.1")),
        (machine(intel={"device_ip": ["20.1.0"]}), ("onnxruntime-openvino", "1.24.1")),
        (machine(), ("onnxruntime", "1.32.0")),
    ],
)
def test_the_machine_says_which_member(world: World, offers: Machine, expected: tuple[str, str]) -> None:
    world.machine = offers
    name, version = expected
    assert taken(world.plan("onnxruntime")) == {name: version}


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("offers", [machine(nvidia=CUDA_13), machine(nvidia=CUDA_12), machine()])
def test_exactly_one_that_satisfies_every_specifier(world: World, offers: Machine, order: int) -> None:
    world.machine = offers
    plan = world.plan(*["needs-cpu", "needs-gpu", "onnxruntime"][::order])
    assert len(members(plan)) == 1
    assert taken(plan)[members(plan)[0]] == "1.26.0"  # needs-gpu wants one that is older
    (planned,) = (each for each in plan.install if each.name == "onnxruntime")
    names = {"onnxruntime", "onnxruntime-gpu"}
    assert {planned.distribution, *planned.stands_in_for} >= names


def test_who_asks_for_both_gets_one(world: World) -> None:
    world.machine = machine(nvidia=CUDA_13)
    plan = world.plan("onnxruntime", "onnxruntime-gpu")
    assert taken(plan) == {"onnxruntime-gpu": "1.31.1"}
    assert plan.install[0].stands_in_for == ("onnxruntime",)


def test_a_file_with_both_names_is_for_machines_without_a_gpu_too(world: World) -> None:
    """As `pip freeze` writes it where both are installed."""
    for offers, expected in ((machine(nvidia=CUDA_12), "onnxruntime-gpu"), (machine(), "onnxruntime")):
        world.machine = offers
        assert taken(world.plan("onnxruntime==1.26.0", "onnxruntime-gpu==1.26.0")) == {expected: "1.26.0"}
        plan = world.plan("onnxruntime-gpu<1.31", "onnxruntime>=1.20")
        assert taken(plan) == {expected: "1.26.0"}
        assert plan.install[0].stands_in_for == tuple({"onnxruntime", "onnxruntime-gpu"} - {expected})
    # Only one of them has the newest version.
    world.machine = machine(nvidia=CUDA_13)
    assert taken(world.plan("onnxruntime==1.32.0", "onnxruntime-gpu")) == {"onnxruntime": "1.32.0"}


def test_what_only_another_platform_has_is_said_of_the_member(world: World) -> None:
    world.add("onnxruntime-directml", "1.24.0", tag="py3-none-win_amd64")
    world.machine = machine()
    with pytest.raises(VariantctlError, match=r"onnxruntime 1\.24\.0 .*it is for win_amd64") as refused:
        world.plan("onnxruntime-directml")
    assert "--no-families" not in (refused.value.hint or "")


def test_names_without_wheels_are_not_taken_for_the_package(tmp_path: Path) -> None:
    """RAPIDS' own names hold an empty version; of projects without any wheel the source is found."""
    world = World(tmp_path, families=shipped())
    world.add("cudf", "0.0.1")
    world.add("cudf-cu11", "0.0.1", yanked="")
    world.add("cudf-cu12", "26.10.0")
    world.machine = machine(nvidia={"cuda_version_lower_bound": ["12.0", "11.2"], "sm_arch": ["61_real"]})
    with pytest.raises(
        VariantctlError, match=r"no build of cudf 26\.10\.0 .*cudf-cu12 needs nvidia :: sm_arch"
    ):
        world.plan("cudf")


def test_a_name_is_a_wish(world: World) -> None:
    world.machine = machine(nvidia=CUDA_13, amd={"gfx_arch": ["gfx942"]})
    assert members(world.plan("onnxruntime-migraphx")) == ["onnxruntime-migraphx"]
    world.machine = machine(nvidia=CUDA_12)
    assert taken(world.plan("onnxruntime-gpu")) == {"onnxruntime-gpu": "1.26.0"}
    # It runs on any processor, so nothing is lacking.
    assert members(world.plan("onnxruntime-openvino")) == ["onnxruntime-openvino"]
    world.machine = machine()
    with pytest.raises(VariantctlError, match=r"as it is asked for by name, is for .*nvidia") as refused:
        world.plan("onnxruntime-gpu")
    assert (
        refused.value.hint is not None
        and "--no-families installs onnxruntime-gpu all the same" in refused.value.hint
    )


def test_variant_counts_for_every_name(world: World) -> None:
    world.machine = machine(nvidia=CUDA_13)
    for said in ("onnxruntime=cpu", "onnxruntime-gpu=cpu"):
        preferences = VariantPreferences.parse(labels=[said])
        assert taken(world.plan("onnxruntime", preferences=preferences)) == {"onnxruntime": "1.32.0"}


def test_extras_of_a_member_stay_extras(world: World) -> None:
    world.machine = machine(nvidia=CUDA_13)
    world.add("cuda", "13.0")
    assert taken(world.plan("onnxruntime-gpu[cuda]")) == {"onnxruntime-gpu": "1.31.1", "cuda": "13.0"}


def test_without_families_names_are_what_they_are(world: World) -> None:
    world.machine = machine(nvidia=CUDA_13)
    world.families = Families()
    assert members(world.plan("onnxruntime", "onnxruntime-gpu")) == ["onnxruntime", "onnxruntime-gpu"]
    world.families = shipped()
    none = VariantPreferences(no_variants=True)
    assert members(world.plan("onnxruntime", preferences=none)) == ["onnxruntime"]


def test_what_is_installed_counts_for_the_identity(world: World) -> None:
    world.machine = machine(nvidia=CUDA_13)
    world.install("onnxruntime-gpu", "1.31.1")
    plan = world.plan("onnxruntime-gpu")
    assert not plan.install and [kept.name for kept in plan.keep] == ["onnxruntime-gpu"]
    # Somebody needs the other name now: the same wheel once more, for that name too.
    plan = world.plan("needs-cpu")
    assert taken(plan) == {"needs-cpu": "1.0", "onnxruntime-gpu": "1.31.1"}


def test_of_two_that_overwrote_each_other_one_is_left(world: World) -> None:
    world.machine = machine(nvidia=CUDA_13)
    world.install("onnxruntime", "1.32.0")
    world.install("onnxruntime-gpu", "1.31.1")
    plan = world.plan("onnxruntime")
    assert taken(plan) == {"onnxruntime-gpu": "1.31.1"}
    assert {removal.name for removal in plan.remove} == {"onnxruntime", "onnxruntime-gpu"}


def test_a_publisher_with_real_variants_is_left_alone(world: World) -> None:
    from tests.resolve.world import variant_metadata

    world.machine = machine(nvidia=CUDA_13)
    metadata = variant_metadata(["nvidia"], {"cu13": {"nvidia": {"cuda_version_lower_bound": ["13.0"]}}})
    world.variants("onnxruntime", "2.0", metadata)
    plan = world.plan("onnxruntime")
    assert [(planned.label, str(planned.version)) for planned in plan.install] == [("cu13", "2.0")]


@pytest.mark.parametrize(
    ("offers", "label", "plugin"),
    [
        (machine(nvidia=CUDA_13), "cuda13", "jax-cuda13-plugin"),
        (machine(nvidia=CUDA_12), "cuda12", "jax-cuda12-plugin"),
        (machine(amd={"gfx_arch": ["gfx942"], "rocm_version": ["7.0"]}), "rocm", "jax-rocm7-plugin"),
        (machine(), "cpu", None),
    ],
)
def test_an_extra_is_a_member_too(tmp_path: Path, offers: Machine, label: str, plugin: str | None) -> None:
    world = World(tmp_path, offers, families=shipped())
    plugins = {
        "cuda13": "jax-cuda13-plugin",
        "cuda12": "jax-cuda12-plugin",
        "rocm7-local": "jax-rocm7-plugin",
    }
    for version in ("0.11.0", "0.12.0"):
        requires = [f"{name}=={version}; extra == '{extra}'" for extra, name in plugins.items()]
        world.add("jax", version, requires)
    for name in plugins.values():
        world.add(name, "0.11.0" if "rocm" in name else "0.12.0")
    plan = world.plan("jax")
    assert [planned.label for planned in plan.install if planned.name == "jax"] == [label]
    assert set(taken(plan)) == {"jax", *([plugin] if plugin else [])}
    # The plugin for ROCm is not there for the newest: an older version with it goes before none.
    assert taken(plan)["jax"] == ("0.11.0" if label == "rocm" else "0.12.0")


def test_an_extra_that_is_asked_for_is_a_wish(tmp_path: Path) -> None:
    world = World(tmp_path, machine(nvidia=CUDA_13), families=shipped())
    requires = ["jax-cuda13-plugin; extra == 'cuda13'", "jax-cuda12-plugin; extra == 'cuda12'"]
    world.add("jax", "0.12.0", requires)
    world.add("jax-cuda13-plugin")
    world.add("jax-cuda12-plugin")
    world.add("needs-jax", "1.0", ["jax[cuda12]"])
    assert set(taken(world.plan("jax[cuda12]"))) == {"jax", "jax-cuda12-plugin"}
    assert set(taken(world.plan("jax[cuda]"))) == {"jax", "jax-cuda12-plugin"}
    # Of what only a dependency names the machine's own goes first.
    assert set(taken(world.plan("needs-jax"))) == {"needs-jax", "jax", "jax-cuda13-plugin"}
