"""--exclude-newer and --override do what uv's do: the same requests on one index, asked of both."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexes.server import JSON_TYPE, LoopbackServer
from variantctl.wheels.build import build_wheel

UV = str(Path(sysconfig.get_path("scripts")) / "uv")
TIMES = {
    "one-1.0": "2020-05-01T12:00:00.000000Z",
    "one-2.0": "2021-05-01T12:00:00Z",
    "one-3.0": None,
    "two-1.0": "2020-01-01T00:00:00Z",
    "two-2.0": "2022-01-01T00:00:00Z",
}
NEEDS = {
    "top-1.0": ["one[fast]>=2", "two; python_version < '3'", "two>=2; extra == 'more'"],
    "one-2.0": ["speed; extra == 'fast'"],
    "speed-1.0": [],
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    with LoopbackServer(folder) as server:
        files: dict[str, list[dict[str, object]]] = {}
        for stem in dict.fromkeys([*TIMES, *NEEDS]):
            name, version = stem.split("-")
            wheel = build_wheel(folder, name=name, version=version, requires=NEEDS.get(stem, []))
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            entry: dict[str, object] = {
                "filename": wheel.name,
                "url": f"/{wheel.name}",
                "hashes": {"sha256": digest},
            }
            uploaded = TIMES.get(stem, "2019-01-01T00:00:00Z")
            files.setdefault(name, []).append({**entry, **({"upload-time": uploaded} if uploaded else {})})
        for name, listed in files.items():
            page = {"meta": {"api-version": "1.1"}, "name": name, "files": listed, "versions": []}
            server.rule(
                f"/simple/{name}/", body=json.dumps(page).encode(), headers={"Content-Type": JSON_TYPE}
            )
        yield f"{server.url}/simple/"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    return folder


def taken(tool: list[str], index: str, folder: Path, *options: str) -> dict[str, str] | None:
    """Name -> version of a dry run; None where it fails."""
    environ = {**os.environ, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "COLUMNS": "200"}
    environ |= {"VARIANTCTL_CONFIG_FILE": "", "VARIANTCTL_CACHE_DIR": str(folder / "cache")}
    environ |= {"UV_CACHE_DIR": str(folder / "uv")}
    command = [*tool, "install", "-p", "env", "-i", index, "--dry-run", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environ, check=False)
    if done.returncode:
        assert done.returncode == 1, done.stderr
        return None
    text = done.stdout + done.stderr
    pattern = r"^ \+ (\S+?)==(\S+)" if tool[0] == UV else r"^  (\w+) +(\d\S*)"
    return dict(re.findall(pattern, text, re.MULTILINE))


def both(index: str, folder: Path, *options: str) -> dict[str, str] | None:
    ours = taken([sys.executable, "-m", "variantctl"], index, folder, *options)
    assert ours == taken([UV, "pip"], index, folder, *options)
    return ours


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2020-05-01T12:00:00Z", None),
        ("2020-05-01T12:00:01Z", "1.0"),
        ("2020-05-02", "1.0"),
        ("2021-05-01T14:00:00+02:00", "1.0"),
        ("2021-05-01T14:00:01+02:00", "2.0"),
        ("1 week", "2.0"),
        ("P30D", "2.0"),
        ("24 hours", "2.0"),
    ],
)
def test_until_when(index: str, environment: Path, moment: str, expected: str | None) -> None:
    found = both(index, environment, "one", "--exclude-newer", moment)
    assert found == (None if expected is None else {"one": expected})


def test_of_one_package(index: str, environment: Path) -> None:
    old = ("--exclude-newer", "2020-12-31")
    assert both(index, environment, "one", "two", *old) == {"one": "1.0", "two": "1.0"}
    later = (*old, "--exclude-newer-package", "one=2021-12-31")
    assert both(index, environment, "one", "two", *later) == {"one": "2.0", "two": "1.0"}
    never = (*old, "--exclude-newer-package", "one=false")
    assert both(index, environment, "one", "two", *never) == {"one": "3.0", "two": "1.0"}


def test_pips_option_counts_from_the_beginning_of_a_day(index: str, environment: Path) -> None:
    ours = [sys.executable, "-m", "variantctl"]
    assert taken(ours, index, environment, "two", "--uploaded-prior-to", "2022-01-01T00:00:00Z") == {
        "two": "1.0"
    }
    assert taken(ours, index, environment, "two", "--uploaded-prior-to", "2022-01-03") == {"two": "2.0"}


@pytest.mark.parametrize(
    ("lines", "asked", "expected"),
    [
        ("one==1.0", "top", {"top": "1.0", "one": "1.0"}),
        ("one[fast]==2.0", "top", {"top": "1.0", "one": "2.0", "speed": "1.0"}),
        ("two==1.0", "top", {"top": "1.0", "one": "3.0", "two": "1.0"}),
        ("two==1.0", "top[more]", {"top": "1.0", "one": "3.0", "two": "1.0"}),
        ("one; python_version < '3'", "top", {"top": "1.0"}),
        ("one==1.0", "one>=2", {"one": "1.0"}),
        (
            "one==2.0; python_version < '3'\none==1.0; python_version >= '3'",
            "top",
            {"top": "1.0", "one": "1.0"},
        ),
        ("absent==1", "two", {"two": "2.0"}),
    ],
)
def test_overrides(index: str, environment: Path, lines: str, asked: str, expected: dict[str, str]) -> None:
    (environment / "override.txt").write_text(f"{lines}\n")
    assert both(index, environment, asked, "--override", "override.txt") == expected


def test_what_is_left_out_is_said(index: str, environment: Path) -> None:
    environ = {
        **os.environ,
        "PIP_CONFIG_FILE": os.devnull,
        "VARIANTCTL_CACHE_DIR": str(environment / "cache"),
    }
    command = [sys.executable, "-m", "variantctl", "install", "-p", "env", "-i", index, "--dry-run"]

    def said(*options: str) -> str:
        return subprocess.run(
            [*command, *options], cwd=environment, capture_output=True, text=True, env=environ, check=False
        ).stderr

    text = said("one", "--exclude-newer", "2022-01-01")
    assert "does not say when 1 of its files were uploaded" in text
    text = said("two>=2", "--exclude-newer", "2021-01-01")
    assert "no version of two satisfies two>=2" in text and "--exclude-newer leaves 1 file of two out" in text
    assert "'soon' is no moment in time" in said("two", "--exclude-newer", "soon")
