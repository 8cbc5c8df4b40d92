"""Two vendors' drivers that hang at once: nobody waits for one after the other."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from variant_providers import __main__ as command
from variant_providers import plugin as plugin_module
from variant_providers.amd import AmdPlugin
from variant_providers.nvidia import NvidiaPlugin
from variant_providers.probing.child import Transcript

from tests.plugins.here import MACHINES, Here
from variantctl.providers.detect import detect
from variantctl.providers.settings import ProviderSettings

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the stand-in is an ELF library")

NAMESPACES = ["nvidia", "amd", "intel", "tpu", "x86_64", "aarch64"]


@pytest.fixture
def two_hang(fake_nvml: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NVML's stand-in hangs, and so does the tool that is asked about an AMD GPU."""
    fake_nvml("hang:nvmlInit")
    tool = tmp_path / "rocminfo"
    tool.write_text("#!/bin/sh\necho gfx0 was here\nsleep 60\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    root = str(MACHINES / "amdgpu-not-loaded" / "tree")
    monkeypatch.setattr(plugin_module, "Tree", lambda _root: Here(root))


@pytest.mark.usefixtures("two_hang")
def test_detect_ends_within_three_seconds() -> None:
    start = time.monotonic()
    reports = {report.namespace: report for report in detect().providers}
    assert time.monotonic() - start < 3
    assert list(reports)[:6] == NAMESPACES
    assert "did not answer within 2 s" in reports["nvidia"].notes[0]
    assert any(note.startswith("rocminfo did not answer within 2 s") for note in reports["amd"].notes)


@pytest.mark.usefixtures("two_hang")
def test_two_detections_at_a_time_keep_their_transcripts_apart() -> None:
    transcripts: list[Transcript] = [[], [], []]
    with ThreadPoolExecutor() as pool:
        for plugin, transcript in zip((NvidiaPlugin, AmdPlugin, AmdPlugin), transcripts, strict=True):
            pool.submit(plugin.detect, transcript=transcript)
    assert [name for name, _lines in transcripts[0]] == ["nvml_child"]
    assert transcripts[1] == transcripts[2] == [("rocminfo", ["gfx0 was here"])]


@pytest.mark.usefixtures("two_hang")
def test_the_module_ends_within_three_seconds() -> None:
    start, said = time.monotonic(), io.StringIO()
    with redirect_stdout(said):
        assert command.main([]) == 0
    assert time.monotonic() - start < 3
    assert [report["namespace"] for report in json.loads(said.getvalue())["providers"]] == NAMESPACES


@pytest.mark.usefixtures("two_hang")
def test_what_is_disabled_is_not_asked_and_keeps_its_place() -> None:
    settings = ProviderSettings(disabled=frozenset({"nvidia", "amd"}))
    reports = detect(settings=settings).providers
    assert [report.namespace for report in reports][:6] == NAMESPACES
    assert [report.status for report in reports[:2]] == ["disabled", "disabled"]
