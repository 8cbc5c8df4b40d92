"""Trials of stand-ins that see GPUs, see none, hang, crash and lie; by the tests' own interpreter."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from shutil import rmtree

import pytest

from tests.doctor.machines import COMMANDS, installed
from variantctl.doctor.inspection import Inspected
from variantctl.doctor.trial_checks import blind, check_trials
from variantctl.doctor.trial_script import runs_on
from variantctl.doctor.trials import Trial, frameworks_in, run_trial

TORCH = """
import types
__version__ = "{version}"
GPUS = {gpus}
{before}

class Number(float):
    def item(self):
        return float(self)

class Matrix:
    def __init__(self, device):
        self.device = device
    def __matmul__(self, other):
        return self
    def sum(self):
        {kernel}
        return Number(64 ** 3)

def ones(*shape, device):
    return Matrix(device)

def _init():
    raise RuntimeError("{why}")

cuda = types.SimpleNamespace(
    is_available=lambda: GPUS > 0,
    device_count=lambda: GPUS,
    get_device_name=lambda number: "NVIDIA H100",
    init=_init,
)
version = types.SimpleNamespace(cuda="12.8", hip=None)
"""


def stand_in(
    folder: Path,
    *,
    version: str = "2.10.0+cu128",
    gpus: int = 1,
    before: str = "",
    kernel: str = "pass",
    why: str = "no CUDA-capable device is detected",
) -> None:
    """A torch that does what the trial asks of it."""
    text = TORCH.format(version=version, gpus=gpus, before=before, kernel=kernel, why=why)
    (folder / "torch.py").write_text(text)


def run(folder: Path, *, limit: float = 30) -> Trial:
    # Python tells a changed module by its size and second; another torch may have both of the first.
    rmtree(folder / "__pycache__", ignore_errors=True)
    return run_trial(Path(sys.executable), "torch", limit=limit, also=[folder])


TORCH_CUDA = installed("torch", "2.10.0+cu128")
PACKAGES = {TORCH_CUDA.name: TORCH_CUDA}


def found(trial: Trial, *machine: str, item: Inspected = TORCH_CUDA) -> list[tuple[str, str, str]]:
    findings = check_trials([trial], {item.name: item}, machine, COMMANDS)
    return [(finding.severity, finding.kind, finding.package) for finding in findings]


def test_a_framework_that_sees_its_gpus(tmp_path: Path) -> None:
    stand_in(tmp_path, gpus=2)
    trial = run(tmp_path)
    assert (trial.status, trial.version, trial.error) == ("ok", "2.10.0+cu128", "")
    assert [(device.device, device.name, device.ok) for device in trial.devices] == [
        ("cuda:0", "NVIDIA H100", True),
        ("cuda:1", "NVIDIA H100", True),
        ("cpu", "CPU", True),
    ]
    assert trial.seconds is not None and all(device.seconds is not None for device in trial.devices)
    assert trial.sees_gpu and found(trial, "nvidia") == [] and blind(trial, PACKAGES) is None


def test_a_gpu_build_that_sees_none(tmp_path: Path) -> None:
    stand_in(tmp_path, gpus=0)
    trial = run(tmp_path)
    assert trial.status == "ok" and not trial.sees_gpu
    assert trial.no_gpu == "RuntimeError: no CUDA-capable device is detected"
    assert found(trial, "nvidia") == [("error", "gpu-not-seen", "torch")]
    assert found(trial) == [("suggestion", "gpu-not-seen", "torch")]
    assert "sees no GPU (RuntimeError: no CUDA-capable" in (blind(trial, PACKAGES) or "")
    cpu = installed("torch", "2.10.0+cpu")
    assert found(trial, "nvidia", item=cpu) == [] and blind(trial, {cpu.name: cpu}) is None


def test_one_that_hangs(tmp_path: Path) -> None:
    stand_in(tmp_path, before="import time; time.sleep(600)")
    started = time.perf_counter()
    trial = run(tmp_path, limit=2)
    assert time.perf_counter() - started < 20
    assert (trial.status, trial.error) == ("hung", "it did not end within 2 s, while it was imported")
    assert found(trial) == [("error", "run-hung", "torch")]
    stand_in(tmp_path, kernel="import time; time.sleep(600)")
    trial = run(tmp_path, limit=3)
    assert trial.status == "hung" and trial.error.endswith("on cuda:0")
    assert [(device.device, device.ok) for device in trial.devices] == [("cuda:0", False)]


@pytest.mark.skipif(sys.platform == "win32", reason="process groups are those of POSIX")
def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    child = f"import time; time.sleep(4); open({str(mark)!r}, 'w')"
    before = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(600)"
    )
    stand_in(tmp_path, before=before)
    assert run(tmp_path, limit=2).status == "hung"
    time.sleep(4)
    assert not mark.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
def test_one_that_crashes(tmp_path: Path) -> None:
    stand_in(tmp_path, before="import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    trial = run(tmp_path)
    assert trial.status == "crashed"
    assert trial.error == "the process ended by signal SIGSEGV while it was imported"
    assert found(trial) == [("error", "run-crashed", "torch")]
    stand_in(tmp_path, kernel="import os; os.write(2, b'CUDA error: abort\\n'); os._exit(3)")
    assert run(tmp_path).error == "the process ended with code 3 on cuda:0: CUDA error: abort"


def test_one_that_cannot_be_imported(tmp_path: Path) -> None:
    before = "raise ImportError('libcudart.so.12: cannot open shared object file: No such file or directory')"
    stand_in(tmp_path, before=before)
    trial = run(tmp_path)
    assert trial.status == "import-failed" and trial.error.startswith("ImportError: libcudart.so.12")
    (finding,) = check_trials([trial], PACKAGES, ["nvidia"], COMMANDS)
    assert (
        finding.kind == "run-failed"
        and "A library of CUDA that it was built for is not there" in finding.means
    )
    assert "`variantctl install --reinstall torch -p env`" in finding.hint


def test_a_kernel_that_fails_or_is_wrong(tmp_path: Path) -> None:
    message = "CUDA error: no kernel image is available for execution on the device"
    stand_in(tmp_path, kernel=f"if self.device != 'cpu': raise RuntimeError({message!r})")
    trial = run(tmp_path)
    assert trial.status == "ok" and [device.ok for device in trial.devices] == [False, True]
    (finding,) = check_trials([trial], PACKAGES, ["nvidia"], COMMANDS)
    assert finding.kind == "run-failed" and "no code for this GPU's architecture" in finding.means
    stand_in(tmp_path, kernel="return Number(7)")
    assert "the product is 7.0, not 262144" in run(tmp_path).devices[0].error


def test_what_it_prints_and_claims_is_not_believed(tmp_path: Path) -> None:
    """It may print without end, and write into the file of steps."""
    before = "import sys\nfor _ in range(20000): print('x' * 100); print('y' * 100, file=sys.stderr)\n"
    before += "open(sys.argv[2], 'a').write('[1]\\n{\"step\": 5}\\nnonsense\\n\\0\\n')"
    stand_in(tmp_path, before=before)
    assert run(tmp_path).status == "ok"


def test_the_working_folder_is_not_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path)
    here = tmp_path / "here"
    here.mkdir()
    (here / "torch.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(here)
    assert run(tmp_path).status == "ok"


def test_an_interpreter_that_does_not_run(tmp_path: Path) -> None:
    trial = run_trial(tmp_path / "python", "torch")
    assert trial.status == "crashed" and "No such file" in trial.error


def test_which_frameworks_are_there(tmp_path: Path) -> None:
    stand_in(tmp_path)
    (tmp_path / "cupy").mkdir()
    assert frameworks_in([tmp_path]) == ["torch"]
    (tmp_path / "cupy" / "__init__.py").touch()
    assert frameworks_in([tmp_path / "other", tmp_path]) == ["torch", "cupy"]


@pytest.mark.parametrize(
    ("archs", "capability", "expected"),
    [
        ("sm_80 sm_86 sm_90", (8, 9), True),
        ("sm_75 sm_80 sm_90", (7, 0), False),
        ("sm_80 sm_90", (12, 0), False),
        ("sm_80 sm_90 compute_90", (12, 0), True),
        ("sm_90a", (9, 0), True),
        ("sm_100a", (10, 3), False),
        ("sm_100f", (10, 3), True),
        ("compute_90a", (10, 0), False),
        ("sm_120", (12, 1), True),
        ("nonsense sm_ sm_x", (9, 0), False),
    ],
)
def test_the_rule_of_cuda(archs: str, capability: tuple[int, int], expected: bool) -> None:
    assert runs_on(archs.split(), *capability) is expected


def test_a_gpu_that_torch_has_no_code_for(tmp_path: Path) -> None:
    stand_in(tmp_path)
    text = (tmp_path / "torch.py").read_text()
    more = "cuda.get_arch_list = lambda: ['sm_80', 'sm_90']\ncuda.get_device_capability = lambda number: {}\n"
    (tmp_path / "torch.py").write_text(text + more.format("(8, 6)"))
    assert run(tmp_path).no_code == ()
    (tmp_path / "torch.py").write_text(text + more.format("(7, 0)"))
    trial = run(tmp_path)
    assert trial.no_code == (("cuda:0", "sm_70", "sm_80 sm_90"),)
    assert found(trial, "nvidia") == [("error", "no-code-for-gpu", "torch")]


@pytest.mark.parametrize("seconds", ["1e999", "NaN", "-1", "1" + "0" * 400, "9" * 5000, "true", '"x"'])
def test_times_that_are_none(tmp_path: Path, seconds: str) -> None:
    line = '{"step": "kernel", "device": "cpu", "ok": true, "seconds": ' + seconds + "}"
    before = f"import sys; open(sys.argv[2], 'a').write({line!r} + chr(10))"
    stand_in(tmp_path, before=before)
    trial = run(tmp_path)
    assert trial.status == "ok"
    json.dumps(trial.as_json(), allow_nan=False)
