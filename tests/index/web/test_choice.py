"""What the page chooses is what ``variantctl explain`` chooses, for every machine that ships as a profile."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.campaigns import page_choice
from variantctl.cli import main
from variantctl.providers import profiles

if TYPE_CHECKING:
    from playwright.sync_api import Page

DATA = Path(profiles.__file__).parent / "data"

# Picks as a person does, by the inputs, and reads what the page shows.
_PICK = """({device, python}) => {
  const pick = (name, number) => {
    const input = document.getElementById(`${name}-${number}`);
    input.checked = true;
    input.dispatchEvent(new Event('change', {bubbles: true}));
  };
  const data = JSON.parse(document.getElementById('data').textContent);
  pick('device', data.devices.findIndex(({name}) => name === device));
  const home = data.devices.find(({name}) => name === device).home;
  if (home === null) return null;
  pick('platform', home);
  pick('python', data.pythons.indexOf(python));
  return {
    wheels: [...document.querySelectorAll('#others tbody tr')].map((row) =>
      [row.cells[4].innerText, row.cells[2].innerText, row.cells[0].innerText, row.cells[3].innerText]),
    link: document.querySelector('#facts a')?.getAttribute('href') ?? null,
  };
}"""


def _explained(
    name: str, profile: str, python: str, site: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    """What ``variantctl explain`` says, for a profile that has this Python."""
    text = (DATA / f"{profile}.toml").read_text()
    path = folder / f"{profile}.toml"
    path.write_text(re.sub(r"(?m)^\[platform\]$", f'[platform]\npython = "{python}"', text))
    arguments = ["-i", (site / "simple").as_uri(), "--profile", str(path), "--json"]
    assert main(["explain", name, "--no-families", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("name", ["torch", "vllm", "executorch", "bigtorch"])
def test_as_explain_for_every_shipped_profile(
    name: str,
    page: Page,
    root: str,
    site: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VARIANTCTL_CACHE_DIR", str(tmp_path / "cache"))
    page.goto(f"{root}/project/{name}/index.html")
    pythons = ("3.11", "3.13t") if name == "bigtorch" else ("3.12",)
    selected = set()
    for profile in profiles.shipped_profiles():
        for python in pythons:
            shown = page.evaluate(_PICK, {"device": profile, "python": python})
            theirs = _explained(name, profile, python, site, tmp_path, capsys)
            fitting = [
                [wheel["filename"], wheel["verdict"], str(wheel["rank"] or ""), _words(wheel["reasons"])]
                for wheel in theirs["wheels"]
                if not {reason["kind"] for reason in wheel["reasons"]} & {"tags", "requires-python"}
            ]
            assert shown["wheels"] == fitting, f"{name}, {profile}, Python {python}"
            link = shown["link"].rpartition("/simple/")[2] if shown["link"] else None
            url = theirs["selected"]["url"].rpartition("/simple/")[2] if theirs["selected"] else None
            assert link == url
            selected.add(theirs["selected"]["label"] if theirs["selected"] else None)
    # Guards the comparison: machines that all get the same would prove nothing.
    assert len(selected) >= 2


def _words(reasons: list[dict[str, str]]) -> str:
    return "; ".join(reason["detail"] for reason in reasons)


def test_as_explain_on_random_projects(page: Page, tmp_path: Path) -> None:
    report = page_choice.compare(page, 30, 825, tmp_path, each=8)
    assert not report.failures, str(report)
    assert report.outcomes["the same: a variant"] >= 40, str(report)
    assert report.outcomes["the same: nothing fits"] >= 20, str(report)
