"""The real ctypes path and the child process, against a compiled stand-in for libnvidia-ml."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from variant_providers.nvidia import NvidiaPlugin, nvml
from variant_providers.nvidia.nvml import read_nvml
from variant_providers.probing.child import ChildAnswer

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the stand-in is an ELF library")

Fake = Callable[..., None]
CALLS = (
    "nvmlSystemGetDriverVersion",
    "nvmlSystemGetCudaDriverVersion",
    "nvmlDeviceGetCount",
    "nvmlDeviceGetHandleByIndex",
    "nvmlDeviceGetName",
    "nvmlDeviceGetCudaComputeCapability",
    "nvmlDeviceGetMemoryInfo",
)
ERROR_CODES = (*range(1, 30), 999)


def detected() -> dict[str, Any]:
    report = NvidiaPlugin.detect()
    json.dumps(report)
    return report


def values(report: dict[str, Any]) -> dict[str, list[str]]:
    return {feature["name"]: feature["values"] for feature in report["features"]}


@pytest.mark.parametrize("kind", ["new", "old"])
def test_it_answers(fake_nvml: Fake, kind: str) -> None:
    fake_nvml(kind=kind)
    report = detected()
    assert report["status"] == "ok" and report["source"] == "NVML"
    assert "does not run on the GPUs of 7.5" in report["notes"][-1]
    assert report["facts"] == {"cuda_driver": "12.8", "compute_capabilities": ["8.9", "7.5"]}
    assert report["devices"] == [
        {
            "kind": "gpu",
            "index": 0,
            "name": "NVIDIA GeForce GTX 1650",
            "compute_capability": "7.5",
            "memory_bytes": 4294967296,
        },
        {
            "kind": "gpu",
            "index": 1,
            "name": "NVIDIA GeForce RTX 4090",
            "compute_capability": "8.9",
            "memory_bytes": 25757220864,
        },
    ]
    assert {"fact": "driver_version", "value": "570.86.15", "source": "NVML nvmlSystemGetDriverVersion"} in (
        report["evidence"]
    )
    assert values(report)["cuda_version_lower_bound"][0] == "12.8"
    assert values(report)["sm_arch"][0] == "89_real"


@pytest.mark.parametrize("code", ERROR_CODES)
def test_initialisation_fails(fake_nvml: Fake, code: int) -> None:
    fake_nvml(f"fail:nvmlInit:{code}")
    report = detected()
    assert report["features"] == [] and report["facts"] is None
    assert report["status"] == ("absent" if code == nvml.DRIVER_NOT_LOADED else "error")
    assert any(f"(NVML error {code})" in note for note in report["notes"])


@pytest.mark.parametrize("call", CALLS)
def test_a_call_fails(fake_nvml: Fake, call: str) -> None:
    fake_nvml(f"fail:{call}:999")
    report = detected()
    assert any(call in note and "999" in note for note in report["notes"])
    needed = {"nvmlSystemGetCudaDriverVersion", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"}
    assert report["status"] == ("error" if call in needed else "ok")
    if call == "nvmlDeviceGetCudaComputeCapability":
        assert list(values(report)) == ["cuda_version_lower_bound", "cuda_version_upper_bound"]
    if call in {"nvmlDeviceGetName", "nvmlDeviceGetMemoryInfo"}:
        assert values(report)["sm_arch"][0] == "89_real"


@pytest.mark.parametrize("call", ["nvmlInit", *CALLS])
def test_a_crash_costs_a_note(fake_nvml: Fake, call: str) -> None:
    fake_nvml(f"crash:{call}")
    report = detected()
    assert "the NVIDIA driver (NVML) crashed (SIGSEGV)" in report["notes"]
    # What it had said by then still counts, but a GPU that was not reached cannot.
    assert report["status"] == "error" and report["features"] == []


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetMemoryInfo"])
def test_a_hang_costs_a_note_and_little_time(
    fake_nvml: Fake, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_nvml(f"hang:{call}")
    monkeypatch.setenv("VARIANT_PROVIDERS_TIMEOUT", "0.5")
    start = time.monotonic()
    report = detected()
    assert time.monotonic() - start < 1.5
    assert report["status"] == "error"
    assert any("did not answer within 0.5 s" in note for note in report["notes"])
    if call == "nvmlDeviceGetMemoryInfo":
        assert {"fact": "cuda_driver", "value": "12.8"}.items() <= report["evidence"][1].items()


def test_everything_ends_within_three_seconds_with_a_hanging_driver(fake_nvml: Fake) -> None:
    fake_nvml("hang:nvmlInit")
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "variant_providers"], capture_output=True, text=True, check=True
    )
    assert time.monotonic() - start < 3
    reports = {report["namespace"]: report for report in json.loads(done.stdout)["providers"]}
    assert list(reports) == ["nvidia", "amd", "intel", "tpu", "x86_64", "aarch64"]
    assert "did not answer within 2 s" in reports["nvidia"]["notes"][0]


def test_garbage_is_refused(fake_nvml: Fake) -> None:
    fake_nvml("garbage")
    report = detected()
    assert report["status"] == "error" and report["features"] == []
    assert len(report["devices"]) == 256
    assert all(set(device) == {"kind", "index"} for device in report["devices"])


def test_what_a_driver_prints_is_not_taken_for_an_answer(fake_nvml: Fake) -> None:
    fake_nvml("noisy")
    assert detected()["facts"]["cuda_driver"] == "12.8"


def test_a_file_that_is_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    report = detected()
    assert report["status"] == "error" and "cannot be loaded" in report["notes"][0]


def test_without_a_library_there_is_no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("variant_providers.nvidia.probe.find_libraries", lambda _names: [])
    monkeypatch.setattr(
        "variant_providers.nvidia.nvml.ask_nvml", lambda *_arguments: pytest.fail("a child was started")
    )
    report = detected()
    assert report["features"] == [] and report["status"] in ("absent", "error")


def test_an_override_wins_over_the_driver(fake_nvml: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvml()
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION", "13.0")
    report = detected()
    assert report["facts"] == {"cuda_driver": "13.0", "compute_capabilities": ["8.9", "7.5"]}
    assert report["source"] == "NVML and environment"


def test_with_everything_forced_the_driver_is_left_alone(
    fake_nvml: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_nvml("hang:nvmlInit")
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_CUDA_DRIVER_VERSION", "12.8")
    monkeypatch.setenv("NV_VARIANT_PROVIDER_FORCE_SM_ARCH", "9.0")
    start = time.monotonic()
    assert values(detected())["sm_arch"] == ["90_real", "90_virtual"]
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("limit", ["", "0", "-1", "nan", "inf", "soon", "1e9"])
def test_a_senseless_time_limit_is_ignored(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from variant_providers.probing.child import time_limit

    monkeypatch.setenv("VARIANT_PROVIDERS_TIMEOUT", limit)
    assert time_limit() == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)
keys = st.sampled_from(["library", "driver", "cuda", "count", "device", "uuid", "mig", "error", "unloadable"])
inner = st.sampled_from(["index", "name", "capability", "memory", "uuid", "instances", "call", "code"])
devices = st.dictionaries(inner, st.integers(-1, 3) | json_values)
lines = st.text() | st.dictionaries(keys, json_values | devices | st.lists(st.integers())).map(json.dumps)


@given(st.lists(lines))
def test_no_line_makes_a_wrong_answer(said: list[str]) -> None:
    report = read_nvml(ChildAnswer(said))
    assert isinstance(report.unloadable, str) and isinstance(report.driver, str)
    assert report.cuda is None or all(isinstance(number, int) for number in report.cuda)
    for gpu in report.gpus:
        json.dumps(gpu.as_device())
        assert isinstance(gpu.index, int) and isinstance(gpu.name, str) and isinstance(gpu.uuid, str)
        assert all(isinstance(uuid, str) for uuid in gpu.mig_uuids)
    assert all(isinstance(call, str) and isinstance(code, int) for call, code in report.errors)
    assert all(isinstance(note, str) for note in report.notes)
