"""docs/architecture.md says what is there: the rooms of the import contract, and files that exist."""

from __future__ import annotations

import re
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def _layers() -> list[set[str]]:
    """The floors of the contract, the highest first."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    (contract,) = (each for each in tool["contracts"] if each.get("containers") == ["variantctl"])
    floors = [{name.strip() for name in line.split("|")} for line in contract["layers"]]
    assert floors[0] == {"__main__"}
    return floors[1:]


def test_the_floors_are_those_of_the_contract() -> None:
    rows = re.findall(r"^\| (\d+) \| `([a-z_]+)(?:\.py)?` \|", PAGE, re.MULTILINE)
    floors = [{room for floor, room in rows if int(floor) == number} for number in range(17, 0, -1)]
    assert floors == _layers()


def test_every_file_that_is_named_is_there() -> None:
    places = [ROOT, ROOT / "variantctl", ROOT / "plugins/variant_providers"]
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|toml))(?::(\w+))?`(?:, `(\w+)`)?", PAGE))
    assert len(named) > 30
    for path, symbol, function in named:
        found = next((place / path for place in places if (place / path).is_file()), None)
        assert found is not None, path
        name = symbol or function
        assert not name or re.search(rf"(def|class) {name}\b", found.read_text(encoding="utf-8")), (
            path,
            name,
        )
