"""``variantctl explain``, run as its users run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_install import METADATA, Shell


@pytest.fixture
def torches(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.world.variants("torch", "2.0", METADATA)
    shell.world.add("torch", "2.0")
    shell.world.add("torch", "2.0", tag="cp27-cp27mu-win32")
    return shell


def test_table_and_summary(torches: Shell) -> None:
    done = torches.run("explain", "torch", "--no-index", "-f", "wheels", "--profile", "h100")
    lines = done.stdout.splitlines()
    row = next(line for line in lines if "torch-2.0-py3-none-any-cuda12.whl" in line)
    assert "selected" in row and "nvidia :: cuda_version_lower_bound :: 12.0" in row
    assert any("null variant comes after" in line for line in lines)
    assert "cp27" not in done.stdout and "--all lists the 1 for other Pythons" in done.stdout
    assert "torch 2.0: its variant cuda12 is taken" in done.stdout
    everything = torches.run("explain", "torch", "--no-index", "-f", "wheels", "--all").stdout
    assert "torch-2.0-cp27-cp27mu-win32.whl" in everything and "is for win32" in everything


def test_json_contract(torches: Shell) -> None:
    found = json.loads(torches.run("explain", "torch==2.0", "--no-index", "-f", "wheels", "--json").stdout)
    assert list(found) == ["format", "name", "version", "selected", "wheels", "advice"]
    assert found["selected"]["label"] == "null"
    assert [(wheel["label"], wheel["verdict"], wheel["rank"]) for wheel in found["wheels"]] == [
        ("null", "selected", 1),
        (None, "compatible", 2),
        ("cuda12", "incompatible", None),
        (None, "incompatible", None),
    ]
    detail = found["wheels"][2]["reasons"][0]["detail"]
    assert detail == (
        "needs nvidia :: cuda_version_lower_bound 12.0 and nvidia :: sm_arch 90_real; "
        "this machine offers no nvidia properties"
    )


def test_errors(torches: Shell) -> None:
    missing = json.loads(
        torches.run("explain", "gone", "--no-index", "-f", "wheels", "--json", code=1).stdout
    )
    assert missing["error"]["kind"] == "not-found"
    torches.run("explain", code=2)
