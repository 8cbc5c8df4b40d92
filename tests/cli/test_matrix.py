"""``variantctl matrix`` on an index that ``variantctl index build`` makes, over loopback."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from variant_index.build import build_index

from tests.cli.test_install import Shell
from variantctl.cli.matrix import COLUMNS
from variantctl.cli.render import human_size
from variantctl.demo.recipe import build_wheels
from variantctl.demo.server import serve
from variantctl.providers.profiles import shipped_profiles
from variantctl.wheels.build import build_wheel


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The demo's wheels, and one that exists for Linux on x86-64 only; the folder and the index's URL."""
    folder = tmp_path_factory.mktemp("index")
    build_wheels(folder / "wheels")
    build_wheel(folder / "wheels", name="kernels", version="1.0", tag="py3-none-manylinux_2_28_x86_64")
    build_index(folder / "wheels", folder / "site")
    with serve(folder / "site") as root:
        yield folder / "wheels", f"{root}/simple/"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_json_of_named_profiles(shell: Shell, index: tuple[Path, str]) -> None:
    wheels, url = index
    done = shell.run("matrix", "torch", "-i", url, "--profile", "h100", "--profile", "mi300x", "--json")
    found = json.loads(done.stdout)
    assert found["format"] == 1
    machines = {row["machine"]: row for row in found["machines"]}
    assert list(machines) == ["h100", "mi300x"]
    labels = {
        name: {item["name"]: item["label"] for item in row["install"]} for name, row in machines.items()
    }
    assert labels == {
        "h100": {"torch": "cuda12.8", "triton": None},
        "mi300x": {"torch": "rocm7.1", "triton-rocm": None},
    }
    expected = sum((wheels / item["filename"]).stat().st_size for item in machines["h100"]["install"])
    assert machines["h100"]["size"] == expected


def test_without_profiles_this_machine_and_all_that_are_shipped(
    shell: Shell, index: tuple[Path, str]
) -> None:
    found = json.loads(shell.run("matrix", "executorch", "-i", index[1], "--json").stdout)
    assert [row["machine"] for row in found["machines"]] == ["this machine", *shipped_profiles()]
    found = json.loads(shell.run("matrix", "executorch", "-i", index[1], "--all-profiles", "--json").stdout)
    assert [row["machine"] for row in found["machines"]] == shipped_profiles()


def test_table(shell: Shell, index: tuple[Path, str]) -> None:
    done = shell.run("matrix", "torch", "opacus", "-i", index[1], "--profile", "h100", "--profile", "t4")
    row = next(line for line in done.stdout.splitlines() if "h100" in line)
    assert "2.10.0 cuda12.8" in row and "kB" in row
    assert "torch" in done.stdout and "opacus" in done.stdout


def test_csv_has_a_line_for_each_wheel(shell: Shell, index: tuple[Path, str]) -> None:
    wheels, url = index
    profiles = ("--profile", "h100", "--profile", "raspberry-pi-5")
    done = shell.run("matrix", "torch", "kernels", "-i", url, *profiles, "--csv")
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert tuple(table[0]) == COLUMNS
    assert [(line["machine"], line["name"], line["label"]) for line in table] == [
        ("h100", "kernels", ""),
        ("h100", "torch", "cuda12.8"),
        ("h100", "triton", ""),
        ("raspberry-pi-5", "", ""),
    ]
    torch = table[1]
    assert int(torch["size"]) == (wheels / torch["filename"]).stat().st_size
    assert torch["requested"] == "1" and table[2]["requested"] == "0"
    assert torch["accelerator"] == "NVIDIA" and table[0]["accelerator"] == table[3]["accelerator"] == ""
    assert "manylinux_2_28_x86_64" in table[3]["error"]


def test_what_one_machine_cannot_have_is_no_failure_of_the_others(
    shell: Shell, index: tuple[Path, str]
) -> None:
    done = shell.run("matrix", "kernels", "-i", index[1], "--profile", "h100", "--profile", "apple-m4")
    assert any("apple-m4" in line and "no-candidate" in line for line in done.stdout.splitlines())
    assert "apple-m4: the only wheel of kernels 1.0 cannot be installed" in done.stdout


def test_fails_where_it_cannot_be_done_for_any(shell: Shell, index: tuple[Path, str]) -> None:
    arms = ("--profile", "apple-m4", "--profile", "raspberry-pi-5")
    done = shell.run("matrix", "kernels", "-i", index[1], *arms, "--json", code=1)
    found = json.loads(done.stdout)
    assert [row["status"] for row in found["machines"]] == ["error", "error"]
    assert found["error"]["kind"] == "no-candidate"
    missing = shell.run("matrix", "gone", "-i", index[1], *arms, code=1)
    assert missing.stderr.count("gone") == 1 and not missing.stdout
    shell.run("matrix", "torch", "-i", index[1], "--profile", "h1000", code=1)
    shell.run("matrix", "torch", "--json", "--csv", code=2)
    shell.run("matrix", code=2)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "?"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (123_456, "123 kB"),
        (999_500, "1.0 MB"),
        (873_000_000, "873 MB"),
        (2_700_000_000, "2.7 GB"),
        (12_345_678_901, "12.3 GB"),
    ],
)
def test_sizes_for_people(size: int | None, text: str) -> None:
    assert human_size(size) == text
