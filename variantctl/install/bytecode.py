"""Compiling modules ahead of their first import, by the interpreter that will import them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from variantctl.filesystem.errors import InstallError


def compile_modules(python: Path, modules: Iterable[str]) -> None:
    """Compile modules in parallel; one that does not compile (a template, say) is passed over.

    Raises:
        InstallError: the interpreter cannot run its own ``compileall``.
    """
    names = "".join(f"{module}\n" for module in modules)
    if not names:
        return
    import subprocess

    command = [str(python), "-I", "-m", "compileall", "-qq", "-j", "0", "-i", "-"]
    try:
        done = subprocess.run(command, input=os.fsencode(names), capture_output=True, check=False)
    except OSError as error:
        raise InstallError(f"compiling: {python} cannot be run: {error.strerror}") from error
    # 1: some module did not compile; anything else is the interpreter's own trouble.
    if done.returncode not in (0, 1):
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [str(done.returncode)]
        raise InstallError(f"compiling with {python}: {said[0]}")
