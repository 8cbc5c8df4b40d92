"""Asking somebody else's plugin in a child process: it may hang, crash, print, fork or lie, and be noted."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from variantctl.providers.answers import (
    ANSWER_LIMIT,
    SUPPORTED,
    Answer,
    BadAnswerError,
    printable,
    read_answer,
)
from variantctl.providers.asking import ProviderReport
from variantctl.values import dataclass

TIMEOUT_VARIABLE = "VARIANTCTL_PROVIDER_TIMEOUT"
TIMEOUT_S = 5.0
_GRACE_S = 3.0

REFERENCE = re.compile(r"\s*[^\W\d]\w*(\.[^\W\d]\w*)*\s*(:\s*[^\W\d]\w*(\.[^\W\d]\w*)*)?\s*")
"""``module[:object]``, both dotted names (PEP 850, ``plugin-api``)."""

PASSED_ON = frozenset(
    {
        *("PATH", "HOME", "USERPROFILE", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT"),
        *("PROGRAMDATA", "PROGRAMFILES", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
    }
)
"""The environment variables that a plugin sees: what finding programs and driver libraries needs."""

_ALSO = re.compile(r".*VARIANT_PROVIDER.*|.*_VISIBLE_DEVICES|[A-Z0-9_]+_HOME|ROCM_PATH|CUDA_PATH")
"""And these: the overrides of every plugin, device masks, and where toolkits are installed."""


@dataclass(frozen=True)
class Ended:
    """How a plugin's process ended.

    Attributes:
        trouble: what went wrong, in words that go on from the plugin's name; ``None`` where nothing did.
        timed_out: whether its time was up.
    """

    trouble: str | None = None
    timed_out: bool = False


def ask_plugin(
    python: Path,
    reference: str,
    namespace: str,
    *,
    source: str,
    environ: Mapping[str, str] = os.environ,
    timeout: float | None = None,
    rename: bool = False,
) -> ProviderReport:
    """Query a plugin with another Python, and report; no misbehaviour of the plugin raises.

    Args:
        python: the interpreter of the environment that the plugin is installed in.
        reference: the plugin, as ``module[:object]``.
        namespace: whose answer it is.
        source: the package and its version, for the report.
        environ: the environment variables of which :func:`passed_on` are the plugin's.
        timeout: seconds; by default ``VARIANTCTL_PROVIDER_TIMEOUT``, else 5.
        rename: report under the namespace that the plugin itself names, if it names one.
    """
    start = time.perf_counter()
    try:
        answer = query(python, reference, environ=environ, timeout=timeout)
    except BadAnswerError as error:
        return ProviderReport(namespace, "error", source, elapsed_ms=_since(start), notes=(str(error),))
    notes = answer.notes
    if not answer.features and not notes:
        notes = ("the plugin found nothing that it supports",)
    return ProviderReport(
        (answer.namespace if rename else None) or namespace,
        "ok" if answer.features else "absent",
        source,
        elapsed_ms=_since(start),
        features=answer.features,
        notes=notes,
    )


def query(
    python: Path,
    reference: str,
    method: str = SUPPORTED,
    *,
    environ: Mapping[str, str] = os.environ,
    timeout: float | None = None,
) -> Answer:
    """Call one method of a plugin with another Python.

    Args:
        python, reference, environ, timeout: as for ``ask_plugin``.
        method: ``get_supported_configs`` or ``get_all_configs``.

    Raises:
        BadAnswerError: the plugin did not answer, or not as PEP 850 has it; in words, with its reference.
    """
    if not REFERENCE.fullmatch(reference):
        raise BadAnswerError(f"plugin-api {printable(reference)!r} is not of the form 'module:object'")
    limit = time_limit(environ) if timeout is None else timeout
    with tempfile.TemporaryDirectory(prefix="variantctl-query-", ignore_cleanup_errors=True) as folder:
        answer_file = Path(folder, "answer.json")
        script = Path(__file__).with_name("isolated_query.py")
        command = [str(python), "-I", "-B", str(script), reference, str(answer_file), method]
        ended = run_bounded(command, folder, passed_on(environ), limit)
        data = _read(answer_file)
    if data is None or ended.trouble is not None:
        raise BadAnswerError(f"plugin {reference} {ended.trouble or 'ended without an answer'}")
    try:
        return read_answer(data, method)
    except BadAnswerError as error:
        problem = f"plugin {reference} gave a bad answer, so nothing is supported: {error}"
        raise BadAnswerError(problem) from None


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that a plugin may see; tokens, passwords and index URLs are not among them."""
    return {
        name: value for name, value in environ.items() if name.upper() in PASSED_ON or _ALSO.fullmatch(name)
    }


def time_limit(environ: Mapping[str, str] = os.environ) -> float:
    """The seconds a plugin may take: ``VARIANTCTL_PROVIDER_TIMEOUT`` where that is a sane number, else 5."""
    try:
        limit = float(environ.get(TIMEOUT_VARIABLE, ""))
    except ValueError:
        return TIMEOUT_S
    return limit if 0 < limit <= 600 else TIMEOUT_S


def run_bounded(
    command: list[str],
    folder: str,
    environment: dict[str, str],
    limit: float,
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
) -> Ended:
    """Run it in a session of its own, all of which is ended.

    Args:
        command: the program and its arguments.
        folder: its working folder.
        environment: all of its environment variables.
        limit: the seconds it may take.
        stdout, stderr: files for what it prints; by default nobody sees it.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout or subprocess.DEVNULL,
            stderr=stderr or subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        return Ended(f"could not be asked: {error.strerror or error}")
    try:
        code = process.wait(limit)
    except subprocess.TimeoutExpired:
        trouble = f"did not answer within {limit:g} s ({TIMEOUT_VARIABLE} sets another limit)"
        return Ended(trouble, timed_out=True)
    finally:
        _end(process)
    if code == 0:
        return Ended()
    return Ended(f"ended with exit status {code}" if code > 0 else f"crashed ({_signal_name(-code)})")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the plugin and whatever it started."""
    if sys.platform == "win32":
        if process.poll() is None:
            tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            with contextlib.suppress(OSError):
                subprocess.run(tree, capture_output=True, check=False)
    else:
        if process.poll() is None:
            # On Linux the process is a supervisor, which ends what left the group too.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
        # Its group outlives it where it left children behind.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    # A process stuck inside the kernel cannot be ended; waiting longer would hang us as well.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(0.5)


def _read(path: Path) -> bytes | None:
    """No more of a file than shows that it is too long; ``None`` if the plugin's process did not write it."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(ANSWER_LIMIT + 1)
    except OSError:
        return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _since(start: float) -> float:
    return round((time.perf_counter() - start) * 1000, 3)
