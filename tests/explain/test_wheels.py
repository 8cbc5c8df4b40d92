"""explain: the version that would be taken, every wheel of it, best first, and why."""

from __future__ import annotations

import pytest

from tests.resolve.test_variant_resolution import GPU, torch_metadata
from tests.resolve.world import World, machine
from variantctl.indexes.errors import ProjectNotFound
from variantctl.resolve.errors import NoCandidateError
from variantctl.select.preferences import VariantPreferences


@pytest.fixture
def torches(world: World) -> World:
    world.machine = machine(nvidia={**GPU, "cuda_version_lower_bound": ["12.7", "12.6"]})
    world.variants("torch", "2.10.0", torch_metadata())
    world.add("torch", "2.10.0")
    world.add("torch", "2.10.0", tag="cp312-cp312-win_amd64")
    world.add("torch", "2.11.0", tag="cp312-cp312-win_amd64")
    return world


def test_contract(torches: World) -> None:
    found = torches.explain("torch").as_json()
    assert (found["format"], found["name"], found["version"]) == (1, "torch", "2.10.0")
    assert found["selected"] == {
        "filename": "torch-2.10.0-py3-none-any-cuda12.6.whl",
        "label": "cuda12.6",
        "url": (torches.wheels / "torch-2.10.0-py3-none-any-cuda12.6.whl").as_uri(),
    }
    rows = [(wheel["label"], wheel["rank"], wheel["verdict"]) for wheel in found["wheels"]]
    assert rows[:3] == [("cuda12.6", 1, "selected"), ("null", 2, "compatible"), (None, 3, "compatible")]
    assert {row[0]: row[1:] for row in rows[3:]} == {
        "cuda12.8": (None, "incompatible"),
        "rocm7": (None, "incompatible"),
        None: (None, "incompatible"),
    }
    reasons = {wheel["filename"].split("-", 2)[2]: wheel["reasons"] for wheel in found["wheels"]}
    assert reasons["py3-none-any-cuda12.8.whl"] == [
        {
            "kind": "property",
            "detail": "needs nvidia :: cuda_version_lower_bound 12.8; "
            "the test machine's driver offers 12.7 and older",
        }
    ]
    assert reasons["cp312-cp312-win_amd64.whl"] == [
        {"kind": "tags", "detail": "is for win_amd64, but this is linux_x86_64"}
    ]
    assert reasons["py3-none-any-null.whl"][0]["kind"] == "order"
    properties = {wheel["label"]: wheel["properties"] for wheel in found["wheels"][:4]}
    assert properties["cuda12.6"] == {"nvidia": {"cuda_version_lower_bound": ["12.6"]}}
    assert properties["null"] == {} == properties[None]


def test_summary(torches: World) -> None:
    assert torches.explain("torch").summary() == (
        "torch 2.10.0: its variant cuda12.6 is taken (it has nvidia :: cuda_version_lower_bound :: 12.6). "
        "The others: 2 could be taken too, 2 with properties that are not offered, "
        "1 for another Python or platform. "
        "With CUDA driver 12.8 you would get cuda12.8 (now it is 12.7)."
    )


def test_exclusions_are_told_apart_from_incompatibility(torches: World) -> None:
    found = torches.explain("torch", preferences=VariantPreferences.parse(exclude=["nvidia"]))
    wheels = {wheel.link.wheel.label: wheel for wheel in found.wheels if "any" in wheel.link.wheel.filename}
    assert found.selected is wheels["null"]
    assert wheels["cuda12.6"].verdict == "excluded"
    assert (
        wheels["cuda12.6"].reasons[0].detail
        == "--exclude leaves it no value of nvidia :: cuda_version_lower_bound"
    )
    assert wheels["cuda12.8"].verdict == "incompatible"
    plain = torches.explain("torch", preferences=VariantPreferences.parse(no_variants=True))
    assert plain.selected is not None and plain.selected.link.wheel.label is None
    pinned = torches.explain("torch", preferences=VariantPreferences.parse(labels=["torch=cuda12.8"]))
    assert pinned.selected is None


def test_nothing_fits(torches: World) -> None:
    found = torches.explain("torch==2.11.0")
    assert found.selected is None and found.as_json()["selected"] is None
    assert found.summary().startswith("No wheel of torch 2.11.0 can be taken on the test machine.")


def test_yanked(world: World) -> None:
    world.add("lib", "1.0")
    world.add("lib", "2.0", yanked="bad")
    assert str(world.explain("lib").version) == "1.0"
    pinned = world.explain("lib==2.0")
    assert pinned.selected is not None
    only = world.explain("lib>=2")
    assert only.wheels[0].verdict == "excluded" and only.wheels[0].reasons[0].kind == "yanked"


def test_prereleases_and_absences(world: World) -> None:
    world.add("lib", "1.0")
    world.add("lib", "2.0b1")
    assert str(world.explain("lib").version) == "1.0"
    assert str(world.explain("lib", pre=True).version) == "2.0b1"
    with pytest.raises(NoCandidateError, match="no version of lib satisfies lib>3"):
        world.explain("lib>3")
    with pytest.raises(ProjectNotFound):
        world.explain("nothing")


def test_a_wheel_by_its_path(torches: World) -> None:
    wheel = torches.wheels / "torch-2.10.0-py3-none-any-rocm7.whl"
    found = torches.explain(str(wheel))
    assert found.selected is None and len(found.wheels) == 1
    assert "amd :: rocm_version 7.0" in found.wheels[0].reasons[0].detail
