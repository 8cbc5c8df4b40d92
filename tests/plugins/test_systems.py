"""macOS and Windows, and Pythons that are not what the machine is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from variant_providers.aarch64 import Aarch64Plugin
from variant_providers.cpu import darwin, windows
from variant_providers.cpu.tables import aarch64, x86_64
from variant_providers.cpu.tables import darwin as darwin_names
from variant_providers.cpu.tables import windows as windows_numbers
from variant_providers.nvidia import NvidiaPlugin
from variant_providers.probing.tree import Tree
from variant_providers.x86_64 import X8664Plugin

X86_NAMES = {name for name, _year, _processor in x86_64.EXTENSIONS}
ARM_NAMES = {name for name, _version in aarch64.EXTENSIONS}


def test_the_tables_name_only_known_extensions() -> None:
    for table in (
        darwin_names.X86_WORDS,
        darwin_names.X86_OPTIONAL,
        windows_numbers.X86,
        windows_numbers.X86_IMPLIED,
    ):
        assert {name for names in table.values() for name in names} <= X86_NAMES
    for arms in (darwin_names.ARM, windows_numbers.ARM, windows_numbers.ARM_IMPLIED):
        assert {name for names in arms.values() for name in names} <= ARM_NAMES
    assert set(darwin_names.ROSETTA) <= X86_NAMES


def features(plugin: type[X8664Plugin | Aarch64Plugin], root: Path) -> dict[str, list[str]]:
    report = plugin.detect(str(root))
    return {feature["name"]: feature["values"] for feature in report["features"]}  # type: ignore[attr-defined]


def test_sysctl_is_run_on_a_mac(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "sysctl"
    program.write_text("#!/bin/sh\necho 'hw.optional.avx2_0: 1'\necho \"args: $*\"\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(darwin, "_SYSCTL", str(program))
    monkeypatch.setattr(sys, "platform", "darwin")
    report = X8664Plugin.detect() if Tree().machine() == "x86_64" else Aarch64Plugin.detect()
    assert report["source"] == "sysctl" and report["status"] == "ok"


def test_a_sysctl_that_fails_leaves_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(darwin, "_SYSCTL", "/nonexistent/sysctl")
    monkeypatch.setattr(sys, "platform", "darwin")
    plugin = X8664Plugin if Tree().machine() == "x86_64" else Aarch64Plugin
    report = plugin.detect()
    assert report["status"] == "ok" and "could not be asked" in str(report["notes"])
    assert report["facts"] in ({"level": "v1", "features": []}, {"version": "8a", "features": []})


def test_rosetta_runs_avx_where_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "machine").write_text("x86_64")
    lines = ["sysctl.proc_translated: 1", "machdep.cpu.features: SSE4.2"]
    (tmp_path / "sysctl.txt").write_text("\n".join(lines))
    assert features(X8664Plugin, tmp_path)["level"][0] == "v2"
    lines += [f"hw.optional.{name}: 1" for name in ("avx1_0", "avx2_0", "bmi1", "bmi2", "f16c", "fma")]
    lines += ["machdep.cpu.extfeatures: LZCNT LAHF", "machdep.cpu.leaf7_features: MOVBE"]
    (tmp_path / "sysctl.txt").write_text("\n".join(lines))
    assert features(X8664Plugin, tmp_path)["level"][0] == "v3"


def test_windows_without_avx2_is_v2(tmp_path: Path) -> None:
    (tmp_path / "machine").write_text("AMD64")
    (tmp_path / "processor-features.txt").write_text("13 1\n14 1\n17 1\n36 1\n37 1\n38 1\n39 1\n40 0\n")
    offered = features(X8664Plugin, tmp_path)
    assert offered["level"][0] == "v2" and "avx" in offered and "avx2" not in offered


def test_windows_asks_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(windows, "_ask", lambda: {43, 45, 34, 31})
    monkeypatch.setattr(Tree, "machine", lambda _self: "aarch64")
    monkeypatch.setattr(Tree, "system", lambda _self: "Windows")
    report = Aarch64Plugin.detect()
    assert report["source"] == "IsProcessorFeaturePresent"
    assert report["facts"] == {"version": "8.2a", "features": ["asimddp", "lrcpc"]}
    assert "Windows tells of few extensions" in str(report["notes"])


@pytest.mark.parametrize("machine", ["i686", "armv7l", "armv8l", "riscv64", ""])
def test_other_userlands_load_neither(machine: str, tmp_path: Path) -> None:
    (tmp_path / "machine").write_text(machine)
    for plugin in (X8664Plugin, Aarch64Plugin):
        assert plugin.detect(str(tmp_path))["status"] == "absent"


def test_a_32_bit_python_on_a_64_bit_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tree, "pointer_bits", lambda _self: 32)
    for plugin in (X8664Plugin, Aarch64Plugin, NvidiaPlugin):
        report = plugin.detect()
        assert report["status"] == "absent" and report["features"] == []
    assert "32-bit" in str(NvidiaPlugin.detect()["notes"])
