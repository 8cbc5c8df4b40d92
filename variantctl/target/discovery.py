"""Which interpreter is meant: a path, an environment folder, a version, or what the shell has activated."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from variantctl.target.errors import BrokenEnvironmentError, EnvironmentNotFoundError

#: Where an environment of the working folder lives, by the convention of uv, PDM, hatch and editors.
LOCAL_ENVIRONMENT = ".venv"
_VERSION = r"\d+(\.\d+){0,2}t?"


def interpreter_of(folder: Path) -> Path | None:
    """The interpreter of an environment folder, or None where it has none or a link to one that is gone."""
    places = ("Scripts/python.exe", "python.exe") if os.name == "nt" else ("bin/python", "bin/python3")
    return next((folder / place for place in places if (folder / place).exists()), None)


def named_interpreters(python: str, *, environ: Mapping[str, str], cwd: Path) -> list[Path]:
    """What ``--python`` may mean: a file, an environment folder, a command, or a version.

    That is one interpreter, but for commands and versions: there it is every file of that name on ``PATH``,
    in its order, for the first may be a version manager's shim of a version that is not there.

    Raises:
        EnvironmentNotFoundError: nothing has that name.
        BrokenEnvironmentError: a folder without an interpreter.
    """
    path = cwd / Path(python).expanduser()
    if path.is_dir():
        return [_interpreter_in(path, f"--python {python}")]
    if path.is_file() and (os.sep in python or not re.fullmatch(_VERSION, python)):
        return [_absolute(path)]
    if path.is_symlink():
        raise BrokenEnvironmentError(
            f"{path} points to an interpreter that is gone", hint=_how_to_make(path.parent.parent)
        )
    import shutil

    command = f"python{python}" if re.fullmatch(_VERSION, python) else python
    # A word with a separator is a path, and was looked at above.
    folders = [] if os.path.dirname(command) else environ.get("PATH", os.defpath).split(os.pathsep)
    places = [shutil.which(command, path=folder) for folder in folders if folder]
    if found := list(dict.fromkeys(_absolute(cwd / place) for place in places if place)):
        return found
    raise EnvironmentNotFoundError(
        f"--python {python}: no such interpreter, environment folder or command",
        hint="Give the path of an interpreter or of a virtual environment, or a version such as 3.12.",
    )


def active_interpreter(*, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """The interpreter of ``VIRTUAL_ENV``, else ``CONDA_PREFIX``, else ``./.venv``; None if none is there.

    Raises:
        BrokenEnvironmentError: the first of them that is set, or there, has no interpreter.
    """
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if value := environ.get(variable):
            return _interpreter_in(cwd / value, f"{variable}={value}")
    local = cwd / LOCAL_ENVIRONMENT
    return _interpreter_in(local, str(local)) if local.is_dir() else None


def system_interpreters(*, environ: Mapping[str, str], cwd: Path) -> list[Path]:
    """Those that a shell finds as ``python3`` or ``python``, in the order of ``PATH``.

    Raises:
        EnvironmentNotFoundError: there is none.
    """
    found: list[Path] = []
    for command in ("python3", "python"):
        with contextlib.suppress(EnvironmentNotFoundError):
            found += named_interpreters(command, environ=environ, cwd=cwd)
    if not found:
        raise EnvironmentNotFoundError(
            "no python3 and no python on PATH to install for", hint="Name an interpreter with --python."
        )
    return found


def no_environment(cwd: Path) -> EnvironmentNotFoundError:
    """The error for a user who has none, which says how to make one."""
    return EnvironmentNotFoundError(
        f"no Python environment is active: VIRTUAL_ENV and CONDA_PREFIX are not set, "
        f"and {cwd} has no {LOCAL_ENVIRONMENT}",
        hint=f"Make one with `variantctl venv {LOCAL_ENVIRONMENT}`, or name one with --python.",
    )


def _interpreter_in(folder: Path, named: str) -> Path:
    if not folder.is_dir():
        raise EnvironmentNotFoundError(f"{named}: there is no such environment", hint=_how_to_make(folder))
    found = interpreter_of(folder)
    if found is None:
        raise BrokenEnvironmentError(
            f"{named}: {folder} has no Python interpreter (or it points to one that is gone)",
            hint=_how_to_make(folder),
        )
    return _absolute(found)


def _how_to_make(folder: Path) -> str:
    """Advice that loses nothing: --clear empties a folder, so it is said of environments and links only."""
    import shlex

    if folder.is_dir() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        return "Name an interpreter or the folder of an environment with --python; this folder is neither."
    clear = " --clear" if folder.is_dir() else ""
    command = f"variantctl venv{clear} {shlex.quote(str(folder))}"
    return f"Make it with `{command}`, or name another with --python."


def _absolute(path: Path) -> Path:
    """Without ``..``; links are kept: a virtual environment is told by the path its interpreter has."""
    return Path(os.path.normpath(path.absolute()))
