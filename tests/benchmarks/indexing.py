"""Indexing 10,000 wheels of 500 projects, beside sha256sum over the same bytes and dumb-pypi on the list.

Wheels of 200 kB show what is done for each wheel, wheels of 50 MB what is done for each byte.
``VARIANTCTL_BENCHMARK_WHEELS`` and ``VARIANTCTL_BENCHMARK_SIZE`` (bytes of payload a wheel) change the tree;
``VARIANTCTL_BENCHMARK_TREE`` names a folder in which it is kept for the next time.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.compare import Case
from variantctl.variants.metadata import ProviderInfo, VariantMetadata
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.wheels.build import build_wheel

WHEELS = int(os.environ.get("VARIANTCTL_BENCHMARK_WHEELS", "10000"))
SIZE = int(os.environ.get("VARIANTCTL_BENCHMARK_SIZE", "200000"))
PROJECTS = 500
LARGE, LARGE_SIZE = 20, 50_000_000
_LABELS = (None, "null", "cu126", "cu128")
_DESCRIPTION = "A paragraph of a readme that says what the project is for.\n" * 100
_VARIANTS = VariantMetadata(
    PEP_850_SCHEMA,
    ("nvidia",),
    {"nvidia": ProviderInfo(requires=("nvidia-variant-provider",))},
    {
        "null": {},
        "cu126": {"nvidia": {"cuda_version_lower_bound": ("12.6",)}},
        "cu128": {"nvidia": {"cuda_version_lower_bound": ("12.8",)}},
    },
)


def cases() -> list[Case]:
    """A full build, a second build, and one wheel more."""
    kept = os.environ.get("VARIANTCTL_BENCHMARK_TREE")
    folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="variantctl-benchmark-"))
    wheels = _tree(folder / "wheels", WHEELS, SIZE)
    _tree(folder / "large", LARGE, LARGE_SIZE)
    extra = _wheel(folder / "extra", 0, SIZE, build="1")
    _package_list(folder / "packages.json", wheels)
    out = folder / "out"
    index = [str(Path(sys.executable).with_name("variantctl")), "index"]
    build = [*index, "build", str(folder / "wheels"), "-o", str(out)]
    cores = str(os.cpu_count() or 1)
    hashing = f"find {folder}/wheels -name '*.whl' | xargs -P {cores} -n 200 sha256sum"
    hashing_large = f"find {folder}/large -name '*.whl' | xargs -P {cores} -n 1 sha256sum"
    dumb = [str(Path(sys.executable).with_name("dumb-pypi")), "--packages-url", "../../wheels/"]
    dumb += ["--package-list-json", str(folder / "packages.json"), "--output-dir", str(folder / "dumb")]

    def nothing_built(who: str) -> None:
        shutil.rmtree(out if who == "variantctl" else folder / "dumb", ignore_errors=True)

    def nothing_large_built(who: str) -> None:
        shutil.rmtree(folder / "large-out", ignore_errors=True)

    def built(who: str) -> None:
        if who == "variantctl":
            subprocess.run([*build, "--quiet"], check=True, stdout=subprocess.DEVNULL)

    def without_extra(who: str) -> None:
        if who == "variantctl":
            remove = [*index, "remove", extra.name, "--index", str(out)]
            subprocess.run(remove, check=False, capture_output=True)

    return [
        Case(
            name=f"indexing: full build of {WHEELS:,} wheels in {PROJECTS} projects",
            ours=build,
            peers={
                f"sha256sum, {cores} at once": ["sh", "-c", hashing],
                "dumb-pypi, which opens no wheel": dumb,
                "sha256sum, then dumb-pypi": ["sh", "-c", f"{hashing} && {' '.join(dumb)}"],
            },
            most_megabytes=300,
            prepare=nothing_built,
        ),
        Case(
            name=f"indexing: full build of {LARGE} wheels of {LARGE_SIZE // 1_000_000} MB",
            ours=[*index, "build", str(folder / "large"), "-o", str(folder / "large-out")],
            peers={f"sha256sum, {cores} at once": ["sh", "-c", hashing_large]},
            most_megabytes=300,
            prepare=nothing_large_built,
        ),
        Case(
            name="indexing: the same build again, nothing changed",
            ours=build,
            peers={"dumb-pypi, which opens no wheel": dumb},
            most_megabytes=300,
            prepare=built,
        ),
        Case(
            name=f"indexing: one wheel added to {WHEELS:,}",
            ours=[*index, "add", str(extra), "--index", str(out)],
            peers={"sha256sum of the wheel": ["sha256sum", str(extra)]},
            most_over={"sha256sum of the wheel": 1.0},
            prepare=without_extra,
        ),
    ]


def _tree(folder: Path, count: int, size: int) -> list[Path]:
    """Wheels in one folder: each version of each project as an ordinary wheel and three variants."""
    there = sorted(folder.glob("*.whl")) if folder.is_dir() else []
    return there if len(there) == count else [_wheel(folder, number, size) for number in range(count)]


def _wheel(folder: Path, number: int, size: int, build: str | None = None) -> Path:
    release, label = divmod(number, len(_LABELS))
    project, version = release % PROJECTS, release // PROJECTS
    return build_wheel(
        folder,
        name=f"project{project}",
        version=f"1.{version}",
        build=build,
        label=_LABELS[label],
        metadata=_VARIANTS,
        files={f"project{project}/data.bin": random.Random(number).randbytes(size)},
        requires=[f"project{(project + n) % PROJECTS} >=1.0" for n in range(8)],
        requires_python=">=3.10",
        summary=f"Project {project}, release {version}",
        dist_info={"licenses/LICENSE": _DESCRIPTION.encode()},
    )


def _package_list(target: Path, wheels: list[Path]) -> None:
    """What dumb-pypi reads: one JSON object a wheel, with a hash that somebody else worked out."""
    lines = []
    for path in wheels:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(json.dumps({"filename": path.name, "hash": f"sha256={digest}"}) + "\n")
    target.write_text("".join(lines))
