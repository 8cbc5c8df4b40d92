"""Provider plugins as they are on PyPI, each with its own idea of the interface, trusted and asked for real.

``ascend-variant-provider`` takes a ``context``, logs, prints when there is no NPU, and lists features without
values; the two of ``provider-variant-...`` are ordinary classes whose method wants ``known_properties`` and
whose configs have no ``multi_value``. Skipped where PyPI cannot be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from variant_index.build import build_index

from variantctl.cli import options
from variantctl.demo.server import serve
from variantctl.providers.asking import ProviderReport
from variantctl.providers.foreign import ForeignProviders
from variantctl.providers.installers import python_of
from variantctl.providers.isolation import isolated_environment
from variantctl.providers.plugins import our_plugins
from variantctl.providers.settings import PluginSources, ProviderSettings
from variantctl.providers.trust import TrustStore
from variantctl.variants import load_metadata
from variantctl.variants.schemas import PEP_850_SCHEMA
from variantctl.wheels.build import build_wheel

pytestmark = pytest.mark.network

ASCEND = "ascend-variant-provider==0.0.2"
X86_64 = "provider-variant-x86-64==0.0.1.post2"
AARCH64 = "provider-variant-aarch64==0.0.1.post2"

TORCH_NPU = load_metadata(
    {
        "$schema": PEP_850_SCHEMA,
        "default-priorities": {"namespace": ["ascend"]},
        "providers": {
            "ascend": {
                "requires": ["ascend-variant-provider>=0.0.1,<1.0.0"],
                "plugin-api": "ascend_variant_provider.plugin:AscendVariantPlugin",
            }
        },
        "variants": {
            "a910b": {"ascend": {"npu_type": ["910b"]}},
            "a310p": {"ascend": {"npu_type": ["310p"]}},
            "null": {},
        },
    }
)


@pytest.fixture(scope="module", autouse=True)
def pypi(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skip unless plain pip can download what is tested."""
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:"]
    folder = str(tmp_path_factory.mktemp("downloads"))
    done = subprocess.run(
        [*pip, "-d", folder, ASCEND, X86_64, AARCH64], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"NOT RUN: pip cannot download the real plugins: {done.stderr.strip().splitlines()[-1:]}")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def sources(cache: Path) -> PluginSources:
    """The sources that this machine is configured for, as the command line takes them."""
    parser = argparse.ArgumentParser()
    options.add_source_arguments(parser)
    return options.plugin_sources(parser.parse_args(["--cache-dir", str(cache)]))


@pytest.fixture
def ask(sources: PluginSources, tmp_path: Path) -> Any:
    """Ask the plugin of a package that is trusted for one run, ours or not."""

    def ask(requirement: str, plugin_api: str, **environ: str) -> ProviderReport:
        name = Requirement(requirement).name
        settings = ProviderSettings(trusted=frozenset({name}), sources=lambda: sources)
        providers = ForeignProviders(settings, TrustStore(tmp_path / "none"), {**os.environ, **environ})
        return providers.query(name.rsplit("-", 1)[-1], [Requirement(requirement)], plugin_api)

    return ask


def test_ascend(ask: Any) -> None:
    api = "ascend_variant_provider.plugin:AscendVariantPlugin"
    forced = ask(ASCEND, api, ASCEND_VARIANT_PROVIDER_FORCE_NPU_TYPE="910b")
    assert forced.status == "ok" and forced.source == "ascend-variant-provider 0.0.2"
    assert [(feature.name, feature.values) for feature in forced.features] == [("npu_type", ("910b",))]
    assert "'driver_version', 'cann_version'" in forced.notes[0]
    # A value that PEP 825 does not allow is the plugin's mistake, not ours.
    wrong = ask(ASCEND, api, ASCEND_VARIANT_PROVIDER_FORCE_NPU_TYPE="Ascend 910B")
    assert wrong.status == "error" and wrong.features == ()
    assert "feature 'npu_type': the value 'Ascend 910B' has characters other than" in wrong.notes[0]


def test_ascend_on_a_machine_with_eight(ask: Any, tmp_path: Path) -> None:
    # The plugin repeats the type for each NPU that npu-smi lists.
    tool = tmp_path / "bin" / "npu-smi"
    tool.parent.mkdir()
    rows = "".join(f"| {number}     910B3               | OK |\n" for number in range(8))
    tool.write_text(f"#!/bin/sh\ncat <<END\n| npu-smi 24.1.rc2    Version: 24.1.rc2   |\n{rows}END\n")
    tool.chmod(0o755)
    api = "ascend_variant_provider.plugin:AscendVariantPlugin"
    report = ask(ASCEND, api, PATH=f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    found = {feature.name: feature.values for feature in report.features}
    assert found == {"npu_type": ("910b",), "driver_version": ("24.1.rc2",)}
    assert any("more than once" in note for note in report.notes)


def test_ascend_without_an_npu(ask: Any, tmp_path: Path) -> None:
    report = ask(ASCEND, "ascend_variant_provider.plugin:AscendVariantPlugin", PATH=str(tmp_path))
    assert report.status == "absent" and report.features == ()


def test_x86_64(ask: Any) -> None:
    report = ask(X86_64, "provider_variant_x86_64.plugin:X8664Plugin")
    if platform.machine() not in ("x86_64", "AMD64"):
        assert report.status == "absent"
        return
    assert report.status == "ok" and report.source == "provider-variant-x86-64 0.0.1.post2"
    theirs = {feature.name: feature.values for feature in report.features}
    ours = {
        feature["name"]: tuple(feature["values"]) for feature in our_plugins()["x86_64"].detect()["features"]
    }
    assert theirs["level"] == ours["level"] and len(theirs) > 10
    # It asks archspec for a processor's model, and so leaves out what the model need not have.
    differing = {name for name in theirs if name in ours and theirs[name] != ours[name]}
    assert differing == set()


def test_aarch64(ask: Any) -> None:
    report = ask(AARCH64, "provider_variant_aarch64.plugin:AArch64Plugin")
    if platform.machine() not in ("aarch64", "arm64"):
        assert report.status == "absent" and report.notes == ("the plugin found nothing that it supports",)
    else:
        assert report.status in ("ok", "error")


def test_in_an_install_our_own_plugin_answers_for_them(sources: PluginSources, cache: Path) -> None:
    from variantctl.providers.algorithm import Machine

    table = {
        "$schema": PEP_850_SCHEMA,
        "default-priorities": {"namespace": ["x86_64"]},
        "providers": {
            "x86_64": {"requires": [X86_64], "plugin-api": "provider_variant_x86_64.plugin:X8664Plugin"}
        },
        "variants": {"v1": {"x86_64": {"level": ["v1"]}}, "null": {}},
    }
    asked: list[str] = []

    def never() -> PluginSources:
        asked.append("sources")
        return sources

    settings = ProviderSettings(trusted=frozenset({"provider-variant-x86-64"}), sources=never)
    Machine(settings=settings).supported(load_metadata(table))
    assert asked == []


def test_the_environment_holds_the_plugin_and_nothing_else(sources: PluginSources) -> None:
    environment = isolated_environment([ASCEND], sources, trusted="", check=lambda wheels: None)
    assert python_of(environment.path) == environment.python
    names = {path.name for path in environment.site_packages.glob("*.dist-info")}
    assert names == {"ascend_variant_provider-0.0.2.dist-info"}


class Shop:
    """An index with the torch-npu stand-in, an environment to install into, and the command line."""

    def __init__(self, url: str, folder: Path, cache: Path) -> None:
        self.target = folder / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self.target)], check=True)
        # The plugin comes from the default index, PyPI; torch-npu from ours, which is searched first.
        self.install = ("install", "torch-npu", "--extra-index-url", url, "-p", str(python_of(self.target)))
        self.environ = {
            **os.environ,
            "VARIANTCTL_CONFIG_DIR": str(folder / "config"),
            "VARIANTCTL_CACHE_DIR": str(cache),
            "ASCEND_VARIANT_PROVIDER_FORCE_NPU_TYPE": "910b",
        }

    def run(self, *arguments: str) -> tuple[Any, str]:
        """Standard output as JSON, and standard error."""
        command = [sys.executable, "-m", "variantctl", *arguments, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environ, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout), done.stderr

    def imported(self) -> str:
        script = [str(python_of(self.target)), "-c", "import torch_npu; print(torch_npu.BUILD)"]
        return subprocess.run(script, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Iterator[Shop]:
    for label in ("null", "a910b", "a310p"):
        build_wheel(
            tmp_path / "wheels",
            name="torch-npu",
            version="2.9.0",
            files={"torch_npu.py": f"BUILD = {label!r}\n".encode()},
            label=label,
            metadata=TORCH_NPU,
        )
    build_index(tmp_path / "wheels", tmp_path / "out")
    with serve(tmp_path / "out") as url:
        yield Shop(f"{url}/simple/", tmp_path, cache)


def test_torch_npu_is_passed_over_until_its_plugin_is_trusted(shop: Shop) -> None:
    plan, said = shop.run(*shop.install)
    assert plan["install"][0]["label"] == "null" and shop.imported() == "null"
    assert "warning: ascend: its provider, package ascend-variant-provider, is not trusted" in said
    assert "variantctl provider trust ascend-variant-provider" in said

    once, said = shop.run(
        *shop.install, "--dry-run", "--reinstall", "--trust-provider", "ascend-variant-provider"
    )
    assert once["install"][0]["label"] == "a910b" and "not trusted" not in said

    trusted, _said = shop.run("provider", "trust", ASCEND)
    assert trusted["trusted"][0]["version"] == "0.0.2"
    plan, said = shop.run(*shop.install, "--reinstall")
    assert plan["install"][0]["label"] == "a910b" and shop.imported() == "a910b"
    assert "not trusted" not in said

    shop.environ["ASCEND_VARIANT_PROVIDER_FORCE_NPU_TYPE"] = "310p"
    plan, _said = shop.run(*shop.install, "--reinstall")
    assert plan["install"][0]["label"] == "a310p"

    found, _said = shop.run("detect")
    ascend = next(report for report in found["providers"] if report["namespace"] == "ascend")
    assert ascend["source"] == "ascend-variant-provider 0.0.2"
    assert ascend["features"] == [{"name": "npu_type", "values": ["310p"], "multi_value": False}]

    shop.run("provider", "untrust", "ascend-variant-provider")
    explained, said = shop.run("explain", *shop.install[1:])
    assert explained["selected"]["label"] == "null" and "is not trusted" in said
