"""The hard sets in fixtures/resolutions: what was looked at of each when it was recorded, as releases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.campaigns.packages import Pins
from tests.campaigns.registry import Release
from variantctl.target.platforms import Platform, platform_environment
from variantctl.variants.lenient import read_requirement

FOLDER = Path(__file__).parents[2] / "fixtures" / "resolutions"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


@dataclass(frozen=True)
class Recorded:
    """One set.

    Attributes:
        name: of its file.
        roots: what was asked for.
        platform: what it was asked for.
        releases: name and version -> the release; its requirements as they are written, those of extras too.
        uv: what uv took when it was recorded.
    """

    name: str
    roots: tuple[str, ...]
    platform: Platform
    releases: Mapping[tuple[str, str], Release]
    uv: Pins

    def problem_of(self, pins: Pins) -> str | None:
        """Why pins are no answer; ``None`` where they are one, with nothing that is not needed."""
        roots = [read_requirement(root).requirement for root in self.roots]
        wanted = [(root, "you") for root in roots if root.applies(self.platform.markers)]
        extras: dict[str, set[str]] = {}
        needed: set[str] = set()
        while wanted:
            requirement, who = wanted.pop()
            name = requirement.name
            if name not in pins:
                return f"{who} needs {requirement}, which is missing"
            if not requirement.specifier.contains(pins[name], prereleases=True):
                return f"{who} needs {requirement}, and {pins[name]} is taken"
            new = {"", *requirement.extras} - extras.setdefault(name, set())
            needed.add(name)
            if new:
                extras[name] |= new
                texts = self.releases[name, pins[name]].requires
                found = [read_requirement(text).requirement for text in texts]
                asked = sorted(extras[name])
                wanted += [(one, name) for one in found if one.applies(self.platform.markers, extras=asked)]
        return f"nobody needs {sorted(set(pins) - needed)}" if set(pins) - needed else None


def load(name: str) -> Recorded:
    """A set that was recorded by fixtures/resolutions/record.py."""
    found = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    releases = {
        (str(canonicalize_name(project)), version): Release(
            project,
            version,
            tuple(entry.get("requires", ())),
            dict.fromkeys(entry.get("extras", ()), ()),
            entry.get("python"),
        )
        for project, versions in found["projects"].items()
        for version, entry in versions.items()
    }
    platform = platform_environment(**found["platform"])
    return Recorded(name, tuple(found["roots"]), platform, releases, found["uv"])
