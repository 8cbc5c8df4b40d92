"""``download`` for a machine with a GPU and one without: one folder, and each gets its member from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from variant_index.build import build_index

from tests.families.test_stand_ins import Place
from variantctl.wheels.build import build_wheel

_LAPTOP = 'format = 1\nname = "laptop"\n'


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    extras = {"cuda12": ["jax-cuda12-plugin"], "cuda13": ["jax-cuda13-plugin"]}
    build_wheel(place.world.wheels, name="jax", version="0.9.0", extras=extras)
    for name in ("jax-cuda12-plugin", "jax-cuda13-plugin"):
        build_wheel(place.world.wheels, name=name, version="0.9.0")
    build_index(place.world.wheels, tmp_path / "site")
    place.index = (tmp_path / "site" / "simple").as_uri()
    (tmp_path / "laptop.toml").write_text(_LAPTOP)
    profiles = ("--profile", tmp_path / "gpu.toml", "--profile", tmp_path / "laptop.toml")
    command = (sys.executable, "-m", "variantctl", "download", "rembg", "jax", *profiles)
    place.run([*command, "-d", tmp_path / "carried", "-i", place.index, "--no-backends"])
    return place


WHEELS = {"onnxruntime", "onnxruntime_gpu", "rembg", "jax", "jax_cuda13_plugin"}
EXPECTED = {
    "gpu": {"onnxruntime", "onnxruntime-gpu", "rembg", "jax", "jax-cuda13-plugin"},
    "laptop": {"onnxruntime", "rembg", "jax"},
}


@pytest.mark.parametrize("machine", ["gpu", "laptop"])
def test_each_machine_gets_its_member(place: Place, machine: str) -> None:
    carried = place.root / "carried"
    assert {path.name.partition("-")[0] for path in carried.glob("*.whl")} == WHEELS
    kind = {"gpu": "gpu", "laptop": "cpu"}[machine]
    for tool in (place.pip, place.uv):
        tool("install", "-q", "-i", (carried / f"simple-{machine}").as_uri(), "rembg", "jax")
        assert (set(place.names()), place.kind()) == (EXPECTED[machine], kind)
        place.content()
        tool("uninstall", *(("-y",) if tool == place.pip else ()), *place.names())
    profile = ("--profile", place.root / f"{machine}.toml", "--offline", "--no-index")
    place.variantctl("sync", carried / "pylock.toml", *profile)
    assert (set(place.names()), place.kind()) == (EXPECTED[machine], kind)
    place.content()


def test_an_index_that_knows_variants_has_all_of_them(place: Place) -> None:
    simple = place.root / "carried" / "simple"
    assert {path.name for path in simple.iterdir() if path.is_dir()} == {
        name.replace("_", "-") for name in WHEELS
    }
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place.root / "other"], check=True)
    place.index = simple.as_uri()
    place.variantctl("install", "rembg", "jax")
    assert place.kind() == "gpu"
