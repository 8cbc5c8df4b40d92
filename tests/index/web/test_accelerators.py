"""The page leads a machine with an accelerator to ``explain``'s version; by Node, without a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from variant_index.build import build_index

from variantctl.cli import main
from variantctl.cli.index.audience import people_pages
from variantctl.variants.metadata import VariantMetadata
from variantctl.variants.parse import load_metadata
from variantctl.wheels.build import build_wheel

CHOICE = Path(__file__).parents[3] / "index/variant_index/web/static/choice.js"
_NODE = """
const [, , script, data, name] = process.argv;
const fs = require("fs"), vm = require("vm");
const read = fs.readFileSync(script, "utf8") + "; variantChoice";
const choice = vm.runInThisContext(read);
const page = JSON.parse(fs.readFileSync(data, "utf8"));
const device = page.devices.findIndex((each) => each.name === name);
const asked = { specifier: "", platform: page.devices[device].home, python: 0, device };
const { release, selected, over } = choice.choose(page, asked);
console.log(JSON.stringify([release.version, selected?.wheel.label ?? null, over ?? []]));
"""


def _metadata(lower_bound: str) -> VariantMetadata:
    return load_metadata(
        json.dumps(
            {
                "$schema": "https://variants-schema.wheelnext.dev/peps/850/v0.2.0.json",
                "default-priorities": {"namespace": ["nvidia"]},
                "providers": {"nvidia": {"requires": ["nvidia-variant-provider"]}},
                "variants": {
                    "cuda": {"nvidia": {"cuda_version_lower_bound": [lower_bound]}},
                    "null": {},
                },
            }
        )
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """net 1.0 for CUDA 12.0, 2.0 for CUDA 13.0, and a pre-release for 12.0."""
    folder = tmp_path_factory.mktemp("site")
    for version, bound in (("1.0", "12.0"), ("2.0", "13.0"), ("3.0rc1", "12.0")):
        for label in ("cuda", "null"):
            build_wheel(
                folder / "wheels", name="net", version=version, label=label, metadata=_metadata(bound)
            )
    build_index(folder / "wheels", folder / "out", extra=people_pages())
    return folder / "out"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("h100", ["1.0", "cuda", ["2.0"]]),
        ("gtx-1650", ["2.0", "cuda", []]),
        ("x86-64-v3", ["2.0", "null", []]),
        ("mi300x", ["2.0", "null", []]),
    ],
)
def test_the_page_takes_the_version_that_explain_takes(
    site: Path, tmp_path: Path, profile: str, expected: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    text = (site / "project/net/index.html").read_text()
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    (tmp_path / "data.json").write_text(found[1])
    (tmp_path / "run.js").write_text(_NODE)
    command = ["node", str(tmp_path / "run.js"), str(CHOICE), str(tmp_path / "data.json"), profile]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert shown == expected
    arguments = ["-i", (site / "simple").as_uri(), "--profile", profile, "--json", "--no-cache"]
    assert main(["explain", "net", *arguments]) == 0
    theirs = json.loads(capsys.readouterr().out)
    assert [theirs["version"], theirs["selected"]["label"]] == expected[:2]
    assert [item["version"] for item in theirs.get("passed_over", [])] == expected[2]
