"""The index that pip uses where nothing is configured: asked of pip itself, once, and remembered."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from variantctl.sources.buckets import PIP
from variantctl.sources.cache import Cache
from variantctl.values import dataclass

_LIFETIME = 30 * 24 * 3600.0
_PATIENCE = 60.0
_DEFAULT = re.compile(r"--index-url\b(?:(?!--extra-index-url).)*?[(\[]default:?\s+([^\s)\]]+)[)\]]")


@dataclass(frozen=True)
class _Pip:
    """A pip that can be asked: its command line, and what changes when it is replaced by another."""

    command: tuple[str, ...]
    identity: tuple[str, ...]


def pip_default_index(
    environ: Mapping[str, str], *, cache: Cache | None = None, python: Path | None = None
) -> str | None:
    """pip's built-in default index URL, or ``None`` where there is no pip to ask.

    Asked are, until one answers: the pip of the running Python, that of *python*, ``pip`` on the PATH, and
    the one that ensurepip carries.

    Args:
        environ: the environment variables.
        cache: remembers the answer for thirty days, so that the half second is paid once.
        python: the interpreter that is installed into.
    """
    for pip in _pips(environ, python):
        known = _remembered(cache, pip)
        if known is not None:
            return known
        answer = _ask(pip, environ)
        if answer is not None:
            if cache is not None:
                record = {"index_url": answer, "time": time.time()}
                cache.write(json.dumps(record).encode(), PIP, *pip.identity)
            return answer
    return None


def _pips(environ: Mapping[str, str], python: Path | None) -> Iterator[_Pip]:
    own = _own()
    if own is not None:
        yield _Pip((sys.executable, "-I", "-m", "pip"), _identity(sys.executable, own))
    if python is not None:
        yield _Pip((str(python), "-I", "-m", "pip"), _identity(str(python)))
    import shutil

    for name in ("pip", "pip3"):
        found = shutil.which(name, path=environ.get("PATH"))
        if found is not None:
            yield _Pip((found,), _identity(found))
    for wheel in _bundled():
        yield _Pip((sys.executable, "-I", str(wheel / "pip")), _identity(sys.executable, str(wheel)))


def _own() -> str | None:
    """Where the running Python's pip is."""
    spec = importlib.util.find_spec("pip")
    return spec.origin if spec is not None else None


def _identity(*paths: str) -> tuple[str, ...]:
    """The paths and when they were last changed."""
    parts: list[str] = []
    for path in paths:
        try:
            parts += [path, str(Path(path).stat().st_mtime_ns)]
        except OSError:
            parts.append(path)
    return tuple(parts)


def _bundled() -> list[Path]:
    """The pip wheels that came with this Python: in ensurepip, or where a distribution keeps them."""
    import sysconfig

    folders = [sysconfig.get_config_var("WHEEL_PKG_DIR")]
    spec = importlib.util.find_spec("ensurepip")
    if spec is not None and spec.origin is not None:
        folders.append(str(Path(spec.origin).parent / "_bundled"))
    return [wheel for folder in folders if folder for wheel in sorted(Path(folder).glob("pip-*.whl"))]


def _remembered(cache: Cache | None, pip: _Pip) -> str | None:
    data = cache.read(PIP, *pip.identity) if cache is not None else None
    try:
        record = json.loads(data or b"{}")
        fresh = time.time() - float(record["time"]) < _LIFETIME
    except (ValueError, KeyError, TypeError):
        return None
    url = record.get("index_url")
    return url if fresh and isinstance(url, str) else None


def _ask(pip: _Pip, environ: Mapping[str, str]) -> str | None:
    """Read the default of ``--index-url`` in pip's help, with nothing configured."""
    clean = {name: text for name, text in environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    clean |= {"PIP_CONFIG_FILE": os.devnull, "COLUMNS": "1000", "NO_COLOR": "1", "PIP_NO_COLOR": "1"}
    import subprocess

    try:
        result = subprocess.run(
            [*pip.command, "install", "--help", "--isolated"],
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return default_in_help(result.stdout.decode("utf-8", "replace")) if result.returncode == 0 else None


def default_in_help(text: str) -> str | None:
    """The default of ``--index-url`` in the text of ``pip install --help``, however it is wrapped."""
    match = _DEFAULT.search(" ".join(text.split()))
    return match[1] if match and "://" in match[1] else None
