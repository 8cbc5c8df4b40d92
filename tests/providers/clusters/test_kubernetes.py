"""Labels of Kubernetes: every shape that we know of, and what is no list of nodes."""

# ruff: noqa: E501

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from fixtures.clusters.make import HERE, cluster, node, nvidia
from variantctl.providers.clusters.classes import MachineClass, classes_of
from variantctl.providers.clusters.errors import ClusterFileError
from variantctl.providers.clusters.kubernetes import read_kubernetes
from variantctl.providers.clusters.nodes import Assumptions, Node
from variantctl.providers.errors import ProfileError
from variantctl.providers.profiles import parse_profile


def read(*items: Any, assume: tuple[str, ...] = ()) -> list[Node]:
    data = json.dumps({"kind": "List", "items": list(items)}).encode()
    nodes, _notes = read_kubernetes(data, "nodes.json")
    filled = Assumptions(assume)
    return [filled.fill(node) for node in nodes]


def classes(*items: Any, assume: tuple[str, ...] = ()) -> dict[str, MachineClass]:
    return {one.name: one for one in classes_of(read(*items, assume=assume), "kubectl")}


def test_the_fixture_is_what_its_recipe_makes() -> None:
    assert json.loads((HERE / "nodes.json").read_text())["items"] == cluster()


def test_every_machine_of_the_fixture() -> None:
    found = {
        one.name: (
            len(one.nodes),
            {name: facts for name, facts in one.namespaces.items() if name not in ("x86_64", "aarch64")},
        )
        for one in classes(*cluster()).values()
    }
    assert found == {
        # The whole ones, those of one MIG slice and those of several: the same builds run on all.
        "a100-sxm4-80gb": (5, {"nvidia": {"cuda_driver": "12.4", "compute_capabilities": ["8.0"]}}),
        "h100-80gb-hbm3": (4, {"nvidia": {"cuda_driver": "12.8", "compute_capabilities": ["9.0"]}}),
        "gh200-480gb": (1, {"nvidia": {"cuda_driver": "12.8", "compute_capabilities": ["9.0"]}}),
        "l40s": (1, {"nvidia": {"cuda_driver": "12.8", "compute_capabilities": ["8.9"]}}),
        "t4": (1, {"nvidia": {"cuda_driver": "12.2", "compute_capabilities": ["7.5"]}}),
        "l4": (1, {"nvidia": {"compute_capabilities": ["8.9"]}}),
        "nvidia-gpu": (1, {"nvidia": {}}),
        "instinct-mi300x-vf": (1, {"amd": {"gfx_archs": ["gfx942"], "amdgpu": "6.12.12"}}),
        "amd-gpu": (1, {"amd": {"gfx_archs": ["gfx90a"]}}),
        "radeon-rx-7900-xtx": (1, {"amd": {"gfx_archs": ["gfx1100", "gfx1201"], "amdgpu": "6.14.0"}}),
        "flex-170": (1, {"intel": {"device_ips": ["12.55.8"]}}),
        "cpu-x86-64": (2, {}),
        "cpu-aarch64": (1, {}),
        "cpu-windows-amd64": (1, {}),
    }  # fmt: skip


def test_processors_by_the_labels_of_node_feature_discovery() -> None:
    found = classes(*cluster())
    assert found["h100-80gb-hbm3"].namespaces["x86_64"]["level"] == "v4"
    assert "amx_bf16" in str(found["h100-80gb-hbm3"].namespaces["x86_64"]["features"])
    assert found["a100-sxm4-80gb"].namespaces["x86_64"]["level"] == "v3"
    assert found["gh200-480gb"].namespaces["aarch64"]["version"] == "9.0a"
    assert found["cpu-x86-64"].namespaces["x86_64"] == {"level": "v1", "features": []}
    told = classes(node("new", {}, flags="X86_64_V1 X86_64_V2 X86_64_V3"))
    assert told["cpu-x86-64"].namespaces["x86_64"]["level"] == "v3"


@pytest.mark.parametrize("one", classes(*cluster()).values(), ids=lambda one: one.name)
def test_a_profile_is_read_back_or_says_what_it_lacks(one: MachineClass) -> None:
    if one.is_complete:
        profile = parse_profile(one.profile.encode(), source="x.toml")
        assert {name: dict(facts) for name, facts in profile.namespaces.items()} == one.namespaces
        assert profile.supported()
    else:
        with pytest.raises(ProfileError, match=r"nvidia\.cuda_driver: missing"):
            parse_profile(one.profile.encode(), source="x.toml")
        assert "# nvidia.cuda_driver is not known" in one.profile


def test_what_labels_do_not_say_is_a_gap() -> None:
    missing = {one.name: {gap.fact for gap in one.gaps} for one in classes(*cluster()).values()}
    assert missing["nvidia-gpu"] == {"nvidia.cuda_driver", "nvidia.compute_capabilities"}
    assert missing["l4"] == {"nvidia.cuda_driver", "x86_64.level"}
    assert missing["amd-gpu"] == {"amd.amdgpu"}
    assert missing["cpu-x86-64"] == {"x86_64.level"}
    assert missing["h100-80gb-hbm3"] == set()


def test_gaps_are_filled_with_what_is_assumed_and_nothing_else_is() -> None:
    assume = ("nvidia.cuda_driver=13.0", "x86_64.level=v3", "platform.libc=glibc 2.39", "amd.amdgpu=6.16.6")
    found = classes(*cluster(), assume=assume)
    assert found["l4"].namespaces["nvidia"] == {"cuda_driver": "13.0", "compute_capabilities": ["8.9"]}
    assert found["l4"].namespaces["x86_64"]["level"] == "v3"
    assert found["h100-80gb-hbm3"].namespaces["nvidia"]["cuda_driver"] == "12.8"
    assert found["h100-80gb-hbm3"].namespaces["x86_64"]["level"] == "v4"
    assert found["amd-gpu"].namespaces["amd"]["amdgpu"] == "6.16.6"
    assert "nvidia" not in found["cpu-x86-64"].namespaces
    assert all(one.platform.libc == "glibc 2.39" for one in found.values())
    assert {gap.fact for gap in found["nvidia-gpu"].gaps} == {"nvidia.compute_capabilities"}


@pytest.mark.parametrize(
    "text",
    [
        "cuda=12.8",
        "nvidia.cuda_driver",
        "nvidia.cuda=12.8",
        "nvidia.cuda_driver=new",
        "platform.os=x",
        "tpu.v=5",
    ],
)
def test_assumptions_that_no_profile_may_have_are_refused(text: str) -> None:
    with pytest.raises(ProfileError, match="--assume"):
        Assumptions([text])


def test_only_the_deprecated_labels_of_an_older_discovery() -> None:
    labels = {
        key: value
        for key, value in nvidia("Tesla-V100-SXM2-16GB", "7.0", "470.256.02", "11.4", 4).items()
        if "-version." not in key
    }
    (found,) = read(node("old", labels))
    assert found.namespaces["nvidia"] == {"cuda_driver": "11.4", "compute_capabilities": ["7.0"]}
    labels = {key: value for key, value in labels.items() if "runtime" not in key}
    (found,) = read(node("older", labels))
    assert found.namespaces["nvidia"]["cuda_driver"] == "11.4"


def test_machines_of_several_vendors_and_drivers() -> None:
    both = {**nvidia("NVIDIA-L4", "8.9", "570.1", "12.8", 1), "gpu.intel.com/product": "Flex_170"}
    (found,) = read(node("both", both))
    assert set(found.namespaces) == {"nvidia", "intel", "x86_64"}
    old, new = (
        nvidia("NVIDIA-A30", "8.0", driver, cuda, 1)
        for driver, cuda in (("535.1", "12.2"), ("570.1", "12.8"))
    )
    assert set(classes(node("a", old), node("b", new))) == {"a30-cuda12.2", "a30-cuda12.8"}


def test_a_name_that_fits_several_gpus_is_not_guessed() -> None:
    (found,) = read(
        node("odd", {"karpenter.k8s.aws/instance-gpu-name": "rtx 6000"}, capacity={"nvidia.com/gpu": "1"})
    )
    assert "compute_capabilities" not in found.namespaces["nvidia"]
    assert any("7.5 or 8.9" in gap.why for gap in found.gaps)


def test_more_gpus_than_the_labels_describe_is_said() -> None:
    notes = {note for one in read(*cluster()) for note in one.notes}
    assert any("it has 4 of nvidia.com/gpu, and the labels describe 2" in note for note in notes)
    assert any("google.com/tpu" in note for note in notes)
    assert len(notes) == 2


HOSTILE: Mapping[str, bytes] = {
    "empty": b"",
    "yaml": b"apiVersion: v1\nitems: []\n",
    "a number": b"1",
    "deep": b"[" * 100_000,
    "no list": b'{"items": {"a": 1}}',
    "pods": json.dumps({"items": [{"kind": "Pod", "metadata": {"name": "a"}}]}).encode(),
    "one pod": b'{"kind": "Pod", "metadata": {}}',
    "nothing in it": b'{"kind": "List", "items": []}',
    "no metadata": b'{"kind": "List", "items": [{"kind": "Node"}, 3, null]}',
    "not text": b"\xff\xfe\x00{",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_list_of_nodes(data: bytes) -> None:
    with pytest.raises(ClusterFileError) as raised:
        read_kubernetes(data, "x.json")
    assert "x.json" in raised.value.message
    assert (
        "Pod" not in str(data) or "there is no node" in raised.value.message or "Pod" in raised.value.message
    )


def test_odd_values_in_labels_do_no_harm() -> None:
    odd: dict[str, Any] = node(
        'evil\x1b[31m\n"]', {"nvidia.com/gpu.product": "A\x1b]0;x\x07\nB = 1", "a": "b"}
    )
    odd["metadata"]["labels"] |= {
        "nvidia.com/gpu.compute.major": "9" * 400, "nvidia.com/gpu.count": ["8"], "nvidia.com/cuda.runtime.major": None,
        "amd.com/gpu.device-id": "ZZZZ", "beta.amd.com/gpu.device-id.../../etc": "1", "amd.com/gpu.driver-version": "1\n[x]",
    }  # fmt: skip
    odd["status"]["capacity"] = {"nvidia.com/gpu": {"a": 1}, "amd.com/gpu": 8}
    odd["status"]["nodeInfo"] = {"architecture": "x86\n64", "operatingSystem": ["linux"]}
    (found,) = classes(odd).values()
    assert all(character.isalnum() or character == "-" for character in found.name)
    read_back = tomllib.loads(found.profile)
    assert "B" not in read_back and "x" not in read_back
    assert read_back["nvidia"] == {}


def test_ten_thousand_nodes() -> None:
    many = [
        {**one, "metadata": {**one["metadata"], "name": f"n{n}"}} for n in range(455) for one in cluster()
    ]
    found = classes(*many)
    assert sum(len(one.nodes) for one in found.values()) == 10_010
    assert len(found) == 14
    assert len(found["a100-sxm4-80gb"].profile) < 3000
