"""Asking an interpreter what it is, once: the answer is kept on disk while the interpreter stays the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from variantctl.cache.buckets import INTERPRETERS
from variantctl.filesystem.private_folders import distrust, make_private
from variantctl.target.errors import BrokenEnvironmentError

SCRIPT = Path(__file__).with_name("probe_script.py")
#: Bumped when the facts change shape, so that answers of an older variantctl are not read.
FACTS_FORMAT = 2
OLDEST_PYTHON = (3, 8)
#: Seconds; an interpreter starts in well under one, and a network file system may be cold.
TIME_LIMIT = 60


def interpreter_facts(python: Path, *, cache: Path | None) -> Mapping[str, Any]:
    """What ``probe_script`` prints when ``python`` runs it.

    Args:
        python: an interpreter; links are kept, as a virtual environment is told by the path it is run by.
        cache: the folder of caches, or None to ask the interpreter every time.

    Raises:
        BrokenEnvironmentError: it does not run, is older than Python 3.8, or prints something else.
    """
    slot = cache / INTERPRETERS / f"{_fingerprint(python)}.json" if cache and not distrust(cache) else None
    if slot:
        with contextlib.suppress(OSError, ValueError):
            kept: dict[str, Any] = json.loads(slot.read_bytes())
            return kept
    facts = _ask(python)
    if slot:
        # A cache that cannot be written costs time on the next run, nothing else.
        with contextlib.suppress(OSError):
            _write_atomically(slot, json.dumps(facts).encode())
    return facts


def _ask(python: Path) -> dict[str, Any]:
    import subprocess

    import packaging

    folder = str(Path(packaging.__file__).parent.parent)
    environ = {key: value for key, value in os.environ.items() if key != "__PYVENV_LAUNCHER__"}
    try:
        done = subprocess.run(
            [str(python), "-I", "-B", str(SCRIPT), folder],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIME_LIMIT,
            env=environ,
            check=False,
        )
    except OSError as error:
        raise BrokenEnvironmentError(
            f"{python} cannot be run: {error.strerror or error}",
            hint="Make the environment again, for example with `python -m venv --clear FOLDER`.",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise BrokenEnvironmentError(f"{python} did not answer within {TIME_LIMIT} seconds") from error
    facts = _facts_in(done.stdout)
    if facts is not None and tuple(facts["version"]) >= OLDEST_PYTHON:
        return facts
    if facts is not None or b"SyntaxError" in done.stderr or b"AttributeError" in done.stderr:
        found = ".".join(map(str, facts["version"])) if facts else "an older version"
        raise BrokenEnvironmentError(f"{python} is Python {found}; Python 3.8 or newer is needed")
    said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {done.returncode}"]
    # A traceback says at its end what is wrong, a shim at its beginning.
    told = said[-1 if any(line.startswith("Traceback") for line in said) else 0]
    raise BrokenEnvironmentError(
        f"{python} does not work as a Python interpreter: {told}",
        hint="Name a Python interpreter or an environment folder with --python.",
    )


def _facts_in(output: bytes) -> dict[str, Any] | None:
    from variantctl.target.probe_script import MARK

    # A .pth file of the environment may print; ours is the last line that begins with the mark.
    for line in reversed(output.decode(errors="replace").splitlines()):
        if line.startswith(MARK):
            facts: dict[str, Any] = json.loads(line[len(MARK) :])
            return facts
    return None


def _fingerprint(python: Path) -> str:
    """Changes when the answer could: interpreter, pyvenv.cfg, packaging, kernel (marker), libc (tags)."""
    parts = [str(FACTS_FORMAT), str(python), *_host(), *map(_stamp, _inputs(python))]
    # The user's own folders (PEP 370).
    parts += [os.environ.get(name, "") for name in ("PYTHONUSERBASE", "HOME", "APPDATA")]
    # By content: an environment that is made again at the same place is the same environment.
    parts += map(_content, (python.parent.parent / "pyvenv.cfg", python.parent / "pyvenv.cfg"))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _inputs(python: Path) -> Iterator[Path]:
    yield python
    # What a link to an interpreter points at can be upgraded behind it.
    yield Path(os.path.realpath(python))
    yield SCRIPT
    import packaging

    yield Path(packaging.__file__).with_name("tags.py")


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "-"
    return f"{path}:{found.st_mtime_ns}:{found.st_size}:{found.st_ino}"


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "-"


def _host() -> tuple[str, ...]:
    if sys.platform == "win32":
        version = sys.getwindowsversion()
        return (str(version.major), str(version.minor), str(version.build))
    name = os.uname()
    libc = ""
    with contextlib.suppress(ValueError, OSError, AttributeError):
        libc = os.confstr("CS_GNU_LIBC_VERSION") or ""
    return (name.sysname, name.release, name.version, name.machine, libc)


def _write_atomically(path: Path, data: bytes) -> None:
    import tempfile

    make_private(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
