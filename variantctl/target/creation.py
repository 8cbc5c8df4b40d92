"""Virtual environments made, by the ``venv`` module of the interpreter that they are for."""

from __future__ import annotations

import subprocess
from pathlib import Path

from variantctl.target.errors import EnvironmentNotMadeError

_LINES_OF_OUTPUT = 6


def make_environment(
    folder: Path,
    python: Path,
    *,
    seed: bool = False,
    clear: bool = False,
    system_site_packages: bool = False,
    prompt: str | None = None,
) -> None:
    """Make a virtual environment.

    Args:
        folder: where; a folder that is there must be empty, or an environment that ``clear`` replaces.
        python: the interpreter.
        seed: put pip into it.
        clear: replace the environment that is there.
        system_site_packages: let it see the packages of *python*.
        prompt: what shells show while it is active; None: the name of the folder.

    Raises:
        EnvironmentNotMadeError: something is there, or the interpreter could not make it.
    """
    if folder.exists() or folder.is_symlink():
        _refuse_what_is_there(folder, clear)
    options = [] if seed else ["--without-pip"]
    options += ["--clear"] if clear and folder.is_dir() else []
    options += ["--system-site-packages"] if system_site_packages else []
    options += ["--prompt", prompt] if prompt is not None else []
    done = subprocess.run(
        [python, "-I", "-m", "venv", *options, folder],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_LINES_OF_OUTPUT:])
        raise EnvironmentNotMadeError(
            f"{python} could not make an environment in {folder}:\n{said}", hint=_hint_for(said)
        )


def _hint_for(said: str) -> str:
    """What to do about what the venv module said (``Lib/venv/__main__.py``, and Debian's changes to it)."""
    if "ensurepip" in said or "No module named venv" in said:
        return "Debian and Ubuntu have the venv module in a package of its own, python3-venv."
    return "Choose another folder: `variantctl venv DIR`."


def _refuse_what_is_there(folder: Path, clear: bool) -> None:
    """Only an environment may be replaced: clearing any other folder would lose somebody's files."""
    if not folder.is_dir():
        raise EnvironmentNotMadeError(f"{folder} is there already, and is no folder")
    is_environment = (folder / "pyvenv.cfg").is_file()
    if not is_environment and any(folder.iterdir()):
        raise EnvironmentNotMadeError(
            f"{folder} has files in it, and is no environment", hint="Name an empty or new folder."
        )
    if is_environment and not clear:
        raise EnvironmentNotMadeError(
            f"{folder} is an environment already", hint="--clear makes it anew, without its packages."
        )
