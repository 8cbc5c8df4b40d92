"""``index import --family``: members under several names and extras become variants of one package."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name
from variant_index.build import build_index
from variant_index.importing.family import renamed, with_extra

from tests.families.test_stand_ins import Place
from variantctl.wheels.build import build_wheel


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    wheels = place.world.wheels
    extras = {
        "cuda12": ["jax-cuda12-plugin==0.9.0"],
        "cuda13": ["jax-cuda13-plugin==0.9.0"],
        "k8s": ["kernels"],
    }
    build_wheel(wheels, name="jax", version="0.9.0", extras=extras, files={"jax/__init__.py": b""})
    for name in ("jax-cuda12-plugin", "jax-cuda13-plugin", "kernels"):
        build_wheel(wheels, name=name, version="0.9.0")
    for cuda in ("12", "13"):
        build_wheel(wheels, name=f"rmm-cu{cuda}", version="26.10.0", files={"rmm/__init__.py": b""})
        needs = [f"rmm-cu{cuda}==26.10.*", "numpy"]
        files = {"cudf/__init__.py": f"cuda = {cuda}".encode()}
        data = {"data/etc/cudf.conf": b"x"}
        build_wheel(wheels, name=f"cudf-cu{cuda}", version="26.10.0", requires=needs, files=files, data=data)
    build_wheel(wheels, name="numpy", version="2.4.0")
    build_index(wheels, tmp_path / "site")
    place.index = (tmp_path / "site" / "simple").as_uri()
    return place


def imported(place: Place, *words: str, code: int = 0) -> dict[str, Path]:
    """Filename -> wheel, after an import into ``mirror``."""
    mirror = place.root / "mirror"
    command = (sys.executable, "-m", "variantctl", "index", "import", "--from", place.index, "-o", mirror)
    place.run([*command, *words], code)
    return {path.name: path for path in (mirror / "wheels").glob("*.whl")}


def metadata(wheel: Path) -> tuple[str, list[str]]:
    """The name that METADATA has, and what it needs."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("dist-info/METADATA")]
        lines = archive.read(name).decode().splitlines()
    (named,) = [line.removeprefix("Name: ") for line in lines if line.startswith("Name: ")]
    return named, [
        line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")
    ]


def test_names_become_labels(place: Place) -> None:
    wheels = imported(place, "--family", "onnxruntime", "--version", "1.31.0")
    assert set(wheels) == {
        "onnxruntime-1.31.0-py3-none-any-gpu.whl",
        "onnxruntime-1.31.0-py3-none-any-null.whl",
    }
    assert metadata(wheels["onnxruntime-1.31.0-py3-none-any-gpu.whl"])[0] == "onnxruntime"
    # Again there is nothing to do.
    before = {path: path.stat().st_mtime_ns for path in wheels.values()}
    again = imported(place, "--family", "onnxruntime", "--version", "1.31.0")
    assert {path: path.stat().st_mtime_ns for path in again.values()} == before


def test_what_members_need_of_each_other_has_the_packages_names(place: Place) -> None:
    wheels = imported(place, "--family", "rapids", "--package", "cudf", "--package", "rmm")
    label = "cudf-26.10.0-py3-none-any-cu12.whl"
    assert metadata(wheels[label]) == ("cudf", ["rmm==26.10.*", "numpy"])
    with zipfile.ZipFile(wheels[label]) as archive:
        assert "cudf-26.10.0.data/data/etc/cudf.conf" in archive.namelist()
        assert {name.partition("/")[0] for name in archive.namelist()} == {
            "cudf",
            "cudf-26.10.0.dist-info",
            "cudf-26.10.0.data",
        }


def test_an_extra_becomes_a_variant(place: Place) -> None:
    wheels = imported(
        place, "--family", "jax", "--backend", "cuda13", "--backend", "cuda12", "--backend", "cpu"
    )
    needs = {name.rpartition("-")[2]: metadata(wheel)[1] for name, wheel in wheels.items()}
    assert set(needs) == {"cuda13.whl", "cuda12.whl", "null.whl"}
    assert needs["cuda13.whl"][1] == "jax-cuda13-plugin==0.9.0"
    assert needs["cuda12.whl"][0] == "jax-cuda12-plugin==0.9.0"
    assert all("extra" in text for text in needs["null.whl"])


def test_machines_choose_from_it_as_from_the_members(place: Place) -> None:
    for family, more in (
        ("onnxruntime", ("--version", "1.31.0")),
        ("jax", ()),
        ("rapids", ("--package", "cudf", "--package", "rmm")),
    ):
        imported(place, "--family", family, *more)
    others = place.root / "mirror" / "wheels"
    for name in ("rembg-2.0", "jax_cuda13_plugin-0.9.0", "numpy-2.4.0"):
        (wheel,) = place.world.wheels.glob(f"{name}-*.whl")
        (others / wheel.name).write_bytes(wheel.read_bytes())
    build_index(others, place.root / "mirror")
    place.index = (place.root / "mirror" / "simple").as_uri()
    place.variantctl("install", "rembg", "jax", "cudf")
    listed = json.loads(place.variantctl("list", "--json"))["packages"]
    labels = {each["name"]: each["label"] for each in listed}
    assert labels["onnxruntime"] == "gpu" and labels["jax"] == "cuda13" and labels["cudf"] == "cu13"
    assert "jax-cuda13-plugin" in labels and labels["rmm"] == "cu13"
    assert place.kind() == "gpu"
    place.variantctl("check")


def test_what_cannot_be_imported_is_said(place: Place) -> None:
    for words, why in (
        (("--family", "flash-attn"), "in the local part of their versions"),
        (("--family", "nothing"), "there is no family named 'nothing'"),
    ):
        command = (sys.executable, "-m", "variantctl", "index", "import", "--from", place.index)
        told = place.run([*command, "-o", place.root / "mirror", "--json", *words], 1)
        assert why in json.loads(told)["error"]["message"]


def test_a_family_goes_into_a_folder_and_not_into_a_store(place: Place) -> None:
    """It would have become a folder of that name."""
    output = "s3://bucket/mirror"
    command = (sys.executable, "-m", "variantctl", "index", "import", "--from", place.index, "-o", output)
    said = json.loads(place.run([*command, "--family", "rapids", "--json"], 1))
    assert "a family is imported into a folder" in said["error"]["message"]
    assert not Path("s3:").exists()


def test_requirements() -> None:
    requires = (
        "a[b]<2; extra == 'cuda12'",
        "c; python_version < '4' and extra == \"cuda12\"",
        "d; extra == 'x'",
    )
    assert with_extra(requires, "cuda12") == (
        "a[b]<2",
        "c; python_version < '4' and python_version >= \"3\" ",
        "d; extra == 'x'",
    )
    assert with_extra(requires, None) == requires
    names = {canonicalize_name("cudf-cu12"): canonicalize_name("cudf")}
    assert renamed(["cudf-cu12[test]==1", "cudf_cu12", "cudf-cu12x"], names) == (
        "cudf[test]==1",
        "cudf",
        "cudf-cu12x",
    )
