"""A whole plan explained: who needs what, which variant, and which were given up."""

from __future__ import annotations

from tests.resolve.world import World, machine, variant_metadata
from variantctl.explain.plan import PlanExplanation, explain_plan
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request

METADATA = variant_metadata(
    ["nvidia"],
    {
        "cuda13": {"nvidia": {"cuda_version_lower_bound": ["13.0"]}},
        "cuda12": {"nvidia": {"cuda_version_lower_bound": ["12.0"]}},
        "null": {},
    },
)


def explained(world: World, *requirements: str) -> PlanExplanation:
    with world.package_finder() as package_finder:
        return explain_plan(
            Request(tuple(map(parse_user_requirement, requirements))),
            package_finder=package_finder,
            machine=world.machine,
            platform=world.platform,
            who="the test machine",
        )


def test_who_needs_each_package_and_which_variant_it_is(world: World) -> None:
    world.machine = machine(nvidia={"cuda_version_lower_bound": ["12.8", "12.0"]})
    world.add("app", requires=["torch"])
    world.add("tool", requires=["torch"])
    world.variants("torch", "2.0", METADATA)
    whole = explained(world, "app", "tool")
    found = {package["name"]: package for package in whole.as_json()["packages"]}
    assert list(found) == ["app", "tool", "torch"]
    assert found["app"]["requested"] and found["app"]["needed_by"] == []
    torch = found["torch"]
    assert not torch["requested"] and torch["needed_by"] == ["app", "tool"]
    assert torch["selected"]["label"] == "cuda12"
    assert [(wheel["label"], wheel["verdict"]) for wheel in torch["wheels"]] == [
        ("cuda12", "selected"),
        ("null", "compatible"),
        ("cuda13", "incompatible"),
    ]
    assert torch["advice"][0]["label"] == "cuda13"
    assert whole.as_json()["plan"] == whole.plan.as_json()


def test_a_variant_that_was_given_up(world: World) -> None:
    world.machine = machine(nvidia={"cuda_version_lower_bound": ["13.0", "12.0"]})
    for label in METADATA.variants:
        requires = ["runtime==13"] if label == "cuda13" else ["runtime==12"]
        world.add("torch", "2.0", requires, label=label, metadata=METADATA)
    world.add("runtime", "12")
    torch = next(p for p in explained(world, "torch").packages if p.planned.name == "torch")
    verdicts = [(wheel.link.wheel.label, wheel.verdict) for wheel in torch.explanation.wheels]
    assert verdicts == [("cuda13", "compatible"), ("cuda12", "selected"), ("null", "compatible")]
    (reason,) = torch.explanation.wheels[0].reasons
    assert reason.kind == "given-up" and reason.detail.startswith("was given up: ")
    assert "runtime==13" in reason.detail
    assert torch.as_json()["given_up"][0]["label"] == "cuda13"
    assert torch.as_json()["selected"]["label"] == "cuda12"


def test_a_yanked_pin_and_a_direct_reference(world: World) -> None:
    world.add("old", "1.0", yanked="broken")
    path = world.add("lib", "3.0")
    whole = explained(world, "old==1.0", f"lib @ {path.as_uri()}")
    selected = [package.explanation.selected for package in whole.packages]
    assert [wheel.link.wheel.name for wheel in selected if wheel] == ["lib", "old"]
