"""pip and uv behind the proxy and on flattened trees: the member for the machine, under every name."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from variant_index.build import build_index

from tests.families.test_stand_ins import Place
from variantctl.demo.server import serve
from variantctl.wheels.build import build_wheel

AS = {
    "pip": (sys.executable, "-m", "pip", "--python"),
    "uv": (sys.executable, "-m", "uv", "pip", "install", "-q", "-p"),
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.world.add("onnxruntime", "1.32.0", files={"onnxruntime/__init__.py": b"kind = 'cpu'\n"})
    place.world.add("cupy-cuda12x", "14.2.0", files={"cupy/__init__.py": b""})
    place.world.add("uses-cupy", "1.0", ["cupy>=14"])
    build_wheel(
        place.world.wheels,
        name="jax",
        version="0.9.0",
        extras={
            "cuda12": ["jax-cuda12-plugin"],
            "cuda13": ["jax-cuda13-plugin"],
            "k8s": ["kernels"],
        },
    )
    for name in ("jax-cuda12-plugin", "jax-cuda13-plugin", "kernels"):
        place.world.add(name, "0.9.0")
    build_index(place.world.wheels, place.root / "site")
    place.index = (place.root / "site" / "simple").as_uri()
    return place


def install(place: Place, tool: str, *requirements: str) -> None:
    """Install behind the proxy, for a machine with a GPU."""
    command = [*AS[tool], place.python, *(("install", "-q") if tool == "pip" else ()), *requirements]
    where = ("-i", place.index, "--no-backends", "--profile", place.root / "gpu.toml", "-p", place.python)
    place.run([sys.executable, "-m", "variantctl", "proxy", *where, "--", *command])


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_whoever_needs_the_package_gets_the_member(place: Place, tool: str) -> None:
    install(place, tool, "rembg", "faces", "uses-cupy")
    assert place.names() == {
        "onnxruntime": "1.31.0",
        "onnxruntime-gpu": "1.31.0",
        "rembg": "2.0",
        "faces": "1.0",
        "cupy": "14.2.0",
        "cupy-cuda12x": "14.2.0",
        "uses-cupy": "1.0",
    }
    assert place.kind() == "gpu"
    place.content()
    # variantctl knows what pip installed, and has nothing to change.
    assert "Nothing to do" in place.variantctl("install", "rembg", "faces", "uses-cupy")
    # Whoever removes the real one is told what is missing.
    place.pip("uninstall", "-y", "-q", "onnxruntime-gpu")
    assert "onnxruntime 1.31.0 requires onnxruntime-gpu, which is not installed" in place.pip("check", code=1)


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_an_extra_is_a_member_too(place: Place, tool: str) -> None:
    install(place, tool, "jax[cuda12,k8s]")
    # The one for the machine, and not both.
    assert set(place.names()) == {"jax", "jax-cuda13-plugin", "kernels"}
    place.content()


def test_a_member_that_is_named_is_shown_as_it_is(place: Place) -> None:
    install(place, "pip", "onnxruntime-gpu==1.30.0")
    assert place.names() == {"onnxruntime-gpu": "1.30.0"}


def test_without_families_names_are_what_they_are(place: Place) -> None:
    place.env["VARIANTCTL_NO_FAMILIES"] = "1"
    install(place, "pip", "rembg")
    assert place.names() == {"onnxruntime": "1.32.0", "rembg": "2.0"}


@pytest.mark.parametrize("tool", ["pip", "uv"])
def test_a_flattened_tree(place: Place, tool: str) -> None:
    place.run(
        [sys.executable, "-m", "variantctl", "index", "flatten", place.root / "site", place.root / "gpu.toml"]
    )
    tree = place.root / "site" / "simple-gpu"
    (stand_in,) = (tree / "cupy").glob("*.whl")
    with zipfile.ZipFile(stand_in) as archive:
        assert all(".dist-info/" in name for name in archive.namelist())
    with serve(place.root / "site") as root:
        source = ("-i", f"{root}/simple-gpu/")
        if tool == "pip":
            place.pip("install", "-q", *source, "rembg", "uses-cupy", "jax")
        else:
            place.uv("install", "-q", *source, "rembg", "uses-cupy", "jax")
    assert {"onnxruntime-gpu", "onnxruntime", "cupy-cuda12x", "cupy", "jax-cuda13-plugin"} <= set(
        place.names()
    )
    assert place.kind() == "gpu"
    place.content()
