"""Machines with several libraries of one name, such as WSL2's and the distribution's: one of them answers."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from variant_providers.intel import IntelPlugin
from variant_providers.intel import probe as intel
from variant_providers.nvidia import NvidiaPlugin
from variant_providers.nvidia import probe as nvidia
from variant_providers.nvidia.libraries import LIBCUDA, NVML
from variant_providers.probing.child import Transcript

from tests.plugins.here import detect_here

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the stand-ins are ELF libraries"
)
HERE = Path(__file__).parent
SOURCES = {"nvml": "fake_nvml.c", "cuda": "fake_cuda.c", "ze": "stubs/ze_loader.c"}
BOTH = ["8.9", "7.5"]
FACTS = {"cuda_driver": "12.6", "compute_capabilities": BOTH}
Build = Callable[..., str]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """``built(name, *options)``: the path of a stand-in, compiled with these options."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: the driver stand-ins cannot be built")
    made: dict[tuple[str, ...], str] = {}

    def build(name: str, *options: str) -> str:
        wanted = (name, *options)
        if wanted not in made:
            library = tmp_path_factory.mktemp(name) / f"lib{name}.so.1"
            command = [compiler, "-shared", "-fPIC", "-w", *options, "-o", str(library)]
            subprocess.run([*command, str(HERE / SOURCES[name])], check=True)
            made[wanted] = str(library)
        return made[wanted]

    return build


@pytest.fixture(autouse=True)
def no_other_nvidia(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "find_nvidia_smi", lambda: None)


def detected(patch: pytest.MonkeyPatch, nvml: list[str], cuda: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The report, and the names of the children that were run."""
    found = {NVML: nvml, LIBCUDA: cuda}
    transcript: Transcript = []
    with patch.context() as during:
        during.setattr(nvidia, "find_libraries", lambda names: found[names])
        report = NvidiaPlugin.detect(transcript=transcript)
    return report, [name for name, _lines in transcript]


FAILURES = {
    "the distribution's on WSL2": "-DINIT_RETURNS=9",
    "another driver's": "-DINIT_RETURNS=18",
    "one that crashes": "-DINIT_CRASHES",
    "no GPU": "-DINIT_RETURNS=6",
}


@pytest.mark.parametrize("option", FAILURES.values(), ids=FAILURES)
def test_the_next_nvml_is_asked(built: Build, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    broken, good = built("nvml", option), built("nvml")
    report, asked = detected(monkeypatch, [broken, good], [built("cuda")])
    assert report["status"] == "ok" and report["source"] == "NVML"
    assert report["facts"] == {"cuda_driver": "12.8", "compute_capabilities": BOTH}
    assert asked == ["nvml_child", "nvml_child"]
    assert f"of 2 libraries that were tried, {good} answered" in report["notes"]


@pytest.mark.parametrize("option", ["-DINIT_RETURNS=100", "-DINIT_RETURNS=999", "-DINIT_CRASHES"])
def test_the_next_libcuda_is_asked(built: Build, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    report, asked = detected(monkeypatch, [], [built("cuda", option), built("cuda")])
    assert report["status"] == "ok" and report["facts"] == {
        "cuda_driver": "12.6",
        "compute_capabilities": BOTH,
    }
    assert asked == ["libcuda_child", "libcuda_child"]


def test_a_file_that_is_no_library_is_passed_over(
    built: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = tmp_path / "libnvml.so.1"
    text.write_text("not a library")
    report, _asked = detected(monkeypatch, [str(text), built("nvml")], [built("cuda")])
    assert report["status"] == "ok"


def test_one_file_under_two_names_is_asked_once(
    built: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = built("nvml", "-DINIT_RETURNS=9")
    link = tmp_path / "libnvml.so.1"
    link.symlink_to(broken)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(Path(broken).parent))
    report, asked = detected(monkeypatch, ["libnvml.so.1", str(link), broken], [])
    assert report["status"] == "absent" and asked == ["nvml_child"]


def test_where_none_answers_each_is_told(built: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = [built("nvml", "-DINIT_RETURNS=18"), built("nvml", "-DINIT_RETURNS=9")]
    report, _asked = detected(monkeypatch, libraries, [])
    assert report["status"] == "error" and report["facts"] is None
    assert {note[note.index("(") :] for note in report["notes"]} >= {"(NVML error 18)", "(NVML error 9)"}


def test_the_next_level_zero_is_asked(built: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intel, "find_libraries", lambda: [built("ze", "-DNO_DRIVER"), built("ze")])
    report = detect_here(IntelPlugin, "arc-b580", monkeypatch)
    assert report["status"] == "ok" and report["source"] == "Level Zero"
    assert report["facts"] == {"device_ips": ["20.1.0", "12.2.0"]}
