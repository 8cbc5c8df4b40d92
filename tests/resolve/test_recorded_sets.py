"""Hard sets of real packages, as they were on the day they were recorded, without a network."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from tests.campaigns.memory_index import MemoryIndex
from tests.campaigns.packages import Pins
from tests.campaigns.recorded import NAMES, Recorded, load
from variantctl.cache.folder import Cache
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import Profile
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve import dependencies
from variantctl.resolve.needs import needs_of
from variantctl.resolve.resolver import Request, resolve
from variantctl.select import ordinary_builds
from variantctl.variants import markers
from variantctl.variants.lenient import read_requirement

#: Where another set than uv's is as right: project -> our choice, uv's choice. google-api-core needs
#: grpcio-status<2.0.dev0: to pip and us that names pre-releases, to uv only what the user writes does.
PRE: dict[str, tuple[str | None, str | None]] = {"grpcio-status": ("1.49.0rc1", "1.48.2")}
OTHERS: dict[str, dict[str, tuple[str | None, str | None]]] = {
    "google-cloud-protobuf3": PRE,
    "google-cloud-protobuf3-pin": PRE,
}


def ours(recorded: Recorded, folder: Path) -> tuple[Pins, MemoryIndex]:
    index = MemoryIndex(recorded.releases.values(), Cache(folder))
    request = Request(tuple(parse_user_requirement(root) for root in recorded.roots))
    plan = resolve(
        request, package_finder=index, machine=Machine(Profile("none")), platform=recorded.platform
    )
    return {planned.name: str(planned.version) for planned in plan.install}, index


@pytest.mark.parametrize("name", NAMES)
def test_a_real_set_is_solved_as_uv_solves_it(tmp_path: Path, name: str) -> None:
    recorded = load(name)
    pins, index = ours(recorded, tmp_path)
    assert recorded.problem_of(pins) is None
    assert recorded.problem_of(recorded.uv) is None
    different = {
        project: (pins.get(project), recorded.uv.get(project))
        for project in {*pins, *recorded.uv}
        if pins.get(project) != recorded.uv.get(project)
    }
    assert different == OTHERS.get(name, {})
    # No more is asked for than was needed when it was recorded.
    assert len(index.asked) <= len(recorded.releases)


@pytest.mark.parametrize("name", ["open-webui", "opentelemetry-protobuf4"])
def test_a_family_released_together_stays_together(tmp_path: Path, name: str) -> None:
    """Conflicts push back what conflicts, not its neighbour by fifty releases."""
    pins, _ = ours(load(name), tmp_path)
    family = ("api", "sdk", "proto", "exporter-otlp-proto-grpc")
    assert len({pins[f"opentelemetry-{name}"] for name in family}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_what_was_worked_out_once_is_not_worked_out_again(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A set names thousands of requirements. Most were met before, few tell of accelerators."""
    evaluated: Counter[tuple[Any, ...]] = Counter()
    turned: Counter[str] = Counter()
    evaluate, turn = markers.evaluate_marker, needs_of
    looked_at: list[str] = []

    def evaluate_once(marker: str, environment: Any, variant: Any, extras: Any = ()) -> bool:
        evaluated[marker, variant, tuple(extras)] += 1
        return evaluate(marker, environment, variant, extras)

    def turn_once(requirement: Any, *args: Any, **options: Any) -> Any:
        turned[requirement.text] += 1
        return turn(requirement, *args, **options)

    class Read(Requirement):
        def __init__(self, text: str) -> None:
            looked_at.append(text)
            super().__init__(text)

    monkeypatch.setattr(markers, "evaluate_marker", evaluate_once)
    monkeypatch.setattr(dependencies, "needs_of", turn_once)
    monkeypatch.setattr(ordinary_builds, "Requirement", Read)
    recorded = load(name)
    # Which roots are for this Python is asked once more, before the search begins.
    for root in recorded.roots:
        read_requirement(root).requirement.applies(recorded.platform.markers)
    evaluated = Counter({each: -count for each, count in evaluated.items()})
    ours(recorded, tmp_path)
    assert turned
    assert [each for each in (*evaluated.items(), *turned.items()) if each[1] > 1] == []
    assert [text for text in looked_at if not ordinary_builds.may_tell(text.lower())] == []
