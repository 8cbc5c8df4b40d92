"""What Slurm prints and is configured by, in every form that is taken."""

# ruff: noqa: E501

from __future__ import annotations

import json

import pytest

from fixtures.clusters.make import HERE
from variantctl.providers.clusters.classes import MachineClass, classes_of
from variantctl.providers.clusters.errors import ClusterFileError
from variantctl.providers.clusters.hostlists import expanded
from variantctl.providers.clusters.slurm import read_slurm


def classes(text: str, gres_conf: str = "") -> dict[str, MachineClass]:
    nodes, _notes = read_slurm(text, "slurm", gres_conf)
    return {one.name: one for one in classes_of(nodes, "Slurm")}


def facts(found: dict[str, MachineClass], namespace: str) -> dict[str, object]:
    return {
        name: dict(one.namespaces[namespace]) for name, one in found.items() if namespace in one.namespaces
    }


def test_scontrol_show_node() -> None:
    found = classes((HERE / "scontrol.txt").read_text())
    assert {name: one.nodes for name, one in found.items()} == {
        "a100-sxm4-80gb": ("gpu-a100-01", "gpu-a100-02"),
        "cpu-x86-64": ("cpu-001",),
        "gh200": ("grace-01",),
        "mi300x": ("gpu-mi300-01",),
        "nvidia-gpu": ("gpu-old-01",),
    }
    assert facts(found, "nvidia") == {
        "a100-sxm4-80gb": {"compute_capabilities": ["8.0"]},
        "gh200": {"compute_capabilities": ["9.0"]},
        "nvidia-gpu": {},
    }
    assert facts(found, "amd") == {"mi300x": {"gfx_archs": ["gfx942"]}}
    assert found["gh200"].platform.machine == "aarch64"
    assert {gap.fact for gap in found["mi300x"].gaps} == {"amd.amdgpu", "x86_64.level"}


def test_scontrol_in_one_line_for_each_node() -> None:
    text = (HERE / "scontrol.txt").read_text()
    lines = [" ".join(block.split("\n")) for block in text.split("\n\n") if block.strip()]
    assert classes("\n".join(lines)).keys() == classes(text).keys()


def test_slurm_conf_with_gres_conf() -> None:
    text, more = (HERE / "slurm.conf").read_text(), (HERE / "gres.conf").read_text()
    found = classes(text, more)
    assert {name: len(one.nodes) for name, one in found.items()} == {
        "h100": 16,
        "a100": 4,
        "mi210": 3,
        "cpu-unknown": 100,
    }
    assert facts(found, "amd") == {"mi210": {"gfx_archs": ["gfx90a"]}}
    alone = classes(text)
    assert {gap.fact for gap in alone["nvidia-gpu"].gaps} >= {"nvidia.compute_capabilities"}
    of_gres = {name: len(one.nodes) for name, one in classes(more).items()}
    assert of_gres == {"nvidia-gpu": 16, "a100": 4, "mi210": 3}


def test_gres_conf_of_one_node() -> None:
    found = classes(
        "AutoDetect=off\nName=gpu Type=gp100 File=/dev/nvidia[0-1]\nName=gpu Type=p6000 File=/dev/nvidia2\nName=mps Count=400\n"
    )
    (one,) = found.values()
    assert one.nodes == ("this node",)
    assert one.namespaces["nvidia"] == {"compute_capabilities": ["6.0", "6.1"]}


@pytest.mark.parametrize(
    "text",
    [
        (HERE / "sinfo.txt").read_text(),
        (HERE / "sinfo.txt").read_text().replace("|", "      "),
        "HOSTNAMES GRES\n" + "".join(f"gpu-{n:03d} gpu:h200:8(S:0-1)\n" for n in range(1, 5))
        + "".join(f"gpu-{n:03d} gpu:rtx_6000:4\n" for n in (5, 6)) + "".join(f"cpu-{n:03d} (null)\n" for n in range(1, 33)),
    ],
    ids=["bars", "blanks", "a line for each node"],
)  # fmt: skip
def test_sinfo(text: str) -> None:
    found = classes(text)
    assert {name: len(one.nodes) for name, one in found.items()} == {
        "h200": 4,
        "rtx-6000": 2,
        "cpu-unknown": 32,
    }
    assert any("7.5 or 8.9" in gap.why for gap in found["rtx-6000"].gaps)


def test_json_of_both_commands() -> None:
    nodes = [
        {"name": "n1", "architecture": "x86_64", "gres": "gpu:h100:8(S:0-1)"},
        {"name": "n2", "architecture": "aarch64", "gres": ""},
        {"name": 3},
        "n4",
    ]
    found = classes(json.dumps({"nodes": nodes, "meta": {}}))
    assert {name: one.nodes for name, one in found.items()} == {"h100": ("n1",), "cpu-aarch64": ("n2",)}


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("n[1-3]", ["n1", "n2", "n3"]),
        ("n[008-010,2]x", ["n008x", "n009x", "n010x", "n2x"]),
        ("r[1-2]n[1-2],x", ["r1n1", "r1n2", "r2n1", "r2n2", "x"]),
    ],
)
def test_hostlists(written: str, names: list[str]) -> None:
    assert expanded(written, "x") == names


@pytest.mark.parametrize(
    "text",
    [
        "", "hello world\n", "GRES FEATURES\ngpu:a100:1 x\n", "NODELIST GRES\nn1 gpu:a100:1 more\n",
        "NodeName=n[1-", "NodeName=n[1-x] Gres=gpu:1", "NodeName=n[1-999999999] Gres=gpu:1", '{"nodes": 3}', "{", "ClusterName=x\n",
        "NodeName=n[1-500][1-500][1-500] Gres=gpu:1", "NODELIST|GRES\nn[1-2\n",
    ],
)  # fmt: skip
def test_what_is_not_understood(text: str) -> None:
    with pytest.raises(ClusterFileError, match=r"^slurm"):
        read_slurm(text, "slurm")


@pytest.mark.parametrize("written", ["a[1-99999][1-99999][5-4]", "a[2-1]", "a" + "[1]" * 20_000])
def test_hostlists_that_mean_nothing_take_no_time(written: str) -> None:
    """The first was tried ten thousand million times."""
    with pytest.raises(ClusterFileError, match=r"^slurm: .*(ends before it begins|brackets)"):
        expanded(written, "slurm")
