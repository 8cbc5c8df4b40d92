"""The same wheel as uv 0.13 with wheel variants, on random matrices, machines and requirements.

A machine is asked for all its packages at once: one process of uv, one of variantctl.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random

from packaging.utils import canonicalize_name
from variant_index.build import build_index

from tests.campaigns.matrices import MadeUpMachine, Matrix, random_machine, random_matrix
from tests.campaigns.report import Report
from tests.campaigns.resolvers import environ
from variantctl.demo.server import serve

PACKAGES_A_MACHINE = 20

Choice = tuple[str, str | None]


def run(cases: int, seed: int, folder: Path, *, packages: int = PACKAGES_A_MACHINE) -> Report:
    """Compare on ``cases`` pairs of a package and a machine, ``packages`` to each machine."""
    report = Report("uv-choice", seed)
    chance = Random(seed)
    for number in range((cases + packages - 1) // packages):
        here = folder / str(number)
        machine = random_machine(chance)
        matrices = [random_matrix(chance, f"p{place}") for place in range(packages)]
        for matrix in matrices:
            matrix.build(here / "wheels")
        build_index(here / "wheels", here / "site")
        with serve(here / "site") as root:
            index = f"{root}/simple/"
            theirs = with_uv(matrices, index, here, machine)
            mine = with_variantctl(matrices, index, here, machine)
        for matrix in matrices:
            _compare(report, matrix, machine, mine[matrix.name], theirs[matrix.name])
    return report


def _compare(report: Report, matrix: Matrix, machine: MadeUpMachine, mine: Choice, theirs: Choice) -> None:
    if mine == theirs:
        kind = "a variant" if mine[1] not in (None, "null") else mine[1] or "the non-variant wheel"
        report.count(f"the same: {kind}")
        return
    report.fail("another wheel", f"{matrix} on {machine}: uv {theirs}, ours {mine}")


def with_uv(matrices: list[Matrix], index: str, folder: Path, machine: MadeUpMachine) -> dict[str, Choice]:
    """What uv installs: package -> version and label."""
    target = folder / "target"
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--target", str(target)]
    options = ["--preview-features", "wheel-variants", "--python", sys.executable, "--index-url", index]
    _run([*uv, *options, *(matrix.requirement for matrix in matrices)], folder, machine)
    chosen = {}
    for info in target.glob("*.dist-info"):
        name, _, version = info.name.removesuffix(".dist-info").partition("-")
        path = info / "variant.json"
        label = next(iter(json.loads(path.read_text("utf-8"))["variants"])) if path.exists() else None
        chosen[str(canonicalize_name(name))] = version, label
    return chosen


def with_variantctl(
    matrices: list[Matrix], index: str, folder: Path, machine: MadeUpMachine
) -> dict[str, Choice]:
    """What we would install: package -> version and label."""
    ours = [sys.executable, "-m", "variantctl", "install", "--dry-run", "--json", "--python", sys.executable]
    # uv takes the newest version, whatever it is built for; what is compared is the choice within it.
    ours += ["--accelerator", "any"]
    options = ["--reinstall", "--index-url", index, "--cache-dir", str(folder / "ours")]
    output = _run([*ours, *options, *(matrix.requirement for matrix in matrices)], folder, machine)
    return {item["name"]: (item["version"], item["label"]) for item in json.loads(output)["install"]}


def _run(command: list[str], folder: Path, machine: MadeUpMachine) -> str:
    made_up = {
        **{name: value for name, value in environ().items() if not name.startswith("NV_")},
        "PIP_CONFIG_FILE": os.devnull,
        "UV_CACHE_DIR": str(folder / "uv"),
        "UV_NO_CONFIG": "1",
        **machine.environ(),
    }
    done = subprocess.run(command, env=made_up, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (machine, done.stderr)
    return done.stdout
