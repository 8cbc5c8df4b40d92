"""What NVIDIA's detector does when a source is missing, fails, hangs or crashes; which GPUs are visible."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from variant_providers.finding import Finding
from variant_providers.nvidia import NvidiaPlugin, libcuda
from variant_providers.nvidia import probe as nvidia_probe
from variant_providers.nvidia import visible as nvidia_visible
from variant_providers.nvidia.libraries import LIBCUDA, find_libraries
from variant_providers.nvidia.nvidia_smi import ask_nvidia_smi
from variant_providers.nvidia.report import NvidiaGpu
from variant_providers.probing.child import Deadline
from variant_providers.probing.tree import Tree

from tests.plugins.here import Here, detect_here

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the stand-ins are ELF libraries"
)

Fake = Callable[..., None]
BOTH = {"cuda_driver": "12.6", "compute_capabilities": ["8.9", "7.5"]}
CALLS = (
    "cuDriverGetVersion",
    "cuInit",
    "cuDeviceGetCount",
    "cuDeviceGet",
    "cuDeviceGetName",
    "cuDeviceGetAttribute",
    "cuDeviceTotalMem",
)


@pytest.fixture(autouse=True)
def no_other_nvidia(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that runs the tests may have a GPU of its own, and an nvidia-smi."""
    monkeypatch.setattr("variant_providers.nvidia.probe.find_nvidia_smi", lambda: None)


def only_nvml(names: tuple[str, str]) -> list[str]:
    """As if no libcuda were on this machine."""
    return [] if names == LIBCUDA else find_libraries(names)


def detected() -> dict[str, Any]:
    return NvidiaPlugin.detect()


def test_libcuda_alone_is_enough(fake_driver: Fake) -> None:
    fake_driver(cuda="")
    report = detected()
    assert report["status"] == "ok" and report["source"] == "libcuda" and report["facts"] == BOTH
    assert [device["name"][-4:] for device in report["devices"]] == ["1650", "4090"]
    assert {"fact": "cuda_driver", "value": "12.6", "source": "libcuda cuDriverGetVersion"} in report[
        "evidence"
    ]


@pytest.mark.parametrize("code", [*libcuda.ERRORS, 12345])
def test_every_error_of_libcuda_is_told(fake_driver: Fake, code: int) -> None:
    fake_driver(cuda=f"fail:cuInit:{code}")
    report = detected()
    assert report["features"] == []
    assert report["status"] == ("absent" if code == libcuda.NO_DEVICE else "error")
    assert any(f"(CUDA error {code})" in note for note in report["notes"])


@pytest.mark.parametrize("call", CALLS)
def test_a_call_of_libcuda_fails(fake_driver: Fake, call: str) -> None:
    fake_driver(cuda=f"fail:{call}:999")
    report = detected()
    assert any(call in note and "999" in note for note in report["notes"])
    assert report["status"] == ("ok" if call in CALLS[4:] else "error")


@pytest.mark.parametrize("call", CALLS)
def test_libcuda_crashes(fake_driver: Fake, call: str) -> None:
    fake_driver(cuda=f"crash:{call}")
    report = detected()
    assert "the CUDA driver (libcuda) crashed (SIGSEGV)" in report["notes"]


def test_libcuda_says_garbage_and_prints(fake_driver: Fake) -> None:
    fake_driver(cuda="garbage")
    assert detected()["features"] == []
    fake_driver(cuda="noisy")
    assert detected()["facts"] == BOTH


@pytest.mark.parametrize(
    "mode", ["crash:nvmlInit", "fail:nvmlInit:18", "fail:nvmlSystemGetCudaDriverVersion:999"]
)
def test_libcuda_is_asked_when_nvml_does_not_answer(fake_driver: Fake, mode: str) -> None:
    fake_driver(nvml=mode, cuda="")
    report = detected()
    assert report["status"] == "ok" and report["facts"] == BOTH
    assert "libcuda" in report["source"]
    assert any("NVML" in note for note in report["notes"])
    assert "what was missing was read from libcuda" in report["notes"]


def test_capabilities_that_nvml_will_not_say_come_from_libcuda(fake_driver: Fake) -> None:
    fake_driver(nvml="fail:nvmlDeviceGetCudaComputeCapability:3", cuda="")
    assert detected()["facts"] == {"cuda_driver": "12.8", "compute_capabilities": ["8.9", "7.5"]}


@pytest.mark.parametrize("mode", ["crash:cuInit", "fail:cuInit:999"])
def test_a_driver_that_fails_is_not_said_to_answer(fake_driver: Fake, mode: str) -> None:
    fake_driver(cuda=mode)
    report = detected()
    assert report["status"] == "error"
    assert not any("shows no GPU" in note for note in report["notes"])


def test_a_driver_that_hangs_is_asked_once(fake_driver: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_driver(nvml="hang:nvmlInit", cuda="hang:cuInit")
    monkeypatch.setenv("VARIANT_PROVIDERS_TIMEOUT", "0.6")
    start = time.monotonic()
    report = detected()
    assert time.monotonic() - start < 1.2
    assert report["status"] == "error" and not any("libcuda" in note for note in report["notes"])


def test_a_driver_without_its_kernel_part_is_asked_once(fake_driver: Fake) -> None:
    fake_driver(nvml="fail:nvmlInit:9", cuda="crash:cuInit")
    report = detected()
    assert report["status"] == "absent" and "crashed" not in str(report["notes"])


@pytest.mark.parametrize("machine", ["wsl2-without-driver", "jetson-yocto"])
def test_nvml_does_not_speak_for_another_driver(
    fake_driver: Fake, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    """The distribution's NVML misses its own kernel driver, and WSL2 and Jetson have another."""
    fake_driver(nvml="fail:nvmlInit:9", cuda="")
    report = detect_here(NvidiaPlugin, machine, monkeypatch)
    assert report["status"] == "ok" and report["facts"] == BOTH


def test_windows_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    probe = nvidia_probe.NvidiaProbe(Here(str(tmp_path)), Finding())
    assert probe._patience() == 2
    monkeypatch.setattr(sys, "platform", "win32")
    assert probe._patience() == nvidia_probe.PATIENT_LIMIT_S


def test_no_gpu_is_an_answer(fake_driver: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may see its host's bus."""
    fake_driver(nvml="none", cuda="none")
    report = detect_here(NvidiaPlugin, "nvidia-without-driver", monkeypatch)
    assert report["status"] == "absent" and report["facts"] is None and report["devices"] == []
    assert any("shows no GPU" in note for note in report["notes"])


def test_nvml_without_libcuda_is_noted(fake_driver: Fake) -> None:
    fake_driver(nvml="")
    report = detected()
    if not any("libcuda" in library for library in map(str, Path("/usr/lib").glob("*/libcuda.so.1"))):
        assert any("libcuda is missing" in note for note in report["notes"])


def test_nvml_that_misses_libcuda_is_no_cuda(fake_driver: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Error 12 is NVML's word for that; the driver's version says nothing about what is missing."""
    monkeypatch.setattr(nvidia_probe, "find_libraries", only_nvml)
    fake_driver(nvml="fail:nvmlSystemGetCudaDriverVersion:12")
    report = detect_here(NvidiaPlugin, "gtx-1650-laptop", monkeypatch)
    assert report["status"] == "error" and report["facts"] is None and report["features"] == []
    assert [device["name"][-4:] for device in report["devices"]] == ["1650", "4090"]
    assert any("libcuda is missing" in note for note in report["notes"])


def test_libcuda_that_only_we_find_is_enough(fake_driver: Fake) -> None:
    fake_driver(nvml="fail:nvmlSystemGetCudaDriverVersion:12", cuda="")
    report = detected()
    assert report["status"] == "ok" and report["facts"] == BOTH


def test_a_driver_that_is_slow_is_waited_for(fake_driver: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a persistence daemon it sets each GPU up anew; no file tells WSL2's CUDA version."""
    fake_driver(nvml="slow:nvmlInit", cuda="")
    report = detect_here(NvidiaPlugin, "wsl2-without-driver", monkeypatch)
    assert report["status"] == "ok" and report["facts"] == {**BOTH, "cuda_driver": "12.8"}


def test_a_slow_driver_whose_files_tell_enough_is_not(
    fake_driver: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_driver(nvml="slow:nvmlInit", cuda="")
    report = detect_here(NvidiaPlugin, "gtx-1650-laptop", monkeypatch)
    assert report["status"] == "ok" and report["source"] == "/proc and /sys"
    assert "did not answer within 2 s" in report["notes"][0]
    assert "what was missing was read from /proc and /sys" in report["notes"]


def test_mig(fake_driver: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_driver(nvml="mig", cuda="")
    device = detected()["devices"][1]
    assert device["mig"] is True and device["mig_instances"] == 2 and "uuid" not in str(device).lower()
    for picked, seen in {
        "MIG-00000101": ["8.9"],
        "MIG-GPU-00000002-0000/1/0": ["8.9"],
        "MIG-9": None,
    }.items():
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", picked)
        facts = detected()["facts"]
        assert (facts and facts["compute_capabilities"]) == seen
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    fake_driver(nvml="mig-empty", cuda="")
    assert any("no instance that CUDA can use" in note for note in detected()["notes"])


@pytest.mark.parametrize(
    ("order", "picked", "visible"),
    [
        (None, "0", ["8.9"]),  # CUDA's own order: the RTX 4090 is number 0
        (None, "1", ["7.5"]),
        ("PCI_BUS_ID", "0", ["7.5"]),
        ("PCI_BUS_ID", "1,0", ["8.9", "7.5"]),
        ("PCI_BUS_ID", "0,7,1", ["7.5"]),
        ("PCI_BUS_ID", "0,-1,1", ["7.5"]),
        (None, "GPU-00000002", ["8.9"]),
        (None, "GPU-00000001-0000, GPU-00000002", ["8.9", "7.5"]),
        (None, "GPU-0000000", None),  # not unique
        (None, "GPU-", None),
        (None, "", None),
        (None, "-1", None),
        (None, "NoDevFiles", None),
    ],
)
def test_cuda_visible_devices(
    fake_driver: Fake,
    monkeypatch: pytest.MonkeyPatch,
    order: str | None,
    picked: str,
    visible: list[str] | None,
) -> None:
    fake_driver(nvml="", cuda="")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", picked)
    if order is not None:
        monkeypatch.setenv("CUDA_DEVICE_ORDER", order)
    report = detected()
    assert len(report["devices"]) == 2
    assert (report["facts"] and report["facts"]["compute_capabilities"]) == visible
    if visible is None:
        assert report["status"] == "absent"
        assert any("CUDA_VISIBLE_DEVICES hides all 2" in note for note in report["notes"])
    if visible == ["7.5"]:
        sm_arch = next(feature for feature in report["features"] if feature["name"] == "sm_arch")
        assert sm_arch["values"][0] == "75_real"


def test_libcuda_is_asked_about_every_gpu(fake_driver: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hide GPUs itself, and number the rest anew."""
    fake_driver(cuda="")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-00000001")
    report = detected()
    assert [device.get("visible", True) for device in report["devices"]] == [True, False]
    assert report["facts"]["compute_capabilities"] == ["7.5"]


@pytest.mark.parametrize("value", ["void", "none", "VOID"])
def test_nvidia_visible_devices(fake_driver: Fake, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    fake_driver(nvml="", cuda="")
    """It instructs a container's hook: the driver does not read it."""
    monkeypatch.setenv("NVIDIA_VISIBLE_DEVICES", value)
    report = detected()
    assert report["status"] == "ok" and report["facts"] == {**BOTH, "cuda_driver": "12.8"}
    assert f"NVIDIA_VISIBLE_DEVICES={value.lower()} only instructs container tools" in report["notes"][0]
    assert not any("visible" in device for device in report["devices"])


def test_only_a_container_without_gpus_believes_nvidia_visible_devices(tmp_path: Path) -> None:
    environ = {"NVIDIA_VISIBLE_DEVICES": "void"}
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    tree = Tree(str(tmp_path))
    assert not nvidia_visible.hidden_from_container(environ, tree, driver_shows_gpus=False)[0]
    (tmp_path / ".dockerenv").touch()
    assert not nvidia_visible.hidden_from_container(environ, tree, driver_shows_gpus=False)[0]
    (tmp_path / "dev" / "nvidia0").unlink()
    assert not nvidia_visible.hidden_from_container(environ, tree, driver_shows_gpus=True)[0]
    hidden, note = nvidia_visible.hidden_from_container(environ, tree, driver_shows_gpus=False)
    assert hidden and note is not None and "hides all" in note


@pytest.mark.parametrize("old", [False, True])
def test_nvidia_smi_is_run(tmp_path: Path, old: bool) -> None:
    program = tmp_path / "nvidia-smi"
    refuse = 'case "$1" in *compute_cap*) echo "Field \\"compute_cap\\" is not a valid field"; exit 2;; esac'
    program.write_text(
        "#!/bin/sh\n"
        + (refuse if old else "")
        + '\ncase "$1" in "") echo "| Driver Version: 470.82 CUDA Version: 11.4 |"; exit;; esac\n'
        + "echo 'index, name, driver_version, memory.total [MiB]"
        + ("'" if old else ", compute_cap'")
        + "\necho '0, Tesla T4, 470.82, 15109 MiB"
        + ("'" if old else ", 7.5'")
        + "\n"
    )
    program.chmod(0o755)
    seen = ask_nvidia_smi(str(program), Deadline(5))
    assert seen.cuda == (11, 4) and seen.driver == "470.82" and not seen.failed
    assert [gpu.capability for gpu in seen.gpus] == [None if old else (7, 5)]


def test_nvidia_smi_hangs(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    start = time.monotonic()
    seen = ask_nvidia_smi(str(program), Deadline(0.4))
    assert time.monotonic() - start < 1 and seen.hung and seen.failed


gpus = st.builds(
    NvidiaGpu,
    index=st.integers(0, 4),
    uuid=st.sampled_from(["", "GPU-aaaa", "GPU-aabb", "GPU-cccc"]),
    mig=st.booleans(),
    mig_uuids=st.sampled_from([(), ("MIG-1", "MIG-2"), ("",)]),
)
entries = st.lists(
    st.sampled_from(["0", "1", "9", "-1", "GPU-", "GPU-aa", "GPU-aaaa", "MIG-1", "MIG-GPU-cc/1/2"])
)


@given(st.lists(gpus, max_size=4), entries.map(",".join) | st.text())
def test_any_list_of_visible_devices_is_read(all_gpus: list[NvidiaGpu], written: str) -> None:
    order = list(range(len(all_gpus)))
    chosen = nvidia_visible.visible(all_gpus, {"CUDA_VISIBLE_DEVICES": written}, order)
    assert set(chosen.positions) <= set(order)
    assert len(set(chosen.positions)) == len(chosen.positions)
    assert nvidia_visible.order_matters(all_gpus, {"CUDA_VISIBLE_DEVICES": written}) in (True, False)
