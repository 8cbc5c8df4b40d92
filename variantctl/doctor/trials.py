"""Frameworks tried: each is imported in a child process, and multiplies two small matrices on every device.

Nothing else says for sure that a GPU is used. A framework may hang, crash or print: the child has a time
limit, a process group of its own, and says each step in a file before the next begins.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import IO, Any

from variantctl.values import dataclass

FRAMEWORKS = ("torch", "jax", "tensorflow", "onnxruntime", "cupy")
"""Import names, in the order in which they are tried."""

TIME_LIMIT = 120.0
"""Seconds for one framework: a cold import of a large one from a network file system takes a minute."""

_MOST_SAID = 1 << 20
_MOST_LINES = 40
_LONGEST = 1e7
"""Seconds; more than that is no duration of anything here."""
_QUIET: Mapping[str, str] = {
    # Frameworks would take nearly all memory of a GPU that others use, too (JAX, TensorFlow: GPU memory).
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class DeviceTrial:
    """The kernel on one device.

    Attributes:
        device: as the framework calls it: ``cuda:0``, ``cpu``.
        name: of the hardware, ``""`` where the framework does not say.
        ok: it ran, and the product is right.
        seconds: how long it took, the start of the device with it; ``None`` where it did not run.
        error: what went wrong, or ``""``.
    """

    device: str
    name: str
    ok: bool
    seconds: float | None = None
    error: str = ""

    @property
    def is_cpu(self) -> bool:
        """Whether it is no accelerator."""
        return self.device.startswith("cpu")

    def as_json(self) -> dict[str, Any]:
        """An element of ``devices``."""
        return {
            "device": self.device,
            "name": self.name,
            "ok": self.ok,
            "seconds": self.seconds,
            "error": self.error,
        }


@dataclass(frozen=True)
class Trial:
    """What became of one framework.

    Attributes:
        framework: its import name.
        status: ``ok``, ``import-failed``, ``crashed``, ``hung`` or ``failed``.
        version: as it says itself, ``""`` where it could not be imported.
        seconds: until it was imported; ``None`` where it was not.
        devices: every device on which the kernel was tried.
        error: what went wrong, in words; the last lines that it printed, where it crashed.
        no_gpu: it says that it has no accelerator; the reason, where it gives one.
        no_code: (device, architecture, those that it has code for) of GPUs that it has no code for.
    """

    framework: str
    status: str
    version: str = ""
    seconds: float | None = None
    devices: tuple[DeviceTrial, ...] = ()
    error: str = ""
    no_gpu: str | None = None
    no_code: tuple[tuple[str, str, str], ...] = ()

    @property
    def sees_gpu(self) -> bool:
        """Whether the kernel ran on an accelerator."""
        return any(device.ok and not device.is_cpu for device in self.devices)

    def as_json(self) -> dict[str, Any]:
        """An element of ``run`` in ``doctor --run --json``."""
        return {
            "framework": self.framework,
            "status": self.status,
            "version": self.version,
            "import_seconds": self.seconds,
            "devices": [device.as_json() for device in self.devices],
            "error": self.error,
        }


def frameworks_in(folders: Iterable[Path]) -> list[str]:
    """Those that can be imported from some folders."""
    places = list(folders)
    return [
        name
        for name in FRAMEWORKS
        if any(
            (place / name / "__init__.py").is_file() or (place / f"{name}.py").is_file() for place in places
        )
    ]


def run_trial(python: Path, framework: str, *, limit: float = TIME_LIMIT, also: Sequence[Path] = ()) -> Trial:
    """Try one framework.

    Args:
        python: the environment's interpreter.
        framework: one of ``FRAMEWORKS``.
        limit: seconds.
        also: folders to search for modules besides the interpreter's own (``--target``).
    """
    with tempfile.TemporaryDirectory(prefix="variantctl-trial-") as folder:
        said = Path(folder) / "steps"
        code, printed = _run(python, framework, said, limit, also)
        return _trial(framework, list(_steps(said)), code, printed, limit)


def _run(
    python: Path, framework: str, said: Path, limit: float, also: Sequence[Path]
) -> tuple[int | None, str]:
    """The exit code, ``None`` where the time was up, and the end of what was printed."""
    source = files("variantctl.doctor").joinpath("trial_script.py").read_text("utf-8")
    environ = {**_QUIET, **os.environ}
    if also:
        paths = [*map(str, also), environ.get("PYTHONPATH", "")]
        environ["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    try:
        child = subprocess.Popen(
            [str(python), "-B", "-c", source, framework, str(said)],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=os.name == "posix",
        )
    except OSError as error:
        return 1, str(error)
    tail: deque[bytes] = deque(maxlen=_MOST_LINES)
    reader = Thread(target=_keep_tail, args=(child.stderr, tail), daemon=True)
    reader.start()
    try:
        code: int | None = child.wait(limit)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        _end(child)
    reader.join(2)
    return code, b"".join(tail).decode("utf-8", "replace").strip()


def _keep_tail(stream: IO[bytes] | None, tail: deque[bytes]) -> None:
    """Read all that is printed, and keep the end of it."""
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        while line := stream.readline(4096):
            tail.append(line)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()


def _steps(path: Path) -> Iterator[Mapping[str, Any]]:
    """What the child said; lines that are not its own are passed over."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_SAID)
    except OSError:
        return
    for line in data.splitlines():
        try:
            step = json.loads(line)
        except ValueError:
            continue
        if isinstance(step, dict) and isinstance(step.get("step"), str):
            yield step


def _trial(
    framework: str, steps: Sequence[Mapping[str, Any]], code: int | None, printed: str, limit: float
) -> Trial:
    by_kind = {step["step"]: step for step in steps}
    imported = by_kind.get("imported")
    devices = [_device(step) for step in steps if step["step"] == "kernel"]
    status, error = _ending(by_kind, steps, code, printed, limit)
    begun = steps[-1] if steps and steps[-1]["step"] == "begin" else None
    if begun is not None:
        devices.append(DeviceTrial(_text(begun, "device"), _text(begun, "name"), False, None, error))
    no_gpu = by_kind.get("no-gpu")
    return Trial(
        framework,
        status,
        _text(imported, "version") if imported else "",
        _number(imported, "seconds") if imported else None,
        tuple(devices),
        error,
        _text(no_gpu, "why") if no_gpu else None,
        tuple(
            (_text(step, "device"), _text(step, "needs"), _text(step, "archs"))
            for step in steps
            if step["step"] == "no-code"
        ),
    )


def _ending(
    by_kind: Mapping[str, Mapping[str, Any]],
    steps: Sequence[Mapping[str, Any]],
    code: int | None,
    printed: str,
    limit: float,
) -> tuple[str, str]:
    """The status, and what went wrong."""
    if "finished" in by_kind:
        return "ok", ""
    last = steps[-1] if steps else {}
    where = (
        f"on {last.get('device')}"
        if last.get("step") == "begin"
        else ("while its devices were listed" if "imported" in by_kind else "while it was imported")
    )
    if code is None:
        return "hung", f"it did not end within {limit:g} s, {where}"
    if "failed" in by_kind:
        status = "failed" if "imported" in by_kind else "import-failed"
        return status, _text(by_kind["failed"], "error")
    end = printed.splitlines()[-1].strip() if printed else ""
    return "crashed", f"the process ended {_exit(code)} {where}" + (f": {end[:300]}" if end else "")


def _exit(code: int) -> str:
    """``by signal SIGSEGV``, ``with code 3``."""
    if code >= 0:
        return f"with code {code}"
    try:
        return f"by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"


def _device(step: Mapping[str, Any]) -> DeviceTrial:
    return DeviceTrial(
        _text(step, "device"),
        _text(step, "name"),
        step.get("ok") is True,
        _number(step, "seconds"),
        _text(step, "error"),
    )


def _text(step: Mapping[str, Any], key: str) -> str:
    return str(step.get(key) or "")[:1000]


def _number(step: Mapping[str, Any], key: str) -> float | None:
    value = step.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # A number that is none, or that no clock gives: JSON has no word for it.
    return round(float(value), 3) if 0 <= value < _LONGEST else None
