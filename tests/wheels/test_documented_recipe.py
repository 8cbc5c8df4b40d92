"""The recipe in docs/making-wheels.md does what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.wheels.recipes import members
from variantctl.cli import main
from variantctl.wheels.build import build_wheel

DOCUMENT = Path(__file__).parents[2] / "docs" / "making-wheels.md"


def test_the_example(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = re.findall(r"^```toml\n(.*?)^```", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)[-1]
    for local, needs in (("cu128", ["numpy", "nvidia-cublas-cu12==12.8.4.1"]), ("cpu", ["numpy"])):
        for python in ("cp312", "cp313"):
            tag = f"{python}-{python}-manylinux_2_28_x86_64"
            build_wheel(tmp_path / "dist", name="thing", version=f"2.0+{local}", tag=tag, requires=needs)
    (tmp_path / "variants.toml").write_text(recipe)
    assert main(["wheel", "make", "--recipe", str(tmp_path / "variants.toml"), "--json"]) == 0
    made = [Path(wheel["wheel"]) for wheel in json.loads(capsys.readouterr().out)["wheels"]]
    assert [path.name for path in made] == [
        f"thing-2.0-{python}-{python}-manylinux_2_28_x86_64{label}.whl"
        for label in ("-cu128", "-v3", "-null", "")
        for python in ("cp312", "cp313")
    ]
    assert {path.parent for path in made} == {tmp_path / "wheels"}
    metadata = members(made[0])["thing-2.0.dist-info/METADATA"].decode()
    assert metadata.splitlines()[3:] == [
        "Requires-Dist: numpy>=2",
        'Requires-Dist: nvidia-cuda-runtime-cu12; "nvidia" in variant_namespaces',
        'Requires-Dist: cupy-cuda12x; variant_label == "cu128"',
        'Requires-Dist: fast-kernels; "nvidia :: sm_arch :: 90_real" in variant_properties',
        'Requires-Dist: tuner; "nvidia :: sm_arch" in variant_features',
    ]
    assert main(["wheel", "validate", *map(str, made)]) == 0
