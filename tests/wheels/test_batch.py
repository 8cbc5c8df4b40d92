"""Recipes: many wheels at once, all or none, the same bytes every time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.wheels.recipes import PYPROJECT, members
from variantctl.cli import main
from variantctl.wheels.build import build_wheel
from variantctl.wheels.verify import verify_wheel

RECIPE = """
format = 1
[variant.default-priorities]
namespace = ["nvidia"]
[variant.providers.nvidia]
requires = ["nvidia-variant-provider"]
plugin-api = "nvidia_variant_provider.plugin:NvidiaVariantPlugin"
[defaults]
local-version = "drop"
dependencies.replace.numpy = "numpy>=2"
[[wheels]]
source = "dist/thing-1.0+cu128-*.whl"
label = "cu128"
properties = ["nvidia :: cuda_version_lower_bound :: 12.0", "nvidia :: sm_arch :: 90_real"]
dependencies.remove = ["cublas"]
dependencies.add = ['cublas>=12; "nvidia" in variant_namespaces']
[[wheels]]
source = "dist/thing-1.0+cpu-*.whl"
label = "null"
[[wheels]]
source = "dist/thing-1.0+cpu-*.whl"
ordinary = true
local-version = "keep"
"""
MADE = [
    "thing-1.0+cpu-cp311-none-any.whl",
    "thing-1.0+cpu-cp312-none-any.whl",
    "thing-1.0-cp311-none-any-cu128.whl",
    "thing-1.0-cp311-none-any-null.whl",
    "thing-1.0-cp312-none-any-cu128.whl",
    "thing-1.0-cp312-none-any-null.whl",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for backend in ("cu128", "cpu"):
        needs = ["numpy>=1", *(["cublas==12.8"] if backend != "cpu" else [])]
        for python in ("cp311", "cp312"):
            build_wheel(
                tmp_path / "dist",
                name="thing",
                version=f"1.0+{backend}",
                tag=f"{python}-none-any",
                files={"thing.py": os.urandom(2000)},
                requires=needs,
            )
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def make(folder: Path, *arguments: str) -> int:
    return main(["wheel", "make", "--recipe", str(folder / "recipe.toml"), *arguments])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_recipe(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(folder, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert names(folder / "wheels") == MADE
    assert sorted(Path(wheel["wheel"]).name for wheel in report["wheels"]) == MADE
    for wheel in report["wheels"]:
        path = Path(wheel["wheel"])
        verify_wheel(path)
        assert path.stat().st_size == wheel["size"]
    cuda = next(wheel for wheel in report["wheels"] if wheel["label"] == "cu128")
    assert cuda["requires_added"] == ["numpy>=2", 'cublas>=12; "nvidia" in variant_namespaces']
    assert cuda["requires_removed"] == ["numpy>=1", "cublas==12.8"]
    assert cuda["version"] == "1.0"
    document = json.loads(members(Path(cuda["wheel"]))["thing-1.0.dist-info/variant.json"])
    assert document["providers"]["nvidia"]["requires"] == ["nvidia-variant-provider"]
    ordinary = members(folder / "wheels" / MADE[0])
    assert "thing-1.0+cpu.dist-info/variant.json" not in ordinary


def test_the_same_bytes_again_and_untouched(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(folder) == 0
    before = {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (folder / "wheels").iterdir()
    }
    assert make(folder) == 0
    after = {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (folder / "wheels").iterdir()
    }
    assert before == after
    assert make(folder, "-o", str(folder / "elsewhere")) == 0
    assert {name: data for name, (data, _) in before.items()} == {
        path.name: path.read_bytes() for path in (folder / "elsewhere").iterdir()
    }


def test_dry_run_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(folder, "--dry-run", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["dry_run"] and len(report["wheels"]) == len(MADE)
    assert make(folder, "--dry-run") == 0
    out, err = capsys.readouterr()
    assert "  - cublas==12.8\n" in out
    assert "6 wheels would be made" in err
    assert not (folder / "wheels").exists()


def test_all_or_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "wheels").mkdir()
    (folder / "wheels" / MADE[0]).write_bytes(b"an older one")
    bad = next((folder / "dist").glob("*cpu-cp312*"))
    data = bytearray(bad.read_bytes())
    data[200] ^= 255
    bad.write_bytes(data)
    assert make(folder) == 1
    assert "thing-1.0+cpu-cp312" in capsys.readouterr().err
    assert names(folder / "wheels") == [MADE[0]]
    assert (folder / "wheels" / MADE[0]).read_bytes() == b"an older one"


def test_a_target_that_cannot_be_replaced_undoes_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make(folder) == 0
    before = {path.name: path.read_bytes() for path in (folder / "wheels").iterdir()}
    (folder / "wheels" / MADE[-1]).unlink()
    recipe = (folder / "recipe.toml").read_text()
    (folder / "recipe.toml").write_text(recipe.replace("numpy>=2", "numpy>=3"))
    rename = Path.rename

    def full_disk(path: Path, target: Path) -> Path:
        if target.name == MADE[-1] and target.parent.name == "wheels":
            raise OSError(28, "No space left on device", str(target))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", full_disk)
    assert make(folder) == 1
    assert "No space left on device" in capsys.readouterr().err
    kept = {path.name: path.read_bytes() for path in (folder / "wheels").iterdir()}
    assert kept == {name: data for name, data in before.items() if name != MADE[-1]}


def test_a_folder_of_that_name_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "wheels" / MADE[0]).mkdir(parents=True)
    assert make(folder) == 1
    assert "is a folder" in capsys.readouterr().err
    assert names(folder / "wheels") == [MADE[0]]


def test_a_killed_run_leaves_nothing_half_made(folder: Path) -> None:
    big = folder / "dist" / "thing-1.0+cpu-cp310-none-any.whl"
    build_wheel(
        folder / "dist",
        name="thing",
        version="1.0+cpu",
        tag="cp310-none-any",
        files={f"thing/{n}": os.urandom(1 << 20) for n in range(40)},
        requires=["numpy"],
    )
    assert big.exists()
    command = [sys.executable, "-m", "variantctl", "wheel", "make", "--recipe", str(folder / "recipe.toml")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    out = folder / "wheels"
    limit = time.monotonic() + 20
    while not any(name.startswith(".") for name in names(out)) and time.monotonic() < limit:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not [name for name in names(out) if name.endswith(".whl")] or process.returncode == 0
    assert make(folder) == 0
    assert not [name for name in names(out) if name.startswith(".")]
    assert len(names(out)) == len(MADE) + 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("format = 1", "format = 2"), "format: must be 1"),
        (('label = "cu128"', 'label = "Cu128"'), "wheels[0].label"),
        (("format = 1", "format = 1\nwheelz = 1"), "wheelz: is not a key"),
        (('*.whl"\nlabel = "null"', 'nothing"\nlabel = "null"'), "wheels[1].source: there is no file"),
        (('label = "null"', 'label = "cpu"'), "no properties were given"),
        (('ordinary = true\nlocal-version = "keep"', 'label = "null"'), "would be made of"),
        (("sm_arch", "sm_arhc"), "did you mean 'sm_arch'"),
        (('["cublas"]', '["cublaz"]'), "wheels[0].dependencies: thing-1.0+cu128-cp311-none-any.whl: it does"),
        (('"keep"', '"lose"'), "wheels[2].local-version: must be 'keep' or 'drop'"),
        (("cublas>=12;", "cublas>>12;"), "is not a dependency specifier"),
        (("ordinary = true", "ordinary = true\nlabel = 'x'"), "either a label"),
        (("[defaults]", "pyproject = 'x'\n[defaults]"), "providers.nvidia"),
        (
            (
                '[[wheels]]\nsource = "dist/thing-1.0+cpu-*.whl"\nordinary = true',
                '[[wheels]]\nsource = "dist/thing-1.0+cpu-*.whl"\nlabel = "cu128"\n'
                'properties.nvidia.sm_arch = ["80_real"]',
            ),
            "two meanings",
        ),
    ],
)
def test_refusals(
    folder: Path, change: tuple[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert change[0] in RECIPE
    text = RECIPE.replace(*change)
    if "two meanings" in says:
        text = text.replace('local-version = "keep"', "")
    (folder / "recipe.toml").write_text(text)
    assert make(folder) == 1
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err
    assert not (folder / "wheels").exists()


def test_the_table_of_a_pyproject(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "recipe.toml").write_text(
        'format = 1\noutput = "made"\npyproject = "pyproject.toml"\n'
        '[[wheels]]\nsource = "dist/*+cu128-cp311*"\nlabel = "cu126"\n'
    )
    assert make(folder, "--json") == 0
    (wheel,) = json.loads(capsys.readouterr().out)["wheels"]
    assert Path(wheel["wheel"]) == folder / "made" / "thing-1.0+cu128-cp311-none-any-cu126.whl"
    assert wheel["properties"] == {"nvidia": {"cuda_version_lower_bound": ["12.6"]}}


@pytest.mark.parametrize("option", ["--label=x", "--null", "--drop-local-version", "--add-dependency=a"])
def test_options_of_one_wheel_do_not_go_with_a_recipe(
    folder: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(folder, option) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_one_wheel_with_every_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(next((folder / "dist").glob("*cu128-cp311*")))
    command = ["wheel", "make", "-f", source, "-o", str(folder / "out"), "--label", "cu128", "--json"]
    command += ["--property", "nvidia :: sm_arch :: 90_real", "--drop-local-version"]
    command += ["--remove-dependency", "cublas", "--replace-dependency", "numpy>=2", "--add-dependency", "x"]
    assert main([*command, "--dry-run"]) == 0
    assert not (folder / "out").exists()
    capsys.readouterr()
    assert main(command) == 0
    path = Path(json.loads(capsys.readouterr().out)["wheel"])
    assert path.name == "thing-1.0-cp311-none-any-cu128.whl"
    metadata = members(path)["thing-1.0.dist-info/METADATA"].decode()
    assert metadata.splitlines()[3:] == ["Requires-Dist: numpy>=2", "Requires-Dist: x"]
