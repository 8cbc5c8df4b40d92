"""Families on PyPI: the selector's pages in Chromium must take what ``install`` takes, for every profile.

A network is needed; nothing but pages and metadata is fetched.
"""

from __future__ import annotations

import json
import re
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from tests.campaigns.report import Report
from tests.index.web.browser import chromium
from variantctl.cli import main
from variantctl.demo.server import serve
from variantctl.providers import profiles

if TYPE_CHECKING:
    from playwright.sync_api import Page

FAMILIES = ("onnxruntime", "cupy", "jax", "faiss", "mlx", "xgboost")
PYTHON = "3.12"
CHOOSE = """({device, python, policy, specifier}) => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const at = data.devices.findIndex(({name}) => name === device);
  if (at < 0 || data.devices[at].home === null) return null;
  const found = variantChoice.choose(data, {
    specifier, policy, device: at, platform: data.devices[at].home, python: data.pythons.indexOf(python),
    driver: data.devices[at].drivers.findIndex(
      ([version]) => data.devices[at].driver.endsWith(` ${version}`)),
  });
  return {
    version: found.release.version,
    filename: found.selected?.wheel.filename ?? null,
    over: found.over ?? [],
    needs: found.needs,
  };
}"""
"""What the page's own algorithm answers for a device with its own driver on its own system."""


def run(cases: int, seed: int, folder: Path) -> Report:
    """Compare as many profiles and families as asked for, drawn from all."""
    report = Report("selector beside install, families on PyPI", seed)
    everything = [(family, profile) for family in FAMILIES for profile in profiles.shipped_profiles()]
    drawn = Random(seed).sample(everything, min(cases, len(everything)))
    command(
        [
            "index",
            "selector",
            *(word for name in FAMILIES for word in ("--family", name)),
            "-o",
            folder / "site",
        ]
    )
    with serve(folder / "site") as root, chromium() as browser:
        page = browser.new_page()
        for family in FAMILIES:
            page.goto(f"{root}/project/{family}/index.html")
            for profile in (profile for of, profile in drawn if of == family):
                _compare(page, family, profile, folder, report)
    return report


def _compare(page: Page, package: str, profile: str, folder: Path, report: Report) -> None:
    asked = {"device": profile, "python": PYTHON, "policy": "prefer", "specifier": ""}
    shown = page.evaluate(CHOOSE, asked)
    machine = with_python(profile, PYTHON, folder)
    words = ["install", package, "--profile", machine, "--dry-run", "--no-deps", "--json"]
    found = json.loads(command([*words, "--target", folder / "t"]))
    theirs = next((item["filename"] for item in found.get("install", ())), None)
    ours = shown["filename"] if shown is not None else None
    if ours == theirs:
        report.count("the same wheel" if ours else "nothing for this machine")
    else:
        report.fail("another wheel", f"{package} for {profile}: the page {ours}, install {theirs}")


def with_python(profile: str, python: str, folder: Path) -> Path:
    """A shipped profile with the Python that is installed for."""
    path = folder / f"{profile}.toml"
    text = (Path(profiles.__file__).parent / "data" / f"{profile}.toml").read_text()
    named = f'[platform]\npython = "{python}"'
    if "libc" not in text and 'machine = "x86_64"' in text:
        # A processor's: of its C library the page takes an old one for granted, and install this machine's.
        named += '\nlibc = "glibc 2.28"'
    path.write_text(re.sub(r"(?m)^\[platform\]$", named, text))
    return path


def command(words: list[Any]) -> str:
    """What a command prints."""
    out, errors = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        main([str(word) for word in words])
    return out.getvalue()
