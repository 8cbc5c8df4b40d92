"""The two files that torch 2.8.0 and 2.10.0 were published with, from index to choice, for every profile."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests.indexes.server import LoopbackServer
from variantctl.cache.folder import Cache
from variantctl.config.settings import IndexSettings
from variantctl.explain.wheels import explain
from variantctl.indexes.finder import PackageFinder
from variantctl.providers.algorithm import Machine
from variantctl.providers.profiles import load_profile, shipped_profiles
from variantctl.requirements.requirement import parse_user_requirement
from variantctl.resolve.resolver import Request, resolve
from variantctl.target.platforms import platform_environment
from variantctl.wheels.build import build_wheel

METADATA = Path(__file__).parents[2] / "fixtures" / "metadata"

#: profile -> the label of torch 2.8.0, that of torch 2.10.0.
EXPECTED = {
    "a100": ("cu128", "cuda12.8"),
    "apple-m4": ("00000000", "null"),
    "arc-a770": ("00000000", "xpu"),
    "arc-b580": ("00000000", "xpu"),
    "b200": ("cu129", "cuda13.0"),
    "b300": ("cu129", "cuda13.0"),
    "dgx-spark": ("cu129", "cuda13.0"),
    "gb300": ("cu129", "cuda13.0"),
    "graviton3": ("00000000", "null"),
    "graviton4": ("00000000", "null"),
    "gtx-1650": ("cu129", "cuda13.0"),
    "h100": ("cu128", "cuda12.8"),
    "h200": ("cu128", "cuda12.8"),
    "jetson-orin": ("00000000", "null"),  # no binary of PyTorch's is for 8.7 itself
    "jetson-thor": ("00000000", "null"),
    "l4": ("cu128", "cuda12.8"),
    "l40s": ("cu128", "cuda12.8"),
    "lunar-lake": ("00000000", "xpu"),
    "mi250x": ("00000000", "rocm7.1"),
    "mi300x": ("00000000", "rocm7.1"),
    "mi355x": ("00000000", "rocm7.1"),
    "p40": ("cu126", "cuda12.6"),
    "panther-lake": ("00000000", "xpu"),
    "raspberry-pi-5": ("00000000", "null"),
    "rtx-3060": ("cu129", "cuda13.0"),
    "rtx-4070-windows": ("cu129", "cuda13.0"),
    "rtx-4090": ("cu129", "cuda13.0"),
    "rtx-5070-laptop": ("cu129", "cuda13.0"),
    "rtx-5090": ("cu129", "cuda13.0"),
    "rtx-pro-6000": ("cu129", "cuda13.0"),
    "rx-7900xtx": ("00000000", "rocm7.1"),
    "rx-7900xtx-windows": ("00000000", "null"),  # ROCm is for Linux only, this metadata says
    "rx-9070xt": ("00000000", "rocm7.1"),
    "strix-halo": ("00000000", "rocm7.1"),
    "t4": ("cu128", "cuda12.8"),
    "tpu-v5e": ("00000000", "null"),
    "tpu-v6e": ("00000000", "null"),
    "v100": ("cu128", "cuda12.8"),
    "v100-old-driver": ("00000000", "null"),
    "x86-64-v2": ("00000000", "null"),
    "x86-64-v3": ("00000000", "null"),
    "x86-64-v4": ("00000000", "null"),
}
VERSIONS = ("2.8.0", "2.10.0")


def test_every_shipped_profile_is_in_the_table() -> None:
    assert list(EXPECTED) == shipped_profiles()


def build(folder: Path, version: str, *, listed: bool) -> None:
    """A wheel of each label with the older ``variant.json`` in it; the file itself if it is to be listed."""
    name = f"torch-{version}-variants.json"
    document = json.loads((METADATA / name).read_bytes())
    for label, properties in document["variants"].items():
        own = json.dumps({**document, "variants": {label: properties}}).encode()
        plain = build_wheel(
            folder / "plain",
            name="torch",
            version=version,
            files={"torch/__init__.py": f"variant = {label!r}\n".encode()},
            dist_info={"variant.json": own},
        )
        # What builds wheels here writes the newest format only, in which 00000000 is no null variant.
        plain.rename(folder / f"{plain.stem}-{label}.whl")
    if listed:
        (folder / name).write_bytes((METADATA / name).read_bytes())


@dataclass
class Index:
    url: str
    cache: Cache

    def label(self, profile: str, requirement: str) -> str | None:
        """The label of torch that a machine gets."""
        with self._package_finder() as package_finder:
            plan = resolve(
                Request((parse_user_requirement(requirement),)),
                package_finder=package_finder,
                **_subject(profile),
            )
        (torch,) = plan.install
        return torch.label

    def explained(self, profile: str, requirement: str) -> dict[str, Any]:
        with self._package_finder() as package_finder:
            told = explain(
                parse_user_requirement(requirement), package_finder=package_finder, **_subject(profile)
            )
        return told.as_json()

    def _package_finder(self) -> PackageFinder:
        return PackageFinder(IndexSettings(self.url), cache=self.cache, environ={})


def _subject(profile: str) -> dict[str, Any]:
    loaded = load_profile(profile)
    assert loaded.platform is not None
    facts = loaded.platform
    platform = platform_environment(
        system=facts.system, machine=facts.machine, libc=facts.libc, python="3.12"
    )
    return {
        "machine": Machine(loaded, environment=platform.markers),
        "platform": platform,
        "who": f"profile {profile}",
    }


@pytest.fixture(scope="module", params=["listed", "in the wheels alone"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """Both versions, with the index-level files or without them."""
    folder = tmp_path_factory.mktemp("index")
    page = folder / "simple" / "torch"
    page.mkdir(parents=True)
    for version in VERSIONS:
        build(page, version, listed=request.param == "listed")
    anchors = (
        f'<a href="{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>'
        for path in sorted(page.glob("torch-*"))
    )
    (page / "index.html").write_text("<!DOCTYPE html>\n" + "<br/>\n".join(anchors))
    with LoopbackServer(folder) as server:
        yield Index(f"{server.url}/simple", Cache(folder / "cache"))


@pytest.mark.parametrize("profile", EXPECTED)
def test_what_each_machine_gets(index: Index, profile: str) -> None:
    older, newer = EXPECTED[profile]
    assert index.label(profile, "torch==2.8.0") == older
    assert index.label(profile, "torch") == newer


def test_nothing_of_the_real_files_is_refused(index: Index) -> None:
    for version in VERSIONS:
        document = json.loads((METADATA / f"torch-{version}-variants.json").read_bytes())
        told = index.explained("h100", f"torch=={version}")
        assert {wheel["label"] for wheel in told["wheels"]} == set(document["variants"])
        kinds = {reason["kind"] for wheel in told["wheels"] for reason in wheel["reasons"]}
        assert kinds <= {"best", "order", "property"}


def test_priorities_between_equal_bounds_come_from_static_properties(index: Index) -> None:
    """12.8 and 12.6 have the same bound and architectures here: ``priority :: order`` decides."""
    told = index.explained("rtx-3060", "torch==2.10.0")
    assert [wheel["label"] for wheel in told["wheels"] if wheel["rank"]] == [
        "cuda13.0",
        "cuda12.8",
        "cuda12.6",
        "null",
    ]
    (third,) = [wheel for wheel in told["wheels"] if wheel["label"] == "cuda12.6"]
    assert "is as good as cuda12.8, which its publisher puts first" in third["reasons"][0]["detail"]


def test_the_older_null_variant_is_called_so(index: Index) -> None:
    told = index.explained("x86-64-v3", "torch==2.8.0")
    assert told["selected"]["label"] == "00000000"
    assert told["wheels"][0]["reasons"][0]["detail"] == "no variant with properties can be taken"


@pytest.mark.parametrize("profile", ["x86-64-v3", "h100"])
def test_installed_for_real(index: Index, tmp_path: Path, profile: str) -> None:
    target = tmp_path / "target"
    environ = {**os.environ, "VARIANTCTL_CACHE_DIR": str(tmp_path / "cache"), "VARIANTCTL_CONFIG_FILE": ""}

    def variantctl(*arguments: object) -> dict[str, Any]:
        command = [
            sys.executable,
            "-m",
            "variantctl",
            *map(str, arguments),
            "--target",
            str(target),
            "--json",
        ]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer

    variantctl("install", "torch==2.8.0", "-i", index.url, "--profile", profile)
    label = EXPECTED[profile][0]
    assert (target / "torch" / "__init__.py").read_text() == f"variant = {label!r}\n"
    (torch,) = variantctl("list")["packages"]
    assert (torch["version"], torch["label"]) == (str(Version("2.8.0")), label)
    again = variantctl("install", "torch==2.8.0", "-i", index.url, "--profile", profile)
    assert again["install"] == []
